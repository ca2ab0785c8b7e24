"""API-key authentication for WSGI and ASGI apps that caches keys and still refuses a revoked one at once."""

from typing import TYPE_CHECKING

from rf_middleware import issuers
from rf_middleware._models import Grant, Staleness, Workspace
from rf_middleware.exceptions import ConfigurationError, Denied, IssuerUnavailable
from rf_middleware.issuers import Issuer
from rf_middleware.validator import Validator

if TYPE_CHECKING:
    from rf_middleware._login import login
    from rf_middleware.issuers import CallableIssuer, IntrospectionIssuer, RoboflowIssuer

__all__ = [
    "CallableIssuer",
    "ConfigurationError",
    "Denied",
    "Grant",
    "IntrospectionIssuer",
    "Issuer",
    "IssuerUnavailable",
    "RoboflowIssuer",
    "Staleness",
    "Validator",
    "Workspace",
    "login",
]


def __getattr__(name: str) -> object:
    """Bring an issuer when it is asked for, and ``login``, for which an app that checks keys never asks."""
    if name == "login":
        from rf_middleware._login import login  # noqa: PLC0415 - not before it is asked for

        return login
    if name in issuers.__all__:
        return getattr(issuers, name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
