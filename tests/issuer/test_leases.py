"""The issuer's rules of the lease protocol, one by one, on the pure state machine."""

import pytest

from rf_middleware._wire import Event, Poll, Reply
from rf_middleware.issuer.decisions import CLOSING, CROWDED, Acknowledged, Answer, Counts, Decision, Refused, Seen
from rf_middleware.issuer.leases import Leases

LEASE = 10.0
EPOCH = "epoch-one"
OWNER = "token-one"


def machine(*, head: int = 0, gate: float = 0.0, window: int = 100, limit: int = 100) -> Leases:
    """Return an issuer's end with a lease of ten seconds."""
    return Leases(epoch=EPOCH, head=head, lease=LEASE, gate=gate, window=window, sessions_per_owner=limit)


def event(seq: int) -> Event:
    """Return a revocation."""
    return Event(seq, "revoked", fingerprint=bytes(32))


def poll(session: str, ack: int, wait: float = 3.0, epoch: str | None = EPOCH) -> Poll:
    """Return what a validator sends."""
    return Poll(f"session-{session}", epoch, ack, wait)


def join(leases: Leases, session: str, now: float, owner: str = OWNER) -> None:
    """Let a validator begin: a reset, and a lease."""
    leases.poll(0, owner, poll(session, 0, epoch=None), now)


def reply(decisions: list[Decision], ticket: int) -> Reply:
    """Return the answer to one poll."""
    (found,) = [each.reply for each in decisions if isinstance(each, Answer) and each.ticket == ticket]
    return found


def acknowledged(decisions: list[Decision]) -> list[tuple[int, int, int]]:
    """Return ``(seq, confirmed, expired)`` of each acknowledgement."""
    return [(each.seq, each.confirmed, each.expired) for each in decisions if isinstance(each, Acknowledged)]


def test_an_unknown_session_is_reset_and_gets_a_lease() -> None:
    """A validator the issuer does not know drops what it has before it trusts its lease."""
    leases = machine(head=7)
    assert reply(leases.poll(1, OWNER, poll("a", 7), 0.0), 1) == Reply(EPOCH, True, 7, (), LEASE)
    assert leases.outstanding(9.9)
    assert not leases.outstanding(10.0)


@pytest.mark.parametrize(
    ("ack", "epoch"), [(2, "epoch-two"), (2, None), (3, EPOCH), (0, EPOCH)], ids=["epoch", "no-epoch", "ahead", "old"]
)
def test_who_can_not_follow_is_reset(ack: int, epoch: str | None) -> None:
    """Another epoch, an ack from the future (a restored backup) and one older than the window are all a reset."""
    leases = machine(window=1)
    join(leases, "a", 0.0)
    leases.publish(event(1), 0.0, 0.0)
    leases.publish(event(2), 0.0, 0.0)
    answer = reply(leases.poll(1, OWNER, poll("a", ack, epoch=epoch), 1.0), 1)
    assert (answer.reset, answer.head, answer.events) == (True, 2, ())


def test_an_ack_of_another_epoch_acknowledges_nothing() -> None:
    """What a validator applied of another history says nothing about this one."""
    leases = machine()
    join(leases, "a", 0.0)
    leases.publish(event(1), 0.0, 0.0)
    assert acknowledged(leases.poll(1, OWNER, poll("a", 1, epoch="epoch-two"), 1.0)) == []
    assert leases.waiting_for(1, 1.0) == 1


def test_every_event_after_the_ack_is_in_the_answer() -> None:
    """An answer that renews a lease carries all events the validator has not applied."""
    leases = machine()
    join(leases, "a", 0.0)
    for seq in (1, 2, 3):
        leases.publish(event(seq), 0.0, 0.0)
    assert reply(leases.poll(1, OWNER, poll("a", 1), 1.0), 1).events == (event(2), event(3))


