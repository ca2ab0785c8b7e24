"""Finds the routes of an app, whatever is wrapped around it. Loads no framework that is not loaded already."""

import sys
from collections.abc import Mapping
from typing import Final

from rf_middleware._routes import Place, Route, Values

__all__ = ["routes_of"]

_INSIDE: Final = ("app", "_app", "wsgi_app", "asgi_app", "application", "wsgi_application")
"""Where a middleware keeps the app it wraps."""
_DEEPEST: Final = 100


def routes_of(app: object, given: Mapping[str, str]) -> list[Route]:
    """Return every route of a Flask, Starlette or FastAPI app, once.

    Args:
        app: the app, or a middleware around it.
        given: values for parameters of paths, by name.

    Raises:
        TypeError: it is another kind of app.
    """
    values = Values(given)

    busy: list[object] = []

    def walk(app: object, place: Place) -> list[Route] | None:
        if len(busy) == _DEEPEST or any(app is each for each in busy):  # it holds itself
            return None
        busy.append(app)
        try:
            found = read(app, place)
            for name in _INSIDE:
                if found is None and (inner := getattr(app, name, None)) is not None:
                    found = walk(inner, place)
            return found
        finally:
            busy.pop()

    def read(app: object, place: Place) -> list[Route] | None:
        found: list[Route] | None = None
        if "starlette" in sys.modules:
            from rf_middleware._routes_starlette import starlette_routes  # noqa: PLC0415 - see above

            found = starlette_routes(app, place, values, walk)
        if found is None and "flask" in sys.modules:
            from rf_middleware._routes_flask import flask_routes  # noqa: PLC0415 - see above

            found = flask_routes(app, place, values, walk)
        return found

    found = walk(app, Place())
    if found is None:
        message = (
            f"a {type(app).__name__} can't be walked: give a Flask, Starlette or FastAPI app,"
            " or a middleware around one that keeps it as `app`"
        )
        raise TypeError(message)
    return list(dict.fromkeys(found))
