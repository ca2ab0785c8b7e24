"""What can be decorated and how; what ``current_workspace``, ``workspace_from`` and FastAPI's dependencies do."""

import asyncio
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI
from fastapi import Request as FastAPIRequest
from flask import Flask, Response
from starlette.applications import Starlette
from starlette.requests import Request as StarletteRequest
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from rf_middleware import CallableIssuer, Validator, asgi
from rf_middleware.fastapi import RequireKey
from rf_middleware.flask import APIKeyAuth, current_workspace
from rf_middleware.flask import require_key as flask_key
from rf_middleware.starlette import require_key, workspace_from
from tests.contract.decorated import get
from tests.contract.issuing import Keys, bearer
from tests.harness import Request, call_asgi, call_wsgi


def test_the_bare_decorator_is_the_decorator_without_options() -> None:
    """``@require_key`` and ``@require_key()`` are the same."""
    with Validator(CallableIssuer(Keys())) as validator:
        app = Flask("bare")
        APIKeyAuth(app, validator=validator)
        app.add_url_rule("/echo", view_func=flask_key(lambda: Response("in")), endpoint="echo")
        assert call_wsgi(app, get()).status == 401
        assert call_wsgi(app, get("/echo", bearer())).body == b"in"

        @require_key
        def plain(request: StarletteRequest) -> PlainTextResponse:
            return PlainTextResponse("in")

        star = kind_wrap(Starlette(routes=[Route("/echo", plain)]), validator)
        assert call_asgi(star, get()).status == 401
        assert call_asgi(star, get("/echo", bearer())).body == b"in"


def kind_wrap(app: Any, validator: Validator) -> Any:
    """Put an ASGI middleware around an app that it leaves open."""
    return asgi.APIKeyMiddleware(app, validator=validator, optional=True)


def test_a_decorated_function_keeps_its_name_and_its_words() -> None:
    """Routers and documentation read names and docstrings: they stay."""

    def infer() -> str:
        """Infer."""
        return ""

    for decorate in (flask_key, require_key):
        decorated = decorate(infer)
        assert (decorated.__name__, decorated.__doc__) == ("infer", "Infer.")


def test_a_class_is_not_decorated() -> None:
    """Decorating a class would guard its construction only, so it is refused."""
    for decorate in (flask_key, require_key):
        with pytest.raises(TypeError, match="function"):
            decorate(Starlette)


def test_a_method_of_a_class_can_be_decorated() -> None:
    """The request is found behind ``self``."""

    class Endpoint:
        @require_key
        async def echo(self, request: StarletteRequest) -> PlainTextResponse:
            return PlainTextResponse(workspace_from(request).slug)

    with Validator(CallableIssuer(Keys())) as validator:
        app = kind_wrap(Starlette(routes=[Route("/echo", Endpoint().echo)]), validator)
        assert call_asgi(app, get()).verdict == (401, "missing-key")
        assert call_asgi(app, get("/echo", bearer())).body == b"acme"


def test_asking_who_it_is_where_nobody_checked_is_an_error() -> None:
    """``workspace_from`` and ``current_workspace`` never guess."""

    async def unchecked(request: StarletteRequest) -> PlainTextResponse:
        return PlainTextResponse(workspace_from(request).slug)

    with pytest.raises(RuntimeError, match="APIKeyMiddleware"):
        asyncio.run(unchecked(StarletteRequest({"type": "http", "headers": [], "path": "/"})))
    with Flask("unchecked").test_request_context("/"), pytest.raises(RuntimeError, match="APIKey"):
        assert current_workspace.slug


def test_a_fastapi_dependency_refuses_before_parameters_are_judged() -> None:
    """Without a key there is a 401 and no word about what the route would have liked to get."""
    with Validator(CallableIssuer(Keys())) as validator:
        app = FastAPI(openapi_url=None)

        @app.post("/items/{number}", dependencies=[RequireKey(validator=validator)])
        def create(number: int, item: dict[str, int]) -> dict[str, int]:  # pyright: ignore[reportUnusedFunction] - a route
            return item

        for body in (b"[]", b'{"a": "b"}', b'{"a": 1}', b""):
            request = Request("POST", "/items/x", [("Content-Type", "application/json")], body)
            assert call_asgi(app, request).verdict == (401, "missing-key")
        request = Request("POST", "/items/1", [("Content-Type", "application/json"), bearer()], b'{"a": 1}')
        assert call_asgi(app, request).json == {"a": 1}


def test_a_fastapi_route_can_ask_for_more_than_its_router() -> None:
    """Requirements of app, router and route add up, and a key is asked about once."""
    keys = Keys()
    with Validator(CallableIssuer(keys)) as validator:
        app = FastAPI(openapi_url=None, dependencies=[RequireKey(validator=validator, workspaces=["acme"])])

        @app.get("/echo", dependencies=[RequireKey(validator=validator, scopes=["model:infer"])])
        def echo(request: FastAPIRequest, more: Annotated[None, Depends(lambda: None)]) -> str:  # pyright: ignore[reportUnusedFunction] - a route
            return str(request.state.workspace.slug)

        assert call_asgi(app, get("/echo?api_key=reader-and-inferrer")).status == 200
        assert call_asgi(app, get("/echo?api_key=reader")).verdict == (403, "forbidden")
        assert call_asgi(app, get("/echo?api_key=key-of-initech")).verdict == (403, "forbidden")
        assert call_asgi(app, get("/echo")).verdict == (401, "missing-key")
    assert keys.asked == ["reader-and-inferrer", "reader", "key-of-initech"]
