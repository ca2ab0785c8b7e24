"""The issuer's end of the lease protocol, for one process. Pure: no clock, no I/O, no asyncio.

* Every method takes ``now`` (seconds of one clock that only goes forward) and returns what to do.
* A poll is answered at once when there is something to tell, else it is parked and answered later, by its ticket.
* Every answer carries all events after the poll's ``ack``, or ``reset``; only such an answer grants a lease.
* ``publish`` counts the live leases, with their ends *as they are then*, before it answers anyone: a revocation is
  acknowledged when each of them has acked it, was given back, or ended (``waiting.py``). A later renewal carried the
  event, so it is not waited for.
* Nothing is acknowledged before ``gate``: until then leases of an earlier life of the issuer may run.
* A lease is never forgotten before it ended.
"""

import heapq
from collections import deque
from itertools import takewhile
from typing import Final

from rf_middleware._wire import Event, Poll, Reply
from rf_middleware.issuer.decisions import (
    CLOSING,
    CROWDED,
    Answer,
    Counts,
    Decision,
    Name,
    Refused,
    Seen,
)
from rf_middleware.issuer.waiting import Pending, Session, Waiting

__all__ = ["Leases"]

_REMEMBER: Final = 60.0
"""Seconds a session is remembered after its lease ended, so that it need not drop its cache when it comes back."""


