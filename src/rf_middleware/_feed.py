"""The thread that keeps the lease: one per validator and process, started at the first check.

It learns whether the issuer has a feed only from a definite answer. It backs off with jitter while the
issuer is away and takes up again by itself; meanwhile the lease runs out and each request is asked about.
"""

import os
import threading
from collections.abc import Callable
from functools import cache
from typing import Final

from rf_middleware._core import Core
from rf_middleware._lease import News
from rf_middleware._logger import logger
from rf_middleware.issuers._protocol import Feed, FeedError

__all__ = ["Follower"]

_WAIT: Final = 3.0
_FIRST_REST: Final = 0.05
_LONGEST_REST: Final = 2.0


class Follower:
    """Follows a feed on behalf of a core.

    Args:
        told: called with the news once they are applied and before they are acknowledged.
        new_thread: makes the thread.
    """

    def __init__(
        self,
        core: Core,
        feed: Feed,
        told: Callable[[News], None],
        new_thread: Callable[..., threading.Thread] = threading.Thread,
    ) -> None:
        self._new_thread = new_thread
        self._core = core
        self._feed = feed
        self._told = told
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread unless it runs."""
        if self._thread is None:
            with self._lock:
                if self._thread is None and not self._stop.is_set():
                    thread = self._new_thread(target=self._run, name="rf-middleware-feed", daemon=True)
                    try:
                        thread.start()
                    except RuntimeError:  # no thread to be had just now; the next check tries again
                        logger().warning("revocation feed: no thread can be started; each request is asked about")
                    else:
                        self._thread = thread

    def close(self) -> None:
        """Stop trusting the lease, then give it back. Once."""
        with self._lock:
            first = not self._stop.is_set()
            self._stop.set()
            started = self._thread is not None
        session = self._core.give_back()
        if first and started:
            self._feed.leave(session)

    async def aclose(self) -> None:
        """Do the same without holding up the event loop."""
        import asyncio  # noqa: PLC0415 - loaded by whoever runs this

        await asyncio.to_thread(self.close)

    def _run(self) -> None:
        rest, followed = _FIRST_REST, False
        while not self._stop.is_set():
            try:
                if not followed:
                    offer = self._feed.offered()
                    followed = offer.feed
                    self._core.learn(has_feed=followed, key_format=offer.key_format)
                    if not followed:
                        return
                followed = self._once()
            except Exception as error:  # noqa: BLE001 - whatever happens, it goes on trying
                self._rest(rest, error)
                rest = min(2 * rest, _LONGEST_REST)
            else:
                rest = _FIRST_REST

    def _rest(self, rest: float, error: Exception) -> None:
        from random import uniform  # noqa: PLC0415 - no more is loaded than a feed that goes well needs

        if rest == _FIRST_REST and not self._stop.is_set():  # once per outage
            reason = str(error) if isinstance(error, FeedError) else type(error).__name__
            logger().warning(
                "revocation feed: %s (%r); each request is asked about until it is back", reason, self._feed
            )
        self._stop.wait(rest * uniform(0.5, 1.0))  # noqa: S311 - jitter is no secret

    def _once(self) -> bool:
        """Poll once; false when the issuer has begun anew, and may say something else of itself now."""
        poll = self._core.poll(_WAIT, _own_name(), _version())
        if self._stop.is_set():  # a core that begins anew is followed by another
            return True
        news = self._core.apply(poll, self._feed.poll(poll))
        if news is None:
            return True
        self._told(news)
        return poll.epoch is None or not news.reset


def _own_name() -> str:
    """Return what a person who reads a receipt would look for: the host and the process."""
    import socket  # noqa: PLC0415 - an import of the package loads no more than a hit needs

    from rf_middleware._wire import LONGEST_NAME  # noqa: PLC0415 - the same

    host = "".join(each for each in socket.gethostname() if each.isprintable())
    return f"{host} pid {os.getpid()}"[-LONGEST_NAME:]


@cache
def _version(distribution: str = "rf-middleware") -> str:
    """Return which version of a package this is; empty where it was copied and not installed."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - the same

    from rf_middleware._wire import LONGEST_VERSION  # noqa: PLC0415 - the same

    try:
        return (version(distribution) or "")[:LONGEST_VERSION]  # none at all where its metadata is damaged
    except PackageNotFoundError:
        return ""
