"""Open streams of Starlette apps: decorated WebSockets, and responses that other middlewares have a hand in."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from rf_middleware import Validator
from rf_middleware._asgi_streams import Cut
from rf_middleware.asgi import APIKeyMiddleware
from rf_middleware.starlette import require_key
from tests.streams.opened import KEY, OTHER, Open, issuer_of_two, open_streams


async def endless(request: Request) -> Response:
    """Send a part, and wait for ever."""

    async def parts() -> AsyncIterator[bytes]:
        yield b"one"
        await asyncio.Event().wait()

    return StreamingResponse(parts())


async def echo(socket: WebSocket) -> None:
    """Send back what comes."""
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(text)


def decorated(endpoint: Any, validator: Validator) -> Starlette:
    """Return an app that knows of keys by its decorator alone."""
    return Starlette(routes=[WebSocketRoute("/", require_key(validator=validator)(endpoint))])


def test_a_decorated_websocket_ends_with_its_key() -> None:
    """The endpoint of a revoked key is cancelled and its WebSocket closed with 1008; another one goes on."""
    issuer = issuer_of_two()
    validator = Validator(issuer)
    app = decorated(echo, validator)

    async def serve() -> tuple[Open, Open]:
        mine, other = Open(app), Open(app, OTHER)
        await mine.reached(1)
        await other.reached(1)
        issuer.revoke(KEY)
        await mine.ended()
        other.put({"type": "websocket.receive", "text": "hello"})
        await other.reached(2)
        other.put({"type": "websocket.disconnect", "code": 1000})
        await other.ended()
        return mine, other

    mine, other = asyncio.run(serve())
    assert [each["type"] for each in mine.sent] == ["websocket.accept", "websocket.close"]
    assert (mine.codes, other.codes) == ([1008], [])
    assert other.sent[1]["text"] == "hello"
    assert open_streams(validator) == []


@pytest.mark.parametrize("spec", ["2.3", "2.4"])
@pytest.mark.parametrize("mine", [True, False])
def test_a_decorated_streaming_response_ends_with_its_key(spec: str, *, mine: bool) -> None:
    """A response that only the decorator watches is left unfinished when its key is revoked, and no other is."""
    issuer = issuer_of_two()
    validator = Validator(issuer)
    app = Starlette(routes=[Route("/", require_key(validator=validator)(endless))])

    async def serve() -> Open:
        connection = Open(app, kind="http", spec=spec)
        await connection.reached(2)
        issuer.revoke(KEY if mine else OTHER)
        if not mine:
            assert len(open_streams(validator)) == 1
            connection.task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await connection.ended()
        else:
            with pytest.RaisesGroup(Cut, allow_unwrapped=True, flatten_subgroups=True):
                await connection.task
        return connection

    connection = asyncio.run(serve())
    assert (connection.parts, connection.finished) == ([b"one"], False)
    assert open_streams(validator) == []


@pytest.mark.parametrize("swallowed", [asyncio.CancelledError, WebSocketDisconnect, BaseException])
def test_a_decorated_endpoint_that_goes_on_sending_is_stopped(swallowed: type[BaseException]) -> None:
    """An endpoint that swallows its end gets not another message out."""
    issuer, tried = issuer_of_two(), list[str]()

    async def stubborn(socket: WebSocket) -> None:
        await socket.accept()
        try:
            await socket.receive_text()
        except swallowed:
            tried.append("send")
            await socket.send_text("more")

    async def serve() -> Open:
        connection = Open(decorated(stubborn, Validator(issuer)))
        await connection.reached(1)
        issuer.revoke(KEY)
        await connection.ended()
        return connection

    connection = asyncio.run(serve())
    assert [each["type"] for each in connection.sent] == ["websocket.accept", "websocket.close"]
    assert connection.codes == [1008]
    assert tried == ["send"] * (swallowed is not WebSocketDisconnect)


def test_a_decorated_websocket_that_is_cancelled_by_others_is_not_closed() -> None:
    """A cancellation that is not ours is passed on."""
    validator = Validator(issuer_of_two())

    async def serve() -> Open:
        connection = Open(decorated(echo, validator))
        await connection.reached(1)
        connection.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connection.ended()
        return connection

    assert asyncio.run(serve()).codes == []
    assert open_streams(validator) == []


def test_a_decorated_websocket_inside_a_middleware_is_one_stream() -> None:
    """A WebSocket that the middleware counts already is not counted again by a decorator, and closes once."""
    issuer = issuer_of_two()
    middleware = APIKeyMiddleware(Starlette(routes=[WebSocketRoute("/", require_key(echo))]), issuer=issuer)

    async def serve() -> Open:
        connection = Open(middleware)
        await connection.reached(1)
        assert len(open_streams(middleware.validator)) == 1
        issuer.revoke(KEY)
        await connection.ended()
        return connection

    assert asyncio.run(serve()).codes == [1008]


class Plain(BaseHTTPMiddleware):
    """A middleware as users write them: it hands every response on through a stream of its own."""

    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        """Change nothing."""
        return await call_next(request)


@pytest.mark.parametrize("spec", ["2.3", "2.4"])
@pytest.mark.parametrize("place", ["alone", "inside"])
def test_no_middleware_finishes_a_response_that_was_cut(place: str, spec: str) -> None:
    """However Starlette serves it, in a task of its own or not, a cut response is never ended as if it were whole."""
    issuer = issuer_of_two()
    key, plain = Middleware(APIKeyMiddleware, issuer=issuer), Middleware(Plain)
    middleware = {"alone": [key], "inside": [key, plain]}[place]
    app = Starlette(routes=[Route("/", endless)], middleware=middleware)

    async def serve() -> Open:
        connection = Open(app, kind="http", spec=spec)
        await connection.reached(2)
        issuer.revoke(KEY)
        await connection.ended()
        return connection

    connection = asyncio.run(serve())
    assert connection.parts == [b"one"]
    assert not connection.finished


class Events(Response):
    """A stream of somebody else's making, as libraries for server-sent events have it."""

    def __init__(self) -> None:
        self.status_code = 200
        self.init_headers({"X-Mine": "yes"})

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send a part, and wait for ever."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        await asyncio.Event().wait()


