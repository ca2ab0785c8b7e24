"""Open WebSockets and streaming responses under ASGI: how they are counted, and how a revocation ends them.

Ending one cancels the task that serves it, which is where the app waits; a WebSocket is then closed with
1008 (RFC 6455 section 7.4.1), a response is left unfinished, so that its client sees that it was cut.
"""

import asyncio
from collections.abc import Awaitable
from threading import Event

from rf_middleware._asgi import Message, Send
from rf_middleware._fingerprint import fingerprint
from rf_middleware._finish import ASGI, finished
from rf_middleware._guard import Visit

__all__ = ["Answering", "AnsweringWebSocket", "Cut"]


class Cut(Exception):  # noqa: N818 - ends an app that goes on sending, seen by nobody
    """The stream was ended."""


class _Task:
    """A stream as the task that serves it."""

    def __init__(self, key: bytes, workspace: str) -> None:
        self.digest = fingerprint(key)
        self.workspace = workspace
        self.key = key
        self.ended = Event()
        self.cut = False
        self._cancelled = False
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()

    def end(self) -> None:
        self.cut = True
        try:
            self._loop.call_soon_threadsafe(self._cancel)
        except RuntimeError:  # the loop is closed, and the stream with it
            self.ended.set()

    def _cancel(self) -> None:
        if not self.ended.is_set() and self._task is not None:
            self._cancelled = True
            self._task.cancel()

    def recover(self) -> bool:
        if self.cut and self._task is not None:
            task, self._task = self._task, None  # nothing cancels it from here on
            if self._cancelled:
                task.uncancel()
        return self.cut


class Answering:
    """The ``send`` of a request that was let in: completes its headers, notices when it begins to stream.

    Args:
        visit: with a grant.
        send: the server's.
        mark: of the validator's streams, noted before the key was looked at.
    """

    stream: _Task | None = None  # on the class, with the next: most requests never set them
    _finished = False

    def __init__(self, visit: Visit, send: Send, mark: int) -> None:
        self._visit = visit
        self._send = send
        self._mark = mark

    def __call__(self, message: Message) -> Awaitable[None]:
        if message["type"] == "http.response.start":
            visit = self._visit
            told = None if visit.guard.tells is None else _in_bytes(visit.told())
            message = dict(message)
            message["headers"] = finished(message.get("headers", ()), ASGI, visit.carrier.asgi, told)
            return self._send(message)
        if self.stream is None:
            if not message.get("more_body"):
                return self._send(message)
            self.open()
        if self.stream is not None:
            if self.stream.cut:
                raise Cut
            kind = message["type"]
            self._finished = kind == "websocket.close" or (
                kind == "http.response.body" and not message.get("more_body")
            )
        return self._send(message)

    def open(self) -> None:
        """Count what is served from now on as a stream."""
        visit = self._visit
        if visit.guard.options.close_streams and visit.grant is not None:
            self.stream = _Task(visit.key, visit.grant.workspace.slug)
            visit.guard.streams.open(self.stream, self._mark)

    def close(self) -> None:
        """Count it no more."""
        if self.stream is not None:
            self._visit.guard.streams.close(self.stream)

    def was_cut(self) -> bool:
        """Tell whether it ended by a revocation; takes the cancellation back, which was for the app alone."""
        return self.stream is not None and self.stream.recover()

    async def settle(self) -> None:
        """Let the client see that it was cut, if it was, and had not come to its end.

        Raises:
            Cut: of a response: so nothing further out finishes it as if it were whole.
        """
        if self.was_cut() and not self._finished:
            await self._cut_off()

    async def _cut_off(self) -> None:
        raise Cut


class AnsweringWebSocket(Answering):
    """The same for a WebSocket: a stream from the start, which can be closed in words."""

    def __init__(self, visit: Visit, send: Send, mark: int) -> None:
        super().__init__(visit, send, mark)
        self.open()

    async def _cut_off(self) -> None:
        await self._send({"type": "websocket.close", "code": 1008, "reason": "invalid-key"})


def _in_bytes(header: tuple[str, str] | None) -> tuple[bytes, bytes] | None:
    return None if header is None else (header[0].lower().encode(), header[1].encode())
