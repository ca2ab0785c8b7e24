"""Apps behind each adapter that fail with the key in their request, and requests that bring a key in every place."""

import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from fastapi import FastAPI
from flask import Flask, Response
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

from rf_middleware import Grant, Validator, Workspace, asgi, wsgi
from rf_middleware.fastapi import RequireKey
from rf_middleware.flask import APIKeyAuth
from rf_middleware.flask import require_key as flask_key
from rf_middleware.starlette import require_key
from tests.harness import Request, call_asgi, call_wsgi

__all__ = ["ADAPTERS", "GRANT", "LOCATIONS", "PLACES", "Broken", "Failing", "broken_answer", "requests"]

LOCATIONS: Final = ("bearer", "header:X-API-Key", "query:api_key", "cookie:api_key", "json:api_key")
PLACES: Final = ("bearer", "header", "query", "cookie", "json")
GRANT: Final = Grant(Workspace("acme"))

Failing = tuple[Callable[[Any, Request], Any], Any]
"""How an app is called, and the app: ``/fails`` raises at once, ``/breaks`` in the middle of a stream."""


class Broken(Exception):  # noqa: N818 - what the app of a user raises
    """The app failed."""


def requests(path: str, key: str) -> Mapping[str, Request]:
    """Return requests to a path that bring a key, one for each place."""
    body = json.dumps({"api_key": key}).encode()
    return {
        "bearer": Request("GET", path, [("Authorization", f"Bearer {key}")]),
        "header": Request("GET", path, [("X-API-Key", key)]),
        "query": Request("GET", f"{path}?api_key={key}&a=b", [("Referer", f"http://page.example/?api_key={key}")]),
        "cookie": Request("GET", path, [("Cookie", f"a=b; api_key={key}")]),
        "json": Request("POST", path, [("Content-Type", "application/json")], body),
    }


def broken_answer(denied: object, request: object) -> object:
    """Fail as an ``on_denied``."""
    raise Broken


def _parts() -> Iterator[bytes]:
    yield b"one"
    yield b"two"
    raise Broken


async def _aparts() -> AsyncIterator[bytes]:
    for part in _parts():
        yield part


def _wsgi(validator: Validator, options: Mapping[str, Any]) -> Failing:
    def app(environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/fails":
            raise Broken
        start_response("200 OK", [])
        return _parts()

    return call_wsgi, wsgi.APIKeyMiddleware(app, validator=validator, **options)


def _asgi(validator: Validator, options: Mapping[str, Any]) -> Failing:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/fails":
            raise Broken
        await send({"type": "http.response.start", "status": 200})
        async for part in _aparts():
            await send({"type": "http.response.body", "body": part, "more_body": True})

    return call_asgi, asgi.APIKeyMiddleware(app, validator=validator, **options)


def _flask(validator: Validator, options: Mapping[str, Any]) -> Failing:
    app = Flask("failing")
    app.testing = True  # what fails in a view goes on to the server
    for path, view in (("/fails", _fails), ("/breaks", lambda: Response(_parts()))):
        app.add_url_rule(path, path[1:], flask_key(view), methods=["GET", "POST"])
    APIKeyAuth(app, validator=validator, **options)
    return call_wsgi, app


def _fails() -> Response:
    raise Broken


def _routes(validator: Validator, options: Mapping[str, Any], *, sync: bool) -> Failing:
    async def fails(request: object) -> StreamingResponse:
        raise Broken

    def fails_too(request: object) -> StreamingResponse:
        raise Broken

    async def breaks(request: object) -> StreamingResponse:
        return StreamingResponse(_aparts())

    decorate = require_key(validator=validator, **options)
    methods = ["GET", "POST"]
    first = Route("/fails", decorate(fails_too if sync else fails), methods=methods)
    return call_asgi, Starlette(routes=[first, Route("/breaks", decorate(breaks), methods=methods)])


def _fastapi(validator: Validator, options: Mapping[str, Any]) -> Failing:
    app = FastAPI(openapi_url=None)
    needed = [RequireKey(validator=validator, **options)]

    @app.api_route("/fails", methods=["GET", "POST"], dependencies=needed)
    async def fails() -> None:  # pyright: ignore[reportUnusedFunction] - a route
        raise Broken

    @app.api_route("/breaks", methods=["GET", "POST"], dependencies=needed)
    async def breaks() -> Any:  # pyright: ignore[reportUnusedFunction] - a route
        return StreamingResponse(_aparts())

    return call_asgi, app


ADAPTERS: Final[Mapping[str, Callable[[Validator, Mapping[str, Any]], Failing]]] = {
    "wsgi": _wsgi,
    "asgi": _asgi,
    "flask": _flask,
    "starlette": lambda validator, options: _routes(validator, options, sync=False),
    "starlette, sync": lambda validator, options: _routes(validator, options, sync=True),
    "fastapi": _fastapi,
}
