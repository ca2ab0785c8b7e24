"""The very instant at which a time is over: nothing that it allowed is allowed any more, at every place the same."""

import pytest

from rf_middleware._models import Reason
from rf_middleware._wire import Poll
from tests.core.helpers import GRANT, KEY, UNAVAILABLE, Bench, dark, feedless, leased, limits, plain, reasons


def ended(bench: Bench) -> Bench:
    """Let it be the instant at which the lease ends."""
    bench.clock.time = bench.core.deadline
    return bench


def test_at_the_end_of_a_lease_nobody_joins_an_earlier_check() -> None:
    """What was asked before a request arrived serves it strictly before the end, like what is cached (rule 4)."""
    bench = leased()
    bench.clock.time = bench.core.deadline - 0.1
    earlier = bench.request()
    assert bench.request().waits
    assert earlier.asks
    assert ended(bench).request().asks


def test_at_the_end_of_a_lease_the_promise_is_strict() -> None:
    """It is a lease up to that instant, however little is left."""
    bench = leased()
    bench.clock.time = bench.core.deadline - 0.5
    assert bench.core.staleness().kind == "lease"
    assert ended(bench).core.staleness().kind == "strict"


def test_a_lease_that_comes_at_the_end_of_the_last_one_is_a_new_one() -> None:
    """It says that the issuer is back, which is then asked again."""
    bench = leased()
    for number in range(5):
        bench.request(f"rfk_{number}").send(plain(UNAVAILABLE))
    ended(bench).request().send(plain(UNAVAILABLE))
    assert reasons([bench.request("rfk_more")]) == [Reason.ISSUER_UNAVAILABLE]
    bench.renew()
    assert bench.request("rfk_more").asks


@pytest.mark.parametrize("bound", [0.5, 1.0])
def test_a_short_staleness_is_one(bound: float) -> None:
    """Without a feed half a second of staleness is a cache for half a second, not none."""
    bench = feedless(limits(bound=bound))
    bench.learn()
    assert bench.hit() == GRANT
    bench.clock.forward(bound)
    assert bench.hit() is None


def test_a_poll_says_how_long_to_wait_and_who_asks() -> None:
    """The issuer reads both, and shows the name and the version; a nameless validator has empty ones."""
    core = dark().core
    nameless = core.poll(3.0)
    assert nameless == Poll(nameless.session, None, 0, 3.0, "", "")
    assert core.poll(2.0, "web-1", "0.3") == Poll(nameless.session, None, 0, 2.0, "web-1", "0.3")
    assert KEY not in repr(nameless)
