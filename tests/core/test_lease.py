"""The validator's end of the feed: which replies count, what the deadline becomes, how a lease is given back."""

import pytest

from rf_middleware._lease import DRIFT, Lease
from rf_middleware._wire import Event, Reply
from tests.core.helpers import GRANT, LEASE, dark, feedless, leased, limits

FIRST = Reply("one", reset=True, head=7, events=(), lease=LEASE)


def event(seq: int) -> Event:
    """Return an event of some key."""
    return Event(seq, "revoked", fingerprint=bytes(32))


def test_the_first_poll_knows_no_history() -> None:
    """A new validator asks with no epoch and nothing acknowledged."""
    poll = Lease().poll(0.0, 3.0)
    assert (poll.epoch, poll.ack, poll.wait) == (None, 0, 3.0)
    assert (poll.name, poll.version) == ("", "")


def test_every_validator_has_its_own_session() -> None:
    """Two validators are two sessions: an acknowledgement of one says nothing of the other."""
    assert Lease().session != Lease().session


def test_the_next_poll_acknowledges_what_was_told() -> None:
    """``ack`` is the head of the last answer, and the epoch the one it named."""
    lease = Lease()
    lease.read(lease.poll(0.0, 3.0), FIRST)
    poll = lease.poll(1.0, 3.0)
    assert (poll.epoch, poll.ack) == ("one", 7)


def test_a_poll_without_an_answer_acknowledges_nothing_new() -> None:
    """What was not heard is not acknowledged: a lost answer is asked for again."""
    lease = Lease()
    lease.read(lease.poll(0.0, 3.0), FIRST)
    lost = lease.poll(1.0, 3.0)
    assert lease.poll(2.0, 3.0) == lost


def test_the_deadline_counts_from_before_the_poll_and_allows_for_drift() -> None:
    """``sent + lease * (1 - drift)``, whenever the answer comes (rule 1)."""
    lease = Lease()
    news = lease.read(lease.poll(100.0, 3.0), FIRST)
    assert news is not None
    assert news.deadline == pytest.approx(100.0 + LEASE * (1 - DRIFT))
    assert DRIFT == 0.01


def test_the_answer_to_an_older_poll_is_ignored() -> None:
    """An answer that comes after the next poll was sent would be counted from the wrong moment."""
    lease = Lease()
    stale, newest = lease.poll(0.0, 3.0), lease.poll(5.0, 3.0)
    assert lease.read(stale, FIRST) is None
    assert lease.epoch is None
    assert lease.read(newest, FIRST) is not None


def test_an_answer_told_twice_is_ignored_the_second_time() -> None:
    """A duplicate must not undo what a later answer said."""
    lease = Lease()
    poll = lease.poll(0.0, 3.0)
    assert lease.read(poll, FIRST) is not None
    assert lease.read(poll, FIRST) is None


@pytest.mark.parametrize(
    ("reply", "reset"),
    [
        (Reply("one", False, 9, (event(8), event(9)), LEASE), False),
        (Reply("one", False, 7, (), LEASE), False),
        (Reply("one", True, 9, (event(8), event(9)), LEASE), True),
        (Reply("two", False, 9, (event(8), event(9)), LEASE), True),
        (Reply("one", False, 6, (), LEASE), True),
    ],
    ids=["news", "no news", "reset", "other epoch", "head went back"],
)
def test_what_resets(reply: Reply, *, reset: bool) -> None:
    """A reset that is told, another epoch and a head that went back all mean the same: drop everything."""
    lease = Lease()
    lease.read(lease.poll(0.0, 3.0), FIRST)
    news = lease.read(lease.poll(1.0, 3.0), reply)
    assert news is not None
    assert news.reset is reset
    assert news.events == (() if reset else reply.events)
    assert (lease.epoch, lease.applied) == (reply.epoch, reply.head)


def test_nothing_counts_after_the_lease_was_given_back() -> None:
    """An answer that arrives after that is ignored, also one to a poll sent after it."""
    lease = Lease()
    poll = lease.poll(0.0, 3.0)
    lease.give_back()
    assert lease.read(poll, FIRST) is None
    assert lease.read(lease.poll(1.0, 3.0), FIRST) is None