def test_a_poll_with_nothing_to_tell_is_parked_until_its_wait_is_over() -> None:
    """A poll is held for as long as it asked, then renewed with an empty list."""
    leases = machine()
    join(leases, "a", 0.0)
    assert leases.poll(1, OWNER, poll("a", 0, wait=2.0), 1.0) == []
    assert leases.wake_at() == 3.0
    assert leases.tick(2.9) == []
    assert reply(leases.tick(3.0), 1) == Reply(EPOCH, False, 0, (), LEASE)


def test_the_wait_is_at_most_a_third_of_the_lease() -> None:
    """However long a validator asks to wait, its lease is renewed well before it ends."""
    leases = machine()
    join(leases, "a", 0.0)
    leases.poll(1, OWNER, poll("a", 0, wait=1000.0), 0.0)
    assert leases.wake_at() == pytest.approx(LEASE / 3)


def test_a_poll_without_wait_is_answered_at_once() -> None:
    """A wait of zero never parks."""
    leases = machine()
    join(leases, "a", 0.0)
    assert reply(leases.poll(1, OWNER, poll("a", 0, wait=0.0), 0.0), 1).events == ()


def test_a_parked_poll_is_answered_by_an_event() -> None:
    """News goes out at once to whoever waits for it."""
    leases = machine()
    join(leases, "a", 0.0)
    leases.poll(1, OWNER, poll("a", 0), 0.0)
    assert reply(leases.publish(event(1), 0.0, 1.0), 1) == Reply(EPOCH, False, 1, (event(1),), LEASE)


def test_a_second_poll_of_a_session_ends_the_first() -> None:
    """No poll stays behind when its client asked again."""
    leases = machine()
    join(leases, "a", 0.0)
    leases.poll(1, OWNER, poll("a", 0), 0.0)
    assert reply(leases.poll(2, OWNER, poll("a", 0), 1.0), 1).lease == LEASE
    assert reply(leases.publish(event(1), 0.0, 2.0), 2).head == 1


def test_a_client_that_hangs_up_is_unparked_but_keeps_its_lease() -> None:
    """A lost connection says nothing about what the validator still trusts."""
    leases = machine()
    join(leases, "a", 0.0)
    leases.poll(1, OWNER, poll("a", 0), 0.0)
    leases.hang_up(1)
    leases.hang_up(1)
    decisions = leases.publish(event(1), 0.0, 1.0)
    assert decisions == []
    assert leases.waiting_for(1, 1.0) == 1
    assert leases.wake_at() == 10.0


def test_a_revocation_without_leases_is_acknowledged_at_once() -> None:
    """Nobody to wait for means no wait."""
    leases = machine()
    assert leases.publish(event(1), 1.0, 1.5) == [Acknowledged(1, (), 0.5)]
    assert leases.waiting_for(1, 2.0) is None
    assert leases.wake_at() == float("inf")


def test_a_revocation_waits_for_the_ack_of_every_live_lease() -> None:
    """Delivery is not enough: the next poll's ack is what counts."""
    leases = machine()
    join(leases, "a", 0.0)
    join(leases, "b", 0.0)
    assert acknowledged(leases.publish(event(1), 0.0, 1.0)) == []
    assert acknowledged(leases.poll(1, OWNER, poll("a", 0), 1.0)) == []
    assert acknowledged(leases.poll(2, OWNER, poll("a", 1), 1.0)) == []
    assert acknowledged(leases.poll(3, OWNER, poll("b", 1), 1.0)) == [(1, 2, 0)]


def test_a_renewal_without_ack_delays_nobody_beyond_the_snapshot_end() -> None:
    """A validator that renews and never acks is waited for until the end its lease had at the snapshot."""
    leases = machine()
    join(leases, "a", 0.0)
    leases.publish(event(1), 0.0, 1.0)
    leases.poll(1, OWNER, poll("a", 0), 9.0)
    assert acknowledged(leases.tick(9.9)) == []
    assert leases.wake_at() == 10.0
    assert acknowledged(leases.tick(10.0)) == [(1, 0, 1)]


