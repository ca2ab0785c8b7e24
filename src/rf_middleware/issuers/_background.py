"""One event loop in a daemon thread, for threads that need something asynchronous done. Started at first use.

It gives threads what only asyncio has: a deadline for a whole exchange (names, connection, headers, every
byte), whatever the other end does, and no thread lost to one that hangs.
"""

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

__all__ = ["Background", "background"]

T = TypeVar("T")

_GRACE: Final = 1.0
"""Seconds beyond its deadline after which even a cancelled piece of work is left alone."""


class _Loop(asyncio.SelectorEventLoop):
    """Still finds addresses while the process ends, when there are no threads left to look them up in."""

    async def getaddrinfo(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as socket.getaddrinfo has them
        try:
            return await super().getaddrinfo(*args, **kwargs)
        except RuntimeError:
            return socket.getaddrinfo(*args, **kwargs)


class Background:
    """The loop, and the thread that runs it."""

    def __init__(self) -> None:
        self.forked()

    def forked(self) -> None:
        """Begin anew: a forked child has the parent's loop without the thread that runs it."""
        self._lock = threading.Lock()
        self.loop: asyncio.AbstractEventLoop | None = None

    def run(self, work: Callable[[], Coroutine[Any, Any, T]], timeout: float) -> T:
        """Run ``work()`` to its end from a thread.

        Raises:
            TimeoutError: it took more than ``timeout`` seconds.
            RuntimeError: the thread can't be started.
        """
        loop = self._started()
        future = asyncio.run_coroutine_threadsafe(_bounded(work, timeout), loop)
        try:
            return future.result(timeout + _GRACE)
        finally:
            future.cancel()

    def start(self, work: Callable[[], Coroutine[Any, Any, object]], ended: Callable[[], object]) -> None:
        """Run ``work()`` while nobody waits for it, and call ``ended`` after it, also if it never began.

        Raises:
            RuntimeError: the thread can't be started.
        """
        loop = self._started()
        asyncio.run_coroutine_threadsafe(work(), loop).add_done_callback(lambda _future: ended())

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self.loop is None:
                loop = _Loop()
                try:
                    threading.Thread(target=loop.run_forever, name="rf-middleware-issuer", daemon=True).start()
                except RuntimeError:  # no thread to be had just now; the next one who needs it tries again
                    loop.close()
                    raise
                self.loop = loop
            return self.loop


async def _bounded(work: Callable[[], Coroutine[Any, Any, T]], timeout: float) -> T:
    async with asyncio.timeout(timeout):
        return await work()


background: Final = Background()
if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=background.forked)
