"""``stale_if_error``: an old grant while the issuer can't be asked, for a time, and never of a key that was ended."""

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware._flight import Answer, Wait
from rf_middleware._models import Grant, Reason, Refusal, Workspace
from rf_middleware._wire import Event
from tests.core.helpers import (
    DIGEST,
    GRANT,
    INVALID,
    LEASE,
    UNAVAILABLE,
    Bench,
    Request,
    feedless,
    leased,
    limits,
    plain,
    reasons,
)

SPARE = 30.0
ALLOWED = limits(spare=SPARE)


def failing(bench: Bench) -> Request:
    """Let a request come, and the issuer fail it."""
    request = bench.request()
    if request.asks:
        request.send(plain(UNAVAILABLE))
    return request


def test_without_the_option_there_is_none() -> None:
    """By default a request that nobody can vouch for is refused."""
    bench = feedless()
    bench.learn()
    bench.clock.forward(60.0)
    assert reasons([failing(bench)]) == [Reason.ISSUER_UNAVAILABLE]


@pytest.mark.parametrize(("beyond", "given_"), [(0.0, True), (29.9, True), (30.0, False)])
def test_an_old_grant_is_given_for_so_long(beyond: float, *, given_: bool) -> None:
    """It counts from when the grant could last be given without asking, and says how long that is."""
    bench = feedless(ALLOWED)
    bench.learn()
    bench.clock.forward(60.0 + beyond)
    verdict = failing(bench).verdict
    if given_:
        assert isinstance(verdict, Grant)
        assert verdict.workspace == GRANT.workspace
        assert verdict.stale_for == pytest.approx(beyond)
    else:
        assert verdict == UNAVAILABLE
    assert bench.core.counts.stale == int(given_)


def test_under_a_lease_it_counts_from_the_end_of_the_lease() -> None:
    """Cut off from the feed the grant was good for as long as the lease was."""
    bench = leased(ALLOWED)
    bench.learn()
    bench.clock.forward(LEASE)
    first = failing(bench).verdict
    assert isinstance(first, Grant)
    assert first.stale_for == pytest.approx(0.01 * LEASE)
    bench.clock.forward(SPARE - 0.2)
    assert isinstance(failing(bench).verdict, Grant)
    bench.clock.forward(0.2)
    assert failing(bench).verdict == UNAVAILABLE


def test_strict_validators_may_have_it_too() -> None:
    """Where each request is asked about, it is the last answer that stands in."""
    bench = feedless(limits(bound=0.0, spare=SPARE))
    bench.learn()
    verdict = failing(bench).verdict
    assert isinstance(verdict, Grant)
    assert verdict.stale_for == 0.0


def test_a_definite_answer_counts() -> None:
    """As soon as the issuer says something that is what counts, and a denial ends it for good."""
    bench = feedless(ALLOWED)
    bench.learn()
    bench.clock.forward(60.0)
    request = bench.request()
    request.send(plain(INVALID))
    assert request.verdict == INVALID
    bench.clock.forward(5.0)
    assert failing(bench).verdict == UNAVAILABLE


@pytest.mark.parametrize("how", ["event", "workspace", "reset", "forget", "renew"])
def test_a_key_that_was_dropped_is_never_given(how: str) -> None:
    """What the feed said, what was forgotten, and a history that is over leave nothing that could stand in."""
    bench = leased(ALLOWED)
    bench.learn()
    if how == "event":
        bench.renew(bench.revoke())
    elif how == "workspace":
        bench.renew(Event(1, "suspended", workspace="acme"))
    elif how == "reset":
        bench.renew(reset=True)
    elif how == "forget":
        bench.core.forget(DIGEST)
    else:
        bench.core.renew()
    bench.clock.forward(LEASE)
    assert failing(bench).verdict == UNAVAILABLE


def test_a_check_in_flight_when_the_key_is_revoked_brings_nothing_back() -> None:
    """An event that comes while the issuer fails is as good as any."""
    bench = leased(ALLOWED)
    bench.learn()
    bench.clock.forward(LEASE)
    request = bench.request()
    bench.renew(bench.revoke())
    request.send(plain(UNAVAILABLE))
    assert request.verdict == UNAVAILABLE


def test_a_key_s_own_end_stays_its_end() -> None:
    """No outage lengthens the life of a key."""
    bench = feedless(ALLOWED)
    bench.request().send(plain(Grant(Workspace("acme"), expires_in=70.0)))
    bench.clock.forward(69.9)
    assert isinstance(failing(bench).verdict, Grant)
    bench.clock.forward(0.1)
    assert failing(bench).verdict == UNAVAILABLE


