"""Everything that protects an app: each adapter, alone and inside another, built by one function.

A rule is run over all of ``SUBJECTS``, or over those that have what it is about: ``having("exempt")``. What a subject
does not have, and why, stands in ``lacks``; nothing is ever skipped.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from rf_middleware import Validator, asgi, wsgi
from rf_middleware.fastapi import RequireKey
from rf_middleware.flask import APIKeyAuth
from rf_middleware.flask import require_key as flask_require_key
from rf_middleware.starlette import require_key as starlette_require_key
from tests.contract import apps
from tests.harness import Answer, Pairs, Request, Talk, call_asgi, call_wsgi, connect

__all__ = ["SUBJECTS", "Subject", "every", "having"]

Options = Mapping[str, Any]

VIEW = {"scopes", "workspaces", "optional", "publishable"}
ROUTE = VIEW | {"locations", "ambiguous", "on_denied"}
OPTIONS = ROUTE | {"exempt", "max_body", "strip", "workspace_header", "trusted_proxies"}

GUARDS_ROUTES = "it guards routes: what is not routed to one never reaches it"
MIDDLEWARES = "the middleware's alone"
TOLD = "a decorator of one route is not told that: it belongs to the middleware or the extension"
NO_WEBSOCKETS = "WSGI has none"
MIXED = "two layers answer, each in its own terms"


@dataclass(frozen=True, repr=False)
class Subject:
    """One way to protect an app.

    Attributes:
        name: for the test report.
        protect: builds the protected app from a validator, options, and headers that the app itself sets.
        lacks: what it does not have, with the reason. Options by name, and: ``unrouted`` (an answer to what no
            route matches), ``websocket``, ``vary`` (``Vary``, ``private`` and ``RF-Stale``), ``request`` (one type that
            ``on_denied`` gets).
    """

    name: str
    protect: Callable[[Validator, Options, Pairs], Any]
    lacks: Mapping[str, str] = field(default_factory=dict[str, str])
    is_wsgi: bool = False

    def __repr__(self) -> str:
        return self.name

    def call(self, app: Any, request: Request) -> Answer:
        """Send a request to a protected app."""
        return call_wsgi(app, request) if self.is_wsgi else call_asgi(app, request)

    def connect(self, app: Any, request: Request, *, denial_response: bool = True) -> Talk:
        """Open a WebSocket to a protected app."""
        assert not self.is_wsgi
        return connect(app, request, denial_response=denial_response)


def _of(options: Options, names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name in names}


def _around(options: Options, inside: set[str]) -> dict[str, Any]:
    """Return what the middleware around a decorator is told: all but the decorator's own, and to let anybody in."""
    return {**_of(options, OPTIONS - inside), **_of(options, {"publishable"}), "optional": True}


def _wsgi(validator: Validator, options: Options, headers: Pairs) -> Any:
    return wsgi.APIKeyMiddleware(apps.wsgi_echo(headers), validator=validator, **options)


def _asgi(validator: Validator, options: Options, headers: Pairs) -> Any:
    return asgi.APIKeyMiddleware(apps.asgi_echo(headers), validator=validator, **options)


def _flask(validator: Validator, options: Options, headers: Pairs) -> Any:
    app = apps.flask_echo(headers=headers)
    app.wsgi_app = wsgi.APIKeyMiddleware(app.wsgi_app, validator=validator, **options)  # type: ignore[method-assign] # Flask's documented way
    return app


def _flask_view(validator: Validator, options: Options, headers: Pairs) -> Any:
    app = apps.flask_echo(flask_require_key(**_of(options, VIEW)), headers)  # pyright: ignore[reportArgumentType] - a table of options
    APIKeyAuth(app, validator=validator, **_of(options, OPTIONS - VIEW))
    return app


def _flask_view_inside(validator: Validator, options: Options, headers: Pairs) -> Any:
    app = apps.flask_echo(flask_require_key(**_of(options, VIEW)), headers)  # pyright: ignore[reportArgumentType] - a table of options
    app.wsgi_app = wsgi.APIKeyMiddleware(app.wsgi_app, validator=validator, **_around(options, VIEW))  # type: ignore[method-assign] # Flask's documented way
    return app


