"""A WebSocket that a dependency let in: it serves nothing, so it watches through the connection's own send and receive.

Ending it closes the WebSocket with 1008; the app finds out when it receives or sends next. Each message is let through
like a request, as in ``_asgi_streams``.
"""

import asyncio
from contextlib import suppress
from threading import Event
from typing import Protocol
from weakref import finalize

from rf_middleware._asgi import Message, Receive, Send
from rf_middleware._asgi_streams import Cut, goodbye
from rf_middleware._fingerprint import fingerprint
from rf_middleware._guard import Visit
from rf_middleware._models import Refusal
from rf_middleware._streams import REVOKED

__all__ = ["watch"]


class _Socket(Protocol):
    """What is used of a framework's WebSocket."""

    _send: Send
    _receive: Receive


def watch(socket: _Socket, visit: Visit, mark: int) -> None:
    """Watch a WebSocket whose key was looked at after ``mark``, until nobody holds it any more."""
    if visit.grant is None or not visit.guard.options.close_streams:
        return
    watched = _Watched(visit, visit.grant.workspace.slug, socket._send, socket._receive)  # noqa: SLF001 - it has no other way  # pyright: ignore[reportPrivateUsage] - the same
    socket._send, socket._receive = watched.send, watched.receive  # noqa: SLF001 - the same  # pyright: ignore[reportPrivateUsage] - the same
    visit.guard.streams.open(watched, mark)
    finalize(socket, visit.guard.streams.abandon, watched)


class _Watched:
    """The stream; it must not hold the socket, whose end is its own."""

    def __init__(self, visit: Visit, workspace: str, send: Send, receive: Receive) -> None:
        self.digest = fingerprint(visit.key)
        self.workspace = workspace
        self.key = visit.key
        self.ended = Event()
        self.judge = visit.asked_again
        self._visit, self._send, self._receive = visit, send, receive
        self._cut = self._closed = False
        self._loop = asyncio.get_running_loop()
        self._closing: asyncio.Task[None] | None = None

    def end(self, why: Refusal = REVOKED) -> None:
        """End it, from any thread; once."""
        if self._cut:
            return
        self._cut = True
        try:
            self._loop.call_soon_threadsafe(self._begin_to_close, why)
        except RuntimeError:  # the loop is closed, and the stream with it
            self.ended.set()

    async def send(self, message: Message) -> None:
        """Send on behalf of the app.

        Raises:
            Cut: the key is not good any more.
        """
        if message["type"] == "websocket.send":
            await self._pass_on()
        if message["type"] == "websocket.close":
            self._closed = True
            self.ended.set()
        await self._send(message)

    async def receive(self) -> Message:
        """Receive on behalf of the app.

        Raises:
            Cut: the key is not good any more.
        """
        message = await self._receive()
        if message["type"] == "websocket.receive":
            await self._pass_on()
        return message

    async def _pass_on(self) -> None:
        visit = self._visit
        if not self._cut and not visit.goes_on(self.digest):
            refusal = visit.asked_again(await visit.guard.validator.aresolve(self.key))
            if refusal is not None:
                self._cut = True
                await self._close(refusal)
        if self._cut:
            raise Cut

    def _begin_to_close(self, why: Refusal) -> None:
        self._closing = self._loop.create_task(self._close(why))

    async def _close(self, why: Refusal) -> None:
        if not self._closed:
            self._closed = True
            with suppress(Exception):  # the client is gone already
                await self._send(goodbye(why))
            self.ended.set()
