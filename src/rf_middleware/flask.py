"""Guards single views of a Flask app, and tells a view who is asking.

    auth = APIKeyAuth(app, issuer="https://api.roboflow.com")

    @app.get("/infer")
    @require_key(scopes=["model:infer"])
    def infer(): return {"workspace": current_workspace.slug}

To guard a whole app wrap ``app.wsgi_app`` in ``rf_middleware.wsgi.APIKeyMiddleware``.
"""

import inspect
import logging
import os
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, TypeVar, Unpack, cast, overload

from flask import Flask, Response, current_app, g, make_response, request
from werkzeug.local import LocalProxy

from rf_middleware._challenge import respond
from rf_middleware._guard import CONTEXT, REFUSED, Guard, Pending, Unread, Visit, make_guard
from rf_middleware._inner import Inner
from rf_middleware._models import Refusal, Workspace
from rf_middleware._options import Settings, ViewSettings
from rf_middleware._values import by_variable, from_texts
from rf_middleware._wsgi import attach, finishing_later, look, original_query, settle, strip, watched_headers
from rf_middleware._wsgi_body import read_body
from rf_middleware._wsgi_hit import hit
from rf_middleware._wsgi_streams import served
from rf_middleware.exceptions import ConfigurationError, refused
from rf_middleware.issuers import Issuer, issuer_of
from rf_middleware.validator import Validator

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["APIKeyAuth", "current_workspace", "require_key"]

View = TypeVar("View", bound=Callable[..., Any])

_EXTENSION: Final = "rf_middleware"
_ADD: Final = "add APIKeyAuth(app, issuer=...), or wrap app.wsgi_app in rf_middleware.wsgi.APIKeyMiddleware"
_log: Final = logging.getLogger("rf_middleware")
_g: Final = cast("LocalProxy[Any]", g)


class APIKeyAuth:
    """The extension: knows the issuer and the options for the views that ``require_key`` guards.

    Options that are not given here are read from ``app.config["RF_..."]``, then from the environment.

    Args:
        app: or call ``init_app(app)`` later.
        issuer: a URL, an issuer object, or ``None`` for ``RF_ISSUER_URL``.
        validator: shared with others, instead of ``issuer``.
        settings: the options; see ``docs/options.md``.

    Raises:
        ConfigurationError: a wrong option, named.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        issuer: Issuer | str | None = None,
        validator: Validator | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        self._issuer = issuer
        self._validator = validator
        self._settings = settings
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Register with an app, and keep keys out of the URLs that its views and logs see.

        Raises:
            ConfigurationError: a wrong option, named; or the app has the extension already.
        """
        if _EXTENSION in app.extensions:
            message = "APIKeyAuth: this app has it already; one per app"
            raise ConfigurationError(message)
        settings = {**from_texts(app.config), **self._settings}
        issuer = self._issuer
        if self._validator is None:
            issuer = issuer_of(issuer, {**os.environ, **_whom(app.config)})
        try:
            guard = make_guard(issuer, self._validator, settings)
        except ConfigurationError as wrong:
            raise by_variable(wrong, self._settings) from None
        app.extensions[_EXTENSION] = guard
        app.wsgi_app = _Enclosure(app.wsgi_app, guard)  # type: ignore[method-assign]  # Flask's documented way


def _whom(config: Mapping[str, object]) -> dict[str, str]:
    return {name: str(config[name]) for name in ("RF_ISSUER_URL", "RF_ISSUER_TOKEN") if config.get(name)}


class _Enclosure:
    """What the extension does around the app: strip keys, complete answers. It refuses nobody."""

    def __init__(self, app: "WSGIApplication", guard: Guard) -> None:
        self._app = app
        self._guard = guard

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        environ[CONTEXT] = self._visit(environ)
        mark = self._guard.streams.mark
        body = self._app(environ, finishing_later(environ, start_response))
        return served(body, environ[CONTEXT], environ, mark)

    def _visit(self, environ: "WSGIEnvironment") -> Visit:
        query = original_query(environ)
        strip(self._guard, environ, query)
        outer: Visit | None = environ.get(CONTEXT)
        if outer is None or outer.guard.validator is not self._guard.validator:
            return self._guard.unguarded(query)
        return Visit(self._guard, outer.grant, outer.key, outer.carrier, outer.query)


