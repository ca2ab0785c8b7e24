"""The routes of a Flask app, and of a Werkzeug dispatcher; imported only where Flask is loaded."""

import re
from collections.abc import Iterator
from functools import partial
from types import MethodType
from typing import Any, cast
from urllib.parse import unquote

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.routing import BaseConverter, Rule

from rf_middleware._routes import WEBSOCKET, Place, Route, Values, Walk, everything, fill

__all__ = ["flask_routes"]


def flask_routes(app: object, place: Place, values: Values, walk: Walk) -> list[Route] | None:
    """Return the routes of an app, of what is wrapped around its ``wsgi_app``, and of what is mounted beside it."""
    if isinstance(app, DispatcherMiddleware):
        found = walk(app.app, place)
        found = everything(place, websockets=False) if found is None else found
        for path, mounted in app.mounts.items():
            inner = place.below(path, path)
            below = walk(mounted, inner)
            found += everything(inner, websockets=False) if below is None else below
        return found
    if isinstance(app, Flask):
        found = walk(app.wsgi_app, place)
        return list(_rules(app, place, values)) if found is None else found
    if isinstance(app, MethodType) and isinstance(app.__self__, Flask):
        return list(_rules(app.__self__, place, values))
    return None


def _rules(app: Flask, place: Place, values: Values) -> Iterator[Route]:
    for rule in app.url_map.iter_rules():
        if rule.build_only:
            continue
        for method in _methods(rule):
            yield Route(method, _filled(app, rule, method, place, values))


def _methods(rule: Rule) -> list[str]:
    """Return the methods that run the view: Flask answers an ``OPTIONS`` that it added by itself."""
    if rule.websocket:
        return [WEBSOCKET]
    automatic = {"OPTIONS"} if getattr(rule, "provide_automatic_options", False) else set[str]()
    return sorted((rule.methods or set()) - automatic)


def _filled(app: Flask, rule: Rule, method: str, place: Place, values: Values) -> Place:
    converters: dict[str, BaseConverter] = getattr(rule, "_converters")  # noqa: B009 - Werkzeug shows them nowhere else
    choices = {name: values.that_fit(name, partial(_fits, each), _own(each)) for name, each in converters.items()}
    chosen, unfit = fill(choices, lambda some: _reaches(app, rule, method, *_built(rule, converters, some)))
    domain, path = ("", "") if unfit else _built(rule, converters, chosen)
    found = place.below(rule.rule, path, unfit)
    server: str = cast("dict[str, Any]", app.config)["SERVER_NAME"] or ""
    if app.url_map.host_matching:
        return found.on(rule.host or "", domain)
    if app.subdomain_matching and domain:
        return found.on(f"{rule.subdomain}.{server}", f"{domain}.{server}")
    return found if place.host else found.on("", server)


def _built(rule: Rule, converters: dict[str, BaseConverter], chosen: dict[str, str]) -> tuple[str, str]:
    python = {name: converters[name].to_python(text) for name, text in chosen.items()}
    domain, path = cast("tuple[str, str]", rule.build(python, append_unknown=False))  # each value fits its converter
    return domain, unquote(path)


def _reaches(app: Flask, rule: Rule, method: str, domain: str, path: str) -> bool:
    if app.url_map.host_matching:
        adapter = app.url_map.bind(domain)
    else:
        adapter = app.url_map.bind("localhost", subdomain=domain or None)
    websocket = method == WEBSOCKET
    try:
        found, _ = adapter.match(path, "GET" if websocket else method, return_rule=True, websocket=websocket)
    except HTTPException:
        return False
    return found is rule


def _own(converter: BaseConverter) -> list[str]:
    """Return what the arguments of a converter say would fit: the items of ``any``, the limits of a number."""
    found: list[Any] = sorted(getattr(converter, "items", ()))
    found += [getattr(converter, limit, None) for limit in ("min", "max")]
    return [str(each) for each in found if each is not None]


def _fits(converter: BaseConverter, text: str) -> bool:
    if re.fullmatch(converter.regex, text) is None:
        return False
    try:
        converter.to_url(converter.to_python(text))
    except Exception:  # noqa: BLE001 - a converter of the app's own may fail in any way
        return False
    return True
