"""Guards single routes of a Starlette app, and tells an endpoint who is asking.

    @require_key(scopes=["model:infer"])
    async def infer(request):
        return JSONResponse({"workspace": workspace_from(request).slug})

To guard a whole app add ``rf_middleware.asgi.APIKeyMiddleware``; the decorator then asks its validator.
"""

import inspect
from collections.abc import Callable, Coroutine
from copy import copy
from functools import wraps
from typing import Any, Final, TypeVar, Unpack, cast, overload

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.websockets import WebSocket

from rf_middleware._asgi import ASGIApp, Receive, Scope, Send, attach, custom_answer, look, refuse, settle, strip
from rf_middleware._asgi_hit import hit
from rf_middleware._asgi_streams import Answering, AnsweringWebSocket, watch
from rf_middleware._challenge import respond
from rf_middleware._guard import CONTEXT, Guard, Pending, Unread, Visit
from rf_middleware._identity import WorkspaceIdentity
from rf_middleware._inner import Inner
from rf_middleware._models import Refusal, Workspace
from rf_middleware._options import OnDenied, RouteSettings
from rf_middleware.exceptions import refused
from rf_middleware.issuers import Issuer
from rf_middleware.validator import Validator

__all__ = ["require_key", "workspace_from"]

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

_WATCH: Final = "_rf_middleware_watch"
_ADD: Final = "give require_key validator=... or issuer=..., or add rf_middleware.asgi.APIKeyMiddleware"


@overload
def require_key(endpoint: Endpoint, /) -> Endpoint: ...
@overload
def require_key(
    *, issuer: Issuer | str | None = None, validator: Validator | None = None, **settings: Unpack[RouteSettings]
) -> Callable[[Endpoint], Endpoint]: ...
def require_key(
    endpoint: Endpoint | None = None,
    /,
    *,
    issuer: Issuer | str | None = None,
    validator: Validator | None = None,
    **settings: Unpack[RouteSettings],
) -> Endpoint | Callable[[Endpoint], Endpoint]:
    """Let only requests with a good key reach an endpoint: sync or async, HTTP or WebSocket.

    Args:
        endpoint: when it is used without parentheses.
        issuer: asked instead of the surrounding middleware's.
        validator: asked instead of the surrounding middleware's.
        settings: ``scopes``, ``workspaces``, ``optional``, ``publishable``, ``locations``, ``ambiguous``,
            ``on_denied``.

    Raises:
        ConfigurationError: a wrong option, named.
        RuntimeError: at the first request, when nobody gives it a validator.
    """
    inner = Inner(RouteSettings, settings, issuer, validator, add=_ADD)
    return _decorated(endpoint, inner) if endpoint is not None else lambda each: _decorated(each, inner)


def workspace_from(connection: HTTPConnection) -> Workspace:
    """Return the workspace of the key of a request or WebSocket.

    For an anonymous request (``optional=True``) it is ``None``, which the type leaves out: everywhere else it
    is there.

    Raises:
        RuntimeError: nobody checked this request.
    """
    visit: Visit | None = connection.scope.get(CONTEXT)
    if visit is None:
        message = "nobody checked this request: add rf_middleware.asgi.APIKeyMiddleware or decorate it with require_key"
        raise RuntimeError(message)
    return cast("Workspace", None if visit.grant is None else visit.grant.workspace)


