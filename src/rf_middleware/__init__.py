"""API-key authentication for WSGI and ASGI apps that caches keys and still refuses a revoked one at once."""

from rf_middleware._models import Grant, Staleness, Workspace
from rf_middleware.exceptions import ConfigurationError, Denied, IssuerUnavailable
from rf_middleware.issuers import CallableIssuer, IntrospectionIssuer, Issuer, RoboflowIssuer
from rf_middleware.validator import Validator

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
]
