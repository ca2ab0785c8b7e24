"""``assert_all_routes_protected`` for Flask apps."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.views import MethodView
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter, Rule

from rf_middleware.flask import APIKeyAuth, require_key
from rf_middleware.testing import FakeIssuer, assert_all_routes_protected
from rf_middleware.wsgi import APIKeyMiddleware
from tests.testing.opened import opened


def view(**_: Any) -> str:
    """Answer everybody."""
    return "hello"


guarded = require_key(view)


@pytest.fixture
def app(fake_issuer: FakeIssuer) -> Flask:
    """Return an app without routes that has the extension."""
    app = Flask("app", static_folder=None)
    APIKeyAuth(app, issuer=fake_issuer)
    return app


def plain(_environ: object, start_response: Callable[..., object]) -> Iterable[bytes]:
    """Answer everybody, as a bare WSGI app."""
    start_response("200 OK", [])
    return [b"hello"]


def test_a_decorated_app_passes(app: Flask) -> None:
    """An app whose views are all decorated has no hole, and needs no key to prove it."""
    app.add_url_rule("/", "a", guarded, methods=["GET", "POST"])
    app.add_url_rule("/items/<int:id>", "b", guarded)
    assert_all_routes_protected(app)


def test_a_forgotten_view_is_named_with_each_method(app: Flask) -> None:
    """Every route that is open stands in the message, and none that is not."""
    app.add_url_rule("/guarded", "a", guarded)
    app.add_url_rule("/open/<name>", "b", view, methods=["GET", "DELETE"])
    assert opened(app) == [
        "DELETE /open/<name> -> 200",
        "GET /open/<name> -> 200",
        "HEAD /open/<name> -> 200",
    ]


def test_a_wrapped_app_passes(fake_issuer: FakeIssuer) -> None:
    """A middleware around ``wsgi_app`` guards what no decorator does, static files too."""
    app = Flask("app")
    app.add_url_rule("/", "a", view)
    app.wsgi_app = APIKeyMiddleware(app.wsgi_app, issuer=fake_issuer)  # type: ignore[method-assign] # Flask's documented way
    assert_all_routes_protected(app)


def test_what_the_middleware_exempts_is_open(fake_issuer: FakeIssuer) -> None:
    """The exemptions of the middleware are holes unless the test knows of them."""
    app = Flask("app")
    app.add_url_rule("/healthz", "a", view)
    options = {"exempt": ["/healthz", "/static/*"]}
    app.wsgi_app = APIKeyMiddleware(app.wsgi_app, issuer=fake_issuer, **options)  # type: ignore[method-assign,arg-type] # Flask's documented way  # pyright: ignore[reportArgumentType] - a table
    assert opened(app) == [
        "GET /static/<path:filename> -> 404",
        "HEAD /static/<path:filename> -> 404",
        "GET /healthz -> 200",
        "HEAD /healthz -> 200",
    ]
    assert_all_routes_protected(app, exempt=["/healthz", "/static/*"])


def test_an_app_may_be_given_in_its_wrapping(fake_issuer: FakeIssuer) -> None:
    """What is asked is the outermost app; the routes are those of the Flask app inside."""
    app = Flask("app")
    app.add_url_rule("/", "a", view)
    assert "GET / -> 200" in opened(ProxyFix(app))
    assert_all_routes_protected(ProxyFix(APIKeyMiddleware(app, issuer=fake_issuer)))


def test_the_static_folder_counts(fake_issuer: FakeIssuer) -> None:
    """The route that Flask adds by itself is one that the decorators do not guard."""
    app = Flask("app")
    APIKeyAuth(app, issuer=fake_issuer)
    assert opened(app) == ["GET /static/<path:filename> -> 404", "HEAD /static/<path:filename> -> 404"]


def test_the_automatic_options_does_not_count(app: Flask) -> None:
    """An ``OPTIONS`` that Flask answers itself runs no view; one that the view answers does."""
    app.add_url_rule("/automatic", "a", guarded)
    app.add_url_rule("/own", "b", view, methods=["OPTIONS"])
    assert opened(app) == ["OPTIONS /own -> 200"]


def test_views_of_classes_and_blueprints_count(app: Flask) -> None:
    """A method of a view class without the decorator is found, behind the prefix of its blueprint."""

    class Items(MethodView):
        @require_key
        def get(self) -> str:
            return "hello"

        def post(self) -> str:
            return "hello"

    blueprint = Blueprint("blue", "blue", url_prefix="/blue")
    blueprint.add_url_rule("/items", view_func=Items.as_view("items"))
    app.register_blueprint(blueprint, url_prefix="/outer")
    assert opened(app) == ["POST /outer/items -> 200"]


@pytest.mark.parametrize(
    "parameter",
    [
        "<name>",
        "<string(length=2):name>",
        "<string(minlength=20,maxlength=22):name>",
        "<int:name>",
        "<int(min=5,max=5):name>",
        "<int(fixed_digits=3):name>",
        "<int(signed=True,max=3):name>",
        "<float:name>",
        "<float(min=0.5,max=0.75):name>",
        "<uuid:name>",
        "<any(about,help):name>",
        "<path:name>",
        "<one>/<int:two>/<path:three>",
    ],
)
def test_parameters_get_what_fits_them(app: Flask, parameter: str) -> None:
    """The view is reached, whatever its path wants."""
    app.add_url_rule(f"/a/{parameter}/z", "a", view, methods=["POST"])
    assert opened(app) == [f"POST /a/{parameter}/z -> 200"]


def test_a_parameter_is_not_filled_with_another_route(app: Flask) -> None:
    """A guarded route does not stand in for an open one that takes the same path."""
    app.add_url_rule("/<any(a, b):name>", "a", view, methods=["POST"])
    app.add_url_rule("/a", "b", guarded, methods=["POST"])
    assert opened(app) == ["POST /<any(a, b):name> -> 200"]


def test_a_route_that_nothing_reaches_is_tried_all_the_same(app: Flask) -> None:
    """A route behind another one answers what that one answers."""
    app.add_url_rule("/a", "a", guarded, methods=["POST"])
    app.add_url_rule("/a", "b", view, methods=["POST"])
    assert_all_routes_protected(app)


def test_a_redirect_is_open(app: Flask) -> None:
    """An alias answers everybody with where to go, so whoever wants that says so."""
    app.add_url_rule("/new", "a", guarded, methods=["POST"])
    app.add_url_rule("/old", "a", guarded, methods=["POST"], alias=True)
    assert opened(app) == ["POST /old -> 308"]
    assert_all_routes_protected(app, exempt=["/old"])


class Year(BaseConverter):
    """A converter that nobody could guess."""

    regex = r"year-[0-9]{4}"

    def to_python(self, value: str) -> int:
        return int(value.removeprefix("year-"))

    def to_url(self, value: int) -> str:
        return f"year-{value}"


class Broken(BaseConverter):
    """A converter that fails."""

    def to_python(self, value: str) -> str:
        raise RuntimeError(value)


def test_a_parameter_that_nothing_fits_is_never_passed_over(app: Flask) -> None:
    """A route that could not be tried is named, and a value for it can be given."""
    app.url_map.converters |= {"year": Year, "broken": Broken}
    app.add_url_rule("/guarded/<year:when>", "a", guarded, methods=["POST"])
    app.add_url_rule("/open/<year:when>", "b", view, methods=["POST"])
    app.add_url_rule("/broken/<broken:it>", "c", guarded, methods=["POST"])
    no_value = "not tried: no value is known for"
    assert opened(app) == [
        f"POST /guarded/<year:when> -> {no_value} 'when', give params={{'when': ...}}",
        f"POST /open/<year:when> -> {no_value} 'when', give params={{'when': ...}}",
        f"POST /broken/<broken:it> -> {no_value} 'it', give params={{'it': ...}}",
    ]
    assert opened(app, exempt=["/broken/*"], params={"when": "year-2024"}) == ["POST /open/<year:when> -> 200"]


def test_a_value_that_does_not_fit_is_not_used(app: Flask) -> None:
    """A wrong value given for a parameter would show nothing."""
    app.add_url_rule("/<int:id>", "a", view, methods=["POST"])
    assert opened(app, params={"id": "seven"}) == [
        "POST /<int:id> -> not tried: no value is known for 'id', give params={'id': ...}"
    ]


def test_values_may_hold_anything(app: Flask) -> None:
    """A value given for a parameter reaches the view as it is."""

    @app.post("/<name>")
    def exact(name: str) -> tuple[str, int]:  # pyright: ignore[reportUnusedFunction] - a view
        return "", 201 if name == "ä %20?b" else 404

    assert opened(app, params={"name": "ä %20?b"}) == ["POST /<name> -> 201"]


def test_other_hosts_and_subdomains_count(fake_issuer: FakeIssuer) -> None:
    """A route of one host is asked for on that host."""
    app = Flask("app", static_folder=None, subdomain_matching=True)
    app.config["SERVER_NAME"] = "example.org"
    APIKeyAuth(app, issuer=fake_issuer)
    app.add_url_rule("/", "a", guarded, methods=["POST"])
    app.add_url_rule("/", "b", view, methods=["POST"], subdomain="<tenant>")
    assert opened(app) == ["POST <tenant>.example.org/ -> 200"]

    other = Flask("app", static_folder=None, host_matching=True)
    APIKeyAuth(other, issuer=fake_issuer)
    other.add_url_rule("/", "a", guarded, methods=["POST"], host="guarded.example.org")
    other.add_url_rule("/", "b", view, methods=["POST"], host="open.example.org")
    assert opened(other) == ["POST open.example.org/ -> 200"]
    assert_all_routes_protected(other, exempt=["open.example.org/"])


def test_the_host_can_be_given(app: Flask) -> None:
    """An app that trusts only some hosts is asked as one of them."""
    app.config["TRUSTED_HOSTS"] = ["example.org"]
    app.add_url_rule("/", "a", view, methods=["POST"])
    assert opened(app) == ["POST / -> 400"]
    assert opened(app, host="example.org") == ["POST / -> 200"]


def test_apps_mounted_beside_it_count(app: Flask) -> None:
    """A dispatcher's apps are walked, wherever it stands; what can't be walked is tried with every method."""
    app.add_url_rule("/", "a", guarded)
    other = Flask("other", static_folder=None)
    other.add_url_rule("/open", "a", view, methods=["POST"])
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"]
    found = ["POST /other/open -> 200", *(f"{method} /plain/* -> 200" for method in methods)]
    mounts: Any = {"/other": other, "/plain": plain}
    assert opened(DispatcherMiddleware(app, mounts)) == found
    assert opened(DispatcherMiddleware(plain, {"/app": app})) == [f"{method} /* -> 200" for method in methods]
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, mounts)  # type: ignore[method-assign] # Flask's documented way
    assert opened(app) == found
    assert_all_routes_protected(app, exempt=["/other/*", "/plain/*"])


def test_a_middleware_that_hides_its_app_hides_no_routes(app: Flask) -> None:
    """Around ``wsgi_app`` even a bare function does not keep the routes of the app from being found."""
    app.add_url_rule("/", "a", view, methods=["POST"])
    inner = app.wsgi_app
    app.wsgi_app = lambda environ, start_response: inner(environ, start_response)  # type: ignore[method-assign] # noqa: PLW0108 - hides it
    assert opened(app) == ["POST / -> 200"]


def test_a_middleware_that_knows_the_app_twice_is_no_riddle(app: Flask) -> None:
    """A middleware inside the app that holds the app itself does not lead the walk round in circles."""

    class Twice:
        def __init__(self, app: Flask) -> None:
            self.app = app
            self.wsgi_app = app.wsgi_app

        def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
            return self.wsgi_app(environ, start_response)

    app.add_url_rule("/", "a", view, methods=["POST"])
    app.wsgi_app = Twice(app)  # type: ignore[method-assign] # Flask's documented way
    assert opened(app) == ["POST / -> 200"]


def test_websockets_of_extensions_count(app: Flask) -> None:
    """A rule for WebSockets is asked for as one, and rules that only build URLs are not asked for."""
    app.url_map.add(Rule("/guarded", endpoint="guarded", websocket=True))
    app.url_map.add(Rule("/open", endpoint="open", websocket=True))
    app.url_map.add(Rule("/elsewhere", endpoint="elsewhere", build_only=True))
    app.view_functions |= {"guarded": guarded, "open": view}
    assert opened(app) == ["WEBSOCKET /open -> 200"]


def test_a_view_that_fails_is_open(app: Flask) -> None:
    """A view that was reached and raised had no guard."""

    def broken() -> str:
        raise KeyError

    app.add_url_rule("/", "a", broken, methods=["POST"])
    assert opened(app) == ["POST / -> 500"]
    app.testing = True
    assert opened(app) == ["POST / -> raised KeyError"]


def test_a_decorator_that_knows_no_issuer_guards_nothing() -> None:
    """Views are decorated, but nobody set up the extension: that is found too."""
    app = Flask("app", static_folder=None)
    app.add_url_rule("/", "a", guarded, methods=["POST"])
    assert opened(app) == ["POST / -> 500"]
