"""How an app is asked for a route: as a server would, by a client that does not wait for the end."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route as HTTPRoute

from rf_middleware._probe import probe
from rf_middleware._routes import Place, Route
from tests.harness import Message
from tests.testing.opened import opened

Receive = Callable[[], Any]
Send = Callable[[Message], Any]


def asked(app: Any, method: str = "GET", place: Place | None = None, patience: float = 10.0) -> tuple[str, bool]:
    """Return what comes of one route, as text, and whether that was a refusal."""
    (outcome,) = probe(app, [Route(method, place or Place("/", "/"))], "localhost", patience)
    return outcome.text, outcome.refused


def sending(*messages: Message) -> Any:
    """Return an ASGI app that takes the first message and sends these."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        for message in messages:
            await send(message)

    return app


def closing(**close: Any) -> Any:
    """Return an ASGI app that closes a WebSocket."""
    return sending({"type": "websocket.close", **close})


# ---- what counts as a refusal


@pytest.mark.parametrize("status", [200, 204, 302, 400, 402, 403, 404, 405, 422, 429, 500, 503])
def test_only_a_401_is_a_refusal(status: int) -> None:
    """Any other status, of whatever protocol, means that nobody asked for a key."""
    start: Message = {"status": status, "headers": []}
    assert asked(sending({"type": "http.response.start", **start})) == (str(status), False)
    assert asked(sending({"type": "websocket.http.response.start", **start}), "WEBSOCKET") == (str(status), False)
    assert asked(answering(f"{status} x")) == (str(status), False)


def test_a_401_is_a_refusal() -> None:
    """It is the one answer to a request without a key."""
    start: Message = {"status": 401, "headers": []}
    assert asked(sending({"type": "http.response.start", **start})) == ("401", True)
    assert asked(sending({"type": "websocket.http.response.start", **start}), "WEBSOCKET") == ("401", True)
    assert asked(answering("401 x")) == ("401", True)


def test_a_websocket_is_refused_by_1008_before_it_is_accepted() -> None:
    """Any other code, a 1008 for another reason, or one after an acceptance is no refusal."""
    assert asked(closing(code=1008, reason="missing-key"), "WEBSOCKET") == ("closed with 1008", True)
    assert asked(closing(code=1008), "WEBSOCKET") == ("closed with 1008", True)
    assert asked(closing(code=1008, reason=[{"loc": ["query", "q"]}]), "WEBSOCKET")[1] is False
    assert asked(closing(code=1000), "WEBSOCKET") == ("closed with 1000", False)
    assert asked(closing(), "WEBSOCKET") == ("closed with 1000", False)
    late = sending({"type": "websocket.accept"}, {"type": "websocket.close", "code": 1008})
    assert asked(late, "WEBSOCKET") == ("accepted", False)


# ---- what an app is told


def test_an_asgi_app_is_told_what_a_server_tells() -> None:
    """The scope has what frameworks read, the path decoded and as it is sent, and no key anywhere."""
    seen: list[Message] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        seen.append({**scope, "first": await receive()})

    place = Place("/{a}", "/ä b", "", "h.example.org")
    assert asked(app, "PUT", place) == ("no answer", False)
    assert asked(app, "WEBSOCKET", place) == ("no answer", False)
    http, websocket = seen
    assert (http["type"], http["method"], http["scheme"]) == ("http", "PUT", "https")
    assert (websocket["type"], websocket["scheme"]) == ("websocket", "wss")
    assert "websocket.http.response" in websocket["extensions"]
    assert (http["first"]["type"], websocket["first"]["type"]) == ("http.request", "websocket.connect")
    for scope in seen:
        assert (scope["path"], scope["raw_path"]) == ("/ä b", b"/%C3%A4%20b")
        assert (scope["headers"], scope["query_string"]) == ([(b"host", b"h.example.org")], b"")


