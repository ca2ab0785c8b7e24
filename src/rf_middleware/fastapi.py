"""Guards routes of a FastAPI app by dependency, and shows up in OpenAPI.

    @app.get("/infer", dependencies=[RequireKey(scopes=["model:infer"])])
    def infer(workspace: CurrentWorkspace): ...

A refusal is the same answer as the middleware's, without any set-up of the app.
"""

from typing import Annotated, Any, Final, Unpack

from fastapi import Depends
from fastapi.openapi.models import APIKey, HTTPBearer
from fastapi.openapi.models import SecurityBase as Scheme
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.websockets import WebSocket

from rf_middleware._asgi import refuse
from rf_middleware._asgi_sockets import watch
from rf_middleware._guard import CONTEXT, Visit
from rf_middleware._inner import Inner
from rf_middleware._models import Refusal, Workspace
from rf_middleware._options import DEFAULT_LOCATIONS, RouteSettings
from rf_middleware.issuers import Issuer
from rf_middleware.starlette import let_in, response_to, workspace_from
from rf_middleware.validator import Validator

__all__ = ["CurrentWorkspace", "RequireKey"]


_ADD: Final = "give RequireKey validator=... or issuer=..., or add rf_middleware.asgi.APIKeyMiddleware"


_WORDS: Final = {"bearer": "Bearer token", "header": "header", "query": "query parameter", "cookie": "cookie"}
"""How a place is named for people; OpenAPI has no words for a field of a body."""


def _scheme(locations: tuple[str, ...]) -> tuple[str, Scheme] | None:
    """Return name and model of what OpenAPI is told of these locations, if it has words for any.

    That is the first, which "Authorize" takes; its description names the others. To FastAPI each scheme is a dependency
    more that is solved for each request: it takes as long as the rest of the check.
    """
    places = [(kind, name) for kind, _, name in (each.partition(":") for each in locations) if kind in _WORDS]
    if not places:
        return None
    label = "-or-".join("-".join(filter(None, (kind.title(), name))) for kind, name in places)
    others = " or as ".join(" ".join(filter(None, (_WORDS[kind], name))) for kind, name in places[1:])
    about = f"An API key. It may also be given as {others}." if others else "An API key."
    (kind, name), *_ = places
    values = {"in": kind, "name": name, "description": about}
    model = HTTPBearer(description=about) if kind == "bearer" else APIKey.model_validate(values)
    return ("APIKey" if locations == DEFAULT_LOCATIONS else f"APIKey{label}"), model


class _Refused(Exception):  # noqa: N818 - a signal to the handler below, never seen by a user
    """A dependency refuses; carries the answer."""

    def __init__(self, refusal: Refusal, response: Response | None) -> None:
        super().__init__(refusal.reason.title)
        self.refusal = refusal
        self.response = response


async def _answer(connection: HTTPConnection, refused: _Refused) -> Response | None:
    if isinstance(connection, WebSocket):
        await refuse(refused.refusal, connection.scope, connection.receive, connection.send)
    return refused.response


class _Dependency:
    """What a requirement and a workspace have in common: they let only requests with a good key go on."""

    def __init__(self, inner: Inner, scheme: tuple[str, Scheme] | None) -> None:
        self._inner = inner
        if scheme is not None:
            self.scheme_name, self.model = scheme

    async def _require(self, connection: HTTPConnection) -> None:
        outer: Visit | None = connection.scope.get(CONTEXT)
        mark = self._inner.guard(outer).streams.mark
        outcome = await let_in(self._inner, connection)
        if isinstance(outcome, Refusal):
            raise await self._refused(outcome, connection)
        if isinstance(connection, WebSocket) and outcome is not outer:
            watch(connection, outcome, mark)

    async def _refused(self, refusal: Refusal, connection: HTTPConnection) -> _Refused:
        # The only way for a dependency to answer in its own words without set-up of the app: the table of
        # handlers that Starlette put into the scope.
        handlers: dict[object, object] = connection.scope["starlette.exception_handlers"][0]
        handlers.setdefault(_Refused, _answer)
        if isinstance(connection, WebSocket):
            return _Refused(refusal, None)
        outer: Visit | None = connection.scope.get(CONTEXT)
        on_denied = self._inner.guard(outer).options.on_denied
        return _Refused(refusal, await response_to(refusal, connection, on_denied))


class _Unlisted(_Dependency):
    """A requirement that OpenAPI has no words for."""

    async def __call__(self, connection: HTTPConnection) -> None:
        await self._require(connection)


class _Requirement(_Unlisted, SecurityBase):
    """One that OpenAPI lists: FastAPI finds it by this type, and reads ``scheme_name`` and ``model``."""


class _WorkspaceOf(_Dependency, SecurityBase):
    """It needs a key unless a ``RequireKey`` before it did not."""

    async def __call__(self, connection: HTTPConnection) -> Workspace:
        visit: Visit | None = connection.scope.get(CONTEXT)
        if visit is None or not visit.guard.decorates:
            await self._require(connection)
        return workspace_from(connection)


def RequireKey(  # noqa: N802 - the contract's name, in the manner of FastAPI's Depends
    *, issuer: Issuer | str | None = None, validator: Validator | None = None, **settings: Unpack[RouteSettings]
) -> Any:  # noqa: ANN401 - as Depends has it, so that it fits wherever a dependency does
    """Return a dependency that lets only requests with a good key reach the route.

    Args:
        issuer: asked instead of the surrounding middleware's.
        validator: asked instead of the surrounding middleware's.
        settings: ``scopes``, ``workspaces``, ``optional``, ``publishable``, ``locations``, ``ambiguous``,
            ``on_denied``.

    Raises:
        ConfigurationError: a wrong option, named.
        RuntimeError: at the first request, when nobody gives it a validator.
    """
    inner = Inner(RouteSettings, settings, issuer, validator, add=_ADD)
    scheme = _scheme(tuple(settings.get("locations", DEFAULT_LOCATIONS)))
    return Depends(_Unlisted(inner, None) if scheme is None else _Requirement(inner, scheme))


CurrentWorkspace = Annotated[
    Workspace, Depends(_WorkspaceOf(Inner(RouteSettings, {}, add=_ADD), _scheme(DEFAULT_LOCATIONS)))
]
"""The workspace of the key, as the type of a parameter."""