def _starlette(validator: Validator, options: Options, headers: Pairs) -> Any:
    app = apps.starlette_echo(headers=headers)
    app.add_middleware(asgi.APIKeyMiddleware, validator=validator, **options)
    return app


def _starlette_route(validator: Validator, options: Options, headers: Pairs) -> Any:
    return apps.starlette_echo(starlette_require_key(validator=validator, **options), headers)


def _starlette_sync_route(validator: Validator, options: Options, headers: Pairs) -> Any:
    return apps.starlette_echo(starlette_require_key(validator=validator, **options), headers, sync=True)


def _starlette_route_inside(validator: Validator, options: Options, headers: Pairs) -> Any:
    app = apps.starlette_echo(starlette_require_key(**_of(options, VIEW)), headers)  # pyright: ignore[reportArgumentType] - a table of options
    app.add_middleware(asgi.APIKeyMiddleware, validator=validator, **_around(options, VIEW))
    return app


def _fastapi(validator: Validator, options: Options, headers: Pairs) -> Any:
    app = apps.fastapi_echo(headers=headers)
    app.add_middleware(asgi.APIKeyMiddleware, validator=validator, **options)
    return app


def _fastapi_route(validator: Validator, options: Options, headers: Pairs) -> Any:
    return apps.fastapi_echo([RequireKey(validator=validator, **options)], headers)


def _fastapi_route_inside(validator: Validator, options: Options, headers: Pairs) -> Any:
    app = apps.fastapi_echo([RequireKey(**_of(options, VIEW))], headers)  # pyright: ignore[reportArgumentType] - a table of options
    app.add_middleware(asgi.APIKeyMiddleware, validator=validator, **_around(options, VIEW))
    return app


def _fastapi_workspace(validator: Validator, options: Options, headers: Pairs) -> Any:
    app = apps.fastapi_workspace(headers)
    app.add_middleware(asgi.APIKeyMiddleware, validator=validator, **dict(options, optional=True))
    return app


_ROUTES = {"exempt": GUARDS_ROUTES, "unrouted": GUARDS_ROUTES}
_TOLD_LITTLE = {
    "max_body": TOLD,
    "strip": TOLD,
    "trusted_proxies": TOLD,
    "workspace_header": MIDDLEWARES,
    "vary": MIDDLEWARES,
    **_ROUTES,
}
_INSIDE = {"request": MIXED, **_ROUTES}
_ALWAYS = {"optional": "a workspace is always there, or it is refused"}
_WSGI = {"websocket": NO_WEBSOCKETS}

SUBJECTS = [
    Subject("wsgi", _wsgi, _WSGI, is_wsgi=True),
    Subject("asgi", _asgi),
    Subject("flask-in-middleware", _flask, _WSGI, is_wsgi=True),
    Subject("flask-require-key", _flask_view, _WSGI | _ROUTES, is_wsgi=True),
    Subject("flask-require-key-in-middleware", _flask_view_inside, _WSGI | _INSIDE, is_wsgi=True),
    Subject("starlette-in-middleware", _starlette),
    Subject("starlette-require-key", _starlette_route, _TOLD_LITTLE),
    Subject("starlette-require-key-sync", _starlette_sync_route, _TOLD_LITTLE),
    Subject("starlette-require-key-in-middleware", _starlette_route_inside, _INSIDE),
    Subject("fastapi-in-middleware", _fastapi),
    Subject("fastapi-require-key", _fastapi_route, _TOLD_LITTLE),
    Subject("fastapi-require-key-in-middleware", _fastapi_route_inside, _INSIDE),
    Subject("fastapi-current-workspace", _fastapi_workspace, _INSIDE | _ALWAYS),
]

every = pytest.mark.parametrize("subject", SUBJECTS, ids=str)
"""Runs a rule over every adapter."""


def having(*what: str) -> pytest.MarkDecorator:
    """Return what runs a rule over the adapters that have all of ``what``."""
    chosen = [subject for subject in SUBJECTS if not subject.lacks.keys() & set(what)]
    assert chosen, what
    return pytest.mark.parametrize("subject", chosen, ids=str)
