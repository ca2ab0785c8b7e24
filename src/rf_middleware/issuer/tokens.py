"""Remembers good validator tokens for a second: after an event thousands of polls come with the same one.

Many at once share one look-up. An unknown token and a look-up that failed are not remembered.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from rf_middleware._clock import Clock

__all__ = ["Tokens"]

_KEPT: Final = 1.0


class Tokens:
    """The ids of validator tokens, by fingerprint. Used on one event loop.

    Args:
        look_up: asks the database.
        clock: tells when to ask again.
    """

    def __init__(self, look_up: Callable[[bytes], Coroutine[Any, Any, str | None]], clock: Clock) -> None:
        self._look_up, self._clock = look_up, clock
        self._known: dict[bytes, asyncio.Task[str | None]] = {}
        self._until = clock()

    async def id_of(self, fingerprint: bytes) -> str | None:
        """Return the id of a token; ``None`` when there is none."""
        if self._clock() >= self._until:
            self._known.clear()
            self._until = self._clock() + _KEPT
        asked = self._known.get(fingerprint)
        if asked is None:
            asked = self._known[fingerprint] = asyncio.create_task(self._look_up(fingerprint))
        found = None
        try:
            found = await asyncio.shield(asked)
        finally:
            if found is None:
                self._known.pop(fingerprint, None)
        return found

    def known(self, fingerprint: bytes) -> str | None:
        """Return the id of a token that was looked up within the last second; ``None`` says nothing about it."""
        asked = self._known.get(fingerprint)
        if asked is None or self._clock() >= self._until or not asked.done() or asked.cancelled():
            return None
        return asked.result() if asked.exception() is None else None
