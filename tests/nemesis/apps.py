"""What the servers serve: who asks, which process answers. One validator, made as the environment says.

* ``NEMESIS_RATE``: how fast its clock runs. A scaled clock is handed to the validator, not preloaded into the process:
  the package reads one clock, which is passed in; a shim would need a compiler and reach CPython's own waits as well.
* ``NEMESIS_TTL``: it follows no feed and caches for so many seconds, as if there were no promise: the run must see it.
* ``NEMESIS_WARM``: a key to check when the module is imported; preloading, that is in the master, before the forks.
"""

import json
import os
from collections.abc import Callable, Iterable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from rf_middleware import Grant, IntrospectionIssuer, Validator, asgi, wsgi
from rf_middleware._clock import Clock, now
from tests.core.servers import until

_TIMEOUT = 1.0
"""Seconds a check may take: a request during a fault is answered soon, with 503."""


def scaled(rate: float, clock: Clock = now) -> Clock:
    """Return a clock that agrees with ``clock`` now and runs at another rate from here on."""
    begun = clock()
    return lambda: begun + (clock() - begun) * rate


def _validator() -> Validator:
    clock = scaled(float(os.environ.get("NEMESIS_RATE", "1")))
    if "NEMESIS_TTL" not in os.environ:
        return Validator(clock=clock, timeout=_TIMEOUT)
    issuer = IntrospectionIssuer(os.environ["RF_ISSUER_URL"], os.environ["RF_ISSUER_TOKEN"], feed=False)
    return Validator(issuer, ttl=float(os.environ["NEMESIS_TTL"]), clock=clock, timeout=_TIMEOUT)


async def _hello(_request: Request) -> JSONResponse:
    return JSONResponse({"pid": os.getpid()})


def _serve(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    body = json.dumps({"pid": os.getpid()}).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


validator = _validator()
asgi_app = asgi.APIKeyMiddleware(
    Starlette(routes=[Route("/", _hello), Route("/healthz", _hello)]), validator=validator, exempt=["/healthz"]
)
wsgi_app = wsgi.APIKeyMiddleware(_serve, validator=validator, exempt=["/healthz"])
if "NEMESIS_WARM" in os.environ:
    # Not at once on any machine: the first check of a process loads what it needs, and has a second for all.
    until(lambda: isinstance(validator.resolve(os.environ["NEMESIS_WARM"].encode()), Grant), 60)
