"""What was forgotten while a check was in flight fences that check, and old answers are asked again (rule 3)."""

import math

import pytest

from rf_middleware._cache import Later
from rf_middleware._flight import Answer
from rf_middleware._memory import Memory
from rf_middleware._models import Grant, Workspace
from rf_middleware._wire import Event
from tests.core.helpers import DIGEST, GRANT, INVALID, LEASE, UNAVAILABLE, Bench, dark, feedless, leased, limits, plain


def test_an_event_drops_the_grant() -> None:
    """A revoked key is not a hit any more (rule 3)."""
    bench = leased()
    bench.learn()
    bench.renew(bench.revoke())
    assert bench.hit() is None


def test_an_event_leaves_other_keys_alone() -> None:
    """An event forgets the key it names, and no other."""
    bench = leased()
    bench.learn("rfk_one")
    bench.learn("rfk_two")
    bench.renew(bench.revoke("rfk_one"))
    assert bench.hit("rfk_one") is None
    assert bench.hit("rfk_two") == GRANT


def test_an_event_drops_the_denial() -> None:
    """A key that was enabled again is asked about at once."""
    bench = leased()
    bench.request().send(bench.no())
    assert bench.request().verdict == INVALID
    bench.renew(bench.revoke())
    assert bench.request().asks


def test_an_event_fences_the_check_in_flight() -> None:
    """An answer older than an event of its key is thrown away and asked again (rule 3)."""
    bench = leased()
    request = bench.request()
    bench.renew(bench.revoke())
    request.send(bench.yes(head=bench.head - 1))
    assert bench.hit() is None
    assert request.verdict is None
    request.go_on()
    assert request.asks
    request.send(bench.no())
    assert request.verdict == INVALID


def test_an_answer_newer_than_the_fence_counts() -> None:
    """An answer read after the event is the truth, and is not asked for twice."""
    bench = leased()
    request = bench.request()
    bench.renew(bench.revoke())
    request.send(bench.yes(head=bench.head))
    assert request.verdict == GRANT
    assert bench.hit() == GRANT


def test_an_event_of_another_key_fences_nothing() -> None:
    """A check in flight is not disturbed by what happens to other keys."""
    bench = leased()
    request = bench.request()
    bench.renew(bench.revoke("rfk_other"))
    request.send(bench.yes(head=bench.head - 1))
    assert request.verdict == GRANT


def test_those_who_joined_a_fenced_check_ask_again_too() -> None:
    """A thrown-away answer serves nobody, and one new question serves all."""
    bench = leased()
    crowd = [bench.request() for _ in range(3)]
    bench.renew(bench.revoke())
    crowd[0].send(bench.yes(head=bench.head - 1))
    for each in crowd:
        each.go_on()
    assert [each.asks for each in crowd] == [True, False, False]
    crowd[0].send(bench.no())
    for each in crowd[1:]:
        each.go_on()
    assert {each.verdict for each in crowd} == {INVALID}


def test_a_denial_older_than_the_fence_is_asked_again_too() -> None:
    """A key that was enabled during the check is not denied by what was true before."""
    bench = leased()
    request = bench.request()
    bench.renew(bench.revoke())
    request.send(bench.no(head=bench.head - 1))
    assert request.verdict is None


def test_forget_drops_grant_and_denial() -> None:
    """``forget`` makes the next request ask."""
    bench = leased()
    bench.learn("rfk_good")
    bench.request("rfk_bad").send(bench.no())
    for key in ("rfk_good", "rfk_bad"):
        bench.core.forget(bench.request(key).digest)
        assert bench.request(key).asks


def test_forget_forgets_no_other_key() -> None:
    """What is known of the others stays."""
    bench = leased()
    bench.learn("rfk_one")
    bench.learn("rfk_other")
    bench.core.forget(bench.request("rfk_one").digest)
    assert bench.hit("rfk_one") is None
    assert bench.hit("rfk_other") == GRANT


def test_an_outdated_refusal_is_about_its_own_key() -> None:
    """It may be of before a change, so what was known of that key is not given any more; of the others it is."""
    bench = leased(limits(spare=60.0))
    for key in ("rfk_one", "rfk_other"):
        bench.learn(key)
    bench.clock.forward(0.0)
    bench.core.forget(bench.request("rfk_one").digest)
    request = bench.request("rfk_one")
    refusal = bench.no()
    bench.renew(bench.revoke("rfk_one"))
    request.send(refusal)
    assert bench.core.counts.outdated == 1
    assert bench.hit("rfk_other") == GRANT


@pytest.mark.parametrize("bench", [leased(), feedless(), dark()], ids=["lease", "bounded", "dark"])
def test_forget_fences_the_check_in_flight(bench: Bench) -> None:
    """What was asked before ``forget`` does not bring the key back, with or without a feed (rule 3)."""
    request = bench.request()
    bench.core.forget(DIGEST)
    request.send(bench.yes())
    assert bench.hit() is None
    assert request.verdict is None
    request.go_on()
    assert request.asks


def test_a_reset_fences_every_check_unconditionally() -> None:
    """After a reset no answer to an earlier question counts, however new it claims to be (rule 3)."""
    bench = leased()
    request, other = bench.request("rfk_one"), bench.request("rfk_two")
    bench.renew(reset=True)
    for each in (request, other):
        each.send(bench.yes(head=bench.head + 1000))
        assert each.verdict is None
    assert bench.hit("rfk_one") is None


