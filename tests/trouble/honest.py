"""What a well issuer says: metadata, introspection, the feed, and the key check of the hosted API. No sockets here.

A key is good when it begins with ``GOOD`` and was not revoked; so a test makes as many as it likes.
"""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from rf_middleware._fingerprint import fingerprint
from rf_middleware._wire import Event, Poll, Reply

__all__ = ["GOOD", "Honest", "Request", "answer"]

GOOD = "rfk_good_"
_EPOCH = "one"
_HELD = 0.3
"""Seconds a poll is held back at most while there is nothing to tell."""


@dataclass(frozen=True)
class Request:
    """What an issuer was sent."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""

    @property
    def key(self) -> str:
        """The key that is asked about; empty when it is another request."""
        if self.path == "/introspect":
            return parse_qs(self.body.decode())["token"][0]
        return self.headers["authorization"].removeprefix("Bearer ") if self.path.startswith("/?") else ""


def answer(status: str, body: bytes = b"", *headers: str, length: str | None = None) -> bytes:
    """Write an HTTP answer; ``length`` says something else than how long it is."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Honest:
    """Keys, and the sessions of those who follow the feed. Used on one event loop.

    Attributes:
        url: where it is, for the metadata.
        lease: seconds a follower may trust its cache.
        asked: the keys it was asked about, in order.
        acked: how far each session of the feed has come.
    """

    def __init__(self, lease: float) -> None:
        self.url = ""
        self.lease = lease
        self.asked: list[str] = []
        self.acked: dict[str, int] = {}
        self._events: list[Event] = []
        self._revoked: set[str] = set()
        self._news = asyncio.Event()

    def revoke(self, key: str) -> int:
        """End a key; return the ``seq`` that a session has acknowledged when that holds there."""
        self._revoked.add(key)
        self._events.append(Event(len(self._events) + 1, "revoked", fingerprint=fingerprint(key.encode())))
        self._wake()
        return len(self._events)

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def answer(self, request: Request) -> bytes:
        """Answer truly."""
        if request.path == "/introspect":
            return self._json({**self._facts(request.key), "epoch": _EPOCH, "head": len(self._events)})
        if request.path == "/feed":
            return self._json((await self._feed(Poll.parse(json.loads(request.body)))).to_json())
        if request.path == "/.well-known/oauth-authorization-server":
            return self._json({"issuer": self.url, "revocation_feed_endpoint": f"{self.url}/feed"})
        if request.method == "DELETE":
            self.acked.pop(request.path.removeprefix("/feed/"), None)
            self._wake()  # its poll is not held any longer
            return answer("204 No Content")
        facts = self._facts(request.key)
        return self._json(facts) if facts["active"] else answer("401 Unauthorized")

    def _facts(self, key: str) -> dict[str, object]:
        self.asked.append(key)
        if not key.startswith(GOOD) or key in self._revoked:
            return {"active": False}
        return {"active": True, "workspace": "acme", "scope": "*"}

    async def _feed(self, poll: Poll) -> Reply:
        known = self.acked.get(poll.session)
        if known is None or poll.epoch != _EPOCH:
            self.acked[poll.session] = 0
            return Reply(_EPOCH, reset=True, head=len(self._events), events=(), lease=self.lease)
        self.acked[poll.session] = poll.ack
        if poll.ack == len(self._events):
            with suppress(TimeoutError):  # nothing to tell: the lease is renewed all the same
                await asyncio.wait_for(self._news.wait(), min(poll.wait, _HELD))
        return Reply(
            _EPOCH, reset=False, head=len(self._events), events=tuple(self._events[poll.ack :]), lease=self.lease
        )

    @staticmethod
    def _json(members: dict[str, object]) -> bytes:
        return answer("200 OK", json.dumps(members).encode(), "Content-Type: application/json")