def test_the_snapshot_is_taken_before_parked_polls_are_renewed() -> None:
    """The answer that carries the event does not stretch the wait for its own ack."""
    leases = machine()
    join(leases, "a", 0.0)
    leases.poll(1, OWNER, poll("a", 0), 1.0)
    leases.publish(event(1), 2.0, 2.0)
    assert acknowledged(leases.tick(10.0)) == [(1, 0, 1)]


def test_a_lease_granted_after_the_snapshot_is_not_waited_for() -> None:
    """Who joins after the commit was told with its first answer."""
    leases = machine()
    join(leases, "a", 0.0)
    leases.publish(event(1), 0.0, 1.0)
    join(leases, "b", 1.0)
    assert acknowledged(leases.poll(1, OWNER, poll("a", 1), 2.0)) == [(1, 1, 0)]


def test_an_ended_lease_is_not_waited_for() -> None:
    """A validator whose lease is over trusts nothing, so it is neither confirmed nor expired."""
    leases = machine()
    join(leases, "a", 0.0)
    assert acknowledged(leases.publish(event(1), 10.0, 10.0)) == [(1, 0, 0)]


def test_the_wait_ends_with_the_last_lease_that_did_not_ack() -> None:
    """An ack of the longest lease lets the revocation go when the next longest ends."""
    leases = machine()
    join(leases, "a", 0.0)
    join(leases, "b", 2.0)
    leases.publish(event(1), 2.0, 3.0)
    leases.poll(1, OWNER, poll("b", 1), 4.0)
    leases.hang_up(1)
    assert leases.wake_at() == 10.0
    assert acknowledged(leases.tick(10.0)) == [(1, 1, 1)]


def test_nothing_is_acknowledged_before_the_gate() -> None:
    """After a restart leases nobody here knows of may run, so acks alone are not enough."""
    leases = machine(gate=10.0)
    join(leases, "a", 0.0)
    leases.publish(event(1), 0.0, 0.0)
    assert acknowledged(leases.poll(1, OWNER, poll("a", 1), 1.0)) == []
    assert leases.outstanding(9.9)
    leases.give_back(OWNER, "session-a", 2.0)
    assert leases.wake_at() == 10.0
    assert acknowledged(leases.tick(10.0)) == [(1, 1, 0)]


def test_what_an_earlier_life_left_unacknowledged_is_taken_up() -> None:
    """A revocation that was committed before a crash is acknowledged when the gate opens."""
    leases = machine(head=4, gate=10.0)
    leases.restore(4, -2.0)
    assert acknowledged(leases.tick(9.0)) == []
    assert leases.tick(10.0) == [Acknowledged(4, (), 12.0)]


def test_a_lease_that_is_given_back_counts_as_confirmed() -> None:
    """A validator that says it trusts nothing any more need not ack."""
    leases = machine()
    join(leases, "a", 0.0)
    leases.publish(event(1), 0.0, 0.0)
    assert acknowledged(leases.give_back(OWNER, "session-a", 1.0)) == [(1, 1, 0)]
    assert not leases.outstanding(1.0)


def test_giving_back_ends_a_parked_poll_without_a_lease() -> None:
    """The answer to a poll that was parked when its session ended grants nothing."""
    leases = machine()
    join(leases, "a", 0.0)
    leases.poll(1, OWNER, poll("a", 0), 0.0)
    assert reply(leases.give_back(OWNER, "session-a", 1.0), 1) == Reply(EPOCH, False, 0, (), 0.0)
    assert leases.give_back(OWNER, "session-a", 1.0) == []


def test_another_token_can_neither_ack_nor_end_a_session() -> None:
    """Knowing a session's id is of no use without its token."""
    leases = machine()
    join(leases, "a", 0.0)
    leases.publish(event(1), 0.0, 0.0)
    leases.poll(1, "token-two", poll("a", 1), 1.0)
    leases.give_back("token-two", "session-a", 1.0)
    assert leases.waiting_for(1, 1.0) == 1


