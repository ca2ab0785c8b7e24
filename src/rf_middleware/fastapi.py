"""Guards routes of a FastAPI app by dependency, and shows up in OpenAPI.

    @app.get("/infer", dependencies=[RequireKey(scopes=["model:infer"])])
    def infer(workspace: CurrentWorkspace): ...

A refusal is the same answer as the middleware's, without any set-up of the app.
"""

import inspect
from collections.abc import Iterable
from typing import Annotated, Any, Final, Unpack

from fastapi import Depends, Security
from fastapi.openapi.models import APIKey, APIKeyIn, HTTPBearer
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


class _Location(SecurityBase):
    """One place a key may be in, for OpenAPI only: the key is read elsewhere."""

    def __init__(self, scheme_name: str, model: Scheme) -> None:
        self.scheme_name = scheme_name
        self.model = model

    async def __call__(self) -> None:
        """Take part in the dependencies, so that OpenAPI lists it."""


def _documented(locations: Iterable[str]) -> list[_Location]:
    """Return the locations that OpenAPI has words for: all but a field of a body."""
    found: list[_Location] = []
    for location in locations:
        kind, _, name = location.partition(":")
        if kind == "bearer":
            found.append(_Location("APIKeyBearer", HTTPBearer(description="An API key")))
        elif kind != "json":
            model = APIKey.model_validate({"in": APIKeyIn(kind), "name": name, "description": "An API key"})
            found.append(_Location(f"APIKey{kind.title()}-{name}", model))
    return found


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

    def __init__(self, inner: Inner, locations: Iterable[str]) -> None:
        self._inner = inner
        self.__signature__ = _signature(locations)

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


class _Requirement(_Dependency):
    async def __call__(self, connection: HTTPConnection, **_: None) -> None:
        await self._require(connection)


class _WorkspaceOf(_Dependency):
    """It needs a key unless a ``RequireKey`` before it did not."""

    async def __call__(self, connection: HTTPConnection, **_: None) -> Workspace:
        visit: Visit | None = connection.scope.get(CONTEXT)
        if visit is None or not visit.guard.decorates:
            await self._require(connection)
        return workspace_from(connection)


def _signature(locations: Iterable[str]) -> inspect.Signature:
    """Return what FastAPI reads to find the dependencies of a dependency."""
    kind = inspect.Parameter.KEYWORD_ONLY
    connection = inspect.Parameter("connection", kind, annotation=HTTPConnection)
    schemes = [
        inspect.Parameter(f"scheme_{rank}", kind, annotation=None, default=Security(location))
        for rank, location in enumerate(_documented(locations))
    ]
    return inspect.Signature([connection, *schemes])


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
    return Depends(_Requirement(inner, settings.get("locations", DEFAULT_LOCATIONS)))


CurrentWorkspace = Annotated[Workspace, Depends(_WorkspaceOf(Inner(RouteSettings, {}, add=_ADD), DEFAULT_LOCATIONS))]
"""The workspace of the key, as the type of a parameter."""