def test_a_wsgi_app_is_told_what_a_server_tells() -> None:
    """The environ has what frameworks read, the path as latin-1 text of its bytes, and no key anywhere."""
    seen: list[dict[str, Any]] = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        seen.append({**environ, "body": environ["wsgi.input"].read()})
        return []

    place = Place("/{a}", "/ä b", "", "h.example.org")
    assert asked(app, "PUT", place) == ("no answer", False)
    assert asked(app, "WEBSOCKET", place) == ("no answer", False)
    http, websocket = seen
    assert (http["REQUEST_METHOD"], websocket["REQUEST_METHOD"]) == ("PUT", "GET")
    assert (http.get("HTTP_UPGRADE"), websocket["HTTP_UPGRADE"]) == (None, "websocket")
    for environ in seen:
        assert (environ["PATH_INFO"], environ["RAW_URI"]) == ("/Ã¤ b", "/%C3%A4%20b")
        assert (environ["HTTP_HOST"], environ["QUERY_STRING"], environ["body"]) == ("h.example.org", "", b"")


# ---- apps that do not end


def test_a_stream_without_an_end_does_not_hold_anybody_up() -> None:
    """The client leaves when the answer has begun."""

    async def forever() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0)

    async def view(request: Request) -> Response:
        return StreamingResponse(forever())

    async def passing(request: Request, call_next: Any) -> Any:
        return await call_next(request)

    bare = Starlette(routes=[HTTPRoute("/", view, methods=["POST"])])
    inside = Starlette(routes=bare.routes, middleware=[Middleware(BaseHTTPMiddleware, dispatch=passing)])
    assert opened(bare) == ["POST / -> 200"]
    assert opened(inside) == ["POST / -> 200"]


def test_an_app_that_never_listens_is_ended() -> None:
    """Whoever sends on and on, or waits for what never comes, is cancelled."""
    ended: list[str] = []

    async def sends(scope: Message, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while True:
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
        finally:
            ended.append("sends")

    async def waits(scope: Message, receive: Receive, send: Send) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("waits")

    assert asked(sends) == ("200", False)
    assert asked(waits, patience=0.01) == ("no answer", False)
    assert ended == ["sends", "waits"]


def test_an_app_that_waits_for_more_hears_that_the_client_is_gone() -> None:
    """After the answer has begun there is nothing more to receive but the end."""
    heard: list[str] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        heard.append((await receive())["type"])
        kind = "http.response.start" if scope["type"] == "http" else "websocket.accept"
        await send({"type": kind, "status": 200, "headers": []})
        heard.append((await receive())["type"])

    assert asked(app) == ("200", False)
    assert asked(app, "WEBSOCKET") == ("accepted", False)
    assert heard == ["http.request", "http.disconnect", "websocket.connect", "websocket.disconnect"]


# ---- WSGI


class Body:
    """The answer of a WSGI app, which counts what is done with it."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = iter(parts)
        self.taken = 0
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self.taken += 1
        return next(self._parts)

    def close(self) -> None:
        """Count."""
        self.closed += 1


def answering(status: str, body: Iterable[bytes] = (b"x",)) -> Any:
    """Return a WSGI app."""

    def app(environ: object, start_response: Callable[..., Callable[[bytes], object]]) -> Iterable[bytes]:
        start_response(status, [])(b"written")
        return body

    return app


def test_a_wsgi_answer_is_closed_and_not_read() -> None:
    """A stream without an end does not hold anybody up, and its resources are freed."""
    body = Body(iter(lambda: b"x", None))
    assert asked(answering("200 OK", body)) == ("200", False)
    assert (body.taken, body.closed) == (0, 1)


def test_a_wsgi_app_may_begin_late() -> None:
    """A generator starts its response when it is asked for its first part."""

    def app(environ: object, start_response: Callable[..., object]) -> Iterable[bytes]:
        start_response("401 Unauthorized", [])
        yield b""

    assert asked(app) == ("401", True)


def test_an_app_that_raises_is_told_by_the_type_only() -> None:
    """The text of an exception may hold anything, so it is not repeated."""

    def wsgi(environ: object, start_response: Callable[..., object]) -> Iterable[bytes]:
        raise LookupError("secret")

    async def asgi(scope: Message, receive: Receive, send: Send) -> None:
        raise LookupError("secret")

    assert asked(wsgi) == ("raised LookupError", False)
    assert asked(asgi) == ("raised LookupError", False)


def test_what_an_app_raises_after_its_answer_began_changes_nothing() -> None:
    """The status was told before."""

    class Failing(Body):
        def close(self) -> None:
            raise LookupError

    async def asgi(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 401, "headers": []})
        raise LookupError

    assert asked(answering("401 x", Failing([]))) == ("401", True)
    assert asked(asgi) == ("401", True)
