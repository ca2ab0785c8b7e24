"""Validators whose issuer is real but for the network, and counts what it is asked.

``leased()`` holds a lease that an ``IntrospectionIssuer`` won over the feed; ``bounded()`` asks a ``RoboflowIssuer``.
"""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import httpx

from benchmarks.traffic import KEY, WORKSPACE
from rf_middleware import IntrospectionIssuer, RoboflowIssuer, Validator
from rf_middleware._wire import Reply

__all__ = ["Asked", "bounded", "leased"]

_LONG: Final = 3600.0
"""Seconds of lease and of ``ttl``: neither ends while something is measured."""
_PATIENCE: Final = 10.0


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
        self.ended = threading.Event()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Take a lease back: the one message that comes from a thread."""
        assert request.method == "DELETE"
        return _answer({})

    async def _answered(self, request: httpx.Request) -> httpx.Response:
        if request.url.path != "/feed":  # a poll every few seconds is no question about a key
            self.calls[request.url.path] += 1
        match request.url.path:
            case "/.well-known/oauth-authorization-server":
                return _answer({"issuer": "http://issuer", "revocation_feed_endpoint": "/feed"})
            case "/introspect":
                members = {"active": True, "workspace": WORKSPACE, "scope": "*", "epoch": "1", "head": 0}
                return _answer(members)
            case "/feed":
                return await self._feed(json.loads(request.content)["epoch"])
            case _:
                return _answer({"workspace": WORKSPACE})

    async def _feed(self, epoch: str | None) -> httpx.Response:
        if epoch is not None:  # the first answer was applied: the lease is live
            self.leased.set()
            await asyncio.to_thread(self.ended.wait, 3.0)
        members = Reply("1", epoch is None, 0, (), _LONG).to_json()
        return _answer(members)


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
        issuer.ended.set()
        validator.close()


@contextmanager
def bounded() -> Generator[Asked]:
    """Make a validator without a feed and with ``KEY`` in its cache."""
    issuer = _Issuer()
    with Validator(RoboflowIssuer("http://issuer", transport=issuer), ttl=_LONG) as validator:
        validator.check(KEY.decode())
        assert validator.staleness.kind == "bounded", validator.staleness
        yield Asked(validator, issuer.calls)