@overload
def require_key(view: View, /) -> View: ...
@overload
def require_key(**settings: Unpack[ViewSettings]) -> Callable[[View], View]: ...
def require_key(view: View | None = None, /, **settings: Unpack[ViewSettings]) -> View | Callable[[View], View]:
    """Let only requests with a good key reach a view, sync or async.

    Args:
        view: when it is used without parentheses.
        settings: ``scopes``, ``workspaces``, ``optional``, ``publishable``; the rest belongs to ``APIKeyAuth``.

    Raises:
        ConfigurationError: a wrong option, named.
        RuntimeError: at the first request, when the app has neither the extension nor the middleware.
    """
    inner = Inner(ViewSettings, settings, add=_ADD)
    return _decorated(view, inner) if view is not None else lambda each: _decorated(each, inner)


def _decorated(view: View, inner: Inner) -> View:
    if inspect.isclass(view) or not callable(view):
        message = "require_key decorates functions and methods; a class-based view lists it in `decorators`"
        raise TypeError(message)

    is_async = inspect.iscoroutinefunction(view)

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the view's own
        environ = request.environ  # each look through one of Flask's proxies takes as long as half a check
        outer: Visit | None = environ.get(CONTEXT)
        outcome = _let_in(inner, environ, outer)
        if isinstance(outcome, Refusal):
            return _answer(outcome, inner.guard(outer))
        here = _g._get_current_object()  # noqa: SLF001 - what werkzeug documents for looking through a proxy once  # pyright: ignore[reportPrivateUsage] - the same
        here.grant = grant = outcome.grant
        here.workspace = None if grant is None else grant.workspace
        return (current_app.ensure_sync(view) if is_async else view)(*args, **kwargs)

    return cast("View", guarded)


def _let_in(inner: Inner, environ: "WSGIEnvironment", outer: Visit | None) -> Visit | Refusal:
    known = inner.known(outer)
    if known is not None:
        return known
    guard = inner.guard(outer)
    step: Visit | Refusal | None = None if guard.looks_into_bodies else hit(guard, environ)
    if step is None:
        step = settle(guard, environ, _look(guard, environ), _body)
    if isinstance(step, Visit):
        attach(environ, step)
    return step


def _look(guard: Guard, environ: "WSGIEnvironment") -> Visit | Refusal | Pending | Unread:
    """Look for the key; headers and query are in the locals of nobody who waits, or logs."""
    query = original_query(environ)
    return look(guard, environ, watched_headers(guard, environ), guard.split(query)[0], query)


def _body(environ: "WSGIEnvironment", limit: int) -> bytes:
    """Read the body where Flask keeps it: something before the view may have read it already."""
    cached: bytes | None = getattr(request, "_cached_data", None)
    if cached is not None:
        return cached if len(cached) <= limit else b""
    length = request.content_length
    if length is None:
        return read_body(environ, limit)
    body = request.get_data() if length <= limit else b""
    return body if len(body) >= length else b""  # else it was cut off


def _answer(refusal: Refusal, guard: Guard) -> Response:
    on_denied = guard.options.on_denied
    if on_denied is not None and REFUSED not in request.environ:
        request.environ[REFUSED] = True
        try:
            answer = on_denied(refused(refusal), request)
            if answer is not None:
                return make_response(answer)
        except Exception:  # noqa: BLE001 - theirs to fail, ours to answer all the same
            _log.exception("on_denied failed; the standard answer is sent instead")
    response = respond(refusal)
    return Response(response.body, response.status, list(response.headers))


def _workspace() -> Workspace | None:
    if CONTEXT not in request.environ:
        message = f"nobody checked this request: {_ADD}"
        raise RuntimeError(message)
    workspace: Workspace | None = request.environ.get("rf_middleware.workspace")
    return workspace


current_workspace: Workspace = cast("Workspace", LocalProxy(_workspace))
"""The workspace of the key of the current request; false where it is anonymous."""
