"""How many threads may wait for the issuer, so that some are left for what is cached."""

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware._core import Core
from rf_middleware._crowd import Crowd
from rf_middleware._flight import Wait
from rf_middleware._models import Reason, Refusal
from tests.core.helpers import GRANT, INVALID, UNAVAILABLE, Bench, HandClock, feedless, leased, limits, plain, reasons


def test_beyond_the_seats_nobody_waits_for_a_slow_issuer() -> None:
    """Once somebody has waited for a second, a request beyond the seats is refused at once, and asks nothing."""
    bench = feedless()
    waiting = [bench.request(f"rfk_{number}", seats=3) for number in range(3)]
    bench.clock.forward(1.0)
    asked = bench.core.counts.asked
    beyond = bench.request("rfk_beyond", seats=3)
    assert [each.asks for each in waiting] == [True] * 3
    assert isinstance(beyond.verdict, Refusal)
    assert beyond.verdict.reason is Reason.ISSUER_UNAVAILABLE
    assert beyond.verdict.detail == "Too many requests wait for the issuer of API keys."
    assert (bench.core.counts.asked, bench.core.counts.crowded) == (asked, 1)


def test_without_a_seat_the_first_waits_for_a_second() -> None:
    """Where none may wait as long as it likes, one that nobody waits before has the whole patience."""
    assert Crowd().enter("first", 0, now=10.0) == 1.0


def test_a_quick_issuer_is_waited_for() -> None:
    """While nobody has waited for long a request beyond the seats asks too, and gets its answer."""
    bench = feedless()
    first = bench.request("rfk_first", seats=1)
    bench.clock.forward(0.4)
    beyond = bench.request("rfk_beyond", seats=1)
    assert isinstance(beyond.effect, Wait)
    assert beyond.effect.timeout == pytest.approx(0.6)
    beyond.send(plain())
    assert beyond.verdict == GRANT
    assert first.asks


def test_it_waits_no_longer_than_a_second_after_the_first_began() -> None:
    """What is asked beyond the seats goes on apart, so that its thread is free in time."""
    bench = feedless()
    first, beyond = bench.request("rfk_first", seats=1), bench.request("rfk_beyond", seats=1)
    question, beyond.apart = beyond.apart, None
    bench.clock.forward(1.0)
    beyond.go_on()
    assert reasons([beyond]) == [Reason.ISSUER_UNAVAILABLE]
    assert first.asks
    assert question is not None
    with suppress(StopIteration):
        question.send(plain())
    assert bench.request("rfk_beyond", seats=1).verdict == GRANT


def test_a_seat_is_free_when_its_request_ends() -> None:
    """Answered or cancelled, a request waits no more."""
    bench = feedless()
    answered, cancelled = (bench.request(f"rfk_{number}", seats=2) for number in range(2))
    bench.clock.forward(2.0)
    answered.send(plain(UNAVAILABLE))
    cancelled.cancel()
    assert bench.request("rfk_next", seats=2).asks


@pytest.mark.parametrize("crowded", [False, True])
def test_what_is_known_is_answered_whoever_waits(*, crowded: bool) -> None:
    """A cached grant, one that ages, and a denial that is remembered need no seat."""
    bench = feedless()
    bench.request("rfk_good").send(plain())
    bench.request("rfk_bad").send(plain(INVALID))
    waiting = bench.request("rfk_new", seats=1) if crowded else None
    bench.clock.forward(4.0)
    assert bench.request("rfk_good", seats=1).verdict == GRANT
    assert bench.request("rfk_bad", seats=1).verdict == INVALID
    assert waiting is None or waiting.asks


def test_a_grant_that_ages_is_given_and_renewed_in_a_crowd() -> None:
    """Renewing takes nobody's thread."""
    bench = feedless()
    bench.request("rfk_good").send(plain())
    bench.clock.forward(50.0)
    waiting = bench.request("rfk_new", seats=1)
    bench.clock.forward(2.0)
    aging = bench.request("rfk_good", seats=1)
    assert aging.verdict == GRANT
    assert aging.asks
    assert waiting.asks


def test_all_validators_of_a_process_share_its_threads() -> None:
    """Those who wait for one issuer leave threads free for what is cached of another."""
    crowd, clock = Crowd(), HandClock()
    one, other = (Bench(Core(limits(), clock, crowd), clock) for _ in range(2))
    first = one.request("rfk_first", seats=1)
    clock.forward(1.0)
    assert reasons([other.request("rfk_second", seats=1)]) == [Reason.ISSUER_UNAVAILABLE]
    crowd.forked()
    assert other.request("rfk_second", seats=1).asks
    assert first.asks


def test_where_threads_are_not_counted_all_wait() -> None:
    """On an event loop, and under a server that does not say, there is no such limit."""
    bench = leased()
    bench.clock.forward(1.0)
    assert all(bench.request(f"rfk_{number}").asks for number in range(50))


@given(st.lists(st.tuples(st.booleans(), st.floats(0.0, 2.0)), max_size=60), st.integers(1, 5))
def test_some_threads_are_always_left_in_time(steps: list[tuple[bool, float]], seats: int) -> None:
    """Whoever may wait beyond the seats is done a second after the oldest of the others came, and it stays so."""
    crowd, now, waiting = Crowd(), 0.0, dict[int, float]()
    for number, (enters, rest) in enumerate(steps):
        now += rest
        for who in [each for each, until in waiting.items() if until <= now]:
            del waiting[who]
            crowd.leave(who)
        if enters:
            full = len(waiting) >= seats
            patience = crowd.enter(number, seats, now)
            assert (patience == math.inf) is not full
            assert patience == math.inf or 0.0 <= patience <= 1.0 + 1e-9
            waiting[number] = now + patience
            if not patience:
                crowd.leave(waiting.popitem()[0])
        elif waiting:
            who = next(iter(waiting))
            del waiting[who]
            crowd.leave(who)
        assert sum(until == math.inf for until in waiting.values()) <= seats
