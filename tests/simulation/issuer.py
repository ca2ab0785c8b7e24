"""The issuer: the real leases, and a model of what drives them (``issuer.revocations``) through several lives.

A change is committed; later, in one go, what is committed is published. A repeated change is answered when the
first one is acknowledged. The process may be stopped after it has read its clock, but does one thing at a time.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

from rf_middleware._wire import Event, Poll, Reply
from rf_middleware.issuer.decisions import Acknowledged, Answer, Decision
from rf_middleware.issuer.leases import Leases
from tests.simulation.database import Database
from tests.simulation.oracle import Oracle
from tests.simulation.things import LEASES, TOKEN, End, Key, Process

WINDOW = 4
"""Events that are kept for validators that are behind."""
SESSIONS = (2, 5)
"""Sessions a token may have; three validators do not fit into two."""


@dataclass(eq=False)
class Polling:
    """A poll at the issuer: parked until there is a reply."""

    process: Process
    owner: str
    poll: Poll
    reply: Reply | None = None


class Issuer:
    """One issuer on one database.

    Args:
        oracle: is told of everything that can be seen from outside.
        clock: its clock.
        choose: says whether a receipt is stored at once, and the like.
        database: what outlives it.
        leases: makes the leases of a life.

    Attributes:
        told: the epoch and ``seq`` up to which each session has said that it applied the events.
    """

    def __init__(
        self,
        oracle: Oracle,
        clock: Callable[[], float],
        choose: Callable[[int], int],
        database: Database,
        leases: type[Leases],
    ) -> None:
        self.oracle, self.clock, self.choose, self.database, self.leases_type = oracle, clock, choose, database, leases
        self.told: dict[str, tuple[int, int]] = {}
        self.parked: dict[int, Polling] = {}
        self.unstored: set[int] = set()
        self._tickets = itertools.count()
        self.closing = False
        self.begin(LEASES[0])

    # ---- lives

    def begin(self, lease: float) -> None:
        """Begin a life."""
        self.closing = False
        self.parked.clear()
        self.unstored.clear()
        life = self.database.begin_life(lease)
        started = self.clock()
        self.lease, self.gate = lease, started + life.wait
        self.leases = self.leases_type(
            epoch=life.epoch,
            head=life.head,
            lease=lease,
            gate=self.gate,
            window=WINDOW,
            sessions_per_owner=SESSIONS[self.choose(2)],
        )
        self.oracle.begins(self.gate, life.unfinished)
        for seq in life.unfinished:
            self.leases.restore(seq, started)
        self._perform(self.leases.tick(started), started)

    def stop(self) -> None:
        """Grant no lease from now on; what is under way goes on."""
        now = self.clock()
        self._perform(self.leases.close(now), now)
        self.closing = True

    def exit(self) -> None:
        """End this life after a stop."""
        self.store_receipts()
        self.database.end_life(outstanding=self.leases.outstanding(self.clock()))

    # ---- the feed

    def poll(self, process: Process, owner: str, poll: Poll) -> Polling:
        """Take in a poll."""
        ticket, now = next(self._tickets), self.clock()
        polling = self.parked[ticket] = Polling(process, owner, poll)
        decisions = self.leases.poll(ticket, owner, poll, now)
        mine = [each for each in decisions if not isinstance(each, Acknowledged) and each.ticket == ticket]
        follows = poll.epoch == str(self.database.epoch)
        if follows and all(isinstance(each, Answer) and not each.reply.reset for each in mine):
            if owner == TOKEN:
                self.told[poll.session] = max(self.told.get(poll.session, (0, 0)), (self.database.epoch, poll.ack))
            self.oracle.confirms((owner, poll.session), poll.ack, now)
        self._perform(decisions, now)
        return polling

    def hang_up(self, ticket: int) -> None:
        """Let the client of a parked poll be gone."""
        del self.parked[ticket]
        self.leases.hang_up(ticket)

    def give_back(self, owner: str, session: str) -> None:
        """Take a lease back."""
        now = self.clock()
        decisions = self.leases.give_back(owner, session, now)
        self.oracle.gives_back((owner, session), now)
        self._perform(decisions, now)

    # ---- changes

    def commit(self, change: str, keys: list[Key], workspace: str | None = None) -> None:
        """Commit a change, or find that another program has."""
        self.database.commit(change, keys, workspace)

    def _next(self, most: int) -> list[Event]:
        return self.database.events_after(self.leases.head)[:most]

    def publish(self, most: int) -> None:
        """Publish what is committed in one go, ``most`` events at most."""
        news, now = self._next(most), self.clock()
        for event in news:
            self.oracle.publishes(event.seq, now)
        if news:
            self._perform(self.leases.publish(news[-1], now, now, *news[:-1]), now)

    def repeat(self, end: End) -> None:
        """Answer somebody who ends once more what has ended, if that can be answered already."""
        self.publish(self.database.head)
        seq = max(row.event.seq for row in self.database.log if row.end is not None and end.keys[0] in row.end.keys)
        if self.is_acknowledged(seq):
            self.oracle.holds(end)

    def is_acknowledged(self, seq: int) -> bool:
        """Tell whether an event is known to hold everywhere."""
        return seq in self.unstored or self.database.log[seq - 1].finished

    def store_receipts(self) -> None:
        """Store the receipts that are not stored yet."""
        for seq in self.unstored:
            self.database.finish(seq)
        self.unstored.clear()

    # ---- time and decisions

    def tick(self) -> None:
        """Serve the timer."""
        now = self.clock()
        if now >= self.leases.wake_at():
            self._perform(self.leases.tick(now), now, served=True)

    def _perform(self, decisions: list[Decision], now: float, *, served: bool = False) -> None:
        for decision in decisions:
            if isinstance(decision, Acknowledged):
                self._acknowledged(decision)
                continue
            polling = self.parked.pop(decision.ticket)
            if isinstance(decision, Answer):
                polling.reply = decision.reply
                if decision.reply.lease:
                    self.oracle.grants((polling.owner, polling.poll.session), now + decision.reply.lease)
                polling.process.replies.append((polling.poll, decision.reply))
        self.oracle.is_in_time(self.leases, now, served=served)

    def _acknowledged(self, done: Acknowledged) -> None:
        self.oracle.acknowledges(done)
        seqs = (*done.also, done.seq)
        self.unstored.update(seqs)
        if self.choose(4):  # else a crash may lose it
            self.store_receipts()
        for end in [self.database.log[seq - 1].end for seq in seqs]:
            if end is not None:
                self.oracle.holds(end)
