"""Who is asking: only the issuer's word, the same object for nobody else, and nothing a client can set."""

import asyncio
import contextvars
import dataclasses
import pickle
import threading
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.authentication import UnauthenticatedUser
from starlette.requests import Request as StarletteRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rf_middleware import CallableIssuer, Grant, Validator, Workspace
from rf_middleware.asgi import APIKeyMiddleware
from rf_middleware.starlette import require_key
from tests.contract.issuing import GOOD, Keys, bearer
from tests.contract.protected import Protect
from tests.contract.subjects import Subject, every, having
from tests.harness import Request, acall, call_asgi

CLAIMS = [
    ("X-Workspace", "evil"),
    ("X-Workspace-Id", "evil"),
    ("X-Consumer-Username", "evil"),
    ("X-Consumer-Custom-Id", "evil"),
    ("X-Forwarded-User", "evil"),
    ("X-Remote-User", "evil"),
    ("Remote-User", "evil"),
    ("Workspace", "evil"),
    ("Grant", "evil"),
    ("RF-Middleware.Grant", "evil"),
    ("rf_middleware.grant", "evil"),
    ("rf_middleware.workspace", "evil"),
    ("rf-middleware.visit", "evil"),
    ("rf_middleware.visit", "evil"),
    ("Cookie", "workspace=evil; grant=evil"),
    ("State", "{'workspace': 'evil'}"),
]


@every
def test_no_header_says_who_is_asking(subject: Subject, protect: Protect) -> None:
    """Headers that look like an identity change nothing: with a key it is the key's, without one there is none."""
    app = protect(subject)
    assert app.call("/echo?workspace=evil", *CLAIMS).verdict == (401, "missing-key")
    assert app.call("/echo?workspace=evil", *CLAIMS, bearer()).json["workspace"] == "acme"


@having("exempt", "optional")
def test_no_header_says_so_where_no_key_is_needed(subject: Subject, protect: Protect) -> None:
    """On exempt routes and for anonymous requests there is nobody, whatever the headers claim."""
    for app in (protect(subject, exempt=["/echo"]), protect(subject, optional=True)):
        assert app.call("/echo?workspace=evil", *CLAIMS).json["workspace"] is None


@every
def test_requests_do_not_see_one_another(subject: Subject, protect: Protect) -> None:
    """What one request was found to be is gone with it: the next one is itself, or nobody."""
    app = protect(subject)
    seen = [
        app.call("/echo", bearer(key)).json.get("workspace") if key else app.call("/echo").status
        for key in [GOOD, "key-of-initech", "", GOOD, "", "key-of-initech"]
    ]
    assert seen == ["acme", "initech", 401, "acme", 401, "initech"]


@every
def test_requests_at_the_same_time_do_not_mix(subject: Subject, protect: Protect) -> None:
    """Requests of many workspaces in many threads each see their own."""
    workspaces = {f"key-of-w{n}": f"w{n}" for n in range(8)}
    app = protect(subject, keys=Keys({key: Grant(Workspace(slug)) for key, slug in workspaces.items()}))
    wrong: list[object] = []

    def many(key: str) -> None:
        for _ in range(10):
            answer = app.call("/echo", bearer(key))
            if answer.status != 200 or answer.json["workspace"] != workspaces[key]:
                wrong.append(answer)

    threads = [threading.Thread(target=many, args=(key,)) for key in workspaces]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert sorted(app.keys.asked) == sorted(workspaces)


@having("websocket")
def test_tasks_of_one_loop_do_not_mix(subject: Subject, protect: Protect) -> None:
    """Requests that wait for the issuer on the same event loop each see their own."""
    workspaces = {f"key-of-w{n}": f"w{n}" for n in range(20)}
    app = protect(subject, keys=Keys({key: Grant(Workspace(slug)) for key, slug in workspaces.items()}))

    async def all_at_once() -> list[Any]:
        requests = [Request("GET", "/echo", [bearer(key)]) for key in workspaces]
        return await asyncio.gather(*(acall(app.app, request) for request in requests * 2))

    answers = asyncio.run(all_at_once())
    assert [answer.json["workspace"] for answer in answers] == list(workspaces.values()) * 2


