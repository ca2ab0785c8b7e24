"""Requests as servers hand them over, and the bare apps that answer them.

Every request is made of new objects, as a server makes them: bytes that were hashed once keep their hash, and a
request that was stripped once has nothing left to strip.
"""

import io
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Final

from benchmarks.answers import WORKSPACE

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = [
    "KEY",
    "PLACES",
    "WORKSPACE",
    "ASGIApp",
    "BareASGI",
    "BareWSGI",
    "Message",
    "Receive",
    "Scope",
    "Send",
    "environ",
    "key_header",
    "query",
    "receive",
    "scope",
]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

KEY: Final = b"rfk_7Qm2vX9cLr4_nB8yHk3WzD6sJf1G0aPe"
"""Three parts, so that a peer can take it which has keys of that form."""
PLACES: Final = ("Bearer", "X-API-Key", "query")
"""Where the key is: the default locations."""

_HEADERS: Final = (
    (b"host", b"inference.example.com"),
    (b"user-agent", b"python-requests/2.32.3"),
    (b"accept-encoding", b"gzip, deflate, br"),
    (b"accept", b"application/json"),
    (b"connection", b"keep-alive"),
    (b"content-type", b"application/json"),
    (b"content-length", b"0"),
    (b"x-forwarded-for", b"203.0.113.7"),
    (b"x-request-id", b"0f6d1f9e2b7c4d53a1f0c88f5b0c9e11"),
    (b"traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
)


def query(place: str, key: bytes = KEY) -> bytes:
    """Return the query of a request with its key there."""
    return b"confidence=0.4&api_key=" + key if place == "query" else b""


def key_header(place: str, key: bytes = KEY) -> list[tuple[bytes, bytes]]:
    """Return the header that has the key, when one has it."""
    if place == "Bearer":
        return [(b"authorization", b"Bearer " + key)]
    return [(b"x-api-key", key)] if place == "X-API-Key" else []


def _new(value: bytes) -> bytes:
    return bytes(bytearray(value))


def scope(place: str, key: bytes = KEY) -> Scope:
    """Return a scope as uvicorn makes one."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50000),
        "scheme": "http",
        "method": "POST",
        "root_path": "",
        "path": "/infer",
        "raw_path": b"/infer",
        "query_string": _new(query(place, key)),
        "headers": [(_new(name), _new(value)) for name, value in (*_HEADERS, *key_header(place, key))],
        "state": {},
    }


def environ(place: str, key: bytes = KEY) -> "WSGIEnvironment":
    """Return an environ as gunicorn makes one."""
    asked = query(place, key)
    made: WSGIEnvironment = {
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "SERVER_SOFTWARE": "gunicorn",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "50000",
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/infer",
        "QUERY_STRING": asked.decode(),
        "RAW_URI": (b"/infer?" + asked if asked else b"/infer").decode(),
    }
    for name, value in (*_HEADERS, *key_header(place, key)):
        variable = name.decode().upper().replace("-", "_")
        made[variable if variable in {"CONTENT_TYPE", "CONTENT_LENGTH"} else "HTTP_" + variable] = value.decode()
    return made


async def receive() -> Message:
    """Return an empty body."""
    return {"type": "http.request", "body": b"", "more_body": False}


class BareASGI:
    """The least an ASGI app does; ``served`` counts its answers."""

    def __init__(self) -> None:
        self.served = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        del scope, receive
        self.served += 1
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"ok"})


class BareWSGI:
    """The least a WSGI app does; ``served`` counts its answers."""

    def __init__(self) -> None:
        self.served = 0

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> list[bytes]:
        """Serve one request."""
        del environ
        self.served += 1
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"ok"]
