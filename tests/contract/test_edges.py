"""Servers, clients and answers that do what is allowed and rare."""

import asyncio
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from flask import request as flask_request
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from rf_middleware import CallableIssuer, Validator, asgi, wsgi
from rf_middleware.exceptions import ConfigurationError, Refused
from rf_middleware.fastapi import RequireKey
from rf_middleware.flask import APIKeyAuth
from rf_middleware.flask import require_key as flask_key
from rf_middleware.starlette import require_key
from tests.contract.apps import asgi_echo, flask_echo, wsgi_echo
from tests.contract.issuing import GOOD, Keys, bearer
from tests.contract.protected import Protect
from tests.contract.subjects import Subject, having
from tests.harness import Request, call_asgi, call_wsgi, scope_of

JSON = ("Content-Type", "application/json")
BODY = b'{"api_key": "' + GOOD.encode() + b'"}'


@pytest.fixture
def validator() -> Iterator[Validator]:
    """Return a validator."""
    with Validator(CallableIssuer(Keys())) as one:
        yield one


async def _drive(app: Any, scope: dict[str, Any], messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


def test_a_raw_path_with_a_query_is_stripped_too(validator: Validator) -> None:
    """Some servers put the whole target into ``raw_path``: it shows no key either, and exempts nothing more."""
    app = asgi.APIKeyMiddleware(asgi_echo(), validator=validator, exempt=["/healthz"])
    scope = scope_of(Request("GET", f"/echo?a=b&api_key={GOOD}"))
    scope["raw_path"] = f"/echo?a=b&api_key={GOOD}".encode()
    sent = asyncio.run(_drive(app, scope, [{"type": "http.request"}]))
    assert sent[0]["status"] == 200
    assert scope["raw_path"] == b"/echo?a=b"


def test_a_scope_with_the_least_that_is_allowed_is_enough(validator: Validator) -> None:
    """``root_path``, ``raw_path``, ``state`` and ``extensions`` are optional in ASGI."""
    app = asgi.APIKeyMiddleware(asgi_echo(), validator=validator, exempt=["/healthz"])
    for kind, path, status in (("http", "/echo", 401), ("http", "/healthz", 200), ("websocket", "/echo", None)):
        scope: dict[str, Any] = {"type": kind, "path": path, "query_string": b"", "headers": []}
        if kind == "http":
            scope["method"] = "HEAD"
        sent = asyncio.run(_drive(app, scope, [{"type": f"{kind}.request" if status else "websocket.connect"}]))
        assert sent[0].get("status") == status
        assert sent[0]["type"] == ("http.response.start" if status else "websocket.close")


def test_a_client_that_leaves_in_the_middle_of_a_body_had_no_key(validator: Validator) -> None:
    """A body that was cut off is not read as far as it came."""
    app = asgi.APIKeyMiddleware(asgi_echo(), validator=validator, locations=["json:api_key"])
    scope = scope_of(Request("POST", "/echo", [JSON], (BODY,)))
    sent = asyncio.run(_drive(app, scope, [{"type": "http.request", "body": BODY, "more_body": True}]))
    assert sent[0]["status"] == 401


@having("websocket")
def test_a_websocket_has_no_body_to_look_into(subject: Subject, protect: Protect) -> None:
    """With a JSON location a WebSocket is decided by the others, whatever type it claims."""
    app = protect(subject, locations=["json:api_key", "bearer"])
    assert app.connect("/echo", JSON).verdict == (401, "missing-key")
    assert app.connect("/echo", JSON, bearer()).accepted


def test_a_wrong_option_is_logged_where_starlette_builds_late(caplog: pytest.LogCaptureFixture) -> None:
    """Starlette builds its middleware at the server's start-up, which may hide the error: one line says it."""
    app = Starlette()
    app.add_middleware(asgi.APIKeyMiddleware, issuer="https://issuer.example", exempt="/healthz")
    assert caplog.messages == []
    with pytest.raises(ConfigurationError, match="exempt: "):
        asyncio.run(_drive(app, {"type": "lifespan"}, []))
    (record,) = [each for each in caplog.records if each.name == "rf_middleware"]
    assert record.levelname == "CRITICAL"
    assert record.getMessage().startswith("APIKeyMiddleware: exempt: '/healthz' is refused")
    assert record.exc_info is None


def test_a_body_that_fastapi_has_read_is_looked_into(validator: Validator) -> None:
    """FastAPI reads the body before its dependencies run: the key in it is found, and the route gets its model."""
    app = FastAPI(openapi_url=None)

    @app.post("/echo", dependencies=[RequireKey(validator=validator, locations=["json:api_key"])])
    def echo(item: dict[str, str]) -> dict[str, str]:  # pyright: ignore[reportUnusedFunction] - a route
        return item

    assert call_asgi(app, Request("POST", "/echo", [JSON], BODY)).json == {"api_key": GOOD}
    assert call_asgi(app, Request("POST", "/echo", [JSON], b"{}")).verdict == (401, "missing-key")


@pytest.mark.parametrize("body", [BODY, (BODY[:7], BODY[7:])], ids=["with a length", "in chunks"])
@pytest.mark.parametrize(("max_body", "status"), [(len(BODY), 200), (len(BODY) - 1, 401)])
@pytest.mark.parametrize("reads", [True, False])
def test_a_body_that_flask_has_read_is_looked_into(
    validator: Validator, body: bytes | tuple[bytes, ...], max_body: int, status: int, *, reads: bool
) -> None:
    """What ran before the view may have read the body, with a length or in chunks: its key is found all the same."""
    app = flask_echo(flask_key)
    APIKeyAuth(app, validator=validator, locations=["json:api_key"], max_body=max_body)
    if reads:
        app.before_request(lambda: None if flask_request.get_data() == BODY else "another body")
    answer = call_wsgi(app, Request("POST", "/echo", [JSON], body))
    assert answer.status == status
    assert status != 200 or answer.json["body"] == BODY.decode()


def test_an_endpoint_without_a_request_can_not_be_guarded(validator: Validator) -> None:
    """What is called without a request fails closed and says why."""

    @require_key(validator=validator)
    async def odd(request: object) -> PlainTextResponse:
        return PlainTextResponse("in")

    with pytest.raises(TypeError, match="Request or a WebSocket"):
        asyncio.run(odd("no request"))


def test_what_is_attached_can_not_be_pickled(validator: Validator) -> None:
    """The visit of a request stays in its process, and its text shows the grant and no key."""
    scopes: list[Any] = []

    def note(request: Any) -> PlainTextResponse:
        scopes.append(request.scope)
        return PlainTextResponse("in")

    app = asgi.APIKeyMiddleware(Starlette(routes=[Route("/echo", note)]), validator=validator)
    call_asgi(app, Request("GET", f"/echo?api_key={GOOD}"))
    visit = scopes[0]["rf_middleware.visit"]
    assert "acme" in repr(visit)
    assert GOOD not in repr(visit)
    with pytest.raises(TypeError, match="pickle"):
        pickle.dumps(visit)


def test_a_middleware_shows_its_validator(validator: Validator) -> None:
    """``middleware.validator`` is what it asks, for ``forget`` and ``staleness``."""
    assert wsgi.APIKeyMiddleware(wsgi_echo(), validator=validator).validator is validator
    assert asgi.APIKeyMiddleware(asgi_echo(), validator=validator).validator is validator


class _Closing:
    """A body that notes its end, as WSGI servers tell it."""

    def __init__(self) -> None:
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"of ", b"our own"])

    def close(self) -> None:
        """Note it."""
        self.closed = True


def test_the_body_of_one_s_own_answer_is_closed(validator: Validator) -> None:
    """A WSGI answer of ``on_denied`` is sent whole and its ``close()`` is called (PEP 3333)."""
    body = _Closing()

    def answer(environ: Any, start_response: Callable[..., Any]) -> _Closing:
        start_response("418 I'm a teapot", [])
        return body

    app = wsgi.APIKeyMiddleware(wsgi_echo(), validator=validator, on_denied=lambda denied, request: answer)
    got = call_wsgi(app, Request())
    assert (got.status, got.body, body.closed) == (418, b"of our own", True)


def test_an_answer_that_breaks_off_is_not_answered_twice(validator: Validator) -> None:
    """When one's own answer fails on its way, the server hears of it: two answers to one request are no answer."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 418, "headers": []})
        raise LookupError("half way")

    def on_denied(denied: Refused, request: object) -> object:
        return answer

    app = asgi.APIKeyMiddleware(asgi_echo(), validator=validator, on_denied=on_denied)
    with pytest.raises(LookupError, match="half way"):
        call_asgi(app, Request())
