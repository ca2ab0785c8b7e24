"""Validators whose issuer is real but for the network, and counts what it is asked.

``leased()`` holds a lease that an ``IntrospectionIssuer`` won over the feed; ``bounded()`` asks a ``RoboflowIssuer``.
"""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

import httpx

from benchmarks import answers
from benchmarks.traffic import KEY, WORKSPACE
from rf_middleware import IntrospectionIssuer, RoboflowIssuer, Validator

__all__ = ["Asked", "bounded", "leased"]

_LONG: Final = answers.LEASE
"""Seconds of ``ttl`` too: neither ends while something is measured."""
_PATIENCE: Final = 10.0
_HELD: Final = 3.0
"""Seconds a poll is held."""


@dataclass(frozen=True)
class Asked:
    """A validator that knows ``KEY``, and how often its issuer was asked so far."""

    validator: Validator
    calls: Counter[str]


class _Issuer(httpx.MockTransport):
    """Answers metadata, ``/introspect`` and ``/feed``, whose polls after the first are held back as a real one does."""

    def __init__(self) -> None:
        super().__init__(self._answered)
        self.calls = Counter[str]()
        self.leased = threading.Event()
        self._parked: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Take a lease back: the one message that comes from a thread."""
        assert request.method == "DELETE"
        return _answer({})

    def end(self) -> None:
        """Answer the poll that is held."""
        if self._parked is not None:
            loop, ended = self._parked
            loop.call_soon_threadsafe(ended.set)

    async def _answered(self, request: httpx.Request) -> httpx.Response:
        if request.url.path != "/feed":  # a poll every few seconds is no question about a key
            self.calls[request.url.path] += 1
        match request.url.path:
            case "/.well-known/oauth-authorization-server":
                return _answer(answers.METADATA)
            case "/introspect":
                return _answer(answers.introspected(parse_qs(request.content.decode())["token"][0]))
            case "/feed":
                return await self._feed(json.loads(request.content)["epoch"])
            case _:
                return _answer({"workspace": WORKSPACE})

    async def _feed(self, epoch: str | None) -> httpx.Response:
        if epoch is not None:  # the first answer was applied: the lease is live
            ended = asyncio.Event()
            self._parked = (asyncio.get_running_loop(), ended)
            self.leased.set()
            with suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), _HELD)
        return _answer(answers.woken(epoch))


def _answer(members: object) -> httpx.Response:
    # A stream, as from a network: it is read once, by whom it is meant for.
    return httpx.Response(200, stream=httpx.ByteStream(json.dumps(members).encode()))


@contextmanager
def leased() -> Generator[Asked]:
    """Make a validator with a live lease and ``KEY`` in its cache."""
    issuer = _Issuer()
    validator = Validator(IntrospectionIssuer("http://issuer", "token", transport=issuer), ttl=_LONG)
    try:
        validator.check(KEY.decode())  # starts the feed
        assert issuer.leased.wait(_PATIENCE), "the feed gave no lease"
        validator.check(KEY.decode())  # asked again: the first answer came before the lease
        assert validator.staleness.kind == "lease", validator.staleness
        yield Asked(validator, issuer.calls)
    finally:
        issuer.end()
        validator.close()


@contextmanager
def bounded() -> Generator[Asked]:
    """Make a validator without a feed and with ``KEY`` in its cache."""
    issuer = _Issuer()
    with Validator(RoboflowIssuer("http://issuer", transport=issuer), ttl=_LONG) as validator:
        validator.check(KEY.decode())
        assert validator.staleness.kind == "bounded", validator.staleness
        yield Asked(validator, issuer.calls)
