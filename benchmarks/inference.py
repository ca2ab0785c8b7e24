"""A check of the kind that Roboflow's inference server has: the behaviour, written anew.

``@app.middleware("http")``, a dict of process life, 3600 s, the key from the query, else from the JSON body, and here
also from the header, so that it can be compared.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.middleware.base import RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

__all__ = ["Check"]

_KEPT: Final = 3600.0


class Check:
    """The function that the decorator takes."""

    def __init__(self, known: Callable[[str], Awaitable[str | None]]) -> None:
        self._known = known
        self._until: dict[str, float] = {}

    async def __call__(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Let a request through, or answer it."""
        if request.method not in {"GET", "POST"}:
            return await call_next(request)
        key = await _key_of(request)
        if key is None:
            return _refused()
        if self._until.get(key, 0.0) < time.time():
            if await self._known(key) is None:
                return _refused()
            self._until[key] = time.time() + _KEPT
        return await call_next(request)


async def _key_of(request: Request) -> str | None:
    key = request.query_params.get("api_key")
    is_json = request.headers.get("content-type") == "application/json"
    if key is None and is_json and int(request.headers.get("content-length", "0")) > 0:
        key = (await request.json()).get("api_key")
    return key if key is not None else request.headers.get("authorization", "").partition(" ")[2] or None


def _refused() -> Response:
    return JSONResponse({"status": 401, "message": "Unauthorized api_key"}, status_code=401)
