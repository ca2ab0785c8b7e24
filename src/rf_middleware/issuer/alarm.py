"""One timer on the event loop, for whoever always knows when it is needed next."""

import asyncio
from collections.abc import Callable

__all__ = ["Alarm"]


class Alarm:
    """Rings in time, and sometimes too early, which costs a look: less than a new timer whenever the time changes.

    Args:
        ring: called once each time.
    """

    def __init__(self, ring: Callable[[], None]) -> None:
        self._loop, self._ring = asyncio.get_running_loop(), ring
        self._timer: asyncio.TimerHandle | None = None
        self._at = float("inf")

    def set(self, at: float, now: float) -> None:
        """Ring at this time or before; infinity for never."""
        if at < self._at:
            self.end()
            self._at, self._timer = at, self._loop.call_later(max(0.0, at - now), self._rings)

    def end(self) -> None:
        """Ring no more, until it is set again."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._at = None, float("inf")

    def _rings(self) -> None:
        self._timer, self._at = None, float("inf")
        self._ring()
