"""The app that is protected, once for each framework: it tells as JSON what it sees of a request."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from anyio import from_thread
from fastapi import APIRouter, FastAPI
from fastapi import Request as FastAPIRequest
from fastapi import WebSocket as FastAPIWebSocket
from flask import Flask, Response, request
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response as StarletteResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from rf_middleware import Grant
from rf_middleware.fastapi import CurrentWorkspace
from tests.harness import ASGIApp, Message, Pairs, WSGIApp

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "BREW"]

Decorate = Callable[[Any], Any]


def undecorated(endpoint: Any) -> Any:
    """Leave an endpoint as it is."""
    return endpoint


def _seen(grant: Grant | None, workspace: object, **what: object) -> bytes:
    assert workspace is (None if grant is None else grant.workspace)
    who = {
        "workspace": None if grant is None else grant.workspace.slug,
        "scopes": None if grant is None else sorted(grant.scopes) if grant.scopes is not None else ["*"],
        "publishable": grant is not None and grant.publishable,
        "key_id": "" if grant is None else grant.key_id,
    }
    return json.dumps(who | what).encode()


# ---- WSGI


def _seen_in(environ: Mapping[str, Any], body: bytes, shown: str = "") -> bytes:
    return _seen(
        environ.get("rf_middleware.grant"),
        environ.get("rf_middleware.workspace"),
        method=environ["REQUEST_METHOD"],
        path=environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace"),
        query=environ["QUERY_STRING"],
        raw=environ["RAW_URI"],
        referer=environ.get("HTTP_REFERER", ""),
        body=body.decode("latin-1"),
        shown=shown,
    )


def wsgi_echo(headers: Pairs = ()) -> WSGIApp:
    """Return a bare WSGI app."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        source = environ["wsgi.input"]
        left = int(environ["CONTENT_LENGTH"]) if environ.get("CONTENT_LENGTH", "").isdigit() else 1 << 30
        body = b""
        while left and (chunk := source.read(min(left, 1 << 16))):
            body += chunk
            left -= len(chunk)
        start_response("200 OK", [("Content-Type", "application/json"), *headers])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [_seen_in(environ, body)]

    return app


def flask_echo(decorate: Decorate = undecorated, headers: Pairs = ()) -> Flask:
    """Return a Flask app."""
    app = Flask("echo", static_folder=None)
    app.url_map.merge_slashes = False

    def echo(path: str = "") -> Response:
        shown = ""
        if request.query_string.isascii():  # one that is not UTF-8 is more than Flask can show
            shown = f"{request.url} {request.full_path} {request.args.to_dict(flat=False)}"
        seen = _seen_in(request.environ, request.get_data(), shown)
        response = Response(seen, content_type="application/json")
        for name, value in headers:
            response.headers.add(name, value)
        return response

    view = decorate(echo)
    for rule in ("/", "/<path:path>"):
        app.add_url_rule(rule, view_func=view, methods=METHODS, provide_automatic_options=False)
    return app


# ---- ASGI


def _seen_by(scope: Mapping[str, Any], body: bytes = b"", shown: str = "") -> bytes:
    state = scope["state"]
    root = scope.get("root_path", "")
    return _seen(
        state.get("grant"),
        state.get("workspace"),
        method=scope.get("method", ""),
        path=scope["path"].removeprefix(root),
        query=scope["query_string"].decode("latin-1"),
        raw=scope["raw_path"].decode("latin-1"),
        referer=",".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"referer"),
        body=body.decode("latin-1"),
        shown=shown,
    )


def asgi_echo(headers: Pairs = ()) -> ASGIApp:
    """Return a bare ASGI app."""
    sent = [(name.encode(), value.encode()) for name, value in headers]

    async def app(scope: Message, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        if scope["type"] == "websocket":
            assert (await receive())["type"] == "websocket.connect"
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": _seen_by(scope).decode()})
            return
        if scope["type"] == "lifespan":
            for step in ("startup", "shutdown"):
                assert (await receive())["type"] == f"lifespan.{step}"
                await send({"type": f"lifespan.{step}.complete"})
            return
        assert scope["type"] == "http"
        body = b""
        more = True
        while more:
            message = await receive()
            assert message["type"] == "http.request"
            body += message.get("body", b"")
            more = message.get("more_body", False)
        start = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}
        start["headers"] += [(name.lower(), value) for name, value in sent]  # type: ignore[operator] # a list, above
        await send(start)
        answer = b"" if scope["method"] == "HEAD" else _seen_by(scope, body)
        await send({"type": "http.response.body", "body": answer})

    return app


def _response(request: Request, body: bytes, headers: Pairs) -> StarletteResponse:
    # A URL that is not UTF-8 is more than Starlette can show.
    url = str(request.url) if request.scope["query_string"].isascii() else ""
    shown = f"{url} {request.query_params.multi_items()}"
    response = StarletteResponse(_seen_by(request.scope, body, shown), media_type="application/json")
    for name, value in headers:
        response.headers.append(name, value)
    return response


async def _talk(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(_seen_by(websocket.scope, shown=f"{websocket.url} {websocket.query_params}").decode())


def starlette_echo(decorate: Decorate = undecorated, headers: Pairs = (), *, sync: bool = False) -> Starlette:
    """Return a Starlette app, its endpoint a coroutine or, with ``sync``, a plain function."""

    async def echo(request: Request) -> StarletteResponse:
        return _response(request, await request.body(), headers)

    def plain(request: Request) -> StarletteResponse:
        return _response(request, from_thread.run(request.body), headers)

    async def talk(websocket: WebSocket) -> None:
        await _talk(websocket)

    http = Route("/{path:path}", decorate(plain if sync else echo), methods=METHODS)
    return Starlette(routes=[http, WebSocketRoute("/{path:path}", decorate(talk))])


def _fastapi(router: APIRouter) -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.include_router(router)
    return app


def fastapi_echo(dependencies: Iterable[Any] = (), headers: Pairs = ()) -> FastAPI:
    """Return a FastAPI app whose routes have some dependencies."""
    router = APIRouter(dependencies=list(dependencies))

    @router.api_route("/{path:path}", methods=METHODS)
    async def echo(request: FastAPIRequest) -> StarletteResponse:  # pyright: ignore[reportUnusedFunction] - a route
        return _response(request, await request.body(), headers)

    @router.websocket("/{path:path}")
    async def talk(websocket: FastAPIWebSocket) -> None:  # pyright: ignore[reportUnusedFunction] - a route
        await _talk(websocket)

    return _fastapi(router)


def fastapi_workspace(headers: Pairs = ()) -> FastAPI:
    """Return a FastAPI app whose routes ask for ``CurrentWorkspace`` and nothing else."""
    router = APIRouter()

    @router.api_route("/{path:path}", methods=METHODS)
    async def echo(request: FastAPIRequest, workspace: CurrentWorkspace) -> StarletteResponse:  # pyright: ignore[reportUnusedFunction] - a route
        assert workspace is request.state.workspace
        return _response(request, await request.body(), headers)

    @router.websocket("/{path:path}")
    async def talk(websocket: FastAPIWebSocket, workspace: CurrentWorkspace) -> None:  # pyright: ignore[reportUnusedFunction] - a route
        assert workspace is websocket.state.workspace
        await _talk(websocket)

    return _fastapi(router)
