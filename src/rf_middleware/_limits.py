"""What a validator was told about times and sizes, and the checks of that. Pure."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from rf_middleware._models import Staleness
from rf_middleware._values import number

__all__ = ["Limits", "Times"]

_FRESH: Final = 0.8
"""Of the time that a grant may be kept without a feed; after that a key in use is asked about in the background."""


class Times(NamedTuple):
    """Of one grant, in seconds from before it was asked for.

    Attributes:
        kept: it may be given.
        fresh: it is given without a thought.
        spare: more than ``kept`` while the issuer can't be asked.
    """

    kept: float
    fresh: float
    spare: float


class Limits(NamedTuple):
    """How long things are kept, how many, and how long anybody waits. Seconds and counts.

    Attributes:
        bound: how stale a grant may be without a lease.
        stale_if_error: by how much more, while the issuer can't be asked.
    """

    ttl: float
    negative_ttl: float
    bound: float
    maxsize: int
    timeout: float
    unknown_key_rate: float
    unknown_key_burst: int
    stale_if_error: float = 0.0

    def times(self, *, leased: bool, has_feed: bool) -> Times:
        """Return how long a grant is kept: with or without a lease, of an issuer that has a feed or has none."""
        kept = self.ttl if leased else self.bound
        return Times(kept, kept if has_feed else kept * _FRESH, self.stale_if_error)

    def promise(self, left: float, *, has_feed: bool) -> Staleness:
        """Say what is promised while the cache can be trusted for ``left`` seconds."""
        if left <= 0:
            return Staleness("strict", if_error=self.stale_if_error)
        if has_feed:
            return Staleness("lease", lease_left=left, if_error=self.stale_if_error)
        return Staleness("bounded", self.bound, if_error=self.stale_if_error)

    @classmethod
    def of(cls, given: Mapping[str, object]) -> "Limits":
        """Check the options of a validator, all of which are given; ``max_staleness=None`` is ``ttl``.

        Raises:
            ConfigurationError: a wrong one, named.
        """
        if given["max_staleness"] is None:
            given = {**given, "max_staleness": given["ttl"]}

        def checked(name: str, *, least: float = 0.0, whole: bool = False, above: bool = False) -> float:
            return number(given, name, 0.0, least=least, whole=whole, above=above)

        return cls(
            ttl=checked("ttl"),
            negative_ttl=checked("negative_ttl"),
            bound=min(checked("ttl"), checked("max_staleness")),
            maxsize=int(checked("maxsize", least=1, whole=True)),
            timeout=checked("timeout", above=True),
            unknown_key_rate=checked("unknown_key_rate", above=True),
            unknown_key_burst=int(checked("unknown_key_burst", least=1, whole=True)),
            stale_if_error=checked("stale_if_error"),
        )
