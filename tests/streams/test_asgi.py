"""Open WebSockets and streaming responses under ASGI end with their key, and only with it."""

import asyncio
from typing import Any

import pytest

from rf_middleware import Validator
from rf_middleware._flight import Answer
from rf_middleware.asgi import APIKeyMiddleware
from rf_middleware.testing import FakeIssuer
from tests.harness import ASGIApp
from tests.streams.opened import KEY, OTHER, Open, Receive, Send, issuer_of_two, open_streams, streaming, talking

KINDS: list[tuple[str, ASGIApp, int]] = [("websocket", talking, 1), ("http", streaming, 2)]
known = pytest.mark.parametrize("known", [False, True], ids=["asked", "cached"])
"""Whether the key is cached when the request arrives: the short cut of a hit watches its streams itself."""


class Noting:
    """An app that notes how it ended."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.cancelled = 0

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


async def learn(middleware: APIKeyMiddleware, key: str, *, known: bool) -> None:
    """Have the key cached, where that is asked for."""
    if known:
        await middleware.validator.acheck(key)


@known
@pytest.mark.parametrize(("kind", "app", "sent"), KINDS)
def test_a_revoked_key_ends_its_streams(kind: str, app: ASGIApp, sent: int, *, known: bool) -> None:
    """The app of a revoked key is cancelled where it waits: a WebSocket closes with 1008, a response stays cut."""
    issuer, noting = issuer_of_two(), Noting(app)
    middleware = APIKeyMiddleware(noting, issuer=issuer)

    async def serve() -> Open:
        await learn(middleware, KEY, known=known)
        connection = Open(middleware, kind=kind)
        await connection.reached(sent)
        issuer.revoke(KEY)
        await connection.ended()
        assert connection.task.cancelling() == 0
        return connection

    connection = asyncio.run(serve())
    assert noting.cancelled == 1
    assert open_streams(middleware.validator) == []
    assert (connection.codes, connection.finished) == ([1008] * (kind == "websocket"), False)
    assert len(connection.sent) == sent + len(connection.codes)


@pytest.mark.parametrize(("kind", "app", "sent"), KINDS)
@known
@pytest.mark.parametrize("close_streams", [True, False])
def test_other_streams_go_on(kind: str, app: ASGIApp, sent: int, *, close_streams: bool, known: bool) -> None:
    """A stream of another key goes on to its end, and so does one whose app opted out."""
    issuer = issuer_of_two()
    middleware = APIKeyMiddleware(app, issuer=issuer, close_streams=close_streams)

    async def serve() -> Open:
        await learn(middleware, OTHER, known=known)
        connection = Open(middleware, OTHER, kind)
        await connection.reached(sent)
        issuer.revoke(KEY if close_streams else OTHER)
        connection.put({"type": f"{kind}.receive", "text": "more"})
        await connection.reached(sent + 1)
        connection.put({"type": f"{kind}.disconnect", "code": 1000})
        await connection.ended()
        return connection

    connection = asyncio.run(serve())
    assert connection.codes == []
    assert connection.finished is (kind == "http")
    assert open_streams(middleware.validator) == []


def test_a_response_in_one_part_is_no_stream() -> None:
    """What is sent in one piece is finished even if its key ended while it was made: the request was let in."""
    issuer = issuer_of_two()

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        issuer.revoke(KEY)
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"whole"})

    async def serve() -> Open:
        connection = Open(APIKeyMiddleware(app, issuer=issuer), kind="http")
        await connection.ended()
        return connection

    connection = asyncio.run(serve())
    assert (connection.parts, connection.finished) == ([b"whole"], True)


def test_a_response_that_begins_to_stream_too_late_sends_nothing() -> None:
    """A key that ends between its check and the first part of its stream ends the stream before that part."""
    issuer = issuer_of_two()

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        issuer.revoke(KEY)
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        await send({"type": "http.response.body", "body": b"two"})

    async def serve() -> Open:
        connection = Open(APIKeyMiddleware(app, issuer=issuer), kind="http")
        await connection.ended()
        return connection

    assert asyncio.run(serve()).parts == []


def test_a_websocket_whose_key_ends_while_it_is_let_in_never_gets_going() -> None:
    """An ending between the answer of the issuer and the opening of the WebSocket is not missed."""

    class Late(FakeIssuer):
        async def acheck(self, key: str, timeout: float) -> Answer:
            answer = await super().acheck(key, timeout)
            validator.streams.end(["acme"])
            return answer

    issuer = Late()
    issuer.add(KEY, workspace="acme")
    validator = Validator(issuer)

    async def serve() -> Open:
        connection = Open(APIKeyMiddleware(talking, validator=validator))
        await connection.ended()
        return connection

    assert [each["type"] for each in asyncio.run(serve()).sent] == ["websocket.close"]


@known
@pytest.mark.parametrize(("kind", "app", "sent"), KINDS)
def test_a_cancellation_by_others_is_passed_on(kind: str, app: ASGIApp, sent: int, *, known: bool) -> None:
    """A server that cancels its task, to shut down for instance, finds it cancelled, and nothing more is sent."""
    middleware = APIKeyMiddleware(app, issuer=issuer_of_two())

    async def serve() -> Open:
        await learn(middleware, KEY, known=known)
        connection = Open(middleware, kind=kind)
        await connection.reached(sent)
        connection.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connection.ended()
        return connection

    assert len(asyncio.run(serve()).sent) == sent
    assert open_streams(middleware.validator) == []


@known
@pytest.mark.parametrize(("kind", "app", "sent"), KINDS)
def test_an_app_that_fails_is_not_held_back(kind: str, app: ASGIApp, sent: int, *, known: bool) -> None:
    """An exception of the app reaches the server, and its stream is no longer counted."""

    async def failing(scope: Any, receive: Receive, send: Send) -> None:
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(app(scope, receive, send))
            await went_on.wait()
            serving.cancel()
        raise ValueError("mine")

    middleware = APIKeyMiddleware(failing, issuer=issuer_of_two())
    went_on = asyncio.Event()

    async def serve() -> None:
        await learn(middleware, KEY, known=known)
        connection = Open(middleware, kind=kind)
        await connection.reached(sent)
        assert len(open_streams(middleware.validator)) == 1
        went_on.set()
        with pytest.raises(ValueError, match="mine"):
            await connection.ended()

    asyncio.run(serve())
    assert open_streams(middleware.validator) == []


@pytest.mark.parametrize("last", ["return", "raise"])
def test_an_app_that_goes_on_sending_is_stopped(last: str) -> None:
    """An app that swallows its cancellation gets not another message out, and its WebSocket closes with 1008."""
    issuer, tried = issuer_of_two(), list[str]()

    async def stubborn(scope: Any, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            tried.append("wait")
        try:
            await send({"type": "websocket.send", "text": "more"})
        except Exception:
            tried.append("send")
            if last == "raise":
                raise

    async def serve() -> Open:
        connection = Open(APIKeyMiddleware(stubborn, issuer=issuer))
        await connection.reached(1)
        issuer.revoke(KEY)
        await connection.ended()
        return connection

    connection = asyncio.run(serve())
    assert tried == ["wait", "send"]
    assert [each["type"] for each in connection.sent] == ["websocket.accept", "websocket.close"]
    assert connection.codes == [1008]


def test_an_app_that_sends_just_then_is_stopped_once() -> None:
    """An app that runs while its stream is ended is stopped at its next message; the close goes out undisturbed."""
    issuer = issuer_of_two()

    async def busy(scope: Any, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        issuer.revoke(KEY)
        await send({"type": "websocket.send", "text": "more"})

    async def serve() -> Open:
        connection = Open(APIKeyMiddleware(busy, issuer=issuer))
        await connection.ended()
        await asyncio.sleep(0)
        return connection

    connection = asyncio.run(serve())
    assert [each["type"] for each in connection.sent] == ["websocket.accept", "websocket.close"]
    assert (connection.codes, connection.task.cancelled()) == ([1008], False)


def test_an_app_whose_tasks_send_is_stopped() -> None:
    """A task of the app that sends just then is stopped too, and what its group makes of that is no failure."""
    issuer = issuer_of_two()

    async def grouped(scope: Any, receive: Receive, send: Send) -> None:
        async def tell() -> None:
            issuer.revoke(KEY)
            await send({"type": "websocket.send", "text": "more"})

        await send({"type": "websocket.accept"})
        async with asyncio.TaskGroup() as group:
            group.create_task(tell())

    async def serve() -> Open:
        connection = Open(APIKeyMiddleware(grouped, issuer=issuer))
        await connection.ended()
        return connection

    assert [each["type"] for each in asyncio.run(serve()).sent] == ["websocket.accept", "websocket.close"]


def test_a_websocket_that_its_app_closed_is_not_closed_again() -> None:
    """An app that has closed its WebSocket and clears up is ended without a second close, which servers refuse."""
    issuer = issuer_of_two()

    async def leaving(scope: Any, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 1001})
        await asyncio.Event().wait()

    async def serve() -> Open:
        connection = Open(APIKeyMiddleware(leaving, issuer=issuer))
        await connection.reached(2)
        issuer.revoke(KEY)
        await connection.ended()
        return connection

    assert asyncio.run(serve()).codes == [1001]


def test_a_stream_on_a_closed_loop_has_ended() -> None:
    """A loop that was closed with streams open holds nobody up, and does not fail those who end them."""
    issuer = issuer_of_two()
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda _loop, _context: None)  # a task that was left behind is the point of it

    async def waiting(scope: Any, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        await loop.create_future()

    middleware = APIKeyMiddleware(waiting, issuer=issuer)

    async def serve() -> Open:
        connection = Open(middleware)
        await connection.reached(1)
        return connection

    connection = loop.run_until_complete(serve())
    (stream,) = open_streams(middleware.validator)
    loop.close()
    issuer.revoke(KEY)
    assert stream.ended.is_set()
    assert connection.codes == []


def test_a_stream_is_open_until_its_close_is_sent() -> None:
    """Who waits for the end of a stream, to acknowledge a revocation, waits for the close to go out too."""
    issuer = issuer_of_two()
    middleware = APIKeyMiddleware(talking, issuer=issuer)

    async def serve() -> list[tuple[str, int]]:
        connection, seen = Open(middleware), list[tuple[str, int]]()
        connection.on_send = lambda message: seen.append((message["type"], len(open_streams(middleware.validator))))
        await connection.reached(1)
        issuer.revoke(KEY)
        await connection.ended()
        return seen

    assert asyncio.run(serve()) == [("websocket.accept", 1), ("websocket.close", 1)]
    assert open_streams(middleware.validator) == []


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_what_an_app_does_after_its_last_word_is_no_stream(kind: str) -> None:
    """When a response or a WebSocket has come to its end a revocation leaves alone what the app does."""
    issuer, may_go, finished = issuer_of_two(), asyncio.Event(), list[str]()

    async def tidy(scope: Any, receive: Receive, send: Send) -> None:
        await receive()
        if kind == "http":
            await streaming(scope, receive, send)
        else:
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close", "code": 1000})
        await may_go.wait()
        finished.append("tidied up")

    middleware = APIKeyMiddleware(tidy, issuer=issuer)

    async def serve() -> None:
        connection = Open(middleware, kind=kind)
        for _ in range(2):
            connection.put({"type": "http.request", "body": b""})
        await connection.reached(3 if kind == "http" else 2)
        await asyncio.sleep(0)
        assert open_streams(middleware.validator) == []
        issuer.revoke(KEY)
        may_go.set()
        await connection.ended()

    asyncio.run(serve())
    assert finished == ["tidied up"]
