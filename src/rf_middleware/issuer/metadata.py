"""``/.well-known/oauth-authorization-server`` (RFC 8414), ``/healthz``, ``/readyz``."""

import math
import re
from collections.abc import Sequence
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from rf_middleware.issuer.answers import Problem, answer
from rf_middleware.issuer.keys import KEY_FORMAT
from rf_middleware.issuer.revocations import Revocations
from rf_middleware.issuer.store import Store

__all__ = ["DEVICE_GRANT", "DRIFT", "Metadata", "base_url", "revocation_bound_ms"]

DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"

DRIFT: Final = 0.01
_SLACK: Final = 0.5
"""Seconds for the commit, a round trip and a late timer."""

_HOST: Final = re.compile(r"[A-Za-z0-9._-]+(:\d+)?|\[[0-9a-fA-F:]+\](:\d+)?")


def revocation_bound_ms(lease: float) -> int:
    """Return after how many milliseconds at most a revocation is acknowledged, whatever the validators do.

    One lease (the longest any validator can hold out), plus 1 % of it (its clock may run so much slower
    than the asker's), plus half a second. After a crash the restart wait, one lease again, comes on top.
    """
    return math.ceil((lease * (1 + DRIFT) + _SLACK) * 1000)


class Metadata:
    """What the issuer says about itself."""

    def __init__(self, store: Store, revocations: Revocations, lease: float) -> None:
        self._store, self._revocations, self._lease = store, revocations, lease

    def routes(self) -> Sequence[Route]:
        """Return the routes."""
        return [
            Route("/.well-known/oauth-authorization-server", self.describe, methods=["GET"]),
            Route("/healthz", self.alive, methods=["GET"]),
            Route("/readyz", self.ready, methods=["GET"]),
        ]

    async def describe(self, request: Request) -> JSONResponse:
        """Tell the endpoints and the revocation bound."""
        base = base_url(request)
        return answer(
            {
                "issuer": base,
                "device_authorization_endpoint": f"{base}/device_authorization",
                "token_endpoint": f"{base}/token",
                "token_endpoint_auth_methods_supported": ["none"],
                "grant_types_supported": [DEVICE_GRANT],
                "introspection_endpoint": f"{base}/introspect",
                "introspection_endpoint_auth_methods_supported": ["Bearer"],
                "revocation_endpoint": f"{base}/revoke",
                "revocation_endpoint_auth_methods_supported": ["none"],
                "revocation_feed_endpoint": f"{base}/feed",
                "revocation_bound_ms": revocation_bound_ms(self._lease),
                "api_key_format": KEY_FORMAT.to_json(),
                # There is no authorization endpoint, but the member has to be there (RFC 8414 section 2).
                "response_types_supported": [],
            }
        )

    async def alive(self, _request: Request) -> JSONResponse:
        """Say that the process answers."""
        return answer({"status": "ok"})

    async def ready(self, _request: Request) -> JSONResponse:
        """Say whether requests can be answered: the database can be read, leases are granted.

        Where it can't be written, that is said too; but what can be read is still told, so this server is not taken
        out of service for it: there is no other.
        """
        try:
            await self._revocations.read(self._store.look_up, None)
        except SQLAlchemyError:
            raise Problem(503, "The database can't be read") from None
        if self._revocations.closing:
            raise Problem(503, "The issuer is shutting down")
        trouble = self._store.trouble
        return answer({"status": "read-only", "why": f"The database {trouble}"} if trouble else {"status": "ok"})


def base_url(request: Request) -> str:
    """Return the public address of this issuer, without a slash at the end.

    Where none was given it is the one that it was reached at; no Host header can put more in it.
    """
    public: str | None = request.app.state.public_url
    if public is not None:
        return public
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        name, port = request.scope.get("server") or ("localhost", 80)
        host = f"{name}:{port}"
    return f"{request.scope['scheme']}://{host}"