def test_a_reset_drops_everything() -> None:
    """After a reset nothing that was cached is used, denials neither."""
    bench = leased()
    bench.learn("rfk_good")
    bench.request("rfk_bad").send(bench.no())
    bench.renew(reset=True)
    assert bench.request("rfk_good").asks
    assert bench.request("rfk_bad").asks


def test_another_epoch_resets_even_if_nobody_says_so() -> None:
    """A new history means that everything cached is void, with or without ``reset`` (rule 3)."""
    bench = leased()
    bench.learn("rfk_cached")
    request = bench.request()
    bench.renew(epoch="two")
    assert bench.hit("rfk_cached") is None
    request.send(bench.yes(epoch="two"))
    assert request.verdict is None


def test_a_head_that_went_back_resets() -> None:
    """An issuer that has forgotten events it told is not the one it was."""
    bench = leased()
    bench.renew(bench.revoke("rfk_other"))
    bench.learn()
    bench.head = 0
    bench.renew()
    assert bench.hit() is None


@pytest.mark.parametrize("epoch", ["two", None])
def test_an_answer_of_another_epoch_is_thrown_away(epoch: str | None) -> None:
    """An answer from another history says nothing about this one, however high its head (rule 3)."""
    bench = leased()
    request = bench.request()
    request.send(Answer(GRANT, epoch, 1000))
    assert request.verdict is None
    assert bench.hit() is None
    request.go_on()
    assert request.asks


def test_an_answer_behind_what_was_applied_before_is_thrown_away() -> None:
    """A replica that lags behind what this validator knew when it asked is not believed (rule 3)."""
    bench = leased()
    bench.renew(bench.revoke())
    request = bench.request()
    request.send(bench.yes(head=bench.head - 1))
    assert request.verdict is None
    assert bench.hit() is None


def test_an_answer_behind_what_was_applied_since_counts() -> None:
    """Events of other keys during the check do not make its answer old."""
    bench = leased()
    request = bench.request()
    old = bench.head
    bench.renew(bench.revoke("rfk_one"), bench.revoke("rfk_two"))
    request.send(bench.yes(head=old))
    assert request.verdict == GRANT


def test_a_lagging_replica_is_asked_at_growing_intervals() -> None:
    """After the second answer thrown away a request rests, longer each time, and gives up when its time is over."""
    bench = leased()
    bench.renew(bench.revoke())
    request, pauses = bench.request(), list[float]()
    while request.verdict is None:
        if request.asks:
            bench.clock.forward(0.001)
            request.send(bench.yes(head=0))
        else:
            pauses.append(getattr(request.effect, "seconds", -1.0))
            bench.clock.forward(pauses[-1])
            request.go_on()
        if not bench.clock.time % 1:
            bench.renew()
    assert request.verdict == UNAVAILABLE
    assert pauses == sorted(pauses[:-1]) + pauses[-1:]
    assert max(pauses) <= 0.5
    assert len(pauses) < 20


def test_a_workspace_event_forgets_the_workspace() -> None:
    """A suspended workspace takes all its keys with it, and only those."""
    bench = leased()
    bench.learn()
    other = bench.request("rfk_other")
    other.send(Answer(Grant(Workspace("other")), bench.epoch, bench.head))
    bench.renew(Event(bench.head + 1, "suspended", workspace="acme"))
    assert bench.hit() is None
    assert bench.hit("rfk_other") is not None


def test_a_workspace_event_fences_every_check_in_flight() -> None:
    """A check in flight may turn out to be of the suspended workspace, so it is asked again when it is older."""
    bench = leased()
    request = bench.request()
    bench.renew(Event(bench.head + 1, "suspended", workspace="acme"))
    request.send(bench.yes(head=bench.head - 1))
    assert request.verdict is None
    assert bench.hit() is None


def test_events_come_before_the_lease() -> None:
    """When the new deadline comes into force the events have been applied (rule 1)."""
    bench = leased()
    bench.learn()
    bench.clock.forward(LEASE)
    seen: list[tuple[bool, bool]] = []

    class Watched(Memory):
        def drop(self, event: Event) -> None:
            before = bench.clock() < bench.core.deadline
            super().drop(event)
            seen.append((before, bench.hit() is None))

    watched = Watched(10, 5.0, bench.clock)
    watched.grants.put(DIGEST, (math.inf, GRANT, Later(0.0, 0.0)))
    bench.core._memory, bench.core._look_up = watched, watched.grants.get
    bench.renew(bench.revoke())
    assert seen == [(False, True)]
    assert bench.clock() < bench.core.deadline
    assert bench.hit() is None


def test_a_check_answered_in_the_dark_is_not_trusted_under_the_first_lease() -> None:
    """The first answer of the feed resets: what was learnt before it had no lease (rule 7)."""
    bench = dark()
    bench.request().send(bench.yes())
    bench.core.learn(has_feed=True)
    bench.renew()
    assert bench.hit() is None


def test_a_check_of_before_a_fork_says_nothing_in_the_child() -> None:
    """A check that outlives the fork in the child was never fenced by the child's feed: it is not cached (rule 5)."""
    bench = leased()
    request = bench.request()
    bench.core.start()
    bench.renew(bench.revoke())
    request.send(bench.yes(head=bench.head - 1))
    assert bench.hit() is None
    assert request.verdict is None


def test_without_a_feed_epoch_and_head_say_nothing() -> None:
    """An answer of an issuer without a feed needs neither."""
    bench = feedless()
    request = bench.request()
    request.send(plain())
    assert request.verdict == GRANT