@every
def test_no_context_variable_is_left_behind(subject: Subject, protect: Protect) -> None:
    """Nothing about a request stays in the context of whoever served it."""
    app = protect(subject)
    context = contextvars.copy_context()
    before = dict(context)
    context.run(app.call, "/echo", bearer())
    assert "acme" not in repr([value for variable, value in context.items() if before.get(variable) is not value])


def test_grants_and_workspaces_are_frozen() -> None:
    """No handler can change what the next request sees."""
    grant = Grant(Workspace("acme"), scopes=frozenset({"a"}))
    with pytest.raises(dataclasses.FrozenInstanceError):
        grant.scopes = None  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue] - what must not work
    with pytest.raises(dataclasses.FrozenInstanceError):
        grant.workspace.slug = "evil"  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue] - what must not work
    for value in (grant, grant.workspace):
        with pytest.raises((AttributeError, TypeError)):
            value.more = 1  # type: ignore[union-attr] # pyright: ignore[reportAttributeAccessIssue] - what must not work
    assert pickle.loads(pickle.dumps(grant)) == grant  # noqa: S301 - our own bytes


SCOPES: dict[str, Any] = {}


async def _who(request: StarletteRequest) -> Response:
    SCOPES.clear()
    SCOPES.update(request.scope)
    told = {
        "user": type(request.user).__name__,
        "authenticated": request.user.is_authenticated,
        "display_name": request.user.display_name,
        "scopes": request.auth.scopes,
    }
    if request.user.is_authenticated:
        told["identity"] = request.user.identity
        told["workspace"] = request.state.workspace.slug
        request.auth.scopes.append("evil")
        request.state.workspace = "evil"
    return JSONResponse(told)


@pytest.mark.parametrize("way", ["middleware", "decorator"])
def test_starlette_has_its_user_and_its_scopes(way: str) -> None:
    """``request.user`` is the workspace, ``request.auth.scopes`` the scopes or a star; no handler changes them."""
    named = Grant(Workspace("w1", "The First"), scopes=frozenset({"b", "a"}))
    keys = Keys({"named": named, "unnamed": Grant(Workspace("w2"))})
    with Validator(CallableIssuer(keys)) as validator:
        endpoint = require_key(validator=validator, optional=True)(_who) if way == "decorator" else _who
        app = Starlette(routes=[Route("/echo", endpoint)])
        if way == "middleware":
            app.add_middleware(APIKeyMiddleware, validator=validator, optional=True)
        for _ in "ab":
            first = call_asgi(app, Request("GET", "/echo", [bearer("named")])).json
            assert (first["identity"], first["display_name"], first["scopes"]) == ("w1", "The First", ["a", "b"])
            assert first["workspace"] == "w1"
            second = call_asgi(app, Request("GET", "/echo", [bearer("unnamed")])).json
            assert (second["identity"], second["display_name"], second["scopes"]) == ("w2", "w2", ["*"])
            nobody = call_asgi(app, Request("GET", "/echo")).json
            assert (nobody["user"], nobody["authenticated"]) == (UnauthenticatedUser.__name__, False)
            assert nobody["scopes"] == []


def test_nothing_in_a_scope_shows_the_key() -> None:
    """What is attached to a request can be printed or sent to an error reporter: it does not hold the key."""
    with Validator(CallableIssuer(Keys())) as validator:
        app = Starlette(routes=[Route("/echo", _who)])
        app.add_middleware(APIKeyMiddleware, validator=validator)
        call_asgi(app, Request("GET", f"/echo?api_key={GOOD}", [("X-API-Key", GOOD)]))
        shown = {name: value for name, value in SCOPES.items() if name != "headers"}
        assert GOOD not in repr(shown)
        assert GOOD not in repr(validator)
        assert GOOD not in repr(vars(validator))
