"""How the routes of an app are found below what is wrapped around it."""

import re
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from rf_middleware._walk import routes_of


def view() -> str:
    """Answer everybody."""
    return "hello"


def flask() -> Flask:
    """Return an app with one route."""
    app = Flask("app", static_folder=None)
    app.add_url_rule("/a/<name>", "a", view, methods=["POST"])
    return app


def found(app: object, given: dict[str, str] | None = None) -> list[tuple[str, str]]:
    """Return method and path of each route, without those that a framework adds."""
    routes = routes_of(app, given or {})
    return [(each.method, each.place.path) for each in routes if each.method == "POST"]


@pytest.mark.parametrize("name", ["app", "_app", "wsgi_app", "asgi_app", "application", "wsgi_application"])
def test_a_middleware_is_looked_into(name: str) -> None:
    """Under each of the names by which middlewares keep the app they wrap, however many are around it."""
    app: object = flask()
    for _ in range(50):
        app = SimpleNamespace(**{name: app})
    assert found(app, {"name": "x"}) == [("POST", "/a/x")]


def test_what_is_no_app_is_passed_over() -> None:
    """A middleware may keep something else, or nothing yet, under the first name."""
    assert found(SimpleNamespace(app="a name", application=flask()), {"name": "x"}) == [("POST", "/a/x")]
    assert found(SimpleNamespace(app=None, _app=flask()), {"name": "x"}) == [("POST", "/a/x")]


def test_the_first_app_counts() -> None:
    """What is kept beside it is not served."""
    other = Flask("other", static_folder=None)
    assert found(SimpleNamespace(app=other, _app=flask())) == []


def test_frameworks_are_found_inside_each_other() -> None:
    """A WSGI app mounted in an ASGI app is walked too."""
    inside: Any = SimpleNamespace(app=flask())
    outer = Starlette(routes=[Route("/b", view, methods=["POST"]), Mount("/in", inside)])
    assert found(SimpleNamespace(app=outer), {"name": "x"}) == [("POST", "/b"), ("POST", "/in/a/x")]


def test_each_route_is_there_once() -> None:
    """However often it was added."""
    app = flask()
    app.add_url_rule("/a/<name>", "again", view, methods=["POST"])
    assert found(app, {"name": "x"}) == [("POST", "/a/x")]


@pytest.mark.parametrize("missing", [("starlette",), ("starlette", "flask")])
def test_a_framework_that_is_not_loaded_is_not_needed(missing: tuple[str, ...]) -> None:
    """A Flask app is walked where nobody has loaded Starlette; where neither is loaded nothing is an app."""
    app, loaded = flask(), {name: sys.modules.pop(name) for name in missing}
    try:
        if "flask" in missing:
            with pytest.raises(TypeError, match=r"^a Flask can't be walked"):
                routes_of(app, {"name": "x"})
        else:
            assert found(app, {"name": "x"}) == [("POST", "/a/x")]
    finally:
        sys.modules.update(loaded)


def nested(times: int) -> object:
    """Return a middleware in so many others, with no app in it."""
    app: object = SimpleNamespace()
    for _ in range(times):
        app = SimpleNamespace(app=app)
    return app


def around_itself() -> object:
    """Return a middleware that holds itself."""
    app = SimpleNamespace()
    app.app = app
    return app


@pytest.mark.parametrize("app", [nested(0), nested(10_000), around_itself(), SimpleNamespace(app=around_itself())])
def test_what_can_not_be_walked_is_refused(app: object) -> None:
    """Nothing inside, no end, or itself: an error that says what to give."""
    words = "a SimpleNamespace can't be walked: give a Flask, Starlette or FastAPI app, or a middleware around one that"
    with pytest.raises(TypeError, match="^" + re.escape(words)):
        routes_of(app, {})
