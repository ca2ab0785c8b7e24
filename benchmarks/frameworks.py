"""What the middleware adds to apps of real frameworks. Loads each framework only when its turn comes.

Starlette in the process makes our ASGI hit also set ``scope["user"]`` and ``scope["auth"]``; the raw apps are
measured before that.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from benchmarks.drive import asgi_block, wsgi_block
from benchmarks.issuers import Asked
from benchmarks.measure import Block, Spread, added, in_turn, spread
from benchmarks.traffic import WORKSPACE, Scope
from rf_middleware import Validator
from rf_middleware.asgi import APIKeyMiddleware as OnASGI
from rf_middleware.wsgi import APIKeyMiddleware as OnWSGI

__all__ = ["FRAMEWORKS", "Row", "measure"]

_PLACE: Final = "Bearer"


@dataclass(frozen=True)
class Row:
    """Microseconds a call of the bare app takes, and what we add to it."""

    framework: str
    bare: Spread
    ours: Spread

    @property
    def percent(self) -> float:
        """How much longer a call takes with us."""
        return 100 * self.ours.median / self.bare.median


def _starlette(validator: Validator) -> tuple[Block, Block]:
    from starlette.applications import Starlette  # noqa: PLC0415 - see the top
    from starlette.middleware import Middleware  # noqa: PLC0415 - see the top
    from starlette.requests import Request  # noqa: PLC0415 - see the top
    from starlette.responses import PlainTextResponse  # noqa: PLC0415 - see the top
    from starlette.routing import Route  # noqa: PLC0415 - see the top

    async def infer(request: Request) -> PlainTextResponse:
        del request
        return PlainTextResponse("ok")

    routes = [Route("/infer", infer, methods=["POST"])]
    bare = Starlette(routes=routes)
    ours = Starlette(routes=routes, middleware=[Middleware(OnASGI, validator=validator)])
    return asgi_block(bare, _PLACE, _any), asgi_block(ours, _PLACE, _in_scope)


def _fastapi(validator: Validator) -> tuple[Block, Block]:
    from fastapi import FastAPI  # noqa: PLC0415 - see the top

    async def infer() -> str:
        return "ok"

    bare, ours = FastAPI(), FastAPI()
    bare.post("/infer")(infer)
    ours.post("/infer")(infer)
    ours.add_middleware(OnASGI, validator=validator)
    return asgi_block(bare, _PLACE, _any), asgi_block(ours, _PLACE, _in_scope)


def _flask(validator: Validator) -> tuple[Block, Block]:
    from flask import Flask  # noqa: PLC0415 - see the top

    app = Flask("benchmark")

    @app.post("/infer")
    def infer() -> str:  # pyright: ignore[reportUnusedFunction] - Flask calls it
        return "ok"

    protected = OnWSGI(app.wsgi_app, validator=validator)
    return wsgi_block(app.wsgi_app, _PLACE, _any), wsgi_block(protected, _PLACE, _in_environ)


FRAMEWORKS: Final[dict[str, Callable[[Validator], tuple[Block, Block]]]] = {
    "Starlette": _starlette,
    "FastAPI": _fastapi,
    "Flask": _flask,
}


def measure(asked: Asked) -> Iterator[Row]:
    """Measure each framework. The issuer must not be asked meanwhile."""
    for name, make in FRAMEWORKS.items():
        bare, ours = make(asked.validator)
        before = asked.calls.total()
        taken = in_turn({"bare": bare, "ours": ours})
        assert asked.calls.total() == before, f"the issuer was asked during hits: {asked.calls}"
        yield Row(name, spread(taken["bare"]), spread(added(taken, "ours", "bare")))


def _any(scope: Scope) -> bool:
    return bool(scope)


def _in_scope(scope: Scope) -> bool:
    return bool(scope["state"]["workspace"].slug == WORKSPACE and scope["user"].identity == WORKSPACE)


def _in_environ(environ: Scope) -> bool:
    return bool(environ["rf_middleware.workspace"].slug == WORKSPACE)
