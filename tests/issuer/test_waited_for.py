"""Whom a revocation waits for, case by case, what its receipt says of them, and what is kept until then."""

import pytest

from rf_middleware._wire import Poll
from rf_middleware.issuer.decisions import Acknowledged, Decision, Outcome
from rf_middleware.issuer.waiting import Pending, Session, Waiting
from tests.issuer.test_leases import EPOCH, LEASE, OWNER, acknowledged, event, join, machine, poll


def outcomes(decisions: list[Decision]) -> list[Outcome]:
    """Return what the one receipt says of validators."""
    (found,) = [each.outcomes for each in decisions if isinstance(each, Acknowledged)]
    return list(found)


@pytest.mark.parametrize(("published", "back"), [(12.0, 13.0), (10.0, 10.0), (10.0, 11.0)])
def test_who_comes_back_after_its_lease_confirms_nothing(published: float, back: float) -> None:
    """It trusted nothing when the change was published: its ack does not stand for that of one who did."""
    leases = machine()
    join(leases, "a", 0.0)
    join(leases, "b", 5.0)
    leases.publish(event(1), published, published)
    assert acknowledged(leases.poll(1, OWNER, poll("a", 0), back)) == []
    assert acknowledged(leases.poll(2, OWNER, poll("a", 1), back)) == []
    assert leases.waiting_for(1, back) == 1
    assert acknowledged(leases.poll(3, OWNER, poll("b", 1), 14.0)) == [(1, 1, 0)]


def test_no_renewal_without_an_ack_ends_the_wait() -> None:
    """However often a validator polls and does not say that it has applied the change, its old lease is waited out."""
    leases = machine()
    join(leases, "a", 0.0)
    leases.publish(event(1), 1.0, 1.0)
    for now in (2.0, 3.0, 4.0):
        assert acknowledged(leases.poll(1, OWNER, poll("a", 0, wait=0.0), now)) == []
    assert acknowledged(leases.tick(9.9)) == []
    assert outcomes(leases.tick(LEASE)) == [Outcome("session-a", "", confirmed=False, after=9.0)]


def test_a_lease_that_ended_as_the_change_was_published_is_not_in_its_receipt() -> None:
    """A lease is good strictly before its end."""
    leases = machine()
    join(leases, "a", 0.0)
    join(leases, "b", 5.0)
    leases.publish(event(1), 10.0, 10.0)
    assert outcomes(leases.tick(15.0)) == [Outcome("session-b", "", confirmed=False, after=5.0)]


def test_a_receipt_says_who_confirmed_and_who_was_waited_out() -> None:
    """Each by session and name, with the seconds since the change was asked for."""
    leases = machine()
    for name in ("a", "b"):
        leases.poll(0, OWNER, Poll(f"session-{name}", None, 0, 3.0, f"web-{name}"), 1.0)
    leases.publish(event(1), 2.0, 2.5)
    assert acknowledged(leases.poll(1, OWNER, Poll("session-b", EPOCH, 1, 3.0, "web-b"), 5.0)) == []
    assert outcomes(leases.tick(11.0)) == [
        Outcome("session-b", "web-b", confirmed=True, after=3.0),
        Outcome("session-a", "web-a", confirmed=False, after=9.0),
    ]


def test_a_validator_that_is_long_gone_is_in_the_receipt() -> None:
    """After a restart a receipt may come minutes after a lease has ended: who held it is told all the same."""
    leases = machine(gate=200.0)
    join(leases, "a", 0.0)
    leases.publish(event(1), 0.0, 0.0)
    for now in (60.0, 120.0, 180.0):
        assert acknowledged(leases.tick(now)) == []
    assert leases.seen(180.0) == []
    leases.publish(event(2), 180.0, 180.0)
    old, new = (each for each in leases.tick(200.0) if isinstance(each, Acknowledged))
    assert old.outcomes == (Outcome("session-a", "", confirmed=False, after=10.0),)
    assert (new.outcomes, new.expired) == ((), 0)


def test_a_validator_that_does_not_ack_is_remembered_once() -> None:
    """However often it renews its lease, one end is what something waits for; none after the ack."""
    waiting, session = Waiting(), Session((OWNER, "session-a"), after=0, end=10.0)
    waiting.add(Pending(1, 0.0, 1.0, holders=1))
    for _ in range(50):
        waiting.granted(session, 2.0, 1, 12.0)
    assert [owed.end for owed in session.earlier] == [10.0]
    waiting.acked(session, 1, 3.0)
    assert session.earlier == ()


def test_a_revocation_remembers_the_last_hundred_acks() -> None:
    """It counts them all; its receipt names no more."""
    waiting, pending = Waiting(), Pending(1, 0.0, 1.0, holders=501)
    waiting.add(pending)
    for number in range(500):
        waiting.acked(Session((OWNER, f"session-{number}"), after=0, end=10.0), 1, 2.0)
    assert pending.confirmed == 500
    assert [each.session for each in pending.newest] == [f"session-{number}" for number in range(400, 500)]
