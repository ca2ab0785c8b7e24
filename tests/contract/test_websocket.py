"""WebSockets: the same verdict as for HTTP, given before they are accepted."""

import asyncio
import json
import logging
from typing import Any

import pytest

from tests.contract.issuing import GOOD, bearer
from tests.contract.protected import Protect
from tests.contract.subjects import Subject, having
from tests.contract.test_answers import Case, each_case
from tests.harness import Request, scope_of


@having("websocket")
@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/echo", [bearer()]),
        ("/echo", [("X-API-Key", GOOD)]),
        (f"/echo?api_key={GOOD}&a=b", []),
    ],
)
def test_a_good_key_is_accepted(
    subject: Subject, protect: Protect, target: str, headers: list[tuple[str, str]]
) -> None:
    """A WebSocket with a good key is accepted, knows its workspace, and has no key in its URL."""
    app = protect(subject)
    for _ in "ab":
        talk = app.connect(target, *headers)
        assert talk.accepted
        seen = json.loads(talk.texts[0])
        assert (seen["workspace"], seen["query"]) == ("acme", "a=b" if "a=b" in target else "")
        assert GOOD not in talk.logged + talk.texts[0]
    assert app.keys.asked == [GOOD]


@having("websocket")
@each_case
def test_a_refusal_is_an_http_response_where_the_server_can_do_that(
    subject: Subject, protect: Protect, case: Case
) -> None:
    """The denial response of a WebSocket is the answer of the table, byte for byte that of HTTP."""
    app = protect(subject)
    talk = app.connect("/echo", *case.headers)
    http = app.call("/echo", *case.headers)
    assert not talk.accepted
    assert talk.answer is not None
    assert talk.answer.verdict == (case.status, case.problem)
    assert talk.answer["www-authenticate"] == case.challenge
    assert (sorted(talk.answer.headers), talk.answer.body) == (sorted(http.headers), http.body)


@having("websocket")
@each_case
def test_a_refusal_is_a_close_before_the_accept_elsewhere(subject: Subject, protect: Protect, case: Case) -> None:
    """Where the server has no denial response the connection is closed with 1008 and never accepted."""
    talk = protect(subject).connect("/echo", *case.headers, denial_response=False)
    assert (talk.accepted, talk.code, talk.texts) == (False, 1008, [])


@having("websocket")
def test_refused_connections_are_stripped_too(subject: Subject, protect: Protect) -> None:
    """The log of a refused connection shows no key."""
    for denial_response in (True, False):
        talk = protect(subject).connect("/echo?a=b&api_key=canary", denial_response=denial_response)
        assert "canary" not in talk.logged
        assert "a=b" in talk.logged


@having("websocket", "exempt")
def test_exempt_paths_are_exempt_for_websockets(subject: Subject, protect: Protect) -> None:
    """``exempt`` holds for WebSockets, and what is not exempt is refused."""
    app = protect(subject, exempt=["/live", "/public/*"])
    assert json.loads(app.connect("/live").texts[0])["workspace"] is None
    assert app.connect("/public/a").accepted
    for target in ("/live/", "/live/a", "/public", "/public/../live", "/public%2Fa", "//live", "/"):
        assert app.connect(target).verdict == (401, "missing-key")


@having("websocket", "optional")
def test_anonymous_websockets_are_accepted_where_that_is_wanted(subject: Subject, protect: Protect) -> None:
    """``optional`` lets a WebSocket in without a key, but not with a bad one."""
    app = protect(subject, optional=True)
    assert json.loads(app.connect("/echo").texts[0])["workspace"] is None
    assert app.connect("/echo", bearer("unknown")).verdict == (401, "invalid-key")


@having("websocket")
def test_scopes_and_workspaces_hold_for_websockets(subject: Subject, protect: Protect) -> None:
    """What a grant must be good for does not depend on the protocol."""
    app = protect(subject, scopes=["model:infer"], workspaces=["acme"])
    assert app.connect("/echo", bearer("reader-and-inferrer")).accepted
    assert app.connect("/echo", bearer("reader")).verdict == (403, "forbidden")
    assert app.connect("/echo", bearer("key-of-initech")).verdict == (403, "forbidden")


@having("websocket")
def test_a_websocket_is_never_a_preflight(subject: Subject, protect: Protect) -> None:
    """Browsers send an ``Origin`` with every WebSocket: that lets nobody in."""
    headers = [("Origin", "https://page.example"), ("Access-Control-Request-Method", "GET")]
    assert protect(subject).connect("/echo", *headers).verdict == (401, "missing-key")


@having("websocket")
def test_on_denied_does_not_answer_websockets(subject: Subject, protect: Protect) -> None:
    """A WebSocket is refused by the table, whatever ``on_denied`` would say."""
    asked: list[object] = []
    app = protect(subject, on_denied=lambda denied, request: asked.append(denied))
    assert app.connect("/echo").verdict == (401, "missing-key")
    assert app.connect("/echo", denial_response=False).code == 1008
    assert asked == []


@having("websocket", "unrouted")
@pytest.mark.parametrize("kind", ["webtransport", "", "HTTP", "http.request", "websocket.connect"])
def test_an_unknown_kind_of_connection_is_not_passed_on(
    subject: Subject, protect: Protect, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Only HTTP and WebSockets with a good key, and the app's own start and end, reach the app."""
    app = protect(subject)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        raise AssertionError("nothing is read")

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {**scope_of(Request("GET", "/echo", [bearer()])), "type": kind}
    with caplog.at_level(logging.ERROR, "rf_middleware"):
        asyncio.run(app.app.__call__(scope, receive, send)) if not hasattr(app.app, "router") else asyncio.run(
            app.app.build_middleware_stack()(scope, receive, send)
        )
    assert sent == []
    assert repr(kind) in caplog.text


@having("websocket")
def test_lifespan_passes(subject: Subject, protect: Protect) -> None:
    """The app's own start and end need no key."""
    app = protect(subject)
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[str] = []

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    asyncio.run(app.app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