class Bodied(Events):
    """The same, on top of what every response has."""

    def __init__(self) -> None:
        Response.__init__(self, headers={"X-Mine": "yes"})


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """Do the same without any class: an app."""
    await Events()(scope, receive, send)


@pytest.mark.parametrize("make", [Events, Bodied, lambda: bare])
def test_a_stream_of_whatever_kind_ends_with_its_key(make: Any) -> None:
    """What a decorated endpoint returns is watched whoever made its class, and what was made is left as it was."""
    issuer = issuer_of_two()
    validator = Validator(issuer)
    made: list[Any] = []

    @require_key(validator=validator)
    async def events(request: Request) -> Any:
        made.append(make())
        return made[0]

    async def serve() -> Open:
        connection = Open(Starlette(routes=[Route("/", events)]), kind="http")
        await connection.reached(2)
        issuer.revoke(KEY)
        await connection.ended()
        return connection

    connection = asyncio.run(serve())
    assert type(made[0]) is type(make())
    assert (connection.parts, connection.finished) == ([b"one"], False)
    assert (b"x-mine", b"yes") in connection.sent[0]["headers"]
    assert open_streams(validator) == []


def test_a_response_that_is_made_once_serves_everybody() -> None:
    """One object for all requests is watched for each of them, and the end of one key cuts nobody else."""
    issuer = issuer_of_two()
    validator = Validator(issuer)
    shared = Events()

    @require_key(validator=validator)
    async def events(request: Request) -> Response:
        return shared

    async def serve() -> tuple[Open, Open]:
        app = Starlette(routes=[Route("/", events)])
        mine, other = Open(app, kind="http"), Open(app, OTHER, kind="http")
        await mine.reached(2)
        await other.reached(2)
        issuer.revoke(KEY)
        await mine.ended()
        late = Open(app, OTHER, kind="http")
        await late.reached(2)
        assert not other.task.done()
        return other, late

    other, late = asyncio.run(serve())
    assert (other.parts, late.parts) == ([b"one"], [b"one"])
    assert type(shared) is Events


def test_what_can_not_be_sent_is_left_to_starlette() -> None:
    """An endpoint that returns nothing that could be sent fails as it does without the decorator."""
    validator = Validator(issuer_of_two())

    @require_key(validator=validator)
    async def nothing(request: Request) -> None:
        return None

    async def serve() -> None:
        connection = Open(Starlette(routes=[Route("/", nothing)]), kind="http")
        with pytest.raises(TypeError, match="NoneType"):
            await connection.task

    asyncio.run(serve())
