"""Protects any ASGI app: Starlette, FastAPI, Quart, Litestar, or a bare callable. Imports no framework.

    app = APIKeyMiddleware(app, issuer="https://api.roboflow.com", exempt=["/healthz"])

HTTP and WebSocket connections are let in by key; ``lifespan`` passes; a scope of any other type is not passed on.
"""

import asyncio
import logging
import sys
from asyncio import CancelledError
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Final, Unpack, cast

from rf_middleware._asgi import (
    ASGIApp,
    Message,
    Receive,
    Scope,
    Send,
    attach,
    completed,
    custom_answer,
    enter,
    refuse,
    settle,
)
from rf_middleware._asgi_hit import hit
from rf_middleware._asgi_streams import Answering, AnsweringWebSocket, Cut, watch
from rf_middleware._guard import REFUSED, Visit, make_guard
from rf_middleware._models import Refusal
from rf_middleware._options import Settings
from rf_middleware.exceptions import ConfigurationError, refused
from rf_middleware.issuers import Issuer
from rf_middleware.validator import Validator

if TYPE_CHECKING:
    from rf_middleware._identity import WorkspaceIdentity

__all__ = ["APIKeyMiddleware"]

_PROTECTED: Final = frozenset({"http", "websocket"})
_log: Final = logging.getLogger("rf_middleware")


class APIKeyMiddleware:
    """Lets a request in when its API key is good, and attaches the key's grant and workspace to it.

    Args:
        app: what is protected.
        issuer: a URL, an issuer object, or ``None`` for ``RF_ISSUER_URL``.
        validator: shared with others, instead of ``issuer``.
        settings: the options; see ``docs/options.md``.

    Raises:
        ConfigurationError: a wrong option, named.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        issuer: Issuer | str | None = None,
        validator: Validator | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        self.app = app
        try:
            self._guard = make_guard(issuer, validator, settings)
        except ConfigurationError as wrong:
            # Starlette builds its middleware when the server starts: some servers keep to themselves what fails then.
            _log.critical("APIKeyMiddleware: %s", wrong)
            raise
        self._identity = _starlettes()

    @property
    def validator(self) -> Validator:
        """The validator this middleware asks."""
        return self._guard.validator

    async def __call__(  # noqa: C901 - in one piece: a coroutine more would take another tenth of a hit
        self, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Serve one connection."""
        guard = self._guard
        mark = guard.streams.mark
        visit = hit(guard, scope) if scope["type"] == "http" and not guard.looks_into_bodies else None
        if visit is None:
            found = await self._enter(scope, receive, send, mark)
            if found is None:
                return
            visit, receive = found
        attach(scope, visit, self._identity)
        stream: Answering | None = None  # once the answer is known to be one

        def answer(message: "Message") -> "Awaitable[None]":  # quoted: else they are evaluated for each request
            nonlocal stream
            if message["type"] == "http.response.start":
                return send(completed(message, visit))
            if stream is None:
                if "more_body" not in message or not message["more_body"]:  # quicker than ``get``
                    return send(message)
                stream = Answering(visit, send, mark)
            return stream.answer(message)

        try:  # as ``watch`` does for what is a stream from the start
            await self.app(scope, receive, answer)
            if stream is not None:
                await stream.settle()
        except (CancelledError, Cut, ExceptionGroup):
            if stream is None or not stream.was_cut():
                raise
            await stream.settle()
        finally:
            if stream is not None:
                stream.close()

    async def _enter(self, scope: Scope, receive: Receive, send: Send, mark: int) -> tuple[Visit, Receive] | None:
        """Let a request in that is no plain hit; serve what needs no ``answer``, and return ``None``."""
        guard = self._guard
        if scope["type"] not in _PROTECTED:
            await self._pass_on(scope, receive, send)
            return None
        visit, receive = await settle(guard, scope, receive, enter(guard, scope))
        if not isinstance(visit, Visit):
            await self._refuse(visit, scope, receive, send)
            return None
        if visit.grant is not None and scope["type"] == "http":
            return visit, receive
        attach(scope, visit, self._identity)
        if visit.grant is None:
            await self.app(scope, receive, send)
        else:
            answering = AnsweringWebSocket(visit, send, mark)
            await watch(self.app, scope, answering.receiving(receive), answering)
        return None

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self.app(scope, self._leaving(receive), send)
        return _log.error("a scope of type %r is not passed on: nobody checked it", scope["type"])

    def _leaving(self, receive: Receive) -> Receive:
        """Return a ``receive`` that gives the lease back at shutdown: some servers end without ``atexit``."""

        async def leaving() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await asyncio.to_thread(self._guard.validator.release)
            return message

        return leaving

    async def _refuse(self, refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
        on_denied = self._guard.options.on_denied
        if on_denied is not None and scope["type"] == "http" and REFUSED not in scope:
            scope[REFUSED] = True
            answer = await custom_answer(on_denied, refused(refusal), scope)
            if callable(answer) and answer != self.app and await _served(cast("ASGIApp", answer), scope, receive, send):
                return
        await refuse(refusal, scope, receive, send)


def _starlettes() -> "type[WorkspaceIdentity] | None":
    """Return what a Starlette app is told of who is asking; ``None`` where Starlette is not loaded."""
    if "starlette" not in sys.modules:
        return None
    from rf_middleware._identity import WorkspaceIdentity  # noqa: PLC0415 - only where Starlette is loaded anyway

    return WorkspaceIdentity


async def _served(answer: ASGIApp, scope: Scope, receive: Receive, send: Send) -> bool:
    """Serve the user's own answer; false when it failed before it began."""
    started = False

    async def noting(message: Message) -> None:
        nonlocal started
        started = True
        await send(message)

    try:
        await answer(scope, receive, noting)
    except Exception:
        if started:
            raise
        _log.exception("the answer of on_denied failed; the standard answer is sent instead")
    return started
