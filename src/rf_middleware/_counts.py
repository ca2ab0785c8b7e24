"""What a validator counts. Hits are not counted: a counter would cost a good part of one."""

from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Counts", "Sizes"]


class Sizes(NamedTuple):
    """What a validator holds at this moment.

    Attributes:
        grants, denials: keys that it remembers.
        in_flight: keys that the issuer is being asked about.
    """

    grants: int
    denials: int
    in_flight: int


@dataclass(slots=True)
class Counts:
    """How often something has happened in this process.

    Attributes:
        asked: questions to the issuer.
        granted, denied, unavailable: how they ended; ``unavailable`` has those that ended in no usable answer.
        outdated: of the answers, those thrown away since the issuer may have read the key before a change.
        limited: requests refused with 429, ``too-many-unknown-keys``.
        resting: requests not asked about since the issuer was left alone: 503, or an old grant.
        crowded: requests not asked about since too many threads waited for the issuer: the same.
        stale: requests let in by an old grant since the issuer could not be asked (``stale_if_error``).
        events: changes that the feed told.
        resets: times that everything was forgotten since the feed could not tell what had changed.
    """

    asked: int = 0
    granted: int = 0
    denied: int = 0
    unavailable: int = 0
    outdated: int = 0
    limited: int = 0
    resting: int = 0
    crowded: int = 0
    stale: int = 0
    events: int = 0
    resets: int = 0
