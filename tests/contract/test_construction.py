"""Wrong options fail at construction, in every adapter, and say which and what is allowed."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from rf_middleware import CallableIssuer, Validator, asgi, wsgi
from rf_middleware.exceptions import ConfigurationError
from rf_middleware.fastapi import RequireKey
from rf_middleware.flask import APIKeyAuth
from rf_middleware.flask import require_key as flask_require_key
from rf_middleware.starlette import require_key
from tests.contract.apps import asgi_echo, wsgi_echo
from tests.contract.issuing import Keys

WRONG: list[tuple[str, Any]] = [
    ("exempt", "/healthz"),
    ("exempt", ["/*"]),
    ("exempt", ["*"]),
    ("exempt", ["healthz"]),
    ("exempt", [""]),
    ("exempt", ["/a/../b"]),
    ("exempt", ["/.."]),
    ("exempt", ["/a/.."]),
    ("exempt", ["/./a"]),
    ("exempt", ["//"]),
    ("exempt", ["//a"]),
    ("exempt", ["/a//*"]),
    ("exempt", ["/a%2Fb"]),
    ("exempt", ["/a?b"]),
    ("exempt", ["/a#b"]),
    ("exempt", ["/a*"]),
    ("exempt", ["/*/a"]),
    ("exempt", ["/a/**"]),
    ("exempt", ["/a/*/b/*"]),
    ("exempt", ["/ok", 5]),
    ("exempt", [None]),
    ("exempt", 5),
    ("exempt", b"/a"),
    ("locations", "bearer"),
    ("locations", []),
    ("locations", ["bearer", "bearer"]),
    ("locations", ["header:X-Key", "header:x-key"]),
    ("locations", ["Bearer"]),
    ("locations", ["bearer:x"]),
    ("locations", ["header:"]),
    ("locations", ["header:X_Key"]),
    ("locations", ["header:X Key"]),
    ("locations", ["header:Authorization"]),
    ("locations", ["header:Cookie"]),
    ("locations", ["header:Origin"]),
    ("locations", ["header:transfer-encoding"]),
    ("locations", ["header:Connection"]),
    ("locations", ["header:Upgrade"]),
    ("locations", ["header:Keep-Alive"]),
    ("locations", ["header:TE"]),
    ("locations", ["header:Trailer"]),
    ("locations", ["header:Expect"]),
    ("locations", ["header:Access-Control-Request-Method"]),
    ("locations", ["query:"]),
    ("locations", ["query:a\n"]),
    ("locations", ["query:a\x00"]),
    ("locations", ["query:\ud800"]),
    ("locations", ["cookie:a b"]),
    ("locations", ["json:"]),
    ("locations", ["json:\ud800"]),
    ("locations", ["body:x"]),
    ("locations", [None]),
    ("ambiguous", "last"),
    ("ambiguous", True),
    ("ambiguous", None),
    ("ambiguous", ["first"]),
    ("max_body", -1),
    ("max_body", "1MiB"),
    ("max_body", 1.5),
    ("max_body", True),
    ("workspaces", []),
    ("workspaces", "acme"),
    ("workspaces", [""]),
    ("workspaces", [1]),
    ("scopes", "model:infer"),
    ("scopes", [""]),
    ("scopes", [None]),
    ("scopes", ["model:infer model:read"]),
    ("scopes", [" model:infer"]),
    ("scopes", ["a\n"]),
    ("scopes", ['"']),
    ("scopes", ["\\"]),
    ("scopes", ["ok", "l\xe9"]),
    ("scopes", ["\ud800"]),
    ("optional", 1),
    ("optional", "false"),
    ("publishable", None),
    ("strip", "no"),
    ("on_denied", "403"),
    ("workspace_header", ""),
    ("workspace_header", "X W"),
    ("workspace_header", "X-W\r\nSet-Cookie"),
    ("workspace_header", 5),
    ("trusted_proxies", -1),
    ("trusted_proxies", "1"),
    ("trusted_proxies", True),
    ("trusted_proxies", 1.5),
    ("exempted", ["/a"]),
    ("Scopes", ["a"]),
]


Build = Callable[..., Any]
NOTHING = wsgi_echo()


def _wsgi(**options: Any) -> Any:
    return wsgi.APIKeyMiddleware(NOTHING, **options)


def _asgi(**options: Any) -> Any:
    return asgi.APIKeyMiddleware(asgi_echo(), **options)


def _flask(**options: Any) -> Any:
    return APIKeyAuth(Flask("built"), **options)


BUILDERS: dict[str, Build] = {
    "wsgi": _wsgi,
    "asgi": _asgi,
    "flask": _flask,
    "flask-require-key": flask_require_key,
    "starlette-require-key": require_key,
    "fastapi-require-key": RequireKey,
}
TAKE_ISSUERS = ["wsgi", "asgi", "flask", "starlette-require-key", "fastapi-require-key"]
TAKE_ALL = ["wsgi", "asgi", "flask"]
DECORATORS = ["flask-require-key", "starlette-require-key", "fastapi-require-key"]


@pytest.fixture
def validator() -> Iterator[Validator]:
    """Return a validator."""
    with Validator(CallableIssuer(Keys())) as one:
        yield one


@pytest.mark.parametrize("builder", BUILDERS)
@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_option_is_refused_and_named(builder: str, validator: Validator, name: str, value: object) -> None:
    """A wrong option, or one that nobody knows, fails before the first request, in one line that begins with it."""
    shared = {"validator": validator} if builder in TAKE_ISSUERS else {}
    with pytest.raises(ConfigurationError, match=f"^{name}: ") as caught:
        BUILDERS[builder](**shared, **{name: value})
    assert isinstance(caught.value, ValueError)
    assert re.search("allowed|none of", str(caught.value))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("builder", TAKE_ALL)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("exempt", []),
        ("exempt", ("/", "/a/b.c", "/ä", "/public/*", "/a-b/*")),
        ("exempt", {"/a"}),
        ("locations", ("query:k", "json:a.b", "cookie:__Host-k", "header:X-K")),
        ("locations", ("query:schl\xfcssel", "query:a[b]", "json:a key \xfc", "header:Sec-WebSocket-Protocol")),
        ("ambiguous", "first"),
        ("max_body", 0),
        ("workspaces", None),
        ("workspaces", frozenset({"acme"})),
        ("scopes", iter(["a"])),
        ("scopes", ["model:infer", "https://scope.example/a?b#c", "!#[]~"]),
        ("optional", True),
        ("publishable", True),
        ("strip", False),
        ("close_streams", False),
        ("on_denied", None),
        ("workspace_header", "X-Workspace-Id"),
        ("workspace_header", None),
        ("trusted_proxies", None),
        ("trusted_proxies", 0),
        ("trusted_proxies", 3),
    ],
)
def test_a_right_option_is_accepted(builder: str, validator: Validator, name: str, value: object) -> None:
    """What the table of options allows can be given, in any kind of list."""
    assert BUILDERS[builder](validator=validator, **{name: value})


@pytest.mark.parametrize("builder", DECORATORS)
@pytest.mark.parametrize("name", ["exempt", "strip", "max_body", "workspace_header", "close_streams", "ttl"])
def test_a_decorator_refuses_what_is_not_its_own(builder: str, name: str) -> None:
    """A decorator has fewer options than a middleware, and says which."""
    with pytest.raises(ConfigurationError, match=rf"^{name}: no such option; allowed are .*scopes"):
        BUILDERS[builder](**{name: None})


@pytest.mark.parametrize("builder", TAKE_ISSUERS)
def test_an_issuer_and_a_validator_exclude_each_other(builder: str, validator: Validator) -> None:
    """A validator has its issuer already, so both together are refused."""
    with pytest.raises(ConfigurationError, match=r"^issuer: "):
        BUILDERS[builder](validator=validator, issuer="https://issuer.example")
    with pytest.raises(ConfigurationError, match=r"^validator: "):
        BUILDERS[builder](validator="https://issuer.example")


@pytest.mark.parametrize("builder", TAKE_ALL)
@pytest.mark.parametrize("name", ["ttl", "timeout", "maxsize", "unknown_key_rate"])
def test_a_validator_has_its_settings_already(builder: str, validator: Validator, name: str) -> None:
    """What only a validator could heed is refused beside one, not ignored."""
    with pytest.raises(ConfigurationError, match=f"^{name}: "):
        BUILDERS[builder](validator=validator, **{name: 1})
