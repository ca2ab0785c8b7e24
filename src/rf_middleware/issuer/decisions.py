"""What the leases decide, as values. Pure."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from rf_middleware._wire import Reply

__all__ = [
    "CLOSING",
    "CROWDED",
    "Acknowledged",
    "Answer",
    "Counts",
    "Decision",
    "Name",
    "Outcome",
    "Refused",
    "Seen",
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
        outcomes: how validators that held a lease when it was published came to know; of very many, some.
        took: seconds since it was asked for.
        also: older events that were published with it, of which the same is true.
        confirmed: how many validators acked it or gave their lease back.
        expired: how many were waited out.
    """

    seq: int
    outcomes: tuple[Outcome, ...]
    took: float
    also: tuple[int, ...] = ()
    confirmed: int = 0
    expired: int = 0


Decision = Answer | Refused | Acknowledged


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
