"""Who may use whose answer: single flight under a live lease, group commit without one, hand-over always (rule 4)."""

import pytest

from rf_middleware._asking import flow
from rf_middleware._flight import Question
from rf_middleware._models import Reason
from rf_middleware._secret import Secret
from tests.core.helpers import (
    DIGEST,
    GRANT,
    INVALID,
    KEY,
    LEASE,
    UNAVAILABLE,
    Bench,
    Request,
    dark,
    feedless,
    leased,
    limits,
    plain,
    reasons,
)


def asking(requests: list[Request]) -> int:
    """Return how many questions to the issuer are under way."""
    return sum(request.asks for request in requests)


def test_under_a_lease_all_requests_share_one_check() -> None:
    """While the lease is live a request joins the check in flight (rule 4)."""
    bench = leased()
    requests = [bench.request() for _ in range(50)]
    assert asking(requests) == 1
    requests[0].send(bench.yes())
    for each in requests[1:]:
        each.go_on()
    assert {each.verdict for each in requests} == {GRANT}


def test_a_denial_is_shared_too() -> None:
    """Those who joined a check that ends in a denial do not ask one after another."""
    bench = leased()
    requests = [bench.request() for _ in range(10)]
    requests[0].send(bench.no())
    for each in requests[1:]:
        each.go_on()
    assert {each.verdict for each in requests} == {INVALID}


def test_an_outage_is_shared_too() -> None:
    """Those who joined a check that found the issuer away are told so, and do not ask one after another."""
    bench = leased()
    requests = [bench.request() for _ in range(10)]
    requests[0].send(plain(UNAVAILABLE))
    for each in requests[1:]:
        each.go_on()
    assert {each.verdict for each in requests} == {UNAVAILABLE}


def test_different_keys_share_nothing() -> None:
    """A check in flight for one key is not waited for by a request with another."""
    bench = leased()
    assert bench.request("rfk_one").asks
    assert bench.request("rfk_two").asks


@pytest.mark.parametrize("bench", [dark(), feedless(limits(bound=0.0)), leased()], ids=["dark", "strict", "lapsed"])
def test_without_a_lease_no_request_uses_a_check_that_began_before_it(bench: Bench) -> None:
    """The issuer may have read the key before a revocation that was acknowledged before that request came (rule 4)."""
    bench.clock.forward(LEASE)
    first, second, third = bench.request(), bench.request(), bench.request()
    assert first.asks
    assert second.asks
    assert third.waits
    for each in (first, second):
        each.send(bench.yes())
        third.go_on()
    assert third.verdict is None
    assert third.asks
    third.send(bench.no())
    assert third.verdict == INVALID


def test_without_a_lease_waiting_requests_share_the_next_check() -> None:
    """However many arrive, two checks are in flight at most, and the next one answers all that wait (rule 4)."""
    bench = dark()
    first, second = bench.request(), bench.request()
    crowd = [bench.request() for _ in range(50)]
    assert asking([first, second, *crowd]) == 2
    first.send(plain())
    for each in crowd:
        each.go_on()
    assert asking([second, *crowd]) == 2
    late = bench.request()
    next(each for each in crowd if each.asks).send(plain())
    for each in [*crowd, late]:
        if each.verdict is None:
            each.go_on()
    assert {each.verdict for each in crowd} == {GRANT}
    assert late.asks  # it arrived after the third check began
    assert second.asks


def test_a_lease_that_ends_while_a_request_waits_changes_nothing_for_it() -> None:
    """What counts is whether the lease was live when the request joined: nothing was acknowledged before that."""
    bench = leased(limits(timeout=60.0))
    first, second = bench.request(), bench.request()
    bench.clock.forward(LEASE)
    late = bench.request()
    first.send(bench.yes())
    second.go_on()
    late.go_on()
    assert second.verdict == GRANT
    assert late.verdict is None  # this one arrived without a lease


def test_a_lease_that_comes_back_makes_a_check_in_flight_shared_again() -> None:
    """A request that arrives under the renewed lease joins: had there been news of the key, the check were fenced."""
    bench = leased()
    bench.clock.forward(LEASE)
    first = bench.request()
    bench.renew()
    second = bench.request()
    first.send(bench.yes())
    second.go_on()
    assert second.verdict == GRANT


def test_a_leader_that_is_cancelled_hands_over() -> None:
    """When the request that asks is cancelled, one of those that wait asks, the others go on waiting."""
    bench = leased()
    first, second, third = (bench.request() for _ in range(3))
    first.cancel()
    second.go_on()
    third.go_on()
    assert second.asks
    assert third.waits
    second.send(bench.yes())
    third.go_on()
    assert (second.verdict, third.verdict) == (GRANT, GRANT)


