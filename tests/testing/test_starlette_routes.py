"""``assert_all_routes_protected`` for Starlette and FastAPI apps."""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi import WebSocket as FastAPIWebSocket
from flask import Flask
from starlette.applications import Starlette
from starlette.convertors import CONVERTOR_TYPES, Convertor, register_url_convertor
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Host, Mount, Route, Router, WebSocketRoute
from starlette.websockets import WebSocket

from rf_middleware.asgi import APIKeyMiddleware
from rf_middleware.fastapi import CurrentWorkspace, RequireKey
from rf_middleware.starlette import require_key
from rf_middleware.testing import FakeIssuer, assert_all_routes_protected
from tests.harness import Message
from tests.testing.opened import opened

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"]


async def view(request: Request) -> Response:
    """Answer everybody."""
    return Response("hello")


def nothing() -> None:
    """Answer everybody, as FastAPI has it."""


async def talk(websocket: WebSocket) -> None:
    """Talk to everybody."""
    await websocket.accept()


async def plain(scope: Message, receive: Callable[..., Any], send: Callable[..., Any]) -> None:
    """Answer everybody, as a bare ASGI app."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
    else:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})


@pytest.fixture
def guard(fake_issuer: FakeIssuer) -> Callable[[Any], Any]:
    """Return a decorator that asks the fake issuer."""
    return require_key(issuer=fake_issuer)


def test_a_decorated_app_passes(guard: Callable[[Any], Any]) -> None:
    """An app whose endpoints are all decorated has no hole, HTTP and WebSocket."""
    routes = [Route("/items/{id:int}", guard(view), methods=["GET", "POST"]), WebSocketRoute("/ws", guard(talk))]
    assert_all_routes_protected(Starlette(routes=routes))


def test_a_forgotten_endpoint_is_named_with_each_method(guard: Callable[[Any], Any]) -> None:
    """Every route that is open stands in the message, and none that is not."""
    routes = [
        Route("/guarded", guard(view)),
        Route("/open/{name}", view, methods=["GET", "DELETE"]),
        WebSocketRoute("/guarded-ws", guard(talk)),
        WebSocketRoute("/ws", talk),
    ]
    assert opened(Starlette(routes=routes)) == [
        "DELETE /open/{name} -> 200",
        "GET /open/{name} -> 200",
        "HEAD /open/{name} -> 200",
        "WEBSOCKET /ws -> accepted",
    ]


def test_a_wrapped_app_passes(fake_issuer: FakeIssuer) -> None:
    """A middleware, added or put around, guards every route, FastAPI's own pages too."""
    app = FastAPI()
    app.add_api_route("/items/{id}", nothing)
    app.add_api_websocket_route("/ws", talk)
    app.mount("/plain", plain)
    assert_all_routes_protected(APIKeyMiddleware(app, issuer=fake_issuer))
    assert_all_routes_protected(CORSMiddleware(APIKeyMiddleware(app, issuer=fake_issuer)))
    app.add_middleware(APIKeyMiddleware, issuer=fake_issuer)
    assert_all_routes_protected(app)


def test_what_the_middleware_exempts_is_open(fake_issuer: FakeIssuer) -> None:
    """The exemptions of the middleware are holes unless the test knows of them."""
    routes = [Route("/healthz", view), Route("/public/{page}", view), WebSocketRoute("/public/ws", talk)]
    app = Starlette(routes=routes)
    app.add_middleware(APIKeyMiddleware, issuer=fake_issuer, exempt=["/healthz", "/public/*"])
    assert opened(app) == [
        "GET /healthz -> 200",
        "HEAD /healthz -> 200",
        "GET /public/{page} -> 200",
        "HEAD /public/{page} -> 200",
        "WEBSOCKET /public/ws -> accepted",
    ]
    assert_all_routes_protected(app, exempt=["/healthz", "/public/*"])


