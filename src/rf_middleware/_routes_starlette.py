"""The routes of a Starlette or FastAPI app; imported only where Starlette is loaded."""

import re
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from starlette.applications import Starlette
from starlette.convertors import Convertor
from starlette.endpoints import HTTPEndpoint
from starlette.routing import Host, Match, Mount, Router, WebSocketRoute
from starlette.routing import Route as HTTPRoute

from rf_middleware._routes import METHODS, PROBE, WEBSOCKET, Place, Route, Values, Walk, everything, fill

__all__ = ["starlette_routes"]

_PARAMETER: Final = re.compile(r"{(\w+)}")

Leaf = Any
"""A route as its router serves it: a Starlette route, or FastAPI's view of one in a router that was included."""


def starlette_routes(app: object, place: Place, values: Values, walk: Walk) -> list[Route] | None:
    """Return the routes of an app or router.

    Raises:
        TypeError: it has a route of an unknown kind.
    """
    if not isinstance(app, Starlette | Router):
        return None
    router = app.router if isinstance(app, Starlette) else app
    return [*_Level(router.routes, place, values, walk).routes(), *_frontends(router, place)]


class _Level:
    """The routes of one router, in its order."""

    def __init__(self, routes: Any, place: Place, values: Values, walk: Walk) -> None:  # noqa: ANN401 - FastAPI has its own kind
        # FastAPI keeps included routers as they are, and has this to see through them.
        see_through = getattr(sys.modules.get("fastapi.routing"), "iter_route_contexts", iter)
        self._leaves: list[Leaf] = list(see_through(routes))
        self._place = place
        self._values = values
        self._walk = walk

    def routes(self) -> Iterator[Route]:
        for leaf in self._leaves:
            kind = getattr(leaf, "original_route", leaf)
            if isinstance(kind, Mount):
                yield from self._mounted(leaf)
            elif isinstance(kind, Host):
                yield from self._hosted(leaf)
            elif isinstance(kind, HTTPRoute | WebSocketRoute):
                for method in _methods(kind):
                    yield Route(method, self._filled(leaf, method, leaf.path, leaf.path_format, leaf.param_convertors))
            else:
                message = f"routes of the kind {type(kind).__qualname__} can't be walked"
                raise TypeError(message)

    def _mounted(self, leaf: Leaf) -> list[Route]:
        convertors = {name: each for name, each in leaf.param_convertors.items() if name != "path"}
        root = leaf.path_format.removesuffix("/{path}")
        return self._inside(leaf, self._filled(leaf, "GET", leaf.path, root, convertors, below=f"/{PROBE}"))

    def _hosted(self, leaf: Leaf) -> list[Route]:
        chosen, unfit = fill(self._choices(leaf.param_convertors), lambda _: True)
        return self._inside(leaf, self._place.on(leaf.host, _written(leaf.host_format, chosen), unfit))

    def _inside(self, leaf: Leaf, place: Place) -> list[Route]:
        found = self._walk(leaf.app, place)
        if found is None and leaf.routes:  # its own middleware hides the router, but the mount knows it
            return list(_Level(leaf.routes, place, self._values, self._walk).routes())
        return everything(place, websockets=True) if found is None else found

    def _filled(  # noqa: PLR0917 - the parts of one route
        self, leaf: Leaf, method: str, shown: str, form: str, convertors: Mapping[str, Convertor[Any]], below: str = ""
    ) -> Place:
        def reaches(chosen: dict[str, str]) -> bool:
            return self._first(method, _written(form, chosen) + below) is leaf

        chosen, unfit = fill(self._choices(convertors), reaches)
        return self._place.below(shown, _written(form, chosen), unfit)

    def _choices(self, convertors: Mapping[str, Convertor[Any]]) -> dict[str, list[str]]:
        return {name: self._values.that_fit(name, partial(_fits, each)) for name, each in convertors.items()}

    def _first(self, method: str, path: str) -> Leaf | None:
        """Return the route that this router would choose."""
        scope = {
            "type": "websocket" if method == WEBSOCKET else "http",
            "method": method,
            "path": path,
            "root_path": "",
            "headers": [(b"host", self._place.host.encode() or b"localhost")],
        }
        return next((leaf for leaf in self._leaves if leaf.matches(dict(scope))[0] is Match.FULL), None)


def _methods(route: HTTPRoute | WebSocketRoute) -> list[str]:
    if isinstance(route, WebSocketRoute):
        return [WEBSOCKET]
    if route.methods:
        return sorted(route.methods)
    endpoint = route.endpoint
    if not (isinstance(endpoint, type) and issubclass(endpoint, HTTPEndpoint)):
        return list(METHODS)
    return [
        each for each in METHODS if hasattr(endpoint, each.lower()) or (each == "HEAD" and hasattr(endpoint, "get"))
    ]


def _fits(convertor: Convertor[Any], text: str) -> bool:
    if re.fullmatch(convertor.regex, text) is None:
        return False
    try:
        convertor.convert(text)
    except Exception:  # noqa: BLE001 - a convertor of the app's own may fail in any way
        return False
    return True


def _written(form: str, chosen: Mapping[str, str]) -> str:
    return _PARAMETER.sub(lambda match: chosen[match[1]], form)


def _frontends(router: Router, place: Place) -> Iterator[Route]:
    """Yield the folders of files that FastAPI's ``frontend()`` serves after all routes; older versions have none."""
    groups = getattr(router, "_iter_low_priority_routes", tuple)
    for group in groups():
        for route in getattr(group, "original_route", group).routes:
            root = getattr(group, "frontend_prefix", "") + route.path.rstrip("/")
            for method in sorted(route.methods):
                yield Route(method, place.below(f"{root}/*", f"{root}/{PROBE}"))
