"""Who may wait for the issuer, where waiting takes a thread that other requests need. Pure; used under the core's lock.

Some threads are always left to answer what is cached: measured without that, an issuer that hangs and 50 unknown keys
keep a cached key waiting for minutes.
"""

import math
from collections.abc import Hashable
from typing import Final

__all__ = ["Crowd"]

_PATIENCE: Final = 1.0
"""Seconds. An issuer that is well has answered by then: only where it has not, the threads beyond go on at once."""


class Crowd:
    """Those who wait, and since when."""

    __slots__ = ("_since",)

    def __init__(self) -> None:
        self._since: dict[Hashable, float] = {}

    def enter(self, who: Hashable, seats: float, now: float) -> float:
        """Let somebody in, and return for how many seconds it may wait; infinity is as long as it likes.

        Args:
            who: anything that is its own.
            seats: how many may wait as long as they like.
            now: on the package's clock.
        """
        if seats == math.inf:
            return math.inf
        full = len(self._since) >= seats
        patience = max(0.0, min(self._since.values()) + _PATIENCE - now) if full else math.inf
        self._since[who] = now
        return patience

    def leave(self, who: Hashable) -> None:
        """Note that it waits no more, if it did."""
        self._since.pop(who, None)