def test_mounts_and_hosts_count(guard: Callable[[Any], Any]) -> None:
    """Routes of mounts, of apps in mounts and of hosts are found behind their prefixes, parameters and all."""
    leaf = [Route("/open", view, methods=["POST"]), Route("/guarded", guard(view))]
    app = Starlette(
        routes=[
            Mount("/routes", routes=leaf),
            Mount("/app/{tenant:int}", Starlette(routes=leaf)),
            Mount("/deep", Router(routes=[Mount("/er", Router(routes=leaf))])),
            Mount("/hidden", routes=leaf, middleware=[Middleware(Hiding)]),
            Host("api.example.org", Router(routes=leaf)),
            Host("{tenant}.example.org", Router(routes=leaf)),
        ]
    )
    assert opened(app) == [
        "POST /routes/open -> 200",
        "POST /app/{tenant:int}/open -> 200",
        "POST /deep/er/open -> 200",
        "POST /hidden/open -> 200",
        "POST api.example.org/open -> 200",
        "POST {tenant}.example.org/open -> 200",
    ]
    assert_all_routes_protected(
        app, exempt=["/routes/open", "/app/*", "POST /deep/er/open", "/hidden/*", "api.example.org/*", "/open"]
    )


class Hiding:
    """A middleware that keeps its app to itself."""

    def __init__(self, app: Any) -> None:
        self._hidden = app

    async def __call__(self, *connection: Any) -> None:
        await self._hidden(*connection)


def test_a_mounted_app_that_cannot_be_walked_is_tried_with_every_method() -> None:
    """Nobody knows its routes, so one path below it stands for all of them, WebSockets too."""
    app = Starlette(routes=[Mount("/plain", plain), Host("h.example.org", plain)])
    found = [f"{method} /plain/* -> 200" for method in METHODS]
    found += ["WEBSOCKET /plain/* -> accepted"]
    found += [f"{method} h.example.org/* -> 200" for method in METHODS]
    found += ["WEBSOCKET h.example.org/* -> accepted"]
    assert opened(app) == found
    assert_all_routes_protected(app, exempt=["/plain/*", "h.example.org/*"])


def test_an_app_mounted_at_the_root_is_exempt_by_name_only() -> None:
    """``/*`` names what is mounted at the root and can't be walked, never everything."""
    app = Starlette(routes=[Route("/open", view, methods=["POST"]), Mount("/", plain)])
    assert opened(app, exempt=["/*"]) == ["POST /open -> 200"]


def test_a_flask_app_inside_counts() -> None:
    """A WSGI app that is mounted in an ASGI app is walked as what it is."""

    def open_view(**_: int) -> str:
        return "hello"

    class Bridge:
        """As little of a bridge as will do."""

        def __init__(self, app: Flask) -> None:
            self.app = app

        async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
            path = scope["path"].removeprefix(scope["root_path"])
            answer = self.app.test_client().open(path, method=scope["method"])
            await send({"type": "http.response.start", "status": answer.status_code, "headers": []})
            await send({"type": "http.response.body"})

    flask = Flask("app", static_folder=None)
    flask.add_url_rule("/items/<int:id>", "a", open_view, methods=["POST"])
    app = Starlette(routes=[Mount("/flask", Bridge(flask))])
    assert opened(app) == ["POST /flask/items/<int:id> -> 200"]


def test_methods_of_endpoint_classes_count(guard: Callable[[Any], Any]) -> None:
    """Of a class each method that it has is asked for, and of any other app every method."""

    class Items(HTTPEndpoint):
        @guard
        async def get(self, request: Request) -> Response:
            return Response()

        async def post(self, request: Request) -> Response:
            return Response()

    class Bare:
        def __init__(self, scope: Any, receive: Any, send: Any) -> None:
            self.connection = (scope, receive, send)

        def __await__(self) -> Any:
            return plain(*self.connection).__await__()

    app = Starlette(routes=[Route("/items", Items), Route("/bare", Bare)])
    assert opened(app) == ["POST /items -> 200", *(f"{method} /bare -> 200" for method in METHODS)]


class Year(Convertor[int]):
    """A convertor that nobody could guess."""

    regex = "year-[0-9]{4}"

    def convert(self, value: str) -> int:
        return int(value.removeprefix("year-"))

    def to_string(self, value: int) -> str:
        return f"year-{value}"


class Even(Convertor[int]):
    """A convertor that is pickier than its regex."""

    regex = "[0-9]+"

    def convert(self, value: str) -> int:
        if int(value) % 2:
            raise LookupError(value)
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


