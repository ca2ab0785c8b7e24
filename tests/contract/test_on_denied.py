"""``on_denied``: one's own answer to a refusal. It can say no in other words; it can't say yes."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import flask
import pytest
from fastapi.responses import PlainTextResponse as FastAPIText
from starlette.requests import Request as StarletteRequest
from starlette.responses import PlainTextResponse

from rf_middleware import CallableIssuer, Validator, asgi, wsgi
from rf_middleware.exceptions import Denied, IssuerUnavailable, Refused
from tests.contract.apps import asgi_echo, wsgi_echo
from tests.contract.issuing import GOOD, Keys, bearer
from tests.contract.protected import Protect
from tests.contract.subjects import Subject, every, having
from tests.harness import Request, call_asgi, call_wsgi

CASES = [((), 401), ((bearer("unknown"),), 401), ((bearer(), ("X-API-Key", "x")), 400), ((bearer("paused"),), 423)]


def wsgi_text(text: str) -> Callable[..., Any]:
    """Return a WSGI app that says something with a 418."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("418 I'm a teapot", [("Content-Type", "text/plain"), ("X-Own", "yes")])
        return [text.encode()]

    return app


def asgi_text(text: str) -> Callable[..., Any]:
    """Return an ASGI app that says something with a 418."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 418, "headers": [(b"x-own", b"yes")]})
        await send({"type": "http.response.body", "body": text.encode()})

    return app


def own_answer(subject: Subject, text: str) -> Any:
    """Return an answer in the terms of what a subject's framework answers with."""
    if str(subject).startswith("flask-require"):
        return text, 418, {"X-Own": "yes"}
    if "require-key" in str(subject):
        kind = FastAPIText if "fastapi" in str(subject) else PlainTextResponse
        return kind(text, 418, {"X-Own": "yes"})
    return (wsgi_text if subject.is_wsgi else asgi_text)(text)


@having("request")
def test_the_answer_can_be_one_s_own(subject: Subject, protect: Protect) -> None:
    """What ``on_denied`` returns is what the client gets: for every refusal, with what was refused at hand."""
    denials: list[Refused] = []

    def mine(denied: Refused, request: object) -> Any:
        denials.append(denied)
        return own_answer(subject, f"no: {denied.type}")

    app = protect(subject, on_denied=mine)
    for headers, status in CASES:
        answer = app.call("/echo", *headers)
        assert (answer.status, answer["x-own"]) == (418, "yes")
        assert denials[-1].status == status
        assert answer.body.decode() == f"no: {denials[-1].type}"
    assert all(isinstance(denied, Denied) for denied in denials)
    app.call("/echo", bearer("broken"))
    assert isinstance(denials[-1], IssuerUnavailable)
    assert app.call("/echo", bearer()).status == 200
    assert len(denials) == len(CASES) + 1


@having("request")
def test_the_request_is_the_framework_s(subject: Subject, protect: Protect) -> None:
    """``request`` is an environ, a scope, Flask's request or Starlette's, and knows the path but no longer the key."""
    seen: list[Any] = []

    def note(denied: Refused, request: Any) -> None:
        if str(subject).startswith("flask-require"):
            assert request._get_current_object() is flask.request._get_current_object()  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue, reportPrivateUsage] - of the proxy
            seen.append((request.path, request.url, request.query_string))
        elif "require-key" in str(subject):
            assert isinstance(request, StarletteRequest)
            seen.append((request.url.path, str(request.url), request.query_params))
        elif subject.is_wsgi:
            seen.append((request["PATH_INFO"], request["RAW_URI"], request["QUERY_STRING"]))
        else:
            assert request["type"] == "http"
            seen.append((request["path"], request["raw_path"], request["query_string"]))

    app = protect(subject, on_denied=note)
    assert app.call("/echo?api_key=canary").verdict == (401, "invalid-key")
    assert seen[0][0] == "/echo"
    assert "canary" not in repr(seen)


@every
def test_an_answer_that_fails_is_replaced_by_the_table_s(
    subject: Subject, protect: Protect, caplog: pytest.LogCaptureFixture
) -> None:
    """An ``on_denied`` that raises is logged, and the refusal stands."""

    def broken(denied: Refused, request: object) -> object:
        raise LookupError("of their own")

    app = protect(subject, on_denied=broken)
    with caplog.at_level(logging.ERROR, "rf_middleware"):
        for headers, status in CASES:
            answer = app.call("/echo", *headers)
            assert answer.status == status
            assert answer.problem
    assert "of their own" in caplog.text


@every
def test_no_answer_means_the_table_s(subject: Subject, protect: Protect) -> None:
    """An ``on_denied`` that returns ``None`` only looks on."""
    asked: list[str] = []
    app = protect(subject, on_denied=lambda denied, request: asked.append(denied.type))
    plain = protect(subject)
    for headers, _ in CASES:
        mine, theirs = app.call("/echo", *headers), plain.call("/echo", *headers)
        assert (mine.status, mine.headers, mine.body) == (theirs.status, theirs.headers, theirs.body)
    assert len(asked) == len(CASES)