def _decorated(endpoint: Endpoint, inner: Inner) -> Endpoint:
    if inspect.isclass(endpoint) or not callable(endpoint):
        message = "require_key decorates functions and methods; decorate the methods of a class"
        raise TypeError(message)
    is_async = inspect.iscoroutinefunction(endpoint)

    @wraps(endpoint)
    async def guarded(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the endpoint's own
        connection = _connection(args, kwargs)
        outer: Visit | None = connection.scope.get(CONTEXT)
        mark = inner.guard(outer).streams.mark
        outcome = await let_in(inner, connection)
        if isinstance(outcome, Refusal):
            return await _answer(inner, outcome, connection)
        mine = outcome is not outer and outcome.grant is not None
        if isinstance(connection, WebSocket) and is_async and mine:
            return await _stream(endpoint(*args, **kwargs), outcome, connection, mark)
        answer = await (endpoint(*args, **kwargs) if is_async else run_in_threadpool(endpoint, *args, **kwargs))
        return _watched(answer, outcome, mark) if mine else answer

    return cast("Endpoint", guarded)


def _watched(answer: object, visit: Visit, mark: int) -> object:
    """Return what an endpoint answers with as something that is watched while it is sent, if it can stream at all."""
    if not isinstance(answer, Response):  # Starlette takes any ASGI app
        return _App(cast("ASGIApp", answer), visit, mark) if callable(answer) else answer
    if type(answer).__call__ is Response.__call__:
        return answer
    answer = copy(answer)  # the endpoint may return it to others too
    kind = type(answer)
    answer.__class__ = _kinds.get(kind) or _kinds.setdefault(kind, _watching(kind))
    vars(answer)[_WATCH] = visit, mark
    return answer


_kinds: Final[dict[type[Response], type[Response]]] = {}


def _watching(kind: type[Response]) -> type[Response]:
    class Watched(kind):  # type: ignore[misc,valid-type]  # known only now
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            visit, mark = vars(self)[_WATCH]
            await watch(super().__call__, scope, receive, Answering(visit, send, mark))

    return Watched


class _App:
    """An ASGI app that is watched while it serves."""

    def __init__(self, app: ASGIApp, visit: Visit, mark: int) -> None:
        self._app, self._visit, self._mark = app, visit, mark

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await watch(self._app, scope, receive, Answering(self._visit, send, self._mark))


async def _stream(serving: Coroutine[Any, Any, Any], visit: Visit, socket: WebSocket, mark: int) -> None:
    """Serve a WebSocket until it is done or its key is revoked."""
    answering = AnsweringWebSocket(visit, socket._send, mark)  # noqa: SLF001 - Starlette has no other way  # pyright: ignore[reportPrivateUsage] - the same
    socket._send = answering.answer  # noqa: SLF001 - the same  # pyright: ignore[reportPrivateUsage] - the same
    socket._receive = answering.receiving(socket._receive)  # noqa: SLF001 - the same  # pyright: ignore[reportPrivateUsage] - the same

    async def serve(*_connection: object) -> None:
        await serving

    await watch(serve, socket.scope, socket.receive, answering)


def _connection(args: tuple[object, ...], kwargs: dict[str, object]) -> HTTPConnection:
    for each in (*args, *kwargs.values()):
        if isinstance(each, HTTPConnection):
            return cast("HTTPConnection", each)
    message = "require_key: the endpoint got no request; it takes a Request or a WebSocket"
    raise TypeError(message)


async def let_in(inner: Inner, connection: HTTPConnection) -> Visit | Refusal:
    """Decide about a connection for a decorator or a dependency, and attach what was found."""
    scope = connection.scope
    outer: Visit | None = scope.get(CONTEXT)
    known = inner.known(outer)
    if known is not None:
        return known
    guard = inner.guard(outer)
    step = _look(guard, connection, outer)
    if not isinstance(step, Visit):
        receive = _receive_of(connection)
        step, replay = await settle(guard, scope, receive, step)
        if replay is not receive and isinstance(connection, Request):
            connection._receive = replay  # noqa: SLF001 - the body was read: Starlette has no other way to put it back  # pyright: ignore[reportPrivateUsage] - the same
    if isinstance(step, Visit):
        attach(scope, step, WorkspaceIdentity)
    return step


def _look(guard: Guard, connection: HTTPConnection, outer: Visit | None) -> Visit | Refusal | Pending | Unread:
    """Look for the key; headers and query are in the locals of nobody who waits, or logs."""
    scope = connection.scope
    came, headers = scope["query_string"], scope["headers"]
    step: Visit | Refusal | Pending | Unread | None = None if guard.looks_into_bodies else hit(guard, scope)
    if step is None:
        query = came if outer is None else outer.query
        watched = [pair for pair in headers if pair[0] in guard.watched]
        step = look(guard, scope, watched, strip(guard, scope, query), query)
    # Starlette keeps what it read of the scope before.
    if scope["query_string"] != came:
        _forget(connection, "_url", "_query_params")
    if scope["headers"] is not headers:
        _forget(connection, "_headers")
    return step


def _forget(connection: HTTPConnection, *names: str) -> None:
    for name in names:
        vars(connection).pop(name, None)


def _receive_of(connection: HTTPConnection) -> Receive:
    """Return where the body comes from: FastAPI may have read it before its dependencies run."""
    if not isinstance(connection, Request):
        return cast("WebSocket", connection).receive
    body: bytes | None = getattr(connection, "_body", None)
    if body is None:
        return connection.receive

    async def again() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _answer(inner: Inner, refusal: Refusal, connection: HTTPConnection) -> Response | None:
    if isinstance(connection, WebSocket):
        await refuse(refusal, connection.scope, connection.receive, connection.send)
        return None
    outer: Visit | None = connection.scope.get(CONTEXT)
    return await response_to(refusal, connection, inner.guard(outer).options.on_denied)


async def response_to(refusal: Refusal, connection: HTTPConnection, on_denied: OnDenied | None) -> Response:
    """Return the answer to a refused request: the user's own, or the table's."""
    if on_denied is not None:
        answer = await custom_answer(on_denied, refused(refusal), connection)
        if isinstance(answer, Response):
            return answer
    response = respond(refusal)
    body = b"" if connection.scope["method"] == "HEAD" else response.body
    return Response(body, response.status, dict(response.headers))