def test_a_follower_that_is_cancelled_disturbs_nobody() -> None:
    """A request that waits can end without harm to the check it waits for."""
    bench = leased()
    first, second, third = (bench.request() for _ in range(3))
    second.cancel()
    first.send(bench.yes())
    third.go_on()
    assert (first.verdict, third.verdict) == (GRANT, GRANT)


def test_a_request_gives_up_after_its_own_time() -> None:
    """``timeout`` bounds each request by itself, those that wait for another's check too."""
    bench = leased(limits(timeout=2.0))
    first = bench.request()
    bench.clock.forward(1.0)
    second = bench.request()
    bench.clock.forward(1.5)
    second.send(None)  # its wait is not over yet
    assert second.waits
    bench.clock.forward(0.5)
    second.send(None)
    assert second.verdict == UNAVAILABLE
    assert first.asks


def test_a_question_has_all_the_time_there_is() -> None:
    """A request that had to wait has its question asked apart: a slow issuer must not look like one that is down."""
    bench = dark(limits(timeout=2.0))
    first, second, third = bench.request(), bench.request(), bench.request()
    bench.clock.forward(1.5)
    first.send(plain())
    third.go_on()
    assert third.asks
    assert third.question is not None
    assert third.question.timeout == 2.0
    bench.clock.forward(0.5)
    assert third.apart is not None
    crowd = [bench.request() for _ in range(3)]
    flow, third.apart = third.apart, None
    third.go_on()
    assert third.verdict == UNAVAILABLE  # its own time is over, not that of the question
    with pytest.raises(StopIteration):
        flow.send(plain())
    second.send(plain())
    assert [each.verdict for each in crowd] == [None] * 3
    for each in crowd:
        each.go_on()
    assert asking(crowd) == 1


def test_an_issuer_that_takes_more_than_half_the_time_is_not_down() -> None:
    """Whoever does not get its answer in time opens no breaker: other keys are asked about."""
    bench = feedless(limits(bound=0.0, timeout=1.0))
    for _ in range(10):
        crowd = [bench.request() for _ in range(5)]
        bench.clock.forward(0.7)
        for each in crowd:
            each.send(plain()) if each.asks else each.go_on()
        bench.clock.forward(0.3)
        for each in crowd:
            if each.verdict is None and each.apart is None:
                each.go_on()
        assert [each.verdict for each in crowd[:2]] == [GRANT, GRANT]
        bench.clock.forward(0.4)
        for each in crowd:
            if each.apart is not None:
                each.send(plain())
    assert bench.request("rfk_another").asks


def test_no_time_left_asks_nobody() -> None:
    """A request whose time is over while it waits is answered without asking."""
    bench = dark(limits(timeout=2.0))
    first, second, third = bench.request(), bench.request(), bench.request()
    bench.clock.forward(2.0)
    third.send(None)
    assert third.verdict == UNAVAILABLE
    assert first.asks
    assert second.asks


def test_no_time_left_waits_for_nobody() -> None:
    """A request whose time is over before it could wait for another's check is answered at once."""
    bench = leased(limits(timeout=2.0))
    first = bench.request()
    now, late = bench.clock.time, bench.clock.time + 3.0
    bench.clock.reads = [now] * 4 + [late] * 2  # hit; flow begins, decides, looks again; what is left, and the end
    request = bench.request()
    assert first.asks
    assert getattr(request.effect, "timeout", None) == 0.0
    bench.clock.reads = [late]
    request.send(None)
    assert request.verdict == UNAVAILABLE


def test_a_bounded_answer_is_not_shared_beyond_its_bound() -> None:
    """Without a feed a request never gets an answer that was asked for longer ago than ``max_staleness``."""
    bench = feedless(limits(bound=1.0, timeout=5.0))
    first = bench.request()
    bench.clock.forward(1.5)
    second = bench.request()
    first.send(plain())
    second.go_on()
    assert second.verdict is None
    assert second.asks


def test_an_answer_is_not_shared_beyond_the_end_of_the_key() -> None:
    """A request that arrives after the end that the answer names is not let in by it (rule 8)."""
    bench = leased()
    first = bench.request()
    bench.clock.forward(2.0)
    second = bench.request()
    first.send(bench.yes(expires_in=1.0))
    second.go_on()
    assert second.verdict is None
    assert second.asks


def test_a_request_that_missed_looks_again_before_it_asks() -> None:
    """What was learnt between the hit that failed and the miss is used."""
    bench = leased()
    late = flow(bench.core, Question(Secret(KEY), DIGEST))  # its hit has failed
    bench.learn()
    with pytest.raises(StopIteration) as stop:
        next(late)
    assert stop.value.value == GRANT


def test_nobody_is_let_in_unanswered() -> None:
    """An unanswered crowd ends in 503, none is let in."""
    bench = dark(limits(timeout=1.0))
    crowd = [bench.request() for _ in range(5)]
    bench.clock.forward(1.0)
    for each in crowd:
        each.send(None)
    assert reasons(crowd) == [Reason.ISSUER_UNAVAILABLE] * 5
