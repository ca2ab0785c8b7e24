"""Flask apps."""

import math
from importlib import import_module
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Final

from cachetools import TTLCache
from flask import Flask

from benchmarks.floor import FloorWSGI
from benchmarks.subjects import ENTRIES, World
from rf_middleware import flask as on_flask
from rf_middleware.wsgi import APIKeyMiddleware

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["bare", "floor", "httpauth", "ours", "require_key"]

_MAXSIZE: Final = 100_000
_TTL: Final = 3600.0
_METHODS: Final = ("GET", "POST")


def _infer() -> str:
    return "ok"


def _app() -> Flask:
    app = Flask("benchmark")
    app.route("/infer", methods=_METHODS)(_infer)
    return app


def bare(world: World) -> "WSGIApplication":
    """Nobody is asked for a key."""
    del world
    return _app().wsgi_app


def floor(world: World) -> "WSGIApplication":
    """The least that a correct hit can do."""
    del world
    return FloorWSGI(_app().wsgi_app, ENTRIES, math.inf)


def ours(world: World) -> "WSGIApplication":
    """Our middleware."""
    return APIKeyMiddleware(_app().wsgi_app, validator=world.validator)


def require_key(world: World) -> "WSGIApplication":
    """Our extension, and its decorator on the view."""
    app = Flask("benchmark")
    on_flask.APIKeyAuth(app, validator=world.validator)
    app.route("/infer", methods=_METHODS)(on_flask.require_key(_infer))
    return app.wsgi_app


def httpauth(world: World) -> "WSGIApplication":
    """Flask-HTTPAuth, and a TTLCache under a lock, as its users have it."""
    auth = import_module("flask_httpauth").HTTPTokenAuth("Bearer")
    cache: TTLCache[str, str] = TTLCache(_MAXSIZE, _TTL, timer=monotonic)
    lock = Lock()

    @auth.verify_token  # type: ignore[untyped-decorator]  # a package that may not be installed
    def verify(key: str) -> str | None:  # pyright: ignore[reportUnusedFunction] - the extension calls it
        with lock:
            slug = cache.get(key)
        if slug is None:
            slug = world.known_now(key)
            if slug is not None:
                with lock:
                    cache[key] = slug
        return slug

    app = Flask("benchmark")
    app.route("/infer", methods=_METHODS)(auth.login_required(_infer))
    return app.wsgi_app
