"""One request, handed to a WSGI or an ASGI app in this process exactly as a real server would hand it over.

* WSGI as gunicorn does it: ``RAW_URI``, repeated headers joined by commas, headers with an underscore dropped, bytes
  as latin-1 text, ``wsgi.input`` that may return less than it was asked for. A second ``start_response`` without
  ``exc_info`` is an error.
* ASGI as uvicorn does it: lower-cased byte headers with their repeats, ``raw_path`` beside the percent-decoded
  ``path``, both with the root path in front, a ``state`` of its own for each connection. Messages out of order are
  an error.

What a server would print into its access log afterwards is part of the answer.
"""

import asyncio
import io
import json
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast
from urllib.parse import quote, unquote, unquote_to_bytes

__all__ = ["Answer", "Request", "Talk", "call_asgi", "call_wsgi", "connect", "scope_of"]

Message = MutableMapping[str, Any]
ASGIApp = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Any
]
WSGIApp = Callable[..., Iterable[bytes]]
Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Request:
    """A request as it stands on the wire.

    Attributes:
        method: any token.
        target: path and query as they were sent, without the root path.
        headers: in order, with repeats; text stands for latin-1 bytes.
        body: whole, with a ``Content-Length``; or in chunks, without one.
        root_path: where the server says that the app is mounted.
        broken: whether the server can't read the body to its end.
    """

    method: str = "GET"
    target: str = "/"
    headers: Pairs = ()
    body: bytes | tuple[bytes, ...] = b""
    root_path: str = ""
    broken: bool = False

    def to(self, target: str) -> "Request":
        """Return the same request to another target."""
        return replace(self, target=target)

    @property
    def chunks(self) -> list[bytes]:
        """The body in the pieces in which it arrives."""
        return [self.body] if isinstance(self.body, bytes) else list(self.body) or [b""]

    @property
    def cut_off(self) -> bool:
        """Whether less comes than the headers say, or than the chunks do."""
        if self.broken:
            return True
        told = [value for name, value in self.headers if name.lower() == "content-length" and value.isdigit()]
        return isinstance(self.body, bytes) and any(int(value) > len(self.body) for value in told)

    @property
    def all_headers(self) -> list[tuple[str, str]]:
        """The headers with those that the client's library adds."""
        named = {name.lower() for name, _ in self.headers}
        found = [(name, value.strip(" \t")) for name, value in self.headers]
        if "host" not in named:
            found.insert(0, ("Host", "app.example"))
        if isinstance(self.body, bytes) and self.body and "content-length" not in named:
            found.append(("Content-Length", str(len(self.body))))
        elif not isinstance(self.body, bytes):
            found.append(("Transfer-Encoding", "chunked"))
        return found


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        headers: names in lower case, in order, with repeats.
        logged: what the server's access log prints of the request afterwards: target and referrer.
    """

    status: int
    headers: Pairs
    body: bytes
    logged: str = ""

    def __getitem__(self, name: str) -> str:
        """Return the values of a header, joined; empty when it is not there."""
        return ", ".join(value for each, value in self.headers if each == name.lower())

    @property
    def json(self) -> dict[str, Any]:
        """The body as a JSON object."""
        return cast("dict[str, Any]", json.loads(self.body))

    @property
    def problem(self) -> str:
        """The end of the problem type; empty when the body is none."""
        if self["content-type"] != "application/problem+json" or not self.body:
            return ""
        return str(self.json["type"]).removeprefix("urn:rf-middleware:problem:")

    @property
    def verdict(self) -> tuple[int, str]:
        """Status and problem type: what every adapter must agree on."""
        return self.status, self.problem


class Unreadable(Exception):  # noqa: N818 - a server's own, and none of Python's
    """What came is no chunk."""


class _Input(io.RawIOBase):
    """A body as it arrives: ``read(n)`` gives what is there, which may be less than ``n``."""

    def __init__(self, chunks: Iterable[bytes], *, broken: bool = False) -> None:
        self._chunks = [chunk for chunk in chunks if chunk]
        self._broken = broken

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        if not self._chunks and self._broken:
            raise Unreadable
        if not self._chunks or not len(buffer):
            return 0
        chunk = self._chunks.pop(0)
        taken = chunk[: len(buffer)]
        if len(chunk) > len(taken):
            self._chunks.insert(0, chunk[len(taken) :])
        buffer[: len(taken)] = taken
        return len(taken)


def environ_of(request: Request, *, terminated: bool = True) -> dict[str, Any]:
    """Build the environ of a request; without ``terminated`` the stream does not end by itself."""
    raw_path, _, query = request.target.partition("?")
    environ: dict[str, Any] = {
        "wsgi.errors": sys.stderr,
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.url_scheme": "http",
        "wsgi.input": _Input(request.chunks, broken=request.broken),
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": query,
        "RAW_URI": request.root_path + request.target,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "REMOTE_ADDR": "127.0.0.1",
        "PATH_INFO": unquote_to_bytes(raw_path).decode("latin-1"),
        "SCRIPT_NAME": request.root_path,
    }
    if terminated:
        environ["wsgi.input_terminated"] = True
    for name, value in request.all_headers:
        variable = name.upper().replace("-", "_")
        if "_" in name:
            continue  # dropped: it could pose as the name with a hyphen
        if variable in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
            environ[variable] = value
        else:
            before = environ.get("HTTP_" + variable)
            environ["HTTP_" + variable] = value if before is None else f"{before},{value}"
    return environ


def call_wsgi(app: WSGIApp, request: Request, *, terminated: bool = True) -> Answer:
    """Serve one request with a WSGI app."""
    environ = environ_of(request, terminated=terminated)
    started: list[tuple[str, list[tuple[str, str]]]] = []
    written: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        assert not started or exc_info is not None, "start_response was called twice"
        assert all(type(name) is str and type(value) is str for name, value in headers)
        started[:] = [(status, headers)]
        return written.append

    result = app(environ, start_response)
    try:
        body = b"".join(written) + b"".join(result)
    finally:
        close = getattr(result, "close", None)
        if close is not None:
            close()
    assert started, "start_response was never called"
    status, headers = started[0]
    logged = f"{environ['REQUEST_METHOD']} {environ['RAW_URI']} {environ.get('HTTP_REFERER', '')}"
    return Answer(int(status[:3]), [(name.lower(), value) for name, value in headers], body, logged)


def scope_of(request: Request, kind: str = "http", *, denial_response: bool = True) -> dict[str, Any]:
    """Build the scope of a request."""
    raw_path, _, query = request.target.partition("?")
    scope: dict[str, Any] = {
        "type": kind,
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "http" if kind == "http" else "ws",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50_000),
        "root_path": request.root_path,
        "path": request.root_path + unquote(raw_path),
        "raw_path": (request.root_path + raw_path).encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in request.all_headers],
        "state": {},
    }
    if kind == "http":
        scope["method"] = request.method
    else:
        scope["subprotocols"] = []
        scope["extensions"] = {"websocket.http.response": {}} if denial_response else {}
    return scope


def _log_line(scope: Mapping[str, Any]) -> str:
    referrer = b",".join(value for name, value in scope["headers"] if name == b"referer").decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    return f"{scope.get('method', 'WS')} {quote(scope['path'])}{'?' if query else ''}{query} {referrer}"


def call_asgi(app: ASGIApp, request: Request) -> Answer:
    """Serve one request with an ASGI app, on an event loop of its own."""
    return asyncio.run(acall(app, request))


async def acall(app: ASGIApp, request: Request) -> Answer:
    """Serve one request with an ASGI app."""
    scope = scope_of(request)
    chunks = request.chunks
    start: Message = {}
    body: list[bytes] = []
    done = asyncio.Event()

    async def receive() -> Message:
        if chunks:
            return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks) or request.cut_off}
        if request.cut_off:
            return {"type": "http.disconnect"}
        await done.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            assert not start, "two answers"
            start.update(message)
        else:
            assert message["type"] == "http.response.body", message["type"]
            assert start, "a body before its start"
            assert not done.is_set(), "a body after its end"
            body.append(bytes(message.get("body", b"")))
            if not message.get("more_body", False):
                done.set()

    await app(scope, receive, send)
    assert done.is_set(), "no complete answer"
    return Answer(start["status"], _texts(start.get("headers", ())), b"".join(body), _log_line(scope))


def _texts(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    pairs = list(headers)
    assert all(type(name) is bytes and type(value) is bytes and name == name.lower() for name, value in pairs)
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in pairs]


@dataclass
class Talk:
    """What became of a WebSocket.

    Attributes:
        accepted: whether the app accepted it.
        texts: what the app sent.
        code: with which it was closed by the app; ``None`` if it was not.
        answer: the HTTP response that denied it, if one did.
    """

    accepted: bool = False
    texts: list[str] = field(default_factory=list[str])
    code: int | None = None
    answer: Answer | None = None
    logged: str = ""

    @property
    def verdict(self) -> tuple[int, str]:
        """The same as of an HTTP answer; an accepted one is a 200."""
        if self.accepted:
            return 200, ""
        return (self.code or 0, "closed") if self.answer is None else self.answer.verdict


def connect(app: ASGIApp, request: Request, *, denial_response: bool = True) -> Talk:
    """Open a WebSocket; ``denial_response``: whether the server can refuse with an HTTP response."""
    return asyncio.run(_connect(app, scope_of(request, "websocket", denial_response=denial_response)))


async def _connect(app: ASGIApp, scope: MutableMapping[str, Any]) -> Talk:
    talk = Talk()
    start: Message = {}
    body: list[bytes] = []
    to_come: list[Message] = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": "hello"}]

    async def receive() -> Message:
        return to_come.pop(0) if to_come else {"type": "websocket.disconnect", "code": 1000}

    async def send(message: Message) -> None:
        kind = message["type"]
        assert talk.code is None, "a message after the close"
        if kind == "websocket.accept":
            assert not start, "accepted after it was denied"
            talk.accepted = True
        elif kind == "websocket.send":
            assert talk.accepted, "a message before the accept"
            talk.texts.append(message["text"])
        elif kind == "websocket.close":
            talk.code = message.get("code", 1000)
        elif kind == "websocket.http.response.start":
            assert not talk.accepted, "denied after it was accepted"
            assert "websocket.http.response" in scope["extensions"], "the server can't do that"
            start.update(message)
        else:
            assert kind == "websocket.http.response.body", kind
            body.append(bytes(message.get("body", b"")))

    await app(scope, receive, send)
    talk.logged = _log_line(scope)
    if start:
        talk.answer = Answer(start["status"], _texts(start["headers"]), b"".join(body))
    return talk
