"""What a validator was told about times and sizes, and the checks of that. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from rf_middleware._values import number

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
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
