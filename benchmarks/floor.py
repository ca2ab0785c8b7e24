"""The floor: the least that a correct hit under the default options can do, written by hand.

Each class does one pass over all raw headers with repeats seen (WSGI: the look-ups for the default locations), one
SHA-256, one dict look-up, one lease comparison, one expiry comparison, one write to the scope or the environ. It has
no options, tells nobody why it refuses, strips nothing, completes no header and is of no use but as a measure.
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes

from rf_middleware._clock import now

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["GRANT", "Entry", "FloorASGI", "FloorWSGI"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

Entry = tuple[float, object]
"""When the grant ends, and the grant."""

_COMMA: Final = ord(",")  # ten times as fast to find as b","
GRANT: Final = "floor.grant"


def _in_query(query: bytes) -> bytes | None:
    """Return the key of a query, empty when there is none, ``None`` when there are two."""
    found = b""
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        if name == b"api_key" or (b"%" in name and unquote_to_bytes(name) == b"api_key"):
            if found:
                return None
            found = unquote_to_bytes(value) if b"%" in value else value
    return found


class FloorASGI:
    """A hit in front of an ASGI app."""

    def __init__(self, app: ASGIApp, grants: dict[bytes, Entry], lease: float) -> None:
        self.app = app
        self.grants = grants
        self.lease = lease

    async def __call__(  # noqa: C901 - in one piece: each call of a helper would be a cost that is no floor
        self, scope: MutableMapping[str, Any], receive: Receive, send: Send
    ) -> None:
        """Serve one connection."""
        authorization = api_key = b""
        for name, value in scope["headers"]:
            if name == b"authorization":
                if authorization or _COMMA in value:
                    return await _forbid(send)
                authorization = value
            elif name == b"x-api-key":
                if api_key or _COMMA in value:
                    return await _forbid(send)
                api_key = value
        key = authorization[7:] if authorization[:7].lower() == b"bearer " else b""
        if api_key:
            if key and key != api_key:
                return await _forbid(send)
            key = api_key
        if scope["query_string"]:
            other = _in_query(scope["query_string"])
            if other is None or (other and key and key != other):
                return await _forbid(send)
            key = other or key
        at = now()
        if at < self.lease:
            entry = self.grants.get(sha256(key).digest())
            if entry is not None and at < entry[0]:
                scope[GRANT] = entry[1]
                return await self.app(scope, receive, send)
        return await _forbid(send)


async def _forbid(send: Send) -> None:
    await send({"type": "http.response.start", "status": 401, "headers": []})
    await send({"type": "http.response.body", "body": b""})


class FloorWSGI:
    """A hit in front of a WSGI app."""

    def __init__(self, app: "WSGIApplication", grants: dict[bytes, Entry], lease: float) -> None:
        self.app = app
        self.grants = grants
        self.lease = lease

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Serve one request."""
        authorization = environ.get("HTTP_AUTHORIZATION", "")
        api_key = environ.get("HTTP_X_API_KEY", "")
        if "," in authorization or "," in api_key:
            return _forbid_wsgi(start_response)
        key = authorization[7:] if authorization[:7].lower() == "bearer " else ""
        if api_key:
            if key and key != api_key:
                return _forbid_wsgi(start_response)
            key = api_key
        raw = key.encode("latin-1")
        if environ["QUERY_STRING"]:
            other = _in_query(environ["QUERY_STRING"].encode("latin-1"))
            if other is None or (other and raw and raw != other):
                return _forbid_wsgi(start_response)
            raw = other or raw
        at = now()
        if at < self.lease:
            entry = self.grants.get(sha256(raw).digest())
            if entry is not None and at < entry[0]:
                environ[GRANT] = entry[1]
                return self.app(environ, start_response)
        return _forbid_wsgi(start_response)


def _forbid_wsgi(start_response: "StartResponse") -> Iterable[bytes]:
    start_response("401 Unauthorized", [])
    return [b""]
