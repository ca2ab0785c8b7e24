"""When keys were last used: noted at most once a minute for each, apart from what says whether they are good.

Nobody waits for it and nothing depends on it. Pure.
"""

import time
from collections import OrderedDict
from typing import Final

from rf_middleware._clock import Clock

__all__ = ["Uses"]

_EVERY: Final = 60.0
_REMEMBERED: Final = 10_000


class Uses:
    """The uses that the issuer saw: it is asked once for what validators then cache.

    Args:
        clock: says when a minute is over.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._noted: OrderedDict[str, float] = OrderedDict()
        self._unwritten: dict[str, float] = {}

    def note(self, key_id: str) -> None:
        """Note that a key was used just now."""
        now = self._clock()
        if now - self._noted.get(key_id, -_EVERY) < _EVERY:
            return
        self._noted[key_id] = now
        self._noted.move_to_end(key_id)
        self._unwritten[key_id] = time.time()
        if len(self._noted) > _REMEMBERED:
            self._unwritten.pop(self._noted.popitem(last=False)[0], None)

    def take(self) -> dict[str, float]:
        """Return what is to be written, by key id in seconds since 1970, once."""
        taken, self._unwritten = self._unwritten, {}
        return taken