class Leases:
    """Sessions, parked polls, leases, the event window, revocations on their way.

    Args:
        epoch: the history the events belong to.
        head: the newest event that was committed before this life began.
        lease: seconds each answer grants.
        gate: no acknowledgement before this time (restart rule).
        window: events kept; who is further behind gets ``reset``.
        sessions_per_owner: limit for each token.
    """

    def __init__(
        self,
        *,
        epoch: str,
        head: int,
        lease: float,
        gate: float,
        window: int = 10_000,
        sessions_per_owner: int = 10_000,
    ) -> None:
        self._epoch, self._lease, self._gate = epoch, lease, gate
        self._head = self._floor = head
        self._window, self._events = window, deque[Event]()
        self._nothing = self._reply()
        self._limit = sessions_per_owner
        self._sessions: dict[Name, Session] = {}
        self._counts: dict[str, int] = {}
        self._parked: dict[int, Name] = {}
        self._timeouts: list[tuple[float, int]] = []
        self._waiting = Waiting()
        self._sweep_at = float("inf")
        self._closed = False

    @property
    def head(self) -> int:
        """The newest event that was published."""
        return self._head

    def poll(self, ticket: int, owner: str, poll: Poll, now: float) -> list[Decision]:
        """Take in a poll; it is parked unless a decision names its ticket."""
        if self._closed:
            return [Refused(ticket, CLOSING)]
        name = (owner, poll.session)
        session = self._sessions.get(name)
        follows = session is not None and poll.epoch == self._epoch and self._floor <= poll.ack <= self._head
        if session is None:
            if not self._has_room(owner, now):
                return [Refused(ticket, CROWDED)]
            session = self._admit(name, now)
        # A second poll of one session: the client gave up on the first, which must not stay behind.
        decisions: list[Decision] = (
            [] if session.ticket is None else [self._answer(name, session.ticket, now, self._nothing)]
        )
        if follows:
            decisions += self._ack(session, poll.ack, now)
        session.called, session.version, session.heard = poll.name, poll.version, now
        if not follows or poll.ack < self._head or poll.wait <= 0:
            reply = self._reply(*self._after(poll.ack)) if follows else self._reply(reset=True)
            return [*decisions, self._grant(session, ticket, reply, now)]
        session.ticket, self._parked[ticket] = ticket, name
        heapq.heappush(self._timeouts, (now + min(poll.wait, self._lease / 3), ticket))
        return decisions

    def hang_up(self, ticket: int) -> None:
        """Unpark the poll of a client that went away; the lease it had stays."""
        name = self._parked.pop(ticket, None)
        if name is not None:
            self._sessions[name].ticket = None

    def give_back(self, owner: str, session: str, now: float) -> list[Decision]:
        """End the lease of a validator that says it trusts nothing any more."""
        name = (owner, session)
        known = self._sessions.get(name)
        if known is None:
            return []
        decisions: list[Decision] = []
        if known.ticket is not None:
            del self._parked[known.ticket]
            decisions.append(
                Answer(known.ticket, Reply(self._epoch, reset=False, head=self._head, events=(), lease=0.0))
            )
        self._forget(name)
        self._waiting.acked(known, self._head, now)
        return decisions + self._settle(now)

    def publish(self, event: Event, since: float, now: float, *before: Event) -> list[Decision]:
        """Tell of committed events: the snapshot first, one for them all, then the parked polls.

        Args:
            event: the newest of the history.
            since: when the change was asked for.
            now: the time.
            before: those that were committed with it, in order.
        """
        holders = sum(each.end > now for each in self._sessions.values())
        self._waiting.add(Pending(event.seq, since, now, holders, tuple(each.seq for each in before)))
        self._head = event.seq
        news = (*before, event)
        self._events.extend(news)
        while len(self._events) > self._window:
            self._floor = self._events.popleft().seq
        self._nothing, reply = self._reply(), self._reply(*news)  # one reply for all: it is written once
        told: list[Decision] = [self._answer(name, ticket, now, reply) for ticket, name in list(self._parked.items())]
        return told + self._settle(now)

    def restore(self, seq: int, since: float) -> None:
        """Take up an event that an earlier life committed but did not acknowledge: the gate is all it waits for."""
        self._waiting.add(Pending(seq, since, float("-inf"), 0))

    def tick(self, now: float) -> list[Decision]:
        """Do what is due: polls that waited long enough, leases that ended."""
        decisions: list[Decision] = []
        while self._timeouts and self._timeouts[0][0] <= now:
            ticket = heapq.heappop(self._timeouts)[1]
            if ticket in self._parked:
                decisions.append(self._answer(self._parked[ticket], ticket, now, self._nothing))
        if now >= self._sweep_at:
            self._sweep(now - _REMEMBER)
            self._sweep_at = now + _REMEMBER if self._sessions else float("inf")
        return decisions + self._settle(now)

    def wake_at(self) -> float:
        """Return when ``tick`` is needed next; infinity for never."""
        while self._timeouts and self._timeouts[0][1] not in self._parked:
            heapq.heappop(self._timeouts)
        return min([self._sweep_at, self._due(), *(due for due, _ in self._timeouts[:1])])

    def close(self, now: float) -> list[Decision]:
        """Answer every parked poll and grant no lease from now on."""
        parked = list(self._parked.items())
        decisions: list[Decision] = [self._answer(name, ticket, now, self._nothing) for ticket, name in parked]
        self._closed = True
        return decisions

    def outstanding(self, now: float) -> bool:
        """Say whether any lease, of this life or an earlier one, may still run."""
        return now < self._gate or any(session.end > now for session in self._sessions.values())

    def waiting_for(self, seq: int, now: float) -> int | None:
        """Return how many validators an event still waits for; ``None`` when it is not pending."""
        pending = self._waiting.find(seq)
        if pending is None:
            return None
        ends = (pending.end_for(session) for session in self._sessions.values())
        return sum(end is not None and end > now for end in ends)

    def counts(self, now: float) -> Counts:
        """Return how much is going on."""
        held = sum(session.end > now for session in self._sessions.values())
        return Counts(held, len(self._parked), self._waiting.count())

    def seen(self, now: float) -> list[Seen]:
        """Return every validator that is remembered."""
        return [session.seen(now) for session in self._sessions.values()]

    def _answer(self, name: Name, ticket: int, now: float, reply: Reply) -> Answer:
        """Answer a parked poll, which by being parked had applied all but what the reply tells."""
        del self._parked[ticket]
        session = self._sessions[name]
        session.ticket = None
        return self._grant(session, ticket, reply, now)

    def _grant(self, session: Session, ticket: int, reply: Reply, now: float) -> Answer:
        self._waiting.granted(session, now, self._head, now + self._lease)
        return Answer(ticket, reply)

    def _reply(self, *events: Event, reset: bool = False) -> Reply:
        return Reply(self._epoch, reset, self._head, events, self._lease)

    def _after(self, seq: int) -> tuple[Event, ...]:
        """Return the events after this one: the newest, of which there are few."""
        newest = list(takewhile(lambda event: event.seq > seq, reversed(self._events)))
        return tuple(reversed(newest))

    def _ack(self, session: Session, seq: int, now: float) -> list[Decision]:
        if seq <= session.acked:
            return []
        self._waiting.acked(session, seq, now)
        return self._settle(now)

    def _due(self) -> float:
        return max(self._gate, self._waiting.due(self._sessions.values()))

    def _settle(self, now: float) -> list[Decision]:
        done: list[Decision] = []
        while self._waiting and now >= self._due():
            done.append(self._waiting.acknowledge(self._sessions.values(), now))
        return done

    def _has_room(self, owner: str, now: float) -> bool:
        if self._counts.get(owner, 0) >= self._limit:
            self._sweep(now)
        return self._counts.get(owner, 0) < self._limit

    def _admit(self, name: Name, now: float) -> Session:
        session = self._sessions[name] = Session(name, after=self._head)
        self._counts[name[0]] = self._counts.get(name[0], 0) + 1
        self._sweep_at = min(self._sweep_at, now + _REMEMBER)
        return session

    def _sweep(self, before: float) -> None:
        """Forget the sessions whose lease ended by then and that have no poll here."""
        gone = [name for name, session in self._sessions.items() if session.end <= before and session.ticket is None]
        for name in gone:
            self._waiting.forget(self._sessions[name])
            self._forget(name)

    def _forget(self, name: Name) -> None:
        del self._sessions[name]
        self._counts[name[0]] -= 1
        if not self._counts[name[0]]:
            del self._counts[name[0]]
