"""A Starlette app that lets requests in by API key: copy this folder and begin."""

import os

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from rf_middleware import Validator
from rf_middleware.asgi import APIKeyMiddleware
from rf_middleware.starlette import require_key, workspace_from

validator = Validator()  # asks RF_ISSUER_URL; with RF_ISSUER_TOKEN a revoked key is refused at once


async def hello(request: Request) -> JSONResponse:
    """Say who asks, and which process answers."""
    return JSONResponse({"workspace": workspace_from(request).slug, "pid": os.getpid()})


@require_key(scopes=["model:infer"])
async def infer(request: Request) -> JSONResponse:
    """Do what only keys with the scope ``model:infer`` may ask for."""
    return JSONResponse({"workspace": workspace_from(request).slug, "prediction": "a cat"})


async def healthz(_request: Request) -> JSONResponse:
    """Answer anyone: the middleware exempts this path."""
    return JSONResponse({"status": "ok"})


app = Starlette(
    routes=[Route("/", hello), Route("/infer", infer), Route("/healthz", healthz)],
    middleware=[Middleware(APIKeyMiddleware, validator=validator, exempt=["/healthz"])],
)
