"""The judge: what was seen in a run, and what in it can't be if the promise holds. Pure: it waits for nothing.

Times are of the one clock of the process that sent every request:

* ``sent`` was read *before* the first byte of a request went out, ``acknowledged`` *after* the last byte of the answer
  to a revocation came in. So ``sent > acknowledged`` means that the request arrived after the acknowledgement.
* A key is known by its id; the secret is in no record.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

__all__ = ["History", "Receipt", "Seen", "complaints", "late", "violations"]

_EXPECTED: Final = frozenset({200, 401, 503})


class Seen(NamedTuple):
    """A request that was answered."""

    sent: float
    answered: float
    worker: int
    key: str
    status: int


class Receipt(NamedTuple):
    """What the issuer says of a revocation that holds everywhere."""

    confirmed: int
    expired: int


@dataclass
class History:
    """What happened.

    Attributes:
        seen: every request that was answered, in the order of the answers.
        asked: when each key's first revocation was sent.
        acknowledged: when the first answer that says the revocation holds had come in.
        untold: validators that should have been asked about a key at its acknowledgement, and had no idle connection.
    """

    seen: list[Seen] = field(default_factory=list[Seen])
    asked: dict[str, float] = field(default_factory=dict[str, float])
    acknowledged: dict[str, float] = field(default_factory=dict[str, float])
    receipts: list[Receipt] = field(default_factory=list[Receipt])
    untold: int = 0


def late(history: History) -> Iterator[Seen]:
    """Yield the requests that were sent after the revocation of their key was acknowledged."""
    for one in history.seen:
        holds_from = history.acknowledged.get(one.key)
        if holds_from is not None and one.sent > holds_from:
            yield one


def violations(history: History) -> list[str]:
    """Return each request that was accepted although it came after the acknowledgement."""
    return [
        f"worker {one.worker} accepted {one.key} {_ms(one.sent - history.acknowledged[one.key])} after it was"
        f" acknowledged that nobody does (it was asked for {_ms(one.sent - history.asked[one.key])} before)"
        for one in late(history)
        if one.status == 200
    ]


def complaints(history: History) -> list[str]:
    """Return what is wrong beside that: good keys refused, answers nobody should get."""
    found: list[str] = []
    for one in history.seen:
        asked = history.asked.get(one.key)
        if one.status not in _EXPECTED:
            found.append(f"worker {one.worker} answered {one.status} to {one.key}")
        elif one.status == 401 and (asked is None or one.answered < asked):
            found.append(f"worker {one.worker} refused {one.key}, which is good")
    return found


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.3f} ms"
