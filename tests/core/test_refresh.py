"""Without a feed a key in use is asked about again before its grant is too old, and nobody waits for that."""

import asyncio

import pytest

from rf_middleware import CallableIssuer, Grant, Validator, Workspace
from rf_middleware._models import Reason
from tests.core.helpers import GRANT, INVALID, KEY, UNAVAILABLE, HandClock, feedless, leased, limits, plain, reasons
from tests.core.servers import until


def test_a_key_in_use_is_renewed_before_its_end() -> None:
    """In the last fifth of its time a grant is still given, and one check is started apart (protocol, bounded mode)."""
    bench = feedless(limits(bound=10.0))
    bench.request().send(plain())
    bench.clock.forward(8.0)
    assert bench.hit() is None
    first, second = bench.request(), bench.request()
    assert (first.verdict, second.verdict) == (GRANT, GRANT)
    assert first.asks
    assert not second.asks
    first.send(plain())
    bench.clock.forward(7.9)
    assert bench.hit() == GRANT


def test_a_key_that_nobody_uses_is_not_asked_about() -> None:
    """Renewal costs the issuer nothing for keys that are not in use."""
    bench = feedless(limits(bound=10.0))
    bench.request().send(plain())
    bench.clock.forward(10.0)
    assert bench.request().asks


def test_no_grant_is_given_beyond_its_bound() -> None:
    """While the renewal hangs the old grant is good to its end and no longer, then requests wait for the answer."""
    bench = feedless(limits(bound=10.0, timeout=60.0))
    bench.request().send(plain())
    bench.clock.forward(9.0)
    renewing = bench.request()
    bench.clock.forward(0.9)
    assert bench.request().verdict == GRANT
    bench.clock.forward(0.1)
    late = bench.request()
    assert late.waits
    renewing.send(plain())
    late.go_on()
    assert late.verdict == GRANT


def test_a_renewal_that_is_denied_ends_the_grant() -> None:
    """What the issuer says now replaces what it said before."""
    bench = feedless(limits(bound=10.0))
    bench.request().send(plain())
    bench.clock.forward(8.0)
    bench.request().send(plain(INVALID))
    assert bench.request().verdict == INVALID


def test_an_issuer_that_is_away_is_not_asked_by_every_request() -> None:
    """Renewals fail until the breaker opens; the grant is good to its end, and then nobody can say."""
    bench = feedless(limits(bound=10.0))
    bench.request().send(plain())
    bench.clock.forward(8.0)
    asked = 0
    for _ in range(50):
        request = bench.request()
        assert request.verdict == GRANT
        if request.asks:
            asked += 1
            request.send(plain(UNAVAILABLE))
    assert asked == 5
    bench.clock.forward(0.5)
    assert bench.request().verdict == GRANT
    bench.clock.forward(1.5)
    last = bench.request()  # the breaker lets a probe through
    last.send(plain(UNAVAILABLE))
    assert reasons([last]) == [Reason.ISSUER_UNAVAILABLE]


def test_a_lease_needs_no_renewal() -> None:
    """Under a lease events tell what changes: a grant is kept for its whole time without a question."""
    bench = leased(limits(ttl=10.0))
    bench.learn()
    bench.clock.forward(9.0)
    bench.renew()
    assert bench.hit() == GRANT


def test_strict_knows_a_good_key_from_junk() -> None:
    """A key that was good at last is not held to the limit on unknown keys, though its grant is never used again."""
    bench = feedless(limits(bound=0.0, burst=1))
    bench.request().send(plain())
    bench.request("rfk_junk").send(plain(INVALID))
    assert reasons([bench.request("rfk_other junk")]) == [Reason.TOO_MANY_UNKNOWN_KEYS]
    assert bench.request().asks


@pytest.mark.parametrize("asynchronous", [False, True], ids=["thread", "loop"])
def test_drivers_renew_apart(*, asynchronous: bool) -> None:
    """In a thread and on a loop the request is answered before the issuer is, which is asked all the same."""
    clock, asked = HandClock(), list[str]()

    def fn(key: str) -> Grant:
        asked.append(key)
        return Grant(Workspace("acme"), key_id=str(len(asked)))

    async def check_twice() -> list[Grant]:
        first = [await validator.acheck(KEY)]
        clock.forward(50.0)
        first.append(await validator.acheck(KEY))
        await asyncio.to_thread(until, lambda: len(asked) == 2)
        return first

    with Validator(CallableIssuer(fn), clock=clock) as validator:
        if asynchronous:
            grants = asyncio.run(check_twice())
        else:
            grants = [validator.check(KEY)]
            clock.forward(50.0)
            grants.append(validator.check(KEY))
        assert [grant.key_id for grant in grants] == ["1", "1"]
        until(lambda: validator.check(KEY).key_id == "2")


def test_a_reset_does_not_make_junk_of_good_keys() -> None:
    """Keys that were good before the issuer began anew are asked about whatever the limit on unknown ones."""
    bench = leased(limits(burst=1))
    for number in range(5):
        request = bench.request(f"rfk_{number}")
        request.send(bench.yes())
    bench.renew(reset=True, epoch="two")
    requests = [bench.request(f"rfk_{number}") for number in range(5)]
    assert all(request.asks for request in requests)
    junk = bench.request("rfk_junk")
    assert junk.asks
    assert reasons([bench.request("rfk_more junk")]) == [Reason.TOO_MANY_UNKNOWN_KEYS]
