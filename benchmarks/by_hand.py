"""A hit written by hand that keeps what the contract promises of one, each class one function: our own as it could be.

On top of the floor it tells decorators and the app who is asking, takes the key out of the query, completes ``Vary`` or
``Cache-Control``, and notices a stream. It knows the default options alone, refuses what is not plain, and asks nobody:
what separates it from the floor is the price of the promises, what separates us from it the price of options, of files
that can be read, and of all that is no hit.
"""

from collections.abc import Awaitable, Callable, Iterable
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from benchmarks.floor import GRANT, ASGIApp, Entry, Message, Receive, Send
from benchmarks.traffic import Scope
from rf_middleware._clock import now

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["ByHandASGI", "ByHandWSGI"]

Pairs = list[tuple[str, str]]
Write = Callable[[bytes], object]

_COMMA: Final = ord(",")
_NAME: Final = "api_key="
_VARY: Final = {b"authorization": ((b"vary", b"Authorization"),), b"x-api-key": ((b"vary", b"X-API-Key"),)}
_VARY_WSGI: Final = {"HTTP_AUTHORIZATION": (("vary", "Authorization"),), "HTTP_X_API_KEY": (("vary", "X-API-Key"),)}
_SAID: Final = frozenset({len("vary"), len("cache-control")})


class ByHandASGI:
    """In front of an ASGI app."""

    def __init__(self, app: ASGIApp, grants: dict[bytes, Entry], lease: float) -> None:
        self.app = app
        self.grants = grants
        self.lease = lease
        self.streams: set[int] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: C901 - in one piece, like the floor
        """Serve one connection."""
        key = None
        wanted: tuple[tuple[bytes, bytes], ...] = ()
        for name, value in scope["headers"]:
            if name in _VARY:
                if key is not None or _COMMA in value:
                    return await _forbid(send)
                wanted = _VARY[name]
                key = value if name != b"authorization" else value[7:] if value[:7] == b"Bearer " else b""
        query = scope["query_string"]
        if query and _NAME.encode() in query:
            if key is not None:
                return await _forbid(send)
            parts = query.split(b"&")
            named = [part for part in parts if part.startswith(_NAME.encode())]
            key, wanted = named[0][len(_NAME) :], ((b"cache-control", b"private"),)
            scope["query_string"] = b"&".join([part for part in parts if part not in named])
        at = now()
        entry = self.grants.get(sha256(key).digest()) if key and at < self.lease else None
        if entry is None or at >= entry[0]:
            return await _forbid(send)
        grant = entry[1]
        scope[GRANT] = self, grant, key, wanted, query
        state = scope["state"]
        state["grant"] = state["workspace"] = grant
        stream = 0

        def answer(message: "Message") -> "Awaitable[None]":  # quoted: else they are evaluated for each request
            nonlocal stream
            if message["type"] == "http.response.start":
                headers = message["headers"]
                for name, _ in headers:
                    if len(name) in _SAID:
                        return send(message)
                return send({**message, "headers": [*headers, *wanted]})
            if message.get("more_body") and not stream:
                stream = id(message)
                self.streams.add(stream)
            return send(message)

        try:
            await self.app(scope, receive, answer)
        finally:
            if stream:
                self.streams.discard(stream)


async def _forbid(send: Send) -> None:
    await send({"type": "http.response.start", "status": 401, "headers": []})
    await send({"type": "http.response.body", "body": b""})


class ByHandWSGI:
    """In front of a WSGI app."""

    def __init__(self, app: "WSGIApplication", grants: dict[bytes, Entry], lease: float) -> None:
        self.app = app
        self.grants = grants
        self.lease = lease

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Serve one request."""
        key = None
        wanted: tuple[tuple[str, str], ...] = ()
        for name, vary in _VARY_WSGI.items():
            if name in environ:
                value = environ[name]
                if key is not None or "," in value:
                    return _forbid_wsgi(start_response)
                wanted = vary
                key = value if name != "HTTP_AUTHORIZATION" else value[7:] if value[:7] == "Bearer " else ""
        query: str = environ["QUERY_STRING"]
        if query and _NAME in query:
            if key is not None:
                return _forbid_wsgi(start_response)
            parts = query.split("&")
            named = [part for part in parts if part.startswith(_NAME)]
            key, wanted = named[0][len(_NAME) :], (("cache-control", "private"),)
            kept = environ["QUERY_STRING"] = "&".join([part for part in parts if part not in named])
            environ["RAW_URI"] = environ["RAW_URI"].partition("?")[0] + "?" + kept
        at = now()
        entry = self.grants.get(sha256(key.encode("latin-1")).digest()) if key and at < self.lease else None
        if entry is None or at >= entry[0]:
            return _forbid_wsgi(start_response)
        environ[GRANT] = self, entry[1], key, wanted, query
        environ["grant"] = environ["workspace"] = entry[1]

        def start(
            status: "str", headers: "Pairs", exc_info: "OptExcInfo | None" = None, /
        ) -> "Write":  # as in ``asgi``
            for name, _ in headers:
                if len(name) in _SAID:
                    return start_response(status, headers, exc_info)
            return start_response(status, [*headers, *wanted])

        body = self.app(environ, start)
        return body if isinstance(body, list) else iter(body)


def _forbid_wsgi(start_response: "StartResponse") -> Iterable[bytes]:
    start_response("401 Unauthorized", [])
    return [b""]
