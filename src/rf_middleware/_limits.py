"""What a validator was told about times and sizes. Pure."""

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long things are kept, how many, and how long anybody waits. Seconds and counts.

    Attributes:
        bound: how stale a grant may be without a lease.
    """

    ttl: float
    negative_ttl: float
    bound: float
    maxsize: int
    timeout: float
    unknown_key_rate: float
    unknown_key_burst: int