register_url_convertor("year", Year())
register_url_convertor("even", Even())


@pytest.mark.parametrize(
    "parameter", ["{a}", "{a:int}", "{a:float}", "{a:uuid}", "{a:path}", "{a:even}", "{a}-{b:int}"]
)
def test_parameters_get_what_fits_them(parameter: str) -> None:
    """The endpoint is reached, whatever its path wants."""
    app = Starlette(routes=[Route(f"/a/{parameter}/z", view, methods=["POST"])])
    assert opened(app) == [f"POST /a/{parameter}/z -> 200"]


def test_a_parameter_that_nothing_fits_is_never_passed_over(guard: Callable[[Any], Any]) -> None:
    """A route that could not be tried is named, also below a mount; a value for it can be given."""
    assert "year" in CONVERTOR_TYPES
    routes = [
        Mount("/{when:year}", routes=[Route("/guarded", guard(view), methods=["POST"])]),
        Route("/open/{when:year}", view, methods=["POST"]),
        Host("{when:year}.example.org", plain),
    ]
    problem = "not tried: no value is known for 'when', give params={'when': ...}"
    assert opened(Starlette(routes=routes))[:3] == [
        f"POST /{{when:year}}/guarded -> {problem}",
        f"POST /open/{{when:year}} -> {problem}",
        f"GET {{when:year}}.example.org/* -> {problem}",
    ]
    assert opened(Starlette(routes=routes[:2]), params={"when": "year-2024"}) == ["POST /open/{when:year} -> 200"]


def test_a_parameter_is_not_filled_with_another_route(guard: Callable[[Any], Any]) -> None:
    """A guarded route does not stand in for an open one that takes the same path."""
    routes = [
        Route("/{name}/{value}", guard(view), methods=["POST"]),
        Route("/{path:path}", view, methods=["POST"]),
        Route("/{name}/987654", guard(view), methods=["POST"]),
    ]
    assert opened(Starlette(routes=routes)) == ["POST /{path:path} -> 200"]
    more = [
        Route("/987654", guard(view), methods=["POST"]),
        Route("/{id:int}", view, methods=["POST"]),
        WebSocketRoute("/987654", guard(talk)),
        WebSocketRoute("/{id:int}", talk),
    ]
    assert opened(Starlette(routes=more)) == ["POST /{id:int} -> 200", "WEBSOCKET /{id:int} -> accepted"]


def test_fastapi_dependencies_guard_whatever_else_a_route_wants(fake_issuer: FakeIssuer) -> None:
    """A missing parameter or body does not hide whether a key was asked for."""
    key = RequireKey(issuer=fake_issuer)
    app = FastAPI(openapi_url=None)

    @app.post("/guarded/{id}", dependencies=[key])
    def guarded(id: int, body: dict[str, str], needed: str) -> None:  # noqa: A002 - the parameter's name  # pyright: ignore[reportUnusedFunction] - a route
        raise AssertionError

    @app.post("/open/{id}")
    def open_(id: int, body: dict[str, str], needed: str) -> None:  # noqa: A002 - the parameter's name  # pyright: ignore[reportUnusedFunction] - a route
        raise AssertionError

    @app.websocket("/guarded", dependencies=[key])
    async def guarded_ws(websocket: FastAPIWebSocket, needed: str) -> None:  # pyright: ignore[reportUnusedFunction] - a route
        raise AssertionError

    @app.websocket("/open")
    async def open_ws(websocket: FastAPIWebSocket, needed: str) -> None:  # pyright: ignore[reportUnusedFunction] - a route
        raise AssertionError

    assert opened(app) == ["POST /open/{id} -> 422", "WEBSOCKET /open -> closed with 1008 for lack of parameters"]


