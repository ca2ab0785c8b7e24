"""Starlette apps."""

import math
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Final

import httpx
from cachetools import TTLCache
from starlette.applications import Starlette
from starlette.authentication import (
    AuthCredentials,
    AuthenticationBackend,
    AuthenticationError,
    BaseUser,
    SimpleUser,
)
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from benchmarks.floor import FloorASGI
from benchmarks.inference import Check
from benchmarks.subjects import ENTRIES, World
from benchmarks.traffic import ASGIApp
from rf_middleware.asgi import APIKeyMiddleware

__all__ = ["authenticated", "authentication", "bare", "floor", "inference", "introspection", "ours"]

_MAXSIZE: Final = 100_000
_TTL: Final = 3600.0


async def _infer(request: Request) -> PlainTextResponse:
    del request
    return PlainTextResponse("ok")


def _app(*middleware: Middleware) -> Starlette:
    return Starlette(routes=[Route("/infer", _infer, methods=["GET", "POST"])], middleware=middleware)


def bare(world: World) -> ASGIApp:
    """Nobody is asked for a key."""
    del world
    return _app()


def floor(world: World) -> ASGIApp:
    """The least that a correct hit can do."""
    del world
    return _app(Middleware(FloorASGI, grants=ENTRIES, lease=math.inf))


def ours(world: World) -> ASGIApp:
    """Our middleware."""
    return _app(Middleware(APIKeyMiddleware, validator=world.validator))


# ---- Starlette's own middleware


class _Backend(AuthenticationBackend):
    """Reads the Bearer key as Starlette's documentation does, and looks it up."""

    def __init__(self, look_up: Callable[[str], Awaitable[str | None]]) -> None:
        self._look_up = look_up

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser]:
        """See ``AuthenticationBackend``."""
        scheme, _, key = conn.headers.get("authorization", "").partition(" ")
        slug = await self._look_up(key) if scheme.lower() == "bearer" else None
        if slug is None:
            message = "a valid API key is needed"
            raise AuthenticationError(message)
        return AuthCredentials(["authenticated"]), SimpleUser(slug)


def _refuse(conn: HTTPConnection, error: AuthenticationError) -> Response:
    del conn
    return PlainTextResponse(str(error), status_code=401)


def _cached(known: Callable[[str], Awaitable[str | None]]) -> Callable[[str], Awaitable[str | None]]:
    cache: TTLCache[str, str] = TTLCache(_MAXSIZE, _TTL, timer=monotonic)

    async def look_up(key: str) -> str | None:
        try:
            return cache[key]
        except KeyError:
            slug = await known(key)
            if slug is not None:
                cache[key] = slug
            return slug

    return look_up


def authenticated(app: ASGIApp, world: World) -> ASGIApp:
    """Put Starlette's middleware in front of any ASGI app."""
    return AuthenticationMiddleware(app, backend=_Backend(_cached(world.known)), on_error=_refuse)


def authentication(world: World) -> ASGIApp:
    """Starlette's middleware with a TTLCache."""
    return _app(Middleware(AuthenticationMiddleware, backend=_Backend(_cached(world.known)), on_error=_refuse))


def introspection(world: World) -> ASGIApp:
    """Starlette's middleware that asks the issuer about each request."""
    client = httpx.AsyncClient(base_url=world.issuer, timeout=30)
    world.closing.append(client.aclose)

    async def look_up(key: str) -> str | None:
        answer = (await client.post("/introspect", data={"token": key})).json()
        return answer["workspace"] if answer["active"] else None

    return _app(Middleware(AuthenticationMiddleware, backend=_Backend(look_up), on_error=_refuse))


def inference(world: World) -> ASGIApp:
    """The kind of check that stands in Roboflow's inference server."""
    return _app(Middleware(BaseHTTPMiddleware, dispatch=Check(world.known)))