def test_a_token_has_a_limited_number_of_sessions() -> None:
    """One token can't fill the memory, and sessions whose lease ended make room."""
    leases = machine(limit=2)
    join(leases, "a", 0.0)
    join(leases, "b", 5.0)
    assert leases.poll(1, OWNER, poll("c", 0), 9.0) == [Refused(1, CROWDED)]
    assert reply(leases.poll(2, "token-two", poll("c", 0), 9.0), 2).lease == LEASE
    assert reply(leases.poll(3, OWNER, poll("c", 0), 10.0), 3).lease == LEASE


def test_a_refused_poll_says_why() -> None:
    """Whoever runs the validator reads it in a log."""
    assert (CLOSING, CROWDED) == ("The issuer is shutting down", "This token has too many sessions")


def test_sessions_are_forgotten_some_time_after_their_lease_ended() -> None:
    """Dead validators cost nothing for ever, and a short absence costs no cache."""
    leases = machine()
    join(leases, "a", 0.0)
    leases.tick(leases.wake_at())
    assert not reply(leases.poll(1, OWNER, poll("a", 0, wait=0.0), 61.0), 1).reset
    for _ in range(3):
        leases.tick(leases.wake_at())
    assert leases.wake_at() == float("inf")
    assert reply(leases.poll(2, OWNER, poll("a", 0), 300.0), 2).reset


def test_a_closed_issuer_answers_what_is_parked_and_grants_nothing_more() -> None:
    """From the moment it closes no new lease can begin, so what is out can only end."""
    leases = machine()
    join(leases, "a", 0.0)
    leases.poll(1, OWNER, poll("a", 0), 0.0)
    assert reply(leases.close(1.0), 1).lease == LEASE
    assert leases.poll(2, OWNER, poll("a", 0), 2.0) == [Refused(2, CLOSING)]
    assert not leases.outstanding(11.0)


def test_an_old_poll_that_arrives_late_does_not_take_an_ack_back() -> None:
    """Acks only grow, in whatever order polls arrive."""
    leases = machine()
    join(leases, "a", 0.0)
    leases.publish(event(1), 0.0, 0.0)
    leases.poll(1, OWNER, poll("a", 1), 1.0)
    assert reply(leases.poll(2, OWNER, poll("a", 0), 2.0), 2).events == (event(1),)
    assert leases.head == 1


def test_what_goes_on_is_counted() -> None:
    """Leases count while they last, polls while they are parked, events until they are acknowledged, each of a go."""
    leases = machine()
    assert leases.counts(0.0) == Counts(0, 0, 0)
    join(leases, "a", 0.0)
    join(leases, "b", 5.0)
    leases.poll(1, OWNER, poll("b", 0), 5.0)
    assert leases.counts(6.0) == Counts(2, 1, 0)
    leases.publish(event(3), 6.0, 6.0, event(1), event(2))
    leases.publish(event(4), 6.0, 6.0)
    assert leases.counts(6.0) == Counts(2, 0, 4)
    leases.poll(2, OWNER, poll("b", 4), 7.0)
    assert leases.counts(10.0) == Counts(1, 1, 4)
    leases.tick(10.0)
    assert leases.counts(10.0) == Counts(1, 0, 0)


def test_each_validator_is_seen_as_it_is() -> None:
    """Its lease runs down and does not go below nothing; what it applied and calls itself is what it said last."""
    leases = machine()
    assert leases.seen(0.0) == []
    leases.poll(0, OWNER, Poll("session-a", None, 0, 3.0), 0.0)
    assert leases.seen(4.0) == [Seen(OWNER, "session-a", "", "", 6.0, 0, 4.0)]
    leases.publish(event(1), 4.0, 4.0)
    leases.poll(1, OWNER, Poll("session-a", EPOCH, 1, 3.0, "web-1", "0.2"), 5.0)
    assert leases.seen(25.0) == [Seen(OWNER, "session-a", "web-1", "0.2", 0.0, 1, 20.0)]
    leases.poll(2, "token-two", Poll("session-a", None, 0, 3.0), 25.0)
    assert [each.owner for each in leases.seen(25.0)] == [OWNER, "token-two"]
    leases.give_back(OWNER, "session-a", 26.0)
    assert [each.owner for each in leases.seen(26.0)] == ["token-two"]
