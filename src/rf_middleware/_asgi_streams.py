"""Open WebSockets and streaming responses under ASGI: how they are counted, and how a revocation ends them.

* Ending one cancels the task that serves it, which is where the app waits; a WebSocket is then closed with
  1008 (RFC 6455 section 7.4.1), a response is left unfinished, so that its client sees that it was cut.
* Each message is let through like a request: by the cache, else by the issuer. So nothing passes on the word of a lease
  that has ended, in a process that is cut off and hears of no revocation.
"""

import asyncio
from asyncio import CancelledError
from collections.abc import Awaitable
from threading import Event
from typing import Final

from rf_middleware._asgi import ASGIApp, Message, Receive, Scope, Send
from rf_middleware._fingerprint import fingerprint
from rf_middleware._guard import Visit
from rf_middleware._models import Reason, Refusal
from rf_middleware._streams import REVOKED

__all__ = ["Answering", "AnsweringWebSocket", "Cut", "goodbye", "watch"]

_PASSING: Final = frozenset({"http.response.body", "websocket.send", "websocket.receive"})
_POLICY_VIOLATION: Final = 1008
_TRY_AGAIN_LATER: Final = 1013
_FOR_NOW: Final = frozenset({Reason.ISSUER_UNAVAILABLE, Reason.TOO_MANY_UNKNOWN_KEYS})


class Cut(Exception):  # noqa: N818 - what happened to the stream, not a mistake
    """The stream was ended: what is further out must not finish it as if it were whole."""

    def __init__(self) -> None:
        super().__init__("the key of this stream is not good any more: the rest of it is not sent")


class _Task:
    """A stream as the task that serves it."""

    def __init__(self, visit: Visit, workspace: str) -> None:
        self.digest = fingerprint(visit.key)
        self.workspace = workspace
        self.key = visit.key
        self.judge = visit.asked_again
        self.why = REVOKED
        self.ended = Event()
        self.cut = False
        self._cancelled = False
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()

    def end(self, why: Refusal = REVOKED) -> None:
        if self.cut:
            return
        self.why = why  # first: whoever sees that it is cut reads why
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
    """The ``send`` of a request that was let in: notices when its answer begins to stream.

    Args:
        visit: with a grant.
        send: the server's.
        mark: of the validator's streams, noted before the key was looked at.
    """

    __slots__ = ("_finished", "_mark", "_send", "_visit", "stream")

    def __init__(self, visit: Visit, send: Send, mark: int) -> None:
        self._visit = visit
        self._send = send
        self._mark = mark
        self.stream: _Task | None = None
        self._finished = False

    def answer(self, message: Message) -> Awaitable[None]:
        """Send a message of the app's: this is what it gets as ``send``."""
        if self.stream is None:
            if not message.get("more_body"):
                return self._send(message)
            self.open()
            if self.stream is None:
                return self._send(message)
        if self.stream.cut:
            raise Cut
        if message["type"] in _PASSING and not self._visit.goes_on(self.stream.digest):
            return self._after_asking(message)
        return self._last(message) if _ends(message) else self._send(message)

    async def _after_asking(self, message: Message) -> None:
        await self.pass_on()
        await (self._last(message) if _ends(message) else self._send(message))

    async def _last(self, message: Message) -> None:
        """Send the end; what the app does after it is no stream."""
        self._finished = True
        await self._send(message)
        self.close()

    async def pass_on(self) -> None:
        """Ask about the key of the stream, which the cache does not answer for.

        Raises:
            Cut: it ends here.
        """
        visit, stream = self._visit, self.stream
        refusal = visit.asked_again(await visit.guard.validator.aresolve(visit.key))
        if refusal is not None and stream is not None:
            stream.why = refusal
            stream.cut = True
            raise Cut

    def open(self) -> None:
        """Count what is served from now on as a stream."""
        visit = self._visit
        if visit.guard.options.close_streams and visit.grant is not None:
            self.stream = _Task(visit, visit.grant.workspace.slug)
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

    __slots__ = ()

    def __init__(self, visit: Visit, send: Send, mark: int) -> None:
        super().__init__(visit, send, mark)
        self.open()

    def receiving(self, receive: Receive) -> Receive:
        """Return a ``receive`` that lets through what the client sends, like what is sent to it."""

        async def watched() -> Message:
            message = await receive()
            stream = self.stream
            if stream is not None and message["type"] in _PASSING:
                if stream.cut:
                    raise Cut
                if not self._visit.goes_on(stream.digest):
                    await self.pass_on()
            return message

        return watched

    async def _cut_off(self) -> None:
        await self._send(goodbye(REVOKED if self.stream is None else self.stream.why))


def _ends(message: Message) -> bool:
    kind = message["type"]
    return kind == "websocket.close" or (kind == "http.response.body" and not message.get("more_body"))


def goodbye(why: Refusal) -> Message:
    """Return the message that closes a WebSocket."""
    code = _TRY_AGAIN_LATER if why.reason in _FOR_NOW else _POLICY_VIOLATION
    return {"type": "websocket.close", "code": code, "reason": why.reason.suffix}


async def watch(serve: ASGIApp, scope: Scope, receive: Receive, answering: Answering) -> None:
    """Serve what no middleware watches, to its end or to the end of its key.

    Raises:
        Cut: a response was cut.
    """
    try:
        await serve(scope, receive, answering.answer)
        await answering.settle()
    except (CancelledError, Cut, ExceptionGroup):  # a group: what a task of the app's was told
        if not answering.was_cut():
            raise
        await answering.settle()
    finally:
        answering.close()
