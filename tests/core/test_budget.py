"""How many unknown keys are asked about, in all and for one client."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware._budget import Bucket, Budget
from rf_middleware._models import Reason, Refusal
from rf_middleware._wire import Event
from tests.core.helpers import DIGEST, GRANT, INVALID, LEASE, UNAVAILABLE, feedless, leased, limits, plain, reasons


def test_the_budget_bounds_questions_about_unknown_keys() -> None:
    """Beyond the burst unknown keys get 429 with the time until the next question, and the issuer is not asked."""
    bench = feedless(limits(rate=4.0, burst=10))
    requests = [bench.request(f"rfk_{number}") for number in range(11)]
    assert [each.asks for each in requests] == [True] * 10 + [False]
    verdict = requests[-1].verdict
    assert isinstance(verdict, Refusal)
    assert verdict.reason is Reason.TOO_MANY_UNKNOWN_KEYS
    assert verdict.retry_after == pytest.approx(0.25)
    bench.clock.forward(0.25)
    assert bench.request("rfk_later").asks


@pytest.mark.parametrize(
    ("verdict", "returned"),
    [(GRANT, True), (UNAVAILABLE, True), (INVALID, False), (Refusal(Reason.FORBIDDEN), False)],
    ids=["grant", "outage", "invalid", "forbidden"],
)
def test_only_denials_cost_budget(verdict: Refusal, *, returned: bool) -> None:
    """A question that ends in a grant, or in no answer, is given back."""
    bench = feedless(limits(rate=0.001, burst=1))
    bench.request("rfk_first").send(plain(verdict))
    assert bench.request("rfk_second").asks is returned


def test_a_remembered_denial_costs_no_budget() -> None:
    """The same bad key again is answered from memory."""
    bench = feedless(limits(rate=0.001, burst=1))
    bench.request().send(plain(INVALID))
    assert [bench.request().verdict for _ in range(5)] == [INVALID] * 5


@pytest.mark.parametrize("lapsed", [False, True], ids=["lease", "no lease"])
def test_a_cached_key_is_never_refused_by_the_budget(*, lapsed: bool) -> None:
    """Junk that has used up the budget takes nothing from a key that is cached, with or without a live lease."""
    bench = leased(limits(rate=0.001, burst=2))
    bench.learn()
    for number in range(2):
        bench.request(f"rfk_junk{number}").send(bench.no())
    assert reasons([bench.request("rfk_junk")]) == [Reason.TOO_MANY_UNKNOWN_KEYS]
    if lapsed:
        bench.clock.forward(LEASE)
    request = bench.request()
    assert request.verdict == GRANT or request.asks
    assert request.asks is lapsed


@given(
    st.lists(st.tuples(st.floats(0, 10), st.booleans()), max_size=100),
    st.floats(0.01, 100),
    st.integers(1, 50),
)
def test_a_bucket_never_gives_more_than_burst_and_rate(
    steps: list[tuple[float, bool]], rate: float, burst: int
) -> None:
    """Whatever the times between questions, those not given back are at most the burst and what time has added."""
    bucket, now, spent = Bucket(rate, burst), 0.0, 0
    for rest, returned in steps:
        now += rest
        wait = bucket.take(now)
        assert wait >= 0
        if wait:
            assert bucket.take(now + wait * 1.001) <= rest + wait  # and then there is one, or nearly
            return
        if returned:
            bucket.give_back()
        else:
            spent += 1
        assert spent <= burst + now * rate + 1e-6


def test_a_bucket_tells_when_there_is_a_token() -> None:
    """What has come since counts, and what is given back is one token."""
    bucket = Bucket(1.0, 2)
    assert [bucket.take(0.0), bucket.take(0.0)] == [0.0, 0.0]
    assert bucket.take(0.25) == pytest.approx(0.75)
    bucket.give_back()
    assert bucket.take(0.25) == 0.0
    assert bucket.take(0.25) == pytest.approx(0.75)


def test_the_share_of_a_client_is_whole_questions_and_comes_back() -> None:
    """A quarter of seven questions is one, and a quarter of the rate is when it has the next."""
    budget = Budget(4.0, 7)
    assert budget.take(0.0, "a") == 0.0
    assert budget.take(0.0, "a") == pytest.approx(1.0)
    assert budget.take(1.0, "a") == 0.0
    assert budget.take(1.0, "a") == pytest.approx(1.0)


def test_a_client_has_a_share_of_the_budget() -> None:
    """A client that has failed too often waits, with its own time, while the others are asked about."""
    bench = feedless(limits(rate=4.0, burst=8))
    theirs = [bench.request(f"rfk_{number}", client="203.0.113.7") for number in range(3)]
    assert [each.asks for each in theirs] == [True, True, False]
    verdict = theirs[-1].verdict
    assert isinstance(verdict, Refusal)
    assert verdict.reason is Reason.TOO_MANY_UNKNOWN_KEYS
    assert verdict.retry_after == pytest.approx(1.0)
    assert bench.request("rfk_other", client="198.51.100.1").asks
    assert bench.request("rfk_nobody").asks


@pytest.mark.parametrize(("verdict", "returned"), [(GRANT, True), (UNAVAILABLE, True), (INVALID, False)])
def test_only_failures_count_against_a_client(verdict: Refusal, *, returned: bool) -> None:
    """What ends in a grant, or in no answer, costs a client nothing."""
    bench = feedless(limits(rate=0.001, burst=4))
    bench.request("rfk_first", client="203.0.113.7").send(plain(verdict))
    assert bench.request("rfk_second", client="203.0.113.7").asks is returned


def test_a_key_that_is_known_is_never_refused_to_anybody() -> None:
    """A client that is over its limit still gets in with a key that is cached, or was."""
    bench = leased(limits(rate=0.001, burst=4))
    bench.learn()
    bench.request("rfk_junk", client="203.0.113.7").send(bench.no())
    assert reasons([bench.request("rfk_more", client="203.0.113.7")]) == [Reason.TOO_MANY_UNKNOWN_KEYS]
    assert bench.request(client="203.0.113.7").verdict == GRANT
    bench.clock.forward(LEASE)
    assert bench.request(client="203.0.113.7").asks


def test_what_the_process_can_not_ask_costs_a_client_nothing() -> None:
    """Refused for what others did, a client keeps its own share."""
    bench = feedless(limits(rate=1.0, burst=4))
    for number in range(4):
        bench.request(f"rfk_{number}").send(plain(INVALID))
    assert reasons([bench.request("rfk_mine", client="203.0.113.7")]) == [Reason.TOO_MANY_UNKNOWN_KEYS]
    bench.clock.forward(1.0)
    assert bench.request("rfk_mine", client="203.0.113.7").asks


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 2), st.booleans()), max_size=80))
def test_clients_never_have_more_than_the_whole(steps: list[tuple[int, float, bool]]) -> None:
    """However clients take turns, all their failures are within the whole budget, and each one's within its share."""
    budget, now, spent = Budget(2.0, 8), 0.0, dict[int, int]()
    for client, rest, denied in steps:
        now += rest
        if budget.take(now, f"client {client}" if client else "") > 0:
            continue
        if denied:
            spent[client] = spent.get(client, 0) + 1
        else:
            budget.give_back(f"client {client}" if client else "")
        assert sum(spent.values()) <= 8 + now * 2.0 + 1e-6
        assert all(count <= 2 + now * 0.5 + 1e-6 for client, count in spent.items() if client)


