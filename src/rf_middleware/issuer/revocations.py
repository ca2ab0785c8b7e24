"""Drives the leases on the event loop: parks polls, sets the one timer. The only way to end a key.

* One change at a time: commit, then *in one go on the loop* publish, snapshot, wake the parked polls.
  So events are published in the order of their ``seq``, and nobody follows past one it was not told.
* What is published is read from the log, not remembered: an event whose commit was not confirmed to us
  (or that another program wrote) goes out with the next one, before anything is said about it.
* A change runs in a task of its own: a client that hangs up neither undoes nor forgets it.
"""

import asyncio
import itertools
import logging
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from rf_middleware._clock import Clock, now
from rf_middleware._wire import Event, Poll
from rf_middleware.issuer.alarm import Alarm
from rf_middleware.issuer.audit import NOBODY, By
from rf_middleware.issuer.background import Background
from rf_middleware.issuer.changes import Change, edit
from rf_middleware.issuer.decisions import Acknowledged, Counts, Decision, Seen
from rf_middleware.issuer.leases import Leases
from rf_middleware.issuer.lost import Lost
from rf_middleware.issuer.metrics import Metrics
from rf_middleware.issuer.polls import Decided, Polls
from rf_middleware.issuer.receipts import Receipts
from rf_middleware.issuer.records import Ended, Receipt
from rf_middleware.issuer.store import Store

__all__ = ["Revocations"]

_log = logging.getLogger("rf_middleware.issuer")


class Revocations(Background):
    """The feed, the choke point, the receipts.

    Made and used on one running event loop; ``close`` ends it.

    Args:
        store: the database.
        lease: seconds granted with each answer of the feed.
        clock: the clock that leases are measured on.
        starts: the last one before this, and this one (``serving.py``).

    Attributes:
        metrics: what is counted here, and by the routes.
        receipts: who confirmed what.
    """

    def __init__(
        self, store: Store, lease: float, clock: Clock = now, starts: tuple[str | None, str | None] = (None, None)
    ) -> None:
        super().__init__()
        self._store, self._clock, self.metrics = store, clock, Metrics()
        life = store.begin_life(lease, *starts)
        self._lost = Lost(life, store.path, self.metrics)
        # The gate is counted from here, after the last life's process is known to be gone.
        started = clock()
        self._leases = Leases(epoch=life.epoch, head=life.head, lease=lease, gate=started + life.wait)
        for seq, ago in life.unfinished:
            self._leases.restore(seq, started - ago)
        self._tickets = itertools.count()
        self._polls = Polls()
        self._settled: dict[int, asyncio.Event] = {seq: asyncio.Event() for seq, _ in life.unfinished}
        self.receipts = Receipts(store, self)
        self._one_change = asyncio.Lock()
        self._alarm = Alarm(self._tick)
        self._closing = False
        self._perform(self._leases.tick(started))

    # The feed

    def poll(self, owner: str, poll: Poll, answer: Callable[[Decided], None]) -> int:
        """Take in a poll; return its ticket.

        Args:
            owner: the token it came with.
            poll: what it says.
            answer: called with what comes of it, now or later.
        """
        self._lost.hear(poll)
        ticket = next(self._tickets)
        self._polls.wait(ticket, answer)
        self._perform(self._leases.poll(ticket, owner, poll, self._clock()))
        return ticket

    def hang_up(self, ticket: int) -> None:
        """Unpark the poll of a client that went away; one that was answered is not concerned."""
        self._polls.drop(ticket)
        self._leases.hang_up(ticket)

    def give_back(self, owner: str, session: str) -> None:
        """End the lease of a validator that shuts down."""
        self._perform(self._leases.give_back(owner, session, self._clock()))

    # The choke point

    async def apply(self, change: Change, by: By) -> Ended:
        """End, shrink or restore keys: from here on every check sees it, and every validator is being told."""
        return await asyncio.shield(self._spawn(self._apply(change, by)))

    async def _apply(self, change: Change, by: By) -> Ended:
        since = self._clock()
        async with self._one_change:
            ended, news = await self.write(self._commit, change, by, self._leases.head)
            for event in news:
                self._settled[event.seq] = settled = asyncio.Event()
                if self._closing:
                    settled.set()
            if news:
                self.metrics.published(news)
                self._perform(self._leases.publish(news[-1], since, self._clock(), *news[:-1]))
        if isinstance(ended, Exception):
            raise ended
        return ended

    def _commit(self, change: Change, by: By, head: int) -> tuple[Ended | Exception, list[Event]]:
        """Make a change, then read what is new in the log, in one go of the writing thread."""
        ended: Ended | Exception
        try:
            ended = self._store.apply(change, by)
        except Exception as error:  # noqa: BLE001 - an error at the commit does not mean that nothing was committed
            ended = error
        return ended, self._store.events_after(head)

    async def settled(self, seq: int) -> Receipt | None:
        """Wait until an event holds everywhere; ``None`` when the issuer shuts down first."""
        settled = self._settled.get(seq)
        receipt = await self.receipts.of(seq)  # read while validators are being told, so that their word is the last
        if receipt is not None and settled is not None:
            await settled.wait()
            receipt = await self.receipts.completed(seq, receipt)
        return receipt if receipt is not None and receipt.done is not None else None

    async def last_holds(self, key_id: str) -> None:
        """Wait until what was last done to a key holds everywhere: a repeat is answered no sooner than that."""
        ended = await self.apply(edit(key_id, {}), NOBODY)
        await self.settled(ended.seq)

    async def is_done(self, seq: int) -> bool:
        """Say whether an event holds everywhere."""
        known = await self.receipts.of(seq)
        return known is not None and known.done is not None

    @property
    def head(self) -> int:
        """The newest event that was published."""
        return self._leases.head

    def waiting_for(self, seq: int) -> int:
        """Return how many validators an event waits for."""
        return self._leases.waiting_for(seq, self._clock()) or 0

    def counts(self) -> Counts:
        """Return how much is going on."""
        return self._leases.counts(self._clock())

    def seen(self) -> list[Seen]:
        """Return every validator that is remembered."""
        return self._leases.seen(self._clock())

    # The end

    @property
    def closing(self) -> bool:
        """Whether no lease is granted any more."""
        return self._closing

    def stop(self) -> None:
        """Answer the parked polls and those who wait for a revocation (it goes on in the next life)."""
        if not self._closing:
            self._closing = True
            self._perform(self._leases.close(self._clock()))
            self._polls.send_all()
            for settled in self._settled.values():
                settled.set()

    async def close(self) -> None:
        """Stop; finish changes and receipts; note that it ended in order, and whether a lease is out."""
        self.stop()
        await self._finish_tasks()
        self._alarm.end()
        await self.write(self._end_life, self._leases.outstanding(self._clock()))
        self._end_threads()

    def _end_life(self, outstanding: bool) -> None:  # noqa: FBT001 - handed to a thread
        try:
            self._store.end_life(outstanding=outstanding)
        except SQLAlchemyError as error:  # the next server takes this one for one that crashed
            _log.error("the end of this server is not noted: %s", type(error).__name__)

    # Decisions

    def _perform(self, decisions: list[Decision]) -> None:
        for decision in decisions:
            if isinstance(decision, Acknowledged):
                self.receipts.add(decision)
                for seq in (*decision.also, decision.seq):
                    self._settled.pop(seq).set()
                self.metrics.acknowledged(decision)
                self._spawn(self.receipts.keep(decision))
            else:
                self._polls.decide(decision)
        self._alarm.set(self._leases.wake_at(), self._clock())
        self._polls.send()

    def _tick(self) -> None:
        self._perform(self._leases.tick(self._clock()))