def test_giving_back_ends_the_trust_first() -> None:
    """When ``give_back`` returns the session to send, no cached grant is trusted any more."""
    bench = leased()
    bench.learn()
    session = bench.core.poll(3.0).session
    assert bench.core.give_back() == session
    assert bench.hit() is None
    assert bench.core.staleness().kind == "strict"


def test_a_late_reply_does_not_bring_a_given_back_lease_to_life() -> None:
    """The issuer waits for nobody who has given the lease back, so that nobody may trust it then."""
    bench = leased()
    bench.learn()
    poll = bench.core.poll(3.0)
    bench.core.give_back()
    assert bench.core.apply(poll, Reply(bench.epoch, False, bench.head, (), LEASE)) is None
    assert bench.hit() is None


def test_a_stale_reply_does_not_prolong_the_trust() -> None:
    """The core ignores what the lease ignores, its events too: the newest poll will bring them again."""
    bench = leased()
    bench.learn()
    stale = bench.core.poll(3.0)
    bench.core.poll(3.0)
    deadline = bench.core.deadline
    bench.clock.forward(1.0)
    assert bench.core.apply(stale, Reply(bench.epoch, False, 1, (event(1),), LEASE)) is None
    assert bench.core.deadline == deadline


def test_what_was_applied_is_acknowledged_only_then() -> None:
    """The poll after an answer acknowledges its events, not the one before."""
    bench = leased()
    revoked = bench.revoke()
    assert bench.core.poll(3.0).ack == revoked.seq - 1
    bench.renew(revoked)
    assert bench.core.poll(3.0).ack == revoked.seq


def test_a_fork_makes_a_new_validator() -> None:
    """In the child there is a new session, an empty cache, no lease and no history (rule 5)."""
    bench = leased()
    bench.learn()
    before = bench.core.poll(3.0)
    bench.core.start()
    after = bench.core.poll(3.0)
    assert after.session != before.session
    assert (after.epoch, after.ack) == (None, 0)
    assert bench.hit() is None
    assert bench.core.staleness().kind == "strict"


def test_the_parents_poll_gives_the_child_no_lease() -> None:
    """An answer to the parent's poll is not the child's (rule 5)."""
    bench = leased()
    poll = bench.core.poll(3.0)
    bench.core.start()
    assert bench.core.apply(poll, Reply(bench.epoch, False, bench.head, (), LEASE)) is None
    assert bench.core.staleness().kind == "strict"


def test_a_lock_held_at_the_fork_does_not_block_the_child() -> None:
    """A thread of the parent may hold the lock at the fork; in the child nobody would ever release it (rule 5)."""
    bench = leased()
    with bench.core._lock:
        bench.core.start()
        assert bench.request().asks


def test_a_validator_that_begins_anew_trusts_nothing() -> None:
    """After the lease was given back a new session begins, with nothing cached, and checks in flight ask again."""
    bench = leased()
    bench.learn()
    request, session = bench.request("rfk_other"), bench.core.give_back()
    bench.core.renew()
    assert bench.hit() is None
    assert bench.core.staleness().kind == "strict"
    assert bench.core.poll(3.0).session != session
    request.send(bench.yes())
    assert request.verdict is None
    assert request.asks
    bench.renew(reset=True)
    bench.learn()
    assert bench.hit() == GRANT


def test_an_empty_lease_is_no_lease() -> None:
    """A lease of no seconds is never live."""
    bench = dark()
    bench.core.learn(has_feed=True)
    bench.renew(lease=0.0)
    bench.learn()
    assert bench.hit() is None


def test_the_news_are_returned_as_applied() -> None:
    """Who keeps streams open hears of the same events."""
    bench = leased()
    revoked = bench.revoke()
    news = bench.core.apply(bench.core.poll(3.0), Reply(bench.epoch, False, revoked.seq, (revoked,), LEASE))
    assert news is not None
    assert news.events == (revoked,)


@pytest.mark.parametrize(("bound", "trusted"), [(10.0, True), (0.0, False)])
def test_an_issuer_without_a_feed_is_trusted_within_the_bound_only(bound: float, *, trusted: bool) -> None:
    """To learn that there is no feed turns asking every time into the bound that was chosen."""
    bench = feedless(limits(bound=bound))
    bench.learn()
    assert (bench.hit() == GRANT) is trusted