def test_a_denial_that_is_thrown_away_costs_all_the_same() -> None:
    """While answers are older than what the feed told, junk is no cheaper than otherwise."""
    bench = leased(limits(rate=0.001, burst=3))
    request = bench.request("rfk_junk")
    bench.renew(bench.revoke("rfk_junk"))
    request.send(bench.no(head=0))
    assert request.asks
    request.send(bench.no(head=0))
    request.go_on()
    assert [bench.request(f"rfk_{number}").asks for number in range(2)] == [False, False]


@pytest.mark.parametrize("change", ["updated", "enabled", "revoked"])
def test_a_key_that_was_good_is_asked_about_after_a_change(change: str) -> None:
    """Whatever the feed tells of a key, the next question about it is not one about junk."""
    bench = leased(limits(rate=0.001, burst=4))
    bench.learn()
    for number in range(4):
        bench.request(f"rfk_{number}").send(bench.no())
    bench.renew(Event(1, change, fingerprint=DIGEST))
    assert bench.hit() is None
    request = bench.request()
    assert request.asks
    request.send(bench.no())
    bench.clock.forward(5.0)
    assert reasons([bench.request()]) == [Reason.TOO_MANY_UNKNOWN_KEYS]


@pytest.mark.parametrize("how", ["workspace", "forget"])
def test_so_it_is_after_a_change_of_its_workspace(how: str) -> None:
    """Nor where its workspace changed, or somebody had it forgotten."""
    bench = leased(limits(rate=0.001, burst=4))
    bench.learn()
    for number in range(4):
        bench.request(f"rfk_{number}").send(bench.no())
    if how == "workspace":
        bench.renew(Event(1, "updated", workspace="acme"))
    else:
        bench.core.forget(DIGEST)
    assert bench.hit() is None
    assert bench.request().asks
