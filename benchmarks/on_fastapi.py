"""FastAPI apps."""

import math
from importlib import import_module
from time import monotonic
from typing import Annotated, Any, Final

from cachetools import TTLCache
from fastapi import Depends, FastAPI, HTTPException, Security
from fastapi.security import APIKeyHeader

from benchmarks.floor import FloorASGI
from benchmarks.inference import Check
from benchmarks.subjects import ENTRIES, World
from benchmarks.traffic import KEY, ASGIApp
from rf_middleware.asgi import APIKeyMiddleware
from rf_middleware.fastapi import RequireKey

__all__ = ["api_key_header", "bare", "floor", "inference", "keyshield", "ours", "require_key"]

_MAXSIZE: Final = 100_000
_TTL: Final = 3600.0


async def _infer() -> str:
    return "ok"


def _app(*dependencies: Any) -> FastAPI:  # noqa: ANN401 - what Depends returns has no name
    app = FastAPI()
    app.api_route("/infer", methods=["GET", "POST"], dependencies=list(dependencies))(_infer)
    return app


def bare(world: World) -> ASGIApp:
    """Nobody is asked for a key."""
    del world
    return _app()


def floor(world: World) -> ASGIApp:
    """The least that a correct hit can do."""
    del world
    app = _app()
    app.add_middleware(FloorASGI, grants=ENTRIES, lease=math.inf)
    return app


def ours(world: World) -> ASGIApp:
    """Our middleware."""
    app = _app()
    app.add_middleware(APIKeyMiddleware, validator=world.validator)
    return app


def require_key(world: World) -> ASGIApp:
    """Our dependency, without the middleware."""
    return _app(RequireKey(validator=world.validator))


def api_key_header(world: World) -> ASGIApp:
    """FastAPI's own reader of a header, and a TTLCache."""
    cache: TTLCache[str, str] = TTLCache(_MAXSIZE, _TTL, timer=monotonic)

    async def checked(key: Annotated[str, Security(APIKeyHeader(name="X-API-Key"))]) -> str:
        try:
            return cache[key]
        except KeyError:
            slug = await world.known(key)
            if slug is None:
                raise HTTPException(401, "Invalid API key") from None
            cache[key] = slug
            return slug

    return _app(Depends(checked))


def keyshield(world: World) -> ASGIApp:
    """The package of that name, with its cache; the key is made at the first request, since that is asynchronous."""
    del world
    hasher = import_module("keyshield.hasher.argon2").Argon2ApiKeyHasher(pepper="of the benchmark")
    repository = import_module("keyshield.repositories.in_memory").InMemoryApiKeyRepository()
    service = import_module("keyshield.services.cached").CachedApiKeyService(
        repository, hasher, separator="_", global_prefix="rfk", min_delay=0.0, max_delay=0.0
    )
    _, key_id, secret = KEY.decode().split("_")
    ready = False

    async def served() -> Any:  # noqa: ANN401 - of a package that may not be installed
        nonlocal ready
        if not ready:
            ready = True
            await service.create(name="benchmark", key_id=key_id, key_secret=secret)
        return service

    return _app(Depends(import_module("keyshield.api").create_depends_api_key(served)))


def inference(world: World) -> ASGIApp:
    """The kind of check that stands in Roboflow's inference server, as it stands there."""
    app = _app()
    app.middleware("http")(Check(world.known))
    return app
