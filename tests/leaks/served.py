"""What real servers serve while their logs are read: apps behind the middleware that work, fail, and lose their key.

The first part of a path says who is asked about the key: ``http`` the issuer in the environment, ``down`` one that is
not there, ``own`` a function that fails with the key in its text; the second what the app does then. ``LEAKS_REDACT``
in the environment has the logs filtered, as ``docs/options.md`` says.
"""

import logging
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

from flask import Flask
from starlette.types import Receive, Scope, Send

from rf_middleware import CallableIssuer, Grant, Validator, asgi, wsgi
from rf_middleware._guard import CONTEXT
from rf_middleware.redaction import redact_logs
from tests.leaks.failing import LOCATIONS, Broken

logging.basicConfig(stream=sys.stderr, level=logging.DEBUG)
if os.environ.get("LEAKS_REDACT"):
    redact_logs(LOCATIONS)


async def _fails(key: str) -> Grant | None:
    raise ValueError(f"no row for {key}")


VALIDATORS = {
    "http": Validator(timeout=1.0),
    "down": Validator("http://localhost:1", timeout=1.0),
    "own": Validator(CallableIssuer(_fails)),
}


def _forget(visit: Any) -> None:
    visit.guard.validator.forget(visit.key.decode())


def _parts(visit: Any) -> Iterator[bytes]:
    yield b"one"
    yield b"two"
    _forget(visit)
    yield b"three"


def _serve(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    if environ["PATH_INFO"].endswith("/fails"):
        raise Broken
    start_response("200 OK", [("Content-Type", "text/plain")])
    return _parts(environ[CONTEXT]) if environ["PATH_INFO"].endswith("/cut") else [b"fine"]


_WSGI = {name: wsgi.APIKeyMiddleware(_serve, validator=each, locations=LOCATIONS) for name, each in VALIDATORS.items()}


def wsgi_app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Serve a WSGI request."""
    if environ["PATH_INFO"] == "/healthz":
        start_response("200 OK", [("Content-Length", "0")])
        return [b""]
    return _WSGI[environ["PATH_INFO"].split("/")[1]](environ, start_response)


async def _aparts(visit: Any) -> AsyncIterator[bytes]:
    for part in _parts(visit):
        yield part


async def _talk(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    if scope["path"].endswith("/fails"):
        raise Broken
    if scope["path"].endswith("/cut"):
        _forget(scope[CONTEXT])
    await send({"type": "websocket.send", "text": "fine"})
    await send({"type": "websocket.close"})


async def _aserve(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        return await _talk(scope, receive, send)
    if scope["path"].endswith("/fails"):
        raise Broken
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"].endswith("/cut"):
        async for part in _aparts(scope[CONTEXT]):
            await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b"fine"})
    return None


_ASGI = {name: asgi.APIKeyMiddleware(_aserve, validator=each, locations=LOCATIONS) for name, each in VALIDATORS.items()}


async def asgi_app(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve an ASGI connection."""
    if scope["type"] == "lifespan":
        return
    if scope["path"] == "/healthz":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    await _ASGI[scope["path"].split("/")[1]](scope, receive, send)


flask_app = Flask("served")
flask_app.wsgi_app = wsgi_app  # type: ignore[method-assign]  # Flask's documented way