def test_fastapi_routers_count(fake_issuer: FakeIssuer, tmp_path: Path) -> None:
    """Routes of included routers are found behind their prefixes, with mounts, hosts, WebSockets and frontends."""
    inner = APIRouter(prefix="/inner")
    inner.add_api_route("/{id}", nothing, methods=["POST"])
    inner.add_api_websocket_route("/ws", talk)
    inner.mount("/mount", Router(routes=[Route("/open", view, methods=["POST"])]))
    inner.frontend("/ui", directory=tmp_path)
    outer = APIRouter(prefix="/outer")
    outer.include_router(inner, prefix="/{tenant:int}")
    outer.host("h.example.org", Router(routes=[Route("/open", view, methods=["POST"])]))
    app = FastAPI(openapi_url=None)
    app.include_router(outer, prefix="/v1")
    app.include_router(inner, prefix="/guarded", dependencies=[RequireKey(issuer=fake_issuer)])
    app.frontend("/", directory=tmp_path)
    assert opened(app) == [
        "POST /v1/outer/{tenant:int}/inner/{id} -> 200",
        "WEBSOCKET /v1/outer/{tenant:int}/inner/ws -> accepted",
        "POST /v1/outer/{tenant:int}/mount/open -> 200",
        "POST h.example.org/v1/open -> 200",
        # FastAPI's dependencies do not reach into mounts: this one is open though its router is guarded.
        "POST /guarded/mount/open -> 200",
        "GET /* -> 404",
        "HEAD /* -> 404",
        "GET /v1/outer/{tenant:int}/inner/ui/* -> 404",
        "HEAD /v1/outer/{tenant:int}/inner/ui/* -> 404",
    ]


def test_fastapi_answers_of_other_guards_are_not_enough(fake_issuer: FakeIssuer) -> None:
    """A route that is refused for another reason than a missing key is open."""

    def never() -> None:
        raise HTTPException(403)

    app = FastAPI(openapi_url=None)

    @app.post("/a")
    def guarded(workspace: CurrentWorkspace) -> None:  # pyright: ignore[reportUnusedFunction] - a route
        raise AssertionError

    @app.post("/b")
    def other(nothing: Annotated[None, Depends(never)]) -> None:  # pyright: ignore[reportUnusedFunction] - a route
        raise AssertionError

    app.add_middleware(APIKeyMiddleware, issuer=fake_issuer, optional=True)
    assert opened(app) == ["POST /b -> 403"]


def test_a_redirect_to_https_is_not_an_answer(guard: Callable[[Any], Any]) -> None:
    """Apps are asked over https, as they are in production."""
    app = Starlette(routes=[Route("/", guard(view))], middleware=[Middleware(HTTPSRedirectMiddleware)])
    assert_all_routes_protected(app)


def test_it_works_while_an_event_loop_runs(guard: Callable[[Any], Any]) -> None:
    """An asynchronous test may call it as it is."""

    async def test() -> None:
        assert_all_routes_protected(Starlette(routes=[Route("/", guard(view))]))
        assert opened(Starlette(routes=[WebSocketRoute("/", talk)])) == ["WEBSOCKET / -> accepted"]

    asyncio.run(test())


def test_a_route_of_an_unknown_kind_is_an_error() -> None:
    """What can't be understood is never passed over."""

    class Odd(BaseRoute):
        """A route that nobody knows."""

    with pytest.raises(TypeError, match=r"routes of the kind .*Odd can't be walked"):
        assert_all_routes_protected(Starlette(routes=[Odd()]))


class Named:
    """Something that is no app of a known kind."""

    def __init__(self, **attributes: object) -> None:
        vars(self).update(attributes)

    def __call__(self, environ: object, start_response: object) -> Iterable[bytes]:
        return []


class Endless:
    """Something that has an app inside, without an end."""

    @property
    def app(self) -> "Endless":
        """Another one."""
        return Endless()


HOLDS_ITSELF = Named()
HOLDS_ITSELF.app = HOLDS_ITSELF  # type: ignore[attr-defined] # the point of it  # pyright: ignore[reportAttributeAccessIssue] - the point of it


@pytest.mark.parametrize("app", [plain, Named(), Named(app=plain), HOLDS_ITSELF, Endless(), None, "app:app", Flask])
def test_an_app_of_another_kind_is_an_error(app: Any) -> None:
    """An app whose routes nobody can see can't be shown to be guarded."""
    with pytest.raises(TypeError, match=f"^a {type(app).__name__} can't be walked: give a Flask, Starlette or FastAPI"):
        assert_all_routes_protected(app)
