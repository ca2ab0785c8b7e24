"""Protects any WSGI app: Flask, Django, Pyramid, or a bare callable.

    app.wsgi_app = APIKeyMiddleware(app.wsgi_app, issuer="https://api.roboflow.com")

The request then carries ``environ["rf_middleware.grant"]`` and ``environ["rf_middleware.workspace"]``.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Unpack

from rf_middleware._guard import Visit, make_guard
from rf_middleware._options import Settings
from rf_middleware._wsgi import Finishing, attach, enter, settle
from rf_middleware._wsgi_answers import custom_answer, refuse
from rf_middleware._wsgi_hit import hit
from rf_middleware._wsgi_streams import served
from rf_middleware.issuers import Issuer
from rf_middleware.validator import Validator

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["APIKeyMiddleware"]


class APIKeyMiddleware:
    """Lets a request in when its API key is good, and attaches the key's grant and workspace to it.

    Args:
        app: what is protected.
        issuer: a URL, an issuer object, or ``None`` for ``RF_ISSUER_URL``.
        validator: shared with others, instead of ``issuer``.
        settings: the options; see ``docs/options.md``.

    Raises:
        ConfigurationError: a wrong option, named.
    """

    def __init__(
        self,
        app: "WSGIApplication",
        *,
        issuer: Issuer | str | None = None,
        validator: Validator | None = None,
        **settings: Unpack[Settings],
    ) -> None:
        self.app = app
        self._guard = make_guard(issuer, validator, settings)

    @property
    def validator(self) -> Validator:
        """The validator this middleware asks."""
        return self._guard.validator

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Serve one request."""
        guard = self._guard
        mark = guard.streams.mark
        visit = None if guard.looks_into_bodies else hit(guard, environ)
        if visit is None:
            step = settle(guard, environ, enter(guard, environ))
            if not isinstance(step, Visit):
                answer = custom_answer(guard, step, environ, start_response, self.app)
                return refuse(step, environ, start_response) if answer is None else answer
            visit = step
        attach(environ, visit)
        if visit.grant is None:
            return self.app(environ, start_response)
        body = self.app(environ, Finishing(visit, start_response).answer)
        return body if isinstance(body, list) else served(body, visit, environ, mark)
