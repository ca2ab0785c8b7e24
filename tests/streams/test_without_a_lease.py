"""Where no lease vouches for the cache, what passes through an open stream is asked about like a request."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from rf_middleware import Grant, Validator, Workspace
from rf_middleware._flight import Answer
from rf_middleware._models import Refusal
from rf_middleware._wsgi_streams import Cut
from rf_middleware.asgi import APIKeyMiddleware
from rf_middleware.starlette import require_key
from rf_middleware.wsgi import APIKeyMiddleware as WSGIMiddleware
from tests.core.helpers import GRANT, INVALID, UNAVAILABLE
from tests.harness import environ_of
from tests.streams.opened import Open, asked, fed, open_streams, streaming, talking


class Now:
    """An issuer that says of every key what the test says now, and counts how often it is asked."""

    def __init__(self) -> None:
        self.verdict: Grant | Refusal = GRANT
        self.calls = 0

    def check(self, key: str, timeout: float) -> Answer:
        """Answer as things are."""
        self.calls += 1
        return Answer(self.verdict)

    async def acheck(self, key: str, timeout: float) -> Answer:
        """Do the same."""
        return self.check(key, timeout)


REDUCED = Grant(Workspace("acme"), scopes=frozenset({"model:other"}))
ENDS = [(INVALID, 1008), (UNAVAILABLE, 1013), (REDUCED, 1008)]


async def parrot(scope: Any, receive: Any, send: Any) -> None:
    """Accept a WebSocket, and say something now and then."""
    await receive()
    await send({"type": "websocket.accept"})
    while True:
        await asyncio.sleep(0)
        await send({"type": "websocket.send", "text": "hello"})


async def echo(socket: WebSocket) -> None:
    """Send back what comes."""
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(text)


def strict(issuer: Now) -> Validator:
    """Return a validator that trusts nothing it remembers."""
    return Validator(issuer, max_staleness=0)


@pytest.mark.parametrize(("verdict", "code"), ENDS)
@pytest.mark.parametrize("way", ["middleware", "decorator"])
def test_a_message_of_the_client_is_asked_about(way: str, verdict: Grant | Refusal, code: int) -> None:
    """While the key is good a WebSocket goes on; when it is not, or nobody can say, its message reaches no app."""
    issuer = Now()
    validator = strict(issuer)
    guarded = require_key(validator=validator, scopes=["model:infer"])(echo)
    app: Any = Starlette(routes=[WebSocketRoute("/", guarded)])
    if way == "middleware":
        app = APIKeyMiddleware(talking, validator=validator, scopes=["model:infer"])

    async def serve() -> Open:
        connection = Open(app)
        await connection.reached(1)
        connection.put({"type": "websocket.receive", "text": "good"})
        await connection.reached(2)
        issuer.verdict = verdict
        connection.put({"type": "websocket.receive", "text": "bad"})
        await connection.ended()
        return connection

    connection = asyncio.run(serve())
    assert [each.get("text") for each in connection.sent] == [None, "good", None]
    assert connection.codes == [code]
    assert issuer.calls == 4  # the request, a message in and one out, the one that was not let through
    assert open_streams(validator) == []


@pytest.mark.parametrize(("verdict", "code"), ENDS)
def test_a_message_to_the_client_is_asked_about(verdict: Grant | Refusal, code: int) -> None:
    """What an app sends by itself goes out while the key is good, and not after that."""
    issuer = Now()
    app = APIKeyMiddleware(parrot, validator=strict(issuer), scopes=["model:infer"])

    async def serve() -> Open:
        connection = Open(app)
        await connection.reached(3)
        issuer.verdict = verdict
        await connection.ended()
        return connection

    assert asyncio.run(serve()).codes == [code]


@pytest.mark.parametrize("verdict", [INVALID, UNAVAILABLE])
@pytest.mark.parametrize("way", ["middleware", "decorator"])
def test_a_part_of_a_response_is_asked_about(way: str, verdict: Refusal) -> None:
    """The parts of a streaming response go out while the key is good; then the response is left unfinished."""
    issuer, gate = Now(), asyncio.Event()
    validator = strict(issuer)

    async def endpoint(request: Request) -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"one"
            await gate.wait()
            yield b"two"
            yield b"three"

        return StreamingResponse(parts())

    plain = Starlette(routes=[Route("/", endpoint)])
    app: Any = APIKeyMiddleware(plain, validator=validator)
    if way == "decorator":
        app = Starlette(routes=[Route("/", require_key(validator=validator)(endpoint))])

    async def serve() -> Open:
        connection = Open(app, kind="http", spec="2.4")
        await connection.reached(2)
        issuer.verdict = verdict
        gate.set()
        await connection.ended()
        return connection

    connection = asyncio.run(serve())
    assert (connection.parts, connection.finished) == ([b"one"], False)
    assert open_streams(validator) == []


def test_a_good_key_streams_to_its_end() -> None:
    """A response whose key stays good is sent whole, each of its parts on the issuer's word."""
    issuer = Now()

    async def serve() -> Open:
        connection = Open(APIKeyMiddleware(streaming, validator=strict(issuer)), kind="http")
        await connection.reached(2)
        connection.put({"type": "http.request", "body": b""})
        await connection.ended()
        return connection

    connection = asyncio.run(serve())
    assert (connection.parts, connection.finished) == ([b"one", b"two"], True)
    assert issuer.calls == 3


