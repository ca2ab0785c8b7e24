"""Connections that stay open, served by an ASGI app in this process, and an issuer whose feed says what the test says.

* A connection is as strict as a server: nothing is sent after the end of a response or after the close of a WebSocket.
* Sending gives way to others, as it does on a real transport.
"""

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any

from rf_middleware import Validator
from rf_middleware._asgi_streams import Cut
from rf_middleware._flight import Answer
from rf_middleware._models import Grant, Workspace
from rf_middleware._streams import Stream
from rf_middleware.testing import FakeIssuer
from tests.core.helpers import INVALID
from tests.core.scripted import Scripted, reply
from tests.harness import ASGIApp, Message, Request, scope_of

__all__ = [
    "KEY",
    "OTHER",
    "WAIT",
    "Open",
    "PerKey",
    "asked",
    "fed",
    "issuer_of_two",
    "open_streams",
    "streaming",
    "talking",
]

KEY = "rfk_some-key"
OTHER = "rfk_other-key"
WAIT = 10.0
Receive = Callable[[], Any]
Send = Callable[[Message], Any]


def asked(key: str = KEY) -> Request:
    """Return a request with a key."""
    return Request(headers=[("X-API-Key", key)])


def issuer_of_two() -> FakeIssuer:
    """Return an issuer that knows two keys of two workspaces."""
    issuer = FakeIssuer()
    issuer.add(KEY, workspace="acme")
    issuer.add(OTHER, workspace="other")
    return issuer


def open_streams(validator: Validator) -> list[Stream]:
    """Return the streams that a validator would end."""
    streams = validator.streams
    with streams._lock:
        streams._drain()
        return list(streams._open)


class Open:
    """A connection, and the task that serves it.

    Args:
        app: serves it.
        kind: ``http`` or ``websocket``.
        spec: version of ASGI that the server speaks.

    Attributes:
        sent: what came out.
        on_send: called with each message before it goes out.
    """

    def __init__(self, app: ASGIApp, key: str = KEY, kind: str = "websocket", spec: str = "2.3") -> None:
        self.sent: list[Message] = []
        self.on_send: Callable[[Message], object] = lambda _message: None
        self._came: asyncio.Queue[Message] = asyncio.Queue()
        self._changed = asyncio.Event()
        self.put({"type": "websocket.connect"} if kind == "websocket" else {"type": "http.request", "body": b""})
        scope = scope_of(asked(key), kind)
        scope["asgi"]["spec_version"] = spec
        self.task: asyncio.Task[None] = asyncio.ensure_future(app(scope, self._came.get, self._send))

    def put(self, message: Message) -> None:
        """Let the client send something."""
        self._came.put_nowait(message)

    @property
    def finished(self) -> bool:
        """Whether a response was sent to its end."""
        return any(each["type"] == "http.response.body" and not each.get("more_body") for each in self.sent)

    @property
    def parts(self) -> list[bytes]:
        """What was sent of a body."""
        return [each["body"] for each in self.sent if each["type"] == "http.response.body"]

    @property
    def codes(self) -> list[int]:
        """The codes with which a WebSocket was closed: one at most."""
        return [each["code"] for each in self.sent if each["type"] == "websocket.close"]

    async def reached(self, count: int) -> None:
        """Wait until so many messages have come out."""
        async with asyncio.timeout(WAIT):
            while len(self.sent) < count:
                self._changed.clear()
                await self._changed.wait()

    async def ended(self) -> None:
        """Wait until it has been served; raises what its app raised, unless that says that the stream was cut."""
        async with asyncio.timeout(WAIT):
            with suppress(Cut):
                await self.task

    async def _send(self, message: Message) -> None:
        assert not self.finished, "a message after the end"
        assert not self.codes, "a message after the close"
        self.on_send(message)
        self.sent.append(message)
        self._changed.set()
        await asyncio.sleep(0)


async def talking(scope: Any, receive: Receive, send: Send) -> None:
    """Accept a WebSocket, and answer each message."""
    while (message := await receive())["type"] != "websocket.disconnect":
        first = message["type"] == "websocket.connect"
        await send({"type": "websocket.accept"} if first else {"type": "websocket.send", "text": message["text"]})


async def streaming(scope: Any, receive: Receive, send: Send) -> None:
    """Send a part of a response, and wait for more to come."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"one", "more_body": True})
    await receive()
    await send({"type": "http.response.body", "body": b"two"})


class PerKey(Scripted):
    """An issuer with a scripted feed that knows two keys of two workspaces.

    Attributes:
        ended: keys that are good no more.
        scopes: of both keys.
    """

    def __init__(self, *steps: Any) -> None:
        super().__init__(*steps)
        self.ended: set[str] = set()
        self.scopes: frozenset[str] | None = None

    def check(self, key: str, timeout: float) -> Answer:
        """Answer about a key."""
        self.log.append(("check", key))
        grant = Grant(Workspace("acme" if key == KEY else "other"), scopes=self.scopes)
        return Answer(INVALID if key in self.ended else grant, "e", self.head)


@contextmanager
def fed() -> Generator[tuple[Validator, PerKey]]:
    """Run a validator that holds a lease of such an issuer."""
    issuer = PerKey(True, reply(reset=True))
    validator = Validator(issuer)
    try:
        validator.check(OTHER)
        issuer.reached(3)
        yield validator, issuer
    finally:
        issuer.steps.put(None)
        validator.close()
        assert validator._follower is not None
        assert validator._follower._thread is not None
        validator._follower._thread.join(WAIT)
