"""Who may wait for the issuer, where waiting takes a thread that other requests need. Pure.

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
    """Those who wait, and since when: of all validators of a process, since its threads are those of all.

    Each step is one of a dict, so that it needs no lock: also where the garbage collector ends who waits.
    """

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
        patience = max(0.0, min(list(self._since.values()), default=now) + _PATIENCE - now) if full else math.inf
        self._since[who] = now
        return patience

    def forked(self) -> None:
        """Forget who waited in the parent."""
        self._since = {}

    def leave(self, who: Hashable) -> None:
        """Note that it waits no more, if it did."""
        self._since.pop(who, None)
