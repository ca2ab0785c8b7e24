"""What the leases decide, as values; and what one revocation waits for. Pure."""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from rf_middleware._wire import Reply

__all__ = [
    "CLOSING",
    "CROWDED",
    "Acknowledged",
    "Answer",
    "Counts",
    "Decision",
    "Holder",
    "Name",
    "Outcome",
    "Pending",
    "Refused",
    "Seen",
    "Session",
]

CLOSING: Final = "The issuer is shutting down"
CROWDED: Final = "This token has too many sessions"

Name = tuple[str, str]
"""A session belongs to the token it came with: no other token can ack or end it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer the poll with this ticket."""

    ticket: int
    reply: Reply


@dataclass(frozen=True, slots=True)
class Refused:
    """Refuse the poll with this ticket; it got no lease."""

    ticket: int
    why: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one validator came to trust nothing old any more.

    Attributes:
        session: the validator's session.
        name: what it calls itself; may be empty.
        confirmed: it acked the event or gave its lease back; else its lease ran out.
        after: seconds since the change was asked for.
    """

    session: str
    name: str
    confirmed: bool
    after: float


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The event ``seq`` now holds everywhere.

    Attributes:
        seq: the event.
        outcomes: one for each validator that held a lease when it was published.
        took: seconds since it was asked for.
        also: older events that were published with it, of which the same is true.
    """

    seq: int
    outcomes: tuple[Outcome, ...]
    took: float
    also: tuple[int, ...] = ()

    @property
    def confirmed(self) -> int:
        """How many validators acked it or gave their lease back."""
        return sum(outcome.confirmed for outcome in self.outcomes)

    @property
    def expired(self) -> int:
        """How many validators were waited out."""
        return len(self.outcomes) - self.confirmed


Decision = Answer | Refused | Acknowledged


class Holder(NamedTuple):
    """A lease as it was when an event was published.

    Attributes:
        end: when it ends, whatever is renewed later.
        called: what its validator calls itself.
    """

    end: float
    called: str


class Counts(NamedTuple):
    """How much is going on.

    Attributes:
        leases: that are held.
        parked: polls that wait for an answer.
        pending: events that are not acknowledged yet.
    """

    leases: int
    parked: int
    pending: int


class Seen(NamedTuple):
    """A validator, as it is known at one moment.

    Attributes:
        owner: the token it comes with.
        session: its session.
        name, version: what it says of itself; may be empty.
        lease: seconds its lease has left; 0 when it holds none.
        applied: the newest event that it said it has applied.
        heard: seconds since its last poll came.
    """

    owner: str
    session: str
    name: str
    version: str
    lease: float
    applied: int
    heard: float


@dataclass(slots=True)
class Session:
    """What the leases remember of a validator."""

    end: float = 0.0
    acked: int = 0
    ticket: int | None = None
    called: str = ""
    version: str = ""
    heard: float = 0.0

    def seen(self, name: Name, now: float) -> Seen:
        """Return it as it is now."""
        return Seen(*name, self.called, self.version, max(0.0, self.end - now), self.acked, now - self.heard)


@dataclass(slots=True)
class Pending:
    """An event, and those published with it, not acknowledged yet; and the snapshot they wait for."""

    seq: int
    since: float
    waiting: dict[Name, Holder]
    also: tuple[int, ...] = ()
    outcomes: list[Outcome] = field(default_factory=list[Outcome])
    by_end: list[Name] = field(init=False)

    def __post_init__(self) -> None:
        self.by_end = sorted(self.waiting, key=self.waiting.__getitem__)

    def confirm(self, name: Name, now: float) -> None:
        """Stop waiting for a validator that was told, or trusts nothing any more."""
        holder = self.waiting.pop(name, None)
        if holder is not None:
            self.outcomes.append(Outcome(name[1], holder.called, confirmed=True, after=now - self.since))

    def due(self) -> float:
        """Return when the last lease still waited for ends."""
        while self.by_end and self.by_end[-1] not in self.waiting:
            self.by_end.pop()
        return self.waiting[self.by_end[-1]].end if self.by_end else float("-inf")

    def acknowledged(self, now: float) -> Acknowledged:
        """Return what came of it, when nobody is waited for any more."""
        ran_out = (
            Outcome(session, holder.called, confirmed=False, after=holder.end - self.since)
            for (_, session), holder in self.waiting.items()
        )
        return Acknowledged(self.seq, (*self.outcomes, *ran_out), now - self.since, self.also)