def test_while_the_issuer_is_left_alone_it_costs_no_question() -> None:
    """An open breaker answers by the old grant at once."""
    bench = feedless(ALLOWED)
    bench.learn()
    bench.clock.forward(60.0)
    for _ in range(5):
        failing(bench)
    asked = bench.core.counts.asked
    assert isinstance(bench.request().verdict, Grant)
    assert bench.core.counts.asked == asked


def test_a_refusal_that_is_thrown_away_ends_it_too() -> None:
    """An issuer of another history that says no vouches for nothing, and neither does what was granted before."""
    bench = leased(ALLOWED)
    bench.learn()
    bench.clock.forward(LEASE)
    request = bench.request()
    refusal = Answer(INVALID, "another history", 0)
    while request.verdict is None:
        request.send(refusal if request.asks else None)
        bench.clock.forward(1.0)
    assert request.verdict == UNAVAILABLE
    assert failing(bench).verdict == UNAVAILABLE


def test_nobody_waits_for_a_question_that_takes_long_already() -> None:
    """Beside a question that has taken its second the old grant is given at once."""
    bench = feedless(ALLOWED)
    bench.learn()
    bench.clock.forward(60.0)
    first = bench.request()
    bench.clock.forward(0.75)
    second = bench.request()
    assert isinstance(second.effect, Wait)
    assert second.effect.timeout == pytest.approx(0.25)
    bench.clock.forward(0.25)
    third = bench.request()
    assert isinstance(third.verdict, Grant)
    assert first.asks


def test_nobody_waits_long_for_what_can_be_made_up_for() -> None:
    """After a second the old grant is given; the question goes on, and its answer is what counts from then."""
    bench = feedless(ALLOWED)
    bench.learn()
    bench.clock.forward(60.0)
    request = bench.request()
    question, request.apart = request.apart, None
    assert isinstance(request.effect, Wait)
    assert request.effect.timeout == pytest.approx(1.0)
    bench.clock.forward(1.0)
    request.go_on()
    assert isinstance(request.verdict, Grant)
    assert request.verdict.stale_for == pytest.approx(1.0)
    assert question is not None
    with suppress(StopIteration):
        question.send(plain())
    assert bench.hit() == GRANT


def test_a_crowd_is_answered_by_it_too() -> None:
    """A thread that may not wait takes the old grant instead."""
    bench = feedless(ALLOWED)
    bench.learn()
    bench.clock.forward(60.0)
    waiting = bench.request("rfk_other", seats=1)
    bench.clock.forward(1.0)
    verdict = bench.request(seats=1).verdict
    assert waiting.asks
    assert isinstance(verdict, Grant)
    assert verdict.stale_for is not None


def test_an_answer_that_came_meanwhile_is_no_old_one() -> None:
    """Where somebody else was answered while a request failed, that is what it gets."""
    bench = feedless(ALLOWED)
    bench.learn()
    bench.clock.forward(60.0)
    assert bench.core.or_stale(DIGEST, UNAVAILABLE) != UNAVAILABLE
    bench.request().send(plain())
    assert bench.core.or_stale(DIGEST, UNAVAILABLE) == GRANT
    assert bench.core.counts.stale == 1


def test_other_refusals_are_not_made_up_for() -> None:
    """Too many unknown keys is no outage, and neither is a denial."""
    bench = feedless(ALLOWED)
    bench.learn()
    bench.clock.forward(60.0)
    for refusal in (Refusal(Reason.TOO_MANY_UNKNOWN_KEYS), INVALID, Refusal(Reason.PAUSED)):
        assert bench.core.or_stale(DIGEST, refusal) == refusal


@pytest.mark.parametrize("bench", [leased(ALLOWED), feedless(ALLOWED), feedless(limits(bound=0.0, spare=SPARE))])
def test_the_promise_says_so(bench: Bench) -> None:
    """Whoever reads what is promised reads this too."""
    assert bench.core.staleness().if_error == SPARE
    assert "30 s more while the issuer can't be asked" in str(bench.core.staleness())


@given(st.lists(st.tuples(st.sampled_from(["fail", "grant", "deny", "revoke"]), st.floats(0, 40)), max_size=30))
def test_nothing_is_given_after_its_time_or_its_end(steps: list[tuple[str, float]]) -> None:
    """In any history, what is given was granted at most the two times together ago, and not ended since."""
    bench = leased(ALLOWED)
    granted = -math.inf
    for what, rest in steps:
        bench.clock.forward(rest)
        bench.renew()
        if what == "revoke":
            bench.renew(bench.revoke())
            granted = -math.inf
            continue
        bench.clock.forward(LEASE)
        request = bench.request()
        if request.asks:
            request.send({"fail": plain(UNAVAILABLE), "grant": bench.yes(), "deny": bench.no()}[what])
            if what == "grant":
                granted = bench.clock()
            elif what == "deny":
                granted = -math.inf
        if isinstance(request.verdict, Grant):
            assert bench.clock() - granted <= 60.0 + SPARE
