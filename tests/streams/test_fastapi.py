"""WebSockets that a dependency of FastAPI let in end with their key."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.websockets import WebSocket

from rf_middleware import Validator
from rf_middleware.fastapi import RequireKey
from tests.core.helpers import INVALID, UNAVAILABLE
from tests.streams.opened import KEY, OTHER, Open, issuer_of_two, open_streams
from tests.streams.test_without_a_lease import Now, echo, strict


def served(validator: Validator, endpoint: Callable[[WebSocket], Coroutine[Any, Any, None]] = echo) -> FastAPI:
    """Return an app that knows of keys by a dependency alone."""
    app = FastAPI()
    app.add_api_websocket_route("/", endpoint, dependencies=[RequireKey(validator=validator)])
    return app


async def told(connection: Open) -> None:
    """Wait until a WebSocket is closed; then be the server, which tells the app."""
    while not connection.codes:
        await connection.reached(len(connection.sent) + 1)
    connection.put({"type": "websocket.disconnect", "code": 1008})


def test_a_websocket_of_a_dependency_ends_with_its_key() -> None:
    """When its key is revoked a WebSocket is closed with 1008, whatever its endpoint waits for; another goes on."""
    issuer = issuer_of_two()
    validator = Validator(issuer)

    async def serve() -> tuple[Open, Open]:
        app = served(validator)
        mine, other = Open(app), Open(app, OTHER)
        await mine.reached(1)
        await other.reached(1)
        (stream,) = [each for each in open_streams(validator) if each.key == KEY.encode()]
        await asyncio.to_thread(issuer.revoke, KEY)
        assert mine.codes == [1008]  # closed when the revocation has returned
        stream.end()  # once more, in vain
        await told(mine)
        await mine.ended()
        other.put({"type": "websocket.receive", "text": "hello"})
        await other.reached(2)
        other.put({"type": "websocket.disconnect", "code": 1000})
        await other.ended()
        return mine, other

    mine, other = asyncio.run(serve())
    assert (mine.codes, other.codes) == ([1008], [])
    assert other.sent[1]["text"] == "hello"
    del mine, other
    gc.collect()
    assert open_streams(validator) == []


@pytest.mark.parametrize(("verdict", "code"), [(INVALID, 1008), (UNAVAILABLE, 1013)])
@pytest.mark.parametrize("direction", ["in", "out"])
def test_its_messages_are_asked_about(direction: str, verdict: Any, code: int) -> None:
    """Without a lease no message passes in either direction once the key is bad, or nobody can say."""
    issuer = Now()

    async def saying(socket: WebSocket) -> None:
        await socket.accept()
        while True:
            await asyncio.sleep(0)
            await socket.send_text("hello")

    async def serve() -> Open:
        connection = Open(served(strict(issuer), echo if direction == "in" else saying))
        connection.put({"type": "websocket.receive", "text": "good"})
        await connection.reached(2)
        issuer.verdict = verdict
        connection.put({"type": "websocket.receive", "text": "bad"})
        await connection.ended()
        return connection

    connection = asyncio.run(serve())
    assert connection.codes == [code]
    assert "bad" not in [each.get("text") for each in connection.sent]


def test_an_endpoint_that_goes_on_sending_is_stopped() -> None:
    """After the end of its key not another message of the endpoint goes out."""
    issuer, tried = issuer_of_two(), list[str]()

    async def stubborn(socket: WebSocket) -> None:
        await socket.accept()
        await socket.receive()
        tried.append("send")
        await socket.send_text("more")

    async def serve() -> Open:
        connection = Open(served(Validator(issuer), stubborn))
        await connection.reached(1)
        await asyncio.to_thread(issuer.revoke, KEY)
        await told(connection)
        await connection.ended()
        return connection

    connection = asyncio.run(serve())
    assert tried == ["send"]
    assert [each["type"] for each in connection.sent] == ["websocket.accept", "websocket.close"]


def test_an_endpoint_may_close_by_itself() -> None:
    """A WebSocket that its endpoint has closed is not closed again by a revocation."""
    issuer = issuer_of_two()

    async def brief(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close(1000)
        await socket.receive()

    async def serve() -> Open:
        connection = Open(served(Validator(issuer), brief))
        await connection.reached(2)
        await asyncio.to_thread(issuer.revoke, KEY)
        connection.put({"type": "websocket.disconnect", "code": 1000})
        await connection.ended()
        return connection

    assert asyncio.run(serve()).codes == [1000]


def test_a_client_that_is_gone_is_no_obstacle() -> None:
    """A WebSocket that can't be closed any more counts as ended all the same."""
    issuer = issuer_of_two()
    validator = Validator(issuer)

    def gone(_message: object) -> None:
        raise OSError

    async def serve() -> None:
        connection = Open(served(validator))
        await connection.reached(1)
        connection.on_send = gone
        (stream,) = open_streams(validator)
        await asyncio.to_thread(issuer.revoke, KEY)
        assert await asyncio.to_thread(stream.ended.wait, 10)
        connection.put({"type": "websocket.disconnect", "code": 1006})
        await connection.ended()

    asyncio.run(serve())


def test_who_opted_out_or_is_anonymous_is_not_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """With ``RF_CLOSE_STREAMS=false`` a WebSocket of a dependency outlives its key."""
    monkeypatch.setenv("RF_CLOSE_STREAMS", "false")
    issuer = issuer_of_two()
    validator = Validator(issuer)

    async def serve() -> Open:
        connection = Open(served(validator))
        await connection.reached(1)
        assert open_streams(validator) == []
        connection.put({"type": "websocket.disconnect", "code": 1000})
        await connection.ended()
        return connection

    assert asyncio.run(serve()).codes == []


def test_a_loop_that_is_gone_is_no_obstacle() -> None:
    """A WebSocket whose loop was closed under it counts as ended when its key is revoked."""
    issuer = issuer_of_two()
    validator = Validator(issuer)
    loop = asyncio.new_event_loop()
    connection: list[Open] = []
    held: list[WebSocket] = []

    async def holding(socket: WebSocket) -> None:
        held.append(socket)
        await echo(socket)

    async def serve() -> None:
        connection.append(Open(served(validator, holding)))
        await connection[0].reached(1)

    loop.run_until_complete(serve())
    (stream,) = open_streams(validator)
    task = connection[0].task
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)
    loop.close()
    issuer.revoke(KEY)
    assert stream.ended.is_set()
