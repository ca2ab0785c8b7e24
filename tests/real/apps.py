"""What the servers serve: an ASGI and a WSGI app that say who asks and which process answers, and that stream.

With ``WARM_KEY`` in the environment the WSGI app checks that key when it is imported, in the master if it is preloaded.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from threading import Event
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from rf_middleware import Grant, asgi, wsgi
from tests.core.servers import until

_TICK = 0.02


async def hello(request: Request) -> JSONResponse:
    """Say who asks, and which process answers."""
    return JSONResponse({"workspace": request.state.workspace.slug, "pid": os.getpid()})


async def healthz(request: Request) -> JSONResponse:
    """Answer anyone."""
    return JSONResponse({})


async def stream(request: Request) -> StreamingResponse:
    """Send one line after another."""

    async def lines() -> AsyncIterator[bytes]:
        while True:
            yield b"tick\n"
            await asyncio.sleep(_TICK)

    return StreamingResponse(lines())


async def talk(socket: WebSocket) -> None:
    """Send back what comes."""
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(text)


asgi_app = asgi.APIKeyMiddleware(
    Starlette(
        routes=[
            Route("/", hello),
            Route("/healthz", healthz),
            Route("/stream", stream),
            WebSocketRoute("/talk", talk),
        ]
    ),
    exempt=["/healthz"],
)


def _ticks() -> Iterator[bytes]:
    pause = Event()
    while True:
        yield b"tick\n"
        pause.wait(_TICK)


def _serve(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/stream":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return _ticks()
    workspace = environ["rf_middleware.workspace"]
    body = json.dumps({} if workspace is None else {"workspace": workspace.slug, "pid": os.getpid()}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


wsgi_app = wsgi.APIKeyMiddleware(_serve, exempt=["/healthz"])
if "WARM_KEY" in os.environ:
    until(lambda: isinstance(wsgi_app.validator.resolve(os.environ["WARM_KEY"].encode()), Grant), 60)