@every
@pytest.mark.parametrize("answer", [True, 0, "", object(), Exception("let them in"), b"", 1.5])
def test_nonsense_lets_nobody_in(subject: Subject, protect: Protect, answer: object) -> None:
    """Whatever ``on_denied`` returns, the app does not see a refused request."""
    app = protect(subject, on_denied=lambda denied, request: answer)
    for headers, _ in CASES:
        got = app.call("/echo", *headers)
        assert b'"key_id"' not in got.body
        assert got.status != 500
        if not isinstance(answer, str | bytes):
            assert got.problem


@every
def test_the_protected_app_is_no_answer(subject: Subject, protect: Protect) -> None:
    """Returning the protected app, from inside or outside the middleware, lets nobody in."""
    inside: list[Any] = []
    app = protect(subject, on_denied=lambda denied, request: inside[0])
    candidates = [app.app]
    for name in ("app", "wsgi_app", "_app"):
        outer = getattr(app.app, name, None)
        candidates += [each for each in (outer, getattr(outer, "app", None), getattr(outer, "_app", None)) if each]
    for each in candidates:
        inside[:] = [each]
        for headers, _ in CASES:
            answer = app.call("/echo", *headers)
            assert b'"key_id"' not in answer.body
            assert answer.status in {400, 401, 423}


class Holder:
    """Two apps as methods: looked up anew they are other objects, and the same apps."""

    def __init__(self) -> None:
        self.wsgi_echo = wsgi_echo()
        self.asgi_echo = asgi_echo()

    def wsgi_app(self, environ: Any, start_response: Any) -> Any:
        return self.wsgi_echo(environ, start_response)

    async def asgi_app(self, scope: Any, receive: Any, send: Any) -> None:
        await self.asgi_echo(scope, receive, send)


def test_a_method_that_is_the_protected_app_is_no_answer() -> None:
    """``app.wsgi_app``, looked up once for the middleware and once more as an answer, lets nobody in."""
    holder = Holder()
    with Validator(CallableIssuer(Keys())) as validator:
        wsgi_app = wsgi.APIKeyMiddleware(
            holder.wsgi_app, validator=validator, on_denied=lambda denied, request: holder.wsgi_app
        )
        asgi_app = asgi.APIKeyMiddleware(
            holder.asgi_app, validator=validator, on_denied=lambda denied, request: holder.asgi_app
        )
        assert call_wsgi(wsgi_app, Request()).verdict == (401, "missing-key")
        assert call_asgi(asgi_app, Request()).verdict == (401, "missing-key")


@having("websocket", "request")
def test_it_may_be_async_for_asgi(subject: Subject, protect: Protect) -> None:
    """An ``async def on_denied`` is awaited, and its failure is a failure like any other."""

    async def mine(denied: Refused, request: object) -> Any:
        if denied.status == 400:
            raise LookupError("of their own")
        return own_answer(subject, "async") if denied.type.endswith("missing-key") else None

    app = protect(subject, on_denied=mine)
    assert (app.call("/echo").status, app.call("/echo").body) == (418, b"async")
    assert app.call("/echo", bearer("unknown")).verdict == (401, "invalid-key")
    assert app.call("/echo?api_key=a&api_key=b").verdict == (400, "ambiguous-key")


def _constant(answer: object, denied: Refused, request: object) -> object:
    return answer


@having("unrouted")
def test_an_answer_that_fails_while_it_is_sent_is_replaced(subject: Subject, protect: Protect) -> None:
    """An answer that raises before anything is on its way is replaced by the table's."""

    def wsgi_late(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/plain")])
        raise LookupError("of their own")

    def wsgi_early(environ: Any, start_response: Any) -> Any:
        raise LookupError("of their own")

    async def asgi_early(scope: Any, receive: Any, send: Any) -> None:
        raise LookupError("of their own")

    async def asgi_silent(scope: Any, receive: Any, send: Any) -> None:
        return

    for answer in [wsgi_early, wsgi_late] if subject.is_wsgi else [asgi_early, asgi_silent]:
        app = protect(subject, on_denied=partial(_constant, answer))
        assert app.call("/echo").verdict == (401, "missing-key")
        assert app.call("/echo", bearer("unknown")).verdict == (401, "invalid-key")


@every
def test_a_request_that_is_let_in_is_none_of_its_business(subject: Subject, protect: Protect) -> None:
    """``on_denied`` is not called for good keys, in the cache or not."""
    asked: list[object] = []
    app = protect(subject, on_denied=lambda denied, request: asked.append(denied))
    for _ in "ab":
        assert app.call(f"/echo?api_key={GOOD}").status == 200
    assert asked == []
