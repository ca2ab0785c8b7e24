"""What the leases decide, as values; and what one revocation waits for. Pure."""

from dataclasses import dataclass, field
from typing import Final

from rf_middleware._wire import Reply

__all__ = ["CLOSING", "CROWDED", "Acknowledged", "Answer", "Decision", "Name", "Pending", "Refused"]

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
class Acknowledged:
    """The event ``seq`` now holds everywhere.

    Attributes:
        seq: the event.
        confirmed: validators that acked it or gave their lease back.
        expired: validators whose lease ran out instead.
        took: seconds since it was asked for.
    """

    seq: int
    confirmed: int
    expired: int
    took: float


Decision = Answer | Refused | Acknowledged


@dataclass(slots=True)
class Pending:
    """One event that is not acknowledged yet, and the snapshot it waits for."""

    seq: int
    since: float
    waiting: dict[Name, float]
    confirmed: int = 0
    by_end: list[Name] = field(init=False)

    def __post_init__(self) -> None:
        self.by_end = sorted(self.waiting, key=self.waiting.__getitem__)

    def confirm(self, name: Name) -> None:
        """Stop waiting for a validator that was told, or trusts nothing any more."""
        if self.waiting.pop(name, None) is not None:
            self.confirmed += 1

    def due(self) -> float:
        """Return when the last lease still waited for ends."""
        while self.by_end and self.by_end[-1] not in self.waiting:
            self.by_end.pop()
        return self.waiting[self.by_end[-1]] if self.by_end else float("-inf")
