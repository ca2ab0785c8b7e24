"""Which revocations wait for which validators, and until when. Pure.

* A revocation waits for each validator that held a lease when it was published: until it acks that ``seq`` or a later
  one, gives its lease back, or the lease ends *as it was then*. What is renewed later is of no account.
* Revocations are done in the order of their ``seq``: whoever the older one waits for, the newer one does too, and for
  no less long. So only the oldest needs a list of those it waits for.
* So a thousand revocations and ten thousand validators cost what they cost one by one: a revocation keeps counts, and
  a validator the ends of those of its leases that something still waits for; one that acks what it was told has one.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from operator import attrgetter, itemgetter
from typing import Final, NamedTuple

from rf_middleware.issuer.decisions import Acknowledged, Name, Outcome, Seen

__all__ = ["REPORTED", "Owed", "Pending", "Session", "Waiting"]

REPORTED: Final = 100
"""Validators that a receipt names at most; it counts them all."""

_seq = attrgetter("seq")
_at = attrgetter("at")


class Owed(NamedTuple):
    """What was published during one lease: the events after one and up to another wait until its end."""

    after: int
    upto: int
    end: float


class Confirmed(NamedTuple):
    """Who said when that it has applied events; one for all of them."""

    session: str
    called: str
    at: float


@dataclass(slots=True, eq=False)
class Session:
    """What is remembered of a validator.

    Attributes:
        name: its token and session.
        after: the newest event when its lease was granted, which told of it.
        end: when that ends.
        acked: the newest event that it said it has applied.
        earlier: what was published during earlier leases, which may still be waited for.
        ticket: of the poll that is parked.
    """

    name: Name
    after: int
    end: float = 0.0
    acked: int = 0
    earlier: tuple[Owed, ...] = ()
    ticket: int | None = None
    called: str = ""
    version: str = ""
    heard: float = 0.0

    def seen(self, now: float) -> Seen:
        """Return it as it is now."""
        return Seen(*self.name, self.called, self.version, max(0.0, self.end - now), self.acked, now - self.heard)


@dataclass(slots=True)
class Pending:
    """An event, and those published with it, not acknowledged yet.

    Attributes:
        since: when the change was asked for.
        at: when it was published.
        holders: how many validators held a lease then.
        confirmed: how many of them have acked it since.
        newest: the last of those.
    """

    seq: int
    since: float
    at: float
    holders: int
    also: tuple[int, ...] = ()
    confirmed: int = 0
    newest: deque[Confirmed] = field(default_factory=lambda: deque[Confirmed](maxlen=REPORTED))

    def end_for(self, session: Session) -> float | None:
        """Return until when it waits for a validator; ``None`` when it does not."""
        if self.seq <= session.acked:
            return None
        for owed in session.earlier:
            if owed.after < self.seq <= owed.upto:
                return owed.end
        return session.end if session.after < self.seq and self.at < session.end else None


class Waiting:
    """The revocations on their way."""

    def __init__(self) -> None:
        self._pending: list[Pending] = []
        self._behind: list[Session] | None = None
        self._ended: list[Session] = []
        self._by_end: list[Session] | None = None
        self._forgotten: list[Session] = []

    def add(self, pending: Pending) -> None:
        """Take up an event that was published just now."""
        self._pending.append(pending)
        self._behind = None

    def __bool__(self) -> bool:
        return bool(self._pending)

    def count(self) -> int:
        """Return how many events are not acknowledged."""
        return sum(1 + len(each.also) for each in self._pending)

    def find(self, seq: int) -> Pending | None:
        """Return an event that is not acknowledged, or the one it was published with."""
        return next((each for each in self._pending if seq == each.seq or seq in each.also), None)

    def granted(self, session: Session, now: float, head: int, end: float) -> None:
        """Note that a validator was told of all events up to the head, and got a lease."""
        if self._pending:
            upto = head if now < session.end else self._published_before(session.end)
            first = self._pending[0].seq
            kept = tuple(owed for owed in session.earlier if owed.upto >= first)
            # Nothing was published during this lease, or all of it is acked or acknowledged.
            news = upto >= first and upto > max(session.after, session.acked)
            session.earlier = (*kept, Owed(session.after, upto, session.end)) if news else kept
        else:
            session.earlier = ()
        session.after, session.end = head, end

    def acked(self, session: Session, seq: int, now: float) -> None:
        """Note that a validator has applied all events up to this one, which it had not before."""
        if self._pending:
            said = Confirmed(session.name[1], session.called, now)
            upto = self._published_before(session.end)
            for owed in (*session.earlier, Owed(session.after, upto, session.end)):
                for pending in self._between(max(owed.after, session.acked), min(owed.upto, seq)):
                    pending.confirmed += 1
                    pending.newest.append(said)
        session.acked = seq
        session.earlier = tuple(owed for owed in session.earlier if owed.upto > seq)

    def forget(self, session: Session) -> None:
        """Keep a validator whose lease has ended, and that nobody else remembers, for the receipts."""
        if any(pending.end_for(session) is not None for pending in self._pending):
            self._forgotten.append(session)

    def due(self, sessions: Iterable[Session]) -> float:
        """Return when the oldest event holds everywhere, whoever does not answer; infinity when there is none."""
        if not self._pending:
            return float("inf")
        oldest = self._pending[0]
        if oldest.confirmed == oldest.holders:
            return float("-inf")
        if self._by_end is None:
            self._by_end = self._waited_for(oldest, sessions)
        while self._by_end:
            end = oldest.end_for(self._by_end[-1])
            if end is not None:
                return end
            self._by_end.pop()
        return float("-inf")

    def acknowledge(self, sessions: Iterable[Session], now: float) -> Acknowledged:
        """Return what came of the oldest event, which is due."""
        done = self._pending[0]
        expired = done.holders - done.confirmed
        silent: Iterable[Session] = ()
        if expired:
            behind = self._look(sessions)
            # Whose lease is over holds up nothing that was published so far.
            self._ended += (each for each in behind if each.end <= now)
            self._behind = [each for each in behind if each.end > now]
            silent = chain(self._behind, self._ended)
        outcomes = tuple(_outcomes(done, silent))
        del self._pending[0]
        self._by_end = None
        if not self._pending:
            self._forgotten.clear()
            self._ended.clear()
        return Acknowledged(done.seq, outcomes, now - done.since, done.also, done.confirmed, expired)

    def _waited_for(self, oldest: Pending, sessions: Iterable[Session]) -> list[Session]:
        """Return those that the oldest event waits for; at the end the one whose lease ends last."""
        found = [(end, each) for each in self._look(sessions) if (end := oldest.end_for(each)) is not None]
        return [session for _, session in sorted(found, key=itemgetter(0))]

    def _look(self, sessions: Iterable[Session]) -> list[Session]:
        """Return those that may hold something up: looked for once after each event that is published."""
        if self._behind is None:
            newest = self._pending[-1].seq
            self._behind = [each for each in (*sessions, *self._forgotten) if each.acked < newest]
            self._ended.clear()
        return self._behind

    def _published_before(self, end: float) -> int:
        """Return the newest event that was published before a time; 0 when none of those on their way was."""
        place = bisect_left(self._pending, end, key=_at)
        return self._pending[place - 1].seq if place else 0

    def _between(self, after: int, upto: int) -> Sequence[Pending]:
        low, high = (bisect_right(self._pending, seq, key=_seq) for seq in (after, upto))
        return self._pending[low:high]


def _outcomes(done: Pending, silent: Iterable[Session]) -> Iterable[Outcome]:
    """Yield how validators came to trust nothing old any more; of very many, some, and those that took longest."""
    ran_out = ((each, end) for each in silent if (end := done.end_for(each)) is not None)
    ends = list(islice(ran_out, REPORTED))
    for said in list(done.newest)[max(0, len(done.newest) + len(ends) - REPORTED) :]:
        yield Outcome(said.session, said.called, confirmed=True, after=said.at - done.since)
    for session, end in ends:
        yield Outcome(session.name[1], session.called, confirmed=False, after=end - done.since)