@pytest.mark.parametrize("verdict", [INVALID, UNAVAILABLE, None])
def test_a_part_under_wsgi_is_asked_about(verdict: Refusal | None) -> None:
    """Under WSGI each part from the second on is asked about, and the response is cut where the key is not good."""
    issuer = Now()

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        return iter([b"1", b"2", b"3"])

    def started(*_told: object) -> Any:
        return print

    body = iter(WSGIMiddleware(app, validator=strict(issuer))(environ_of(asked()), started))
    got = [next(body), next(body)]
    assert issuer.calls == 2
    if verdict is None:
        got += body
    else:
        issuer.verdict = verdict
        with pytest.raises(Cut):
            next(body)
    assert got == [b"1", b"2", b"3"][: 2 if verdict else 3]


def test_a_lease_that_has_ended_vouches_for_nothing() -> None:
    """Cut off from the feed, a process lets nothing more through a stream than through a request."""
    with fed() as (validator, issuer):
        app = APIKeyMiddleware(talking, validator=validator)

        async def serve() -> Open:
            connection = Open(app)
            await connection.reached(1)
            before = len(issuer.log)
            connection.put({"type": "websocket.receive", "text": "under the lease"})
            await connection.reached(2)
            assert len(issuer.log) == before  # nobody was asked
            validator._core.deadline = 0.0  # it has run out
            connection.put({"type": "websocket.receive", "text": "good"})
            await connection.reached(3)
            issuer.ended.add("rfk_some-key")  # nothing of which is heard here
            connection.put({"type": "websocket.receive", "text": "bad"})
            await connection.ended()
            return connection

        connection = asyncio.run(serve())
    assert [each.get("text") for each in connection.sent[1:3]] == ["under the lease", "good"]
    assert connection.codes == [1008]


def test_who_opted_out_is_not_asked_about() -> None:
    """With ``close_streams=False`` a stream costs nothing and goes on."""
    issuer = Now()

    async def serve() -> Open:
        connection = Open(APIKeyMiddleware(talking, validator=strict(issuer), close_streams=False))
        await connection.reached(1)
        issuer.verdict = INVALID
        connection.put({"type": "websocket.receive", "text": "on"})
        await connection.reached(2)
        connection.put({"type": "websocket.disconnect", "code": 1000})
        await connection.ended()
        return connection

    assert asyncio.run(serve()).codes == []
    assert issuer.calls == 1


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_what_a_decorator_watches_may_opt_out_too(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the environment says ``RF_CLOSE_STREAMS=false`` a decorated route streams to its end."""
    monkeypatch.setenv("RF_CLOSE_STREAMS", "false")
    issuer = Now()
    guarded = require_key(validator=strict(issuer))

    @guarded
    async def finite(request: Request) -> StreamingResponse:
        return StreamingResponse(iter([b"one", b"two"]))

    app = Starlette(routes=[Route("/", finite), WebSocketRoute("/", guarded(echo))])

    async def serve() -> Open:
        connection = Open(app, kind=kind, spec="2.4")
        await connection.reached(1)
        issuer.verdict = INVALID
        connection.put({"type": "websocket.receive", "text": "on"})
        await connection.reached(2)
        connection.put({"type": "websocket.disconnect", "code": 1000})
        await connection.ended()
        return connection

    connection = asyncio.run(serve())
    assert issuer.calls == 1
    assert connection.codes == []
    assert connection.finished is (kind == "http")


def test_an_app_that_goes_on_receiving_gets_nothing_more() -> None:
    """An app that swallows its end is handed not another message of the client."""
    issuer, got = Now(), list[str]()

    async def stubborn(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        for _ in range(2):
            try:
                got.append((await receive())["text"])
            except Exception as error:  # noqa: BLE001 - that is what makes it stubborn
                got.append(type(error).__name__)

    async def serve() -> Open:
        connection = Open(APIKeyMiddleware(stubborn, validator=strict(issuer)))
        await connection.reached(1)
        issuer.verdict = INVALID
        for text in ("one", "two"):
            connection.put({"type": "websocket.receive", "text": text})
        await connection.ended()
        return connection

    assert asyncio.run(serve()).codes == [1008]
    assert got == ["Cut", "Cut"]


def test_a_decorated_response_of_a_good_key_is_whole() -> None:
    """What only the decorator watches comes to its end while the key is good."""
    issuer = Now()

    @require_key(validator=strict(issuer))
    async def finite(request: Request) -> StreamingResponse:
        return StreamingResponse(iter([b"one", b"two"]))

    async def serve() -> Open:
        connection = Open(Starlette(routes=[Route("/", finite)]), kind="http", spec="2.4")
        await connection.ended()
        return connection

    connection = asyncio.run(serve())
    assert (connection.parts, connection.finished) == ([b"one", b"two", b""], True)
