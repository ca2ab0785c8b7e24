"""When an issuer that does not answer is left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware._breaker import Breaker
from rf_middleware._counts import Counts
from rf_middleware._gate import Gate
from rf_middleware._models import Reason, Refusal
from tests.core.helpers import GRANT, INVALID, LEASE, UNAVAILABLE, Bench, feedless, leased, limits, plain, reasons


def broken(bench: Bench, failures: int = 5) -> None:
    """Let so many questions fail, each of another key."""
    for number in range(failures):
        request = bench.request(f"rfk_{number}")
        assert request.asks
        request.send(plain(UNAVAILABLE))


def test_the_breaker_opens_after_five_failures() -> None:
    """Four failures in a row change nothing; after the fifth nobody asks, and the answer says for how long."""
    bench = feedless()
    broken(bench, 4)
    assert bench.request("rfk_more").asks
    bench = feedless()
    broken(bench)
    refused = bench.request("rfk_more")
    assert reasons([refused]) == [Reason.ISSUER_UNAVAILABLE]
    assert isinstance(refused.verdict, Refusal)
    assert refused.verdict.retry_after == pytest.approx(1.0)


@pytest.mark.parametrize("definite", [GRANT, INVALID])
def test_a_definite_answer_starts_the_count_again(definite: Refusal) -> None:
    """Failures count in a row: any definite answer ends the row."""
    bench = feedless()
    broken(bench, 4)
    bench.request("rfk_answered").send(plain(definite))
    broken(bench, 4)
    assert bench.request("rfk_more").asks


def test_hits_are_answered_while_the_breaker_is_open() -> None:
    """A cached key is not slowed by an issuer that is down."""
    bench = feedless()
    bench.learn()
    broken(bench)
    assert bench.request().verdict == GRANT


def test_strangers_do_not_have_the_issuer_left_alone_for_known_keys() -> None:
    """An issuer that fails on keys nobody knows is asked about those that were good all the same."""
    bench = feedless()
    bench.learn()
    bench.clock.forward(60.0)
    broken(bench)
    assert reasons([bench.request("rfk_stranger")]) == [Reason.ISSUER_UNAVAILABLE]
    known = bench.request()
    assert known.asks
    known.send(plain())
    assert known.verdict == GRANT
    assert bench.request("rfk_stranger").asks


def test_failures_of_known_keys_count_for_all() -> None:
    """An issuer that can't even be asked about keys that were good is left alone by everybody."""
    bench = feedless()
    bench.learn()
    bench.clock.forward(60.0)
    for _ in range(5):
        bench.request().send(plain(UNAVAILABLE))
    assert reasons([bench.request(), bench.request("rfk_stranger")]) == [Reason.ISSUER_UNAVAILABLE] * 2


def test_junk_that_is_over_the_budget_is_no_probe() -> None:
    """What may not be asked leaves the probe to what may."""
    gate = Gate(limits(rate=0.001, burst=1), Counts())
    for _ in range(5):
        assert not gate.answered(UNAVAILABLE, 0.0, "")
    assert gate.refusal(1.0, "") is None
    refused = gate.refusal(2.5, "")
    assert refused is not None
    assert refused.reason is Reason.TOO_MANY_UNKNOWN_KEYS
    gate._give_back("")
    assert gate.refusal(3.0, "") is None


def test_one_probe_after_a_second() -> None:
    """After a second one request asks; the others are answered at once until it is known."""
    bench = feedless()
    broken(bench)
    bench.clock.forward(1.0)
    probe, other = bench.request("rfk_probe"), bench.request("rfk_other")
    assert probe.asks
    assert reasons([other]) == [Reason.ISSUER_UNAVAILABLE]
    probe.send(plain())
    assert bench.request("rfk_more").asks


def test_the_rest_doubles_up_to_ten_seconds() -> None:
    """Probes that fail come after 1, 2, 4, 8, 10 and 10 seconds."""
    bench = feedless()
    broken(bench)
    for rest in (1.0, 2.0, 4.0, 8.0, 10.0, 10.0):
        bench.clock.forward(rest - 0.01)
        assert not bench.request("rfk_early").asks
        bench.clock.forward(0.01)
        probe = bench.request("rfk_probe")
        assert probe.asks
        probe.send(plain(UNAVAILABLE))


def test_after_a_probe_that_succeeds_the_rest_is_short_again() -> None:
    """The next outage begins with a rest of one second."""
    bench = feedless()
    broken(bench)
    for rest in (1.0, 2.0):
        bench.clock.forward(rest)
        bench.request("rfk_probe").send(plain(UNAVAILABLE))
    bench.clock.forward(4.0)
    bench.request("rfk_probe").send(plain())
    broken(bench)
    bench.clock.forward(1.0)
    assert bench.request("rfk_again").asks


def test_a_probe_that_vanishes_does_not_close_the_way_for_good() -> None:
    """When the request that probes is cancelled another one probes later."""
    bench = feedless()
    broken(bench)
    bench.clock.forward(1.0)
    bench.request("rfk_probe").cancel()
    bench.clock.forward(1.0)
    assert bench.request("rfk_probe").asks


def test_a_feed_that_is_back_closes_it() -> None:
    """A lease that comes after an outage says that the issuer is there again; one that is renewed says nothing new."""
    bench = leased()
    broken(bench)
    bench.renew()
    assert reasons([bench.request("rfk_more")]) == [Reason.ISSUER_UNAVAILABLE]
    bench.clock.forward(LEASE)
    bench.request("rfk_probe").send(plain(UNAVAILABLE))
    assert reasons([bench.request("rfk_more")]) == [Reason.ISSUER_UNAVAILABLE]
    bench.renew()
    assert bench.request("rfk_more").asks


def test_failures_of_questions_asked_before_it_opened_say_nothing_new() -> None:
    """A crowd of questions that fail together does not lengthen the rest."""
    bench = feedless()
    crowd = [bench.request(f"rfk_{number}") for number in range(20)]
    for each in crowd:
        each.send(plain(UNAVAILABLE))
    bench.clock.forward(1.0)
    assert bench.request("rfk_probe").asks


@given(st.lists(st.tuples(st.floats(0, 20), st.sampled_from(["fail", "succeed", "vanish"])), max_size=60))
def test_an_open_breaker_lets_one_question_through_per_rest(steps: list[tuple[float, str]]) -> None:
    """While it is open no two questions come closer together than a second."""
    breaker, now, failures, last = Breaker(), 0.0, 0, -10.0
    for rest, outcome in steps:
        now += rest
        wait = breaker.wait(now)
        assert 0.0 <= wait <= 10.0
        if wait:
            assert failures >= 5
            continue
        assert failures < 5 or now - last >= 0.999
        last = now
        if outcome == "fail":
            breaker.failed(now)
            failures += 1
        elif outcome == "succeed":
            breaker.succeeded()
            failures = 0


def test_a_question_that_was_under_way_does_not_prolong_the_rest() -> None:
    """When a probe has failed, the failure of one more question that was sent before says nothing new."""
    breaker = Breaker()
    for _ in range(5):
        breaker.failed(0.0)
    assert breaker.wait(1.0) == 0.0
    breaker.failed(1.0)
    breaker.failed(1.5)
    assert breaker.wait(1.5) == pytest.approx(1.5)
