"""What an issuer keeps of validators and events: how many, for how long, and what holds at the instant of an end."""

import pytest

from rf_middleware.issuer.decisions import CROWDED, Refused
from tests.issuer.test_leases import OWNER, acknowledged, event, join, machine, poll, reply


def test_a_short_wait_is_a_wait() -> None:
    """A poll that may wait for half a second is parked for half a second."""
    leases = machine()
    join(leases, "a", 0.0)
    assert leases.poll(1, OWNER, poll("a", 0, wait=0.5), 1.0) == []
    assert leases.wake_at() == 1.5


def test_after_hanging_up_a_client_polls_anew() -> None:
    """The poll that is gone is not answered once more, and neither is it when the lease is given back."""
    leases = machine()
    join(leases, "a", 0.0)
    for ticket in (1, 2):
        assert leases.poll(ticket, OWNER, poll("a", 0), 1.0) == []
        leases.hang_up(ticket)
    assert leases.give_back(OWNER, "session-a", 2.0) == []


def test_the_window_holds_as_many_events_as_it_says() -> None:
    """Whoever is as far behind as that is told them all; one more, and it begins anew."""
    leases = machine(window=2)
    for session in ("a", "b"):
        join(leases, session, 0.0)
    for seq in (1, 2, 3):
        leases.publish(event(seq), 0.0, 0.0)
    answer = reply(leases.poll(1, OWNER, poll("a", 1), 1.0), 1)
    assert (answer.reset, answer.events) == (False, (event(2), event(3)))
    assert reply(leases.poll(2, OWNER, poll("b", 0), 1.0), 2).reset


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_each_session_that_is_over_makes_room_for_one(limit: int) -> None:
    """A token has all its sessions again when their leases have ended, time after time, and no more than before."""
    leases = machine(limit=limit)
    for life in range(4):
        now = life * 20.0
        for number in range(limit):
            assert reply(leases.poll(1, OWNER, poll(f"{life} {number}", 0), now), 1).lease
        assert leases.poll(2, OWNER, poll(f"{life} more", 0), now + 1.0) == [Refused(2, CROWDED)]


def test_who_does_not_come_back_is_forgotten() -> None:
    """It is looked at once a minute while there is anybody to forget, and not after that."""
    leases = machine()
    join(leases, "a", 0.0)
    assert leases.wake_at() == 60.0
    leases.tick(60.0)
    assert leases.wake_at() == 120.0
    leases.tick(120.0)
    assert leases.seen(120.0) == []
    assert leases.wake_at() == float("inf")


def test_at_its_end_a_lease_is_over() -> None:
    """Nothing is outstanding and nobody is waited for at the very instant, of this life or of an earlier one."""
    leases = machine(gate=5.0)
    assert leases.outstanding(4.9)
    assert not leases.outstanding(5.0)
    join(leases, "a", 0.0)
    leases.publish(event(1), 0.0, 0.0)
    assert leases.waiting_for(1, 9.9) == 1
    assert leases.waiting_for(1, 10.0) == 0
    assert acknowledged(leases.tick(10.0)) == [(1, 0, 1)]


def test_whoever_comes_meanwhile_costs_nobody_a_cache() -> None:
    """A validator that was away for some seconds follows on, while tokens without a session begin."""
    leases = machine(limit=1)
    join(leases, "a", 0.0)
    join(leases, "b", 20.0, "token-two")
    assert not reply(leases.poll(1, OWNER, poll("a", 0, wait=0.0), 30.0), 1).reset
