"""The list of exemptions of ``assert_all_routes_protected``, and when the whole question makes no sense."""

from typing import Any

import pytest
from flask import Flask

from rf_middleware import ConfigurationError
from rf_middleware.testing import FakeIssuer, assert_all_routes_protected
from rf_middleware.wsgi import APIKeyMiddleware
from tests.testing.opened import opened


def view(**_: int) -> str:
    """Answer everybody."""
    return "hello"


@pytest.fixture
def app(fake_issuer: FakeIssuer) -> Flask:
    """Return an app with one open route, two open ones below a prefix, and guarded ones."""
    app = Flask("app", static_folder=None)
    for path in ("/healthz", "/public/<int:id>", "/public/all", "/guarded", "/healthzz"):
        app.add_url_rule(path, path, view, methods=["POST", "PUT"])
    options: Any = {"exempt": ["/healthz", "/public/*"]}
    app.wsgi_app = APIKeyMiddleware(app.wsgi_app, issuer=fake_issuer, **options)  # type: ignore[method-assign] # Flask's documented way
    return app


@pytest.mark.parametrize(
    "exempt",
    [
        ["/healthz", "/public/*"],
        ("/healthz", "/public/<int:id>", "/public/all"),
        ["POST /healthz", "PUT /healthz", "POST /public/*", "PUT /public/*"],
        {"/healthz", "/public/*", "/public/all"},
    ],
)
def test_exempt_names_paths_prefixes_and_methods(app: Flask, exempt: Any) -> None:
    """What needs no key is named as the message shows it, by prefix, or by method."""
    assert_all_routes_protected(app, exempt=exempt)


def test_exempt_is_exact(app: Flask) -> None:
    """A path opens itself and nothing that begins like it, a method only itself, a prefix only what is below it."""
    assert opened(app, exempt=["POST /healthz", "/public/all"]) == [
        "PUT /healthz -> 200",
        "POST /public/<int:id> -> 200",
        "PUT /public/<int:id> -> 200",
    ]


@pytest.mark.parametrize(
    "entry", ["/nowhere", "/health", "/public", "/healthz/*", "GET /healthz", "/*", "healthz", "*"]
)
def test_an_exemption_of_nothing_is_an_error(app: Flask, entry: str) -> None:
    """A path that is no longer there must not wait in the list for a route of the same name."""
    assert opened(app, exempt=["/healthz", "/public/*", entry]) == [f"exempt {entry!r}: the app has no such route"]


@pytest.mark.parametrize("entry", ["/guarded", "POST /guarded"])
def test_an_exemption_of_what_is_guarded_is_an_error(app: Flask, entry: str) -> None:
    """A route that needs a key after all must not be in the list: tomorrow it would hide a hole."""
    assert opened(app, exempt=["/healthz", "/public/*", entry]) == [
        f"exempt {entry!r}: it answers 401, so it is protected after all"
    ]


def test_everything_that_is_wrong_is_told_at_once(app: Flask) -> None:
    """Holes come first, then the entries that should not be there."""
    assert opened(app, exempt=["/public/*", "/guarded", "/nowhere"]) == [
        "POST /healthz -> 200",
        "PUT /healthz -> 200",
        "exempt '/guarded': it answers 401, so it is protected after all",
        "exempt '/nowhere': the app has no such route",
    ]


@pytest.mark.parametrize("exempt", ["/healthz", b"/healthz", [7], [""], None, 7])
def test_a_wrong_list_is_refused(app: Flask, exempt: Any) -> None:
    """A bare string would be read letter by letter."""
    with pytest.raises(ConfigurationError, match=r"^exempt: "):
        assert_all_routes_protected(app, exempt=exempt)


def test_an_app_without_routes_proves_nothing() -> None:
    """Routes that are registered too late must not look like routes that are guarded."""
    with pytest.raises(AssertionError, match="no routes at all"):
        assert_all_routes_protected(Flask("app", static_folder=None))
