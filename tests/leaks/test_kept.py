"""What lives while requests are served: no object of the package shows a key when it is printed, pickled or copied.

Nothing is listed: what the garbage collector knows of is tried, in the middle of checks, streams and logins.
"""

import asyncio
import copy
import gc
import json
import pickle
from asyncio import AbstractEventLoop
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, cast

import httpx
import pytest

from rf_middleware import CallableIssuer, Denied, IntrospectionIssuer, RoboflowIssuer, Validator, asgi, wsgi
from rf_middleware._login import the_world
from rf_middleware._login.content import Content
from rf_middleware._login.values import Answer, Login
from rf_middleware._secret import Secret
from rf_middleware.redaction import KeyFilter
from rf_middleware.testing import FakeIssuer
from tests.core.mock import TOKEN
from tests.harness import Request, environ_of, scope_of
from tests.leaks.canary import grep, made
from tests.leaks.failing import GRANT, LOCATIONS, requests

GOOD, BAD, ASKED = made("kept"), made("kept, refused"), made("kept, asked about")
KEYS = (GOOD, BAD, ASKED, TOKEN)
SEEN = {
    *("Validator", "Core", "Memory", "Streams", "Guard", "Options", "Reader", "APIKeyMiddleware", "KeyFilter"),
    *("CallableIssuer", "IntrospectionIssuer", "RoboflowIssuer", "FakeIssuer", "Http", "Call"),
    *("Visit", "Pending", "Unread", "Secret", "Ask", "Flight", "_Task", "_Body", "_Stream", "AnsweringWebSocket"),
    *("World", "Content", "Login", "Answer"),
}


def ours() -> Iterator[object]:
    """Yield every object of the package that lives, but loops (half a copy of one can't end), and partial calls."""
    for each in gc.get_objects():
        home: object = (
            getattr(cast("Any", each).func, "__module__", "") if type(each) is partial else type(each).__module__
        )
        if isinstance(home, str) and home.startswith("rf_middleware") and not isinstance(each, AbstractEventLoop):
            yield each


def printed(each: object) -> str:
    """Return an object as it is printed, and as its copies are."""
    texts = [repr(each), str(each), f"{each}", ascii(each)]
    for way in (copy.copy, copy.deepcopy):
        with suppress(Exception):  # what can't be copied shows nothing
            texts.append(repr(way(each)))
    return "\n".join(texts)


def pickled(each: object) -> bytes:
    """Return an object as each protocol of pickle writes it; nothing of one that refuses."""
    written = b""
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with suppress(Exception):
            written += pickle.dumps(each, protocol)
    return written


def start_response(*_said: object) -> Any:
    """Take status and headers."""


def wsgi_app(environ: object, start_response: Any) -> Iterator[bytes]:
    """Stream."""
    start_response("200 OK", [])
    while True:
        yield b"part"


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    """Accept a WebSocket, and wait."""
    await receive()
    await send({"type": "websocket.accept"})
    await receive()


async def hang(*_arguments: object) -> Any:
    """Never come back."""
    await asyncio.Event().wait()


class Sent:
    """What is sent to a connection, and what comes from it: a first message, then nothing."""

    def __init__(self, first: dict[str, Any] | None) -> None:
        self.first, self.messages = first, list[Any]()

    async def send(self, message: Any) -> None:
        """Take a message."""
        self.messages.append(message)

    async def receive(self) -> Any:
        """Return the first message, then wait."""
        first, self.first = self.first, None
        return first or await hang()


@asynccontextmanager
async def busy() -> AsyncGenerator[list[object]]:
    """Be in the middle of everything until the block ends; yields what would be gone without it."""
    fake = FakeIssuer()
    fake.add(GOOD)
    known = Validator(CallableIssuer(lambda key: GRANT if key == GOOD else None))
    await known.acheck(GOOD)
    with pytest.raises(Denied):
        await known.acheck(BAD)
    slow = IntrospectionIssuer("https://issuer.example", TOKEN, feed=False, transport=httpx.MockTransport(hang))
    environ = environ_of(Request("GET", "/", [("X-API-Key", GOOD)]))
    streaming = iter(wsgi.APIKeyMiddleware(wsgi_app, validator=known)(environ, start_response))
    assert [next(streaming), next(streaming)] == [b"part", b"part"]
    apps = {
        ASKED: asgi.APIKeyMiddleware(asgi_app, validator=Validator(slow, timeout=60.0), locations=LOCATIONS),
        GOOD: asgi.APIKeyMiddleware(asgi_app, validator=known, locations=LOCATIONS),
    }
    talks = [Sent(None), Sent(None), Sent({"type": "websocket.connect"})]
    scopes = [scope_of(requests("/", ASKED)["query"]), scope_of(requests("/", ASKED)["json"])]
    scopes.append(scope_of(requests("/", GOOD)["cookie"], "websocket"))
    tasks = [
        asyncio.create_task(apps[GOOD if number == 2 else ASKED](scope, talk.receive, talk.send))
        for number, (scope, talk) in enumerate(zip(scopes, talks, strict=True))
    ]
    async with asyncio.timeout(60):
        while not talks[2].messages:  # noqa: ASYNC110 - a part that knows nothing of tests
            await asyncio.sleep(0)
    login = Login("id", "acme", "", Secret(GOOD))
    fresh = IntrospectionIssuer("https://issuer.example", TOKEN)
    kept = [
        fake,
        fresh,
        Validator(fake),
        Validator(RoboflowIssuer()),
        streaming,
        KeyFilter(),
        login,
        the_world(browser=False),
    ]
    yield [*kept, Content().with_logins([login], "acme", ""), Answer(200, json.dumps({"api_key": GOOD}).encode())]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def test_nothing_that_lives_shows_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its text, its copies and its pickles have no key and no token in them, or there are none."""
    monkeypatch.setenv("RF_API_KEY", GOOD)
    monkeypatch.setenv("RF_ISSUER_TOKEN", TOKEN)

    async def main() -> None:
        async with busy() as kept:
            found = {id(each): each for each in [*ours(), *kept]}
            assert {type(each).__name__ for each in found.values()} >= SEEN
            for each in found.values():
                assert grep(printed(each), KEYS) == {}, type(each)
                assert grep(pickled(each), KEYS) == {}, type(each)

    asyncio.run(main())
