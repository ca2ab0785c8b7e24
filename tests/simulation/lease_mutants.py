"""Leases that lack one rule each: the issuer's end of the protocol. The rules are those of the issuer."""

import heapq
from dataclasses import replace
from typing import Final

from rf_middleware._wire import Event, Poll, Reply
from rf_middleware.issuer.decisions import Answer, Decision, Name
from rf_middleware.issuer.leases import Leases
from rf_middleware.issuer.waiting import Owed, Session, Waiting


class WaitsForRenewedEnds(Leases):
    """Rule 2: ends as they are at the commit are waited for, not those of a renewal."""

    def _grant(self, session: Session, ticket: int, reply: Reply, now: float) -> Answer:
        renewed, after = now < session.end, session.after
        answer = super()._grant(session, ticket, reply, now)
        if renewed:
            session.earlier, session.after = (), after
            self._waiting._by_end = None
        return answer


class WaitsForNewcomers(Leases):
    """Rule 2: a lease granted after the snapshot is not waited for."""

    def _admit(self, name: Name, now: float) -> Session:
        session = super()._admit(name, now)
        session.earlier = (Owed(0, self._head, now + self._lease),)
        for pending in self._waiting._pending:
            pending.holders += 1
        self._waiting._behind = self._waiting._by_end = None
        return session


class CountsTheDead(Leases):
    """Rule 2: only live leases are in the snapshot."""

    def publish(self, event: Event, since: float, now: float, *before: Event) -> list[Decision]:
        for session in self._sessions.values():
            session.end = max(session.end, now + 0.001)
        return super().publish(event, since, now, *before)


class SnapshotsTooLittle(Leases):
    """Rule 2: each live lease is waited for, not only those whose validator has a poll here."""

    def publish(self, event: Event, since: float, now: float, *before: Event) -> list[Decision]:
        parked = set(self._parked.values())
        decisions = super().publish(event, since, now, *before)
        for name, session in self._sessions.items():
            if name not in parked:
                self._waiting.acked(session, event.seq, now)
        return decisions + self._settle(now)


class AcksOnDelivery(Leases):
    """Rule 2: what was sent is not applied yet."""

    def publish(self, event: Event, since: float, now: float, *before: Event) -> list[Decision]:
        parked = set(self._parked.values())
        decisions = super().publish(event, since, now, *before)
        for name in parked:
            self._waiting.acked(self._sessions[name], event.seq, now)
        return decisions + self._settle(now)


class TakesAnyPollForAnAck(Leases):
    """Rule 2: a poll acknowledges what it says, not what it could have heard."""

    def _ack(self, session: Session, seq: int, now: float) -> list[Decision]:
        return super()._ack(session, self._head, now)


class ForgetsWhoWentAway(Leases):
    """Rule 3: a lease is never forgotten early, also not when its client hangs up."""

    def hang_up(self, ticket: int) -> None:
        name = self._parked.get(ticket)
        super().hang_up(ticket)
        if name is not None:
            self._forget(name)


class SweepsEarly(Leases):
    """Rule 3: a lease is never forgotten early, also not to make room."""

    def _sweep(self, before: float) -> None:
        super()._sweep(before + self._lease)


class ForgetsTheGate(Leases):
    """Rule 3: leases of an earlier life count as outstanding until the gate."""

    def outstanding(self, now: float) -> bool:
        return any(session.end > now for session in self._sessions.values())


class KeepsNoFloor(Leases):
    """Feed: who is behind the oldest kept event is reset."""

    def poll(self, ticket: int, owner: str, poll: Poll, now: float) -> list[Decision]:
        self._floor = 0
        return super().poll(ticket, owner, poll, now)


class KnowsEveryEpoch(Leases):
    """Feed: another epoch is reset."""

    def poll(self, ticket: int, owner: str, poll: Poll, now: float) -> list[Decision]:
        epoch = None if poll.epoch is None else self._epoch
        return super().poll(ticket, owner, replace(poll, epoch=epoch), now)


class KnowsNoTokens(Leases):
    """Rule 6: no other token can ack or end a session."""

    def poll(self, ticket: int, owner: str, poll: Poll, now: float) -> list[Decision]:
        return super().poll(ticket, "token", poll, now)

    def give_back(self, owner: str, session: str, now: float) -> list[Decision]:
        return super().give_back("token", session, now)


class SkipsTheParked(Leases):
    """Feed: every answer carries all events after the ack of its poll."""

    def publish(self, event: Event, since: float, now: float, *before: Event) -> list[Decision]:
        told = super().publish(event, since, now, *before)
        for each in told:
            if isinstance(each, Answer):
                object.__setattr__(each.reply, "events", ())
        return told


class IgnoresWhoGivesBack(Leases):
    """Feed: who gave the lease back is not waited for."""

    def give_back(self, owner: str, session: str, now: float) -> list[Decision]:
        gone, waiting = self._sessions.get((owner, session)), self._waiting
        self._waiting = Waiting()
        decisions = super().give_back(owner, session, now)
        self._waiting = waiting
        if gone is not None:
            waiting.forget(gone)
        return decisions


class SetsNoTimer(Leases):
    """L: the end of a lease that is waited for is when to wake."""

    def wake_at(self) -> float:
        return min([self._sweep_at, *(due for due, _ in heapq.nsmallest(1, self._timeouts))])


MUTANTS: Final[dict[type[Leases], tuple[str, ...]]] = {
    WaitsForRenewedEnds: ("L:",),
    WaitsForNewcomers: ("L:",),
    CountsTheDead: ("receipt:",),
    SnapshotsTooLittle: ("R:",),
    AcksOnDelivery: ("R:",),
    TakesAnyPollForAnAck: ("R:",),
    ForgetsWhoWentAway: ("R:", "hang_up", "renew"),
    SweepsEarly: ("R:", "kill", "renew", "renew", "come_and_go"),
    ForgetsTheGate: ("R:",),
    KeepsNoFloor: ("R:",),
    KnowsEveryEpoch: ("receipt:", "restore", "take_poll", "renew"),
    KnowsNoTokens: ("R:",),
    SkipsTheParked: ("R:",),
    IgnoresWhoGivesBack: ("L:",),
    SetsNoTimer: ("L:",),
}
"""Each without a rule, the promise that it breaks, and what happens often in the stories that show it."""
