"""Apps with one decorated route, ``/echo``, one that is open, ``/open``, and a decorated WebSocket, ``/talk``."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI
from flask import Flask, g
from starlette.applications import Starlette
from starlette.requests import Request as StarletteRequest
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from rf_middleware import asgi, wsgi
from rf_middleware.fastapi import CurrentWorkspace, RequireKey
from rf_middleware.flask import current_workspace
from rf_middleware.flask import require_key as flask_key
from rf_middleware.starlette import require_key, workspace_from
from tests.harness import Answer, Request, call_asgi, call_wsgi

__all__ = ["Kind", "by_kind", "by_owner", "get"]

Serve = Callable[[Any, Request], Answer]


def flask_app(**settings: Any) -> Flask:
    """Return a Flask app with one decorated view, ``/echo``, and one that is not, ``/open``."""
    app = Flask("decorated", static_folder=None)

    @app.route("/echo")
    @flask_key(**settings)
    def echo() -> str:  # pyright: ignore[reportUnusedFunction] - a view
        assert g.workspace is g.grant.workspace
        return current_workspace.slug

    @app.route("/open")
    def open_() -> str:  # pyright: ignore[reportUnusedFunction] - a view
        return "open"

    return app


def starlette_app(**settings: Any) -> Starlette:
    """Return the same as a Starlette app."""

    @require_key(**settings)
    async def echo(request: StarletteRequest) -> PlainTextResponse:
        return PlainTextResponse(workspace_from(request).slug)

    def open_(request: StarletteRequest) -> PlainTextResponse:
        return PlainTextResponse("open")

    @require_key(**settings)
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(workspace_from(websocket).slug)

    return Starlette(routes=[Route("/echo", echo), Route("/open", open_), WebSocketRoute("/talk", talk)])


def fastapi_app(**settings: Any) -> FastAPI:
    """Return the same as a FastAPI app."""
    app = FastAPI(openapi_url=None)

    @app.get("/echo", dependencies=[RequireKey(**settings)])
    def echo(workspace: CurrentWorkspace) -> Any:  # pyright: ignore[reportUnusedFunction] - a route
        return PlainTextResponse(workspace.slug)

    @app.get("/open")
    def open_() -> Any:  # pyright: ignore[reportUnusedFunction] - a route
        return PlainTextResponse("open")

    @app.websocket("/talk", dependencies=[RequireKey(**settings)])
    async def talk(websocket: WebSocket, workspace: CurrentWorkspace) -> None:  # pyright: ignore[reportUnusedFunction] - a route
        await websocket.accept()
        await websocket.send_text(workspace.slug)

    return app


@dataclass
class Kind:
    """One framework: its decorated app, how a middleware is put around it, how it is called."""

    name: str
    build: Callable[..., Any]
    serve: Serve

    def wrap(self, app: Any, **options: Any) -> Any:
        """Put the middleware around an app."""
        middleware = wsgi.APIKeyMiddleware if self.serve is call_wsgi else asgi.APIKeyMiddleware
        return middleware(app, **options)


KINDS = [
    Kind("flask", flask_app, call_wsgi),
    Kind("starlette", starlette_app, call_asgi),
    Kind("fastapi", fastapi_app, call_asgi),
]
OWNERS = KINDS[1:]
"""Those whose decorator can be given an issuer of its own; Flask's takes the extension's."""

by_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
by_owner = pytest.mark.parametrize("kind", OWNERS, ids=lambda kind: kind.name)


def get(target: str = "/echo", *headers: tuple[str, str]) -> Request:
    """Return a GET."""
    return Request("GET", target, headers)
