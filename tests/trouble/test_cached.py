"""Keys that were let in before the trouble: answered from the cache under a live lease, and not a moment longer."""

import threading
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from rf_middleware import Grant, IntrospectionIssuer, Validator
from rf_middleware._models import Reason
from tests.core.servers import until
from tests.trouble.asking import Ahead, Way, by_tasks, by_threads, nothing_left, reason
from tests.trouble.honest import GOOD
from tests.trouble.troubles import HANGS, TROUBLES
from tests.trouble.unwell import Trouble, Unwell, unwell

TOKEN = "validator-token"
CACHED, OTHER = f"{GOOD}cached", f"{GOOD}other"
WAYS = pytest.mark.parametrize("way", [by_threads, by_tasks])
FEED_TOO = [each for each in TROUBLES if not each.slow][::20]
"""Some of each kind: each of them was seen to end, and the feed is asked in the same way."""


@contextmanager
def leased(issuer: Unwell, clock: Ahead, timeout: float = 0.3) -> Generator[Validator]:
    """Make a validator that holds a lease and has the cached key."""
    with Validator(IntrospectionIssuer(issuer.url, TOKEN), ttl=1e6, timeout=timeout, clock=clock) as validator:
        validator.resolve(CACHED.encode())
        until(lambda: validator.staleness.kind == "lease")
        until(lambda: isinstance(validator.resolve(CACHED.encode()), Grant))
        yield validator


@WAYS
@pytest.mark.parametrize("trouble", [HANGS, *FEED_TOO], ids=repr)
def test_a_live_lease_needs_no_issuer(way: Way, trouble: Trouble) -> None:
    """A cached key is answered from the cache until the lease ends, then with 503, and let in when all is well."""
    clock = Ahead()
    with nothing_left(), unwell(lease=600) as issuer, leased(issuer, clock) as validator, way(validator) as ask:
        issuer.play(trouble)
        asked = validator.counts.asked
        assert all(isinstance(each, Grant) for each in ask([CACHED] * 5))
        assert {reason(each) for each in ask([OTHER] * 3)} == {Reason.ISSUER_UNAVAILABLE}
        between = validator.counts.asked
        assert all(isinstance(each, Grant) for each in ask([CACHED] * 5))
        assert asked < between == validator.counts.asked
        clock.forward(700)
        assert {reason(each) for each in ask([CACHED] * 3)} == {Reason.ISSUER_UNAVAILABLE}
        issuer.heal()
        until(lambda: validator.staleness.kind == "lease")
        until(lambda: all(isinstance(each, Grant) for each in ask([CACHED, OTHER])))


@WAYS
def test_a_revoked_key_is_refused_while_nobody_can_be_asked(way: Way) -> None:
    """Where the feed still comes through a revocation is acknowledged, and from then on the key is let in by nobody."""
    with unwell() as issuer, leased(issuer, Ahead()) as validator, way(validator) as ask:
        issuer.play(HANGS, spares_feed=True)
        seq = issuer.revoke(CACHED)
        until(lambda: list(issuer.honest.acked.values()) == [seq])
        assert reason(ask([CACHED])[0]) is Reason.ISSUER_UNAVAILABLE
        issuer.heal()
        until(lambda: reason(ask([CACHED])[0]) is Reason.INVALID_KEY)


def test_questions_that_hang_do_not_cost_the_lease() -> None:
    """More of them than a pool has connections hang, and the feed goes on: the lease lives, cached keys are let in."""
    clock = Ahead()
    with nothing_left(), unwell() as issuer, leased(issuer, clock, timeout=60) as validator:
        issuer.play(HANGS, spares_feed=True)
        known = issuer.questions
        keys = [f"{GOOD}{number}".encode() for number in range(150)]
        threads = [threading.Thread(target=validator.resolve, args=(key,), daemon=True) for key in keys]
        for thread in threads:
            thread.start()
        until(lambda: issuer.questions >= known + 100)
        for _ in range(3):
            seq = [issuer.revoke("rfk_whatever")]
            until(lambda: list(issuer.honest.acked.values()) == seq)  # noqa: B023 - it is called here
        assert validator.staleness.kind == "lease"
        assert isinstance(validator.resolve(CACHED.encode()), Grant)
        assert all(thread.is_alive() for thread in threads), "the cached key was answered after the others"
        issuer.heal()
        for thread in threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in threads)


@WAYS
def test_those_who_wait_together_all_end(way: Way) -> None:
    """Many requests for one new key share a question that hangs, and each of them ends by itself with 503."""
    with nothing_left(), unwell() as issuer:
        validator = Validator(IntrospectionIssuer(issuer.url, TOKEN, feed=False), timeout=0.3)
        with way(validator) as ask:
            issuer.play(HANGS)
            assert {reason(each) for each in ask([OTHER] * 40)} == {Reason.ISSUER_UNAVAILABLE}
            assert issuer.questions < 40


@WAYS
def test_without_a_feed_a_cached_key_is_given_for_its_time(way: Way) -> None:
    """The bounded promise holds in an outage too: a grant is given until it is that old, and then 503."""
    clock = Ahead()
    with nothing_left(), unwell() as issuer:
        validator = Validator(IntrospectionIssuer(issuer.url, TOKEN, feed=False), ttl=60, timeout=0.3, clock=clock)
        with way(validator) as ask:
            until(lambda: isinstance(ask([CACHED])[0], Grant))
            issuer.play(HANGS)
            clock.forward(45)
            for _ in range(3):
                assert isinstance(ask([CACHED])[0], Grant)
            clock.forward(10)  # it is to be renewed from here on, which fails without anybody waiting for it
            for _ in range(3):
                clock.forward(1)
                assert isinstance(ask([CACHED])[0], Grant)
            clock.forward(30)
            assert reason(ask([CACHED])[0]) is Reason.ISSUER_UNAVAILABLE
            issuer.heal()
            clock.forward(11)
            until(lambda: isinstance(ask([CACHED])[0], Grant))
