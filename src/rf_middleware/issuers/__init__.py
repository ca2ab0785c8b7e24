"""Whom to ask about a key, and which of them an ``issuer=`` option means."""

import logging
import os
import re
from collections.abc import Mapping
from typing import Final

from rf_middleware.exceptions import ConfigurationError
from rf_middleware.issuers._callable import CallableIssuer
from rf_middleware.issuers._introspection import IntrospectionIssuer
from rf_middleware.issuers._protocol import Issuer
from rf_middleware.issuers._roboflow import RoboflowIssuer

__all__ = ["CallableIssuer", "IntrospectionIssuer", "Issuer", "RoboflowIssuer", "issuer_of"]

_HOSTED: Final = re.compile(r"//[a-z0-9.-]*\broboflow\.(?:com|eu)(?:[:/]|\Z)")
_log: Final = logging.getLogger("rf_middleware")


def issuer_of(issuer: Issuer | str | None, environment: Mapping[str, str] | None = None) -> Issuer:
    """Return the issuer that an ``issuer=`` option and the environment mean.

    A URL (or ``RF_ISSUER_URL``) together with ``RF_ISSUER_TOKEN`` is an ``IntrospectionIssuer``, without it a
    ``RoboflowIssuer``.

    Raises:
        ConfigurationError: there is none, or it is neither a URL nor an issuer.
    """
    env = os.environ if environment is None else environment
    given = issuer if issuer is not None else env.get("RF_ISSUER_URL") or None
    if given is None:
        message = "issuer: there is none; give issuer=... (a URL or an issuer object) or set RF_ISSUER_URL"
        raise ConfigurationError(message)
    if isinstance(given, str):
        token = env.get("RF_ISSUER_TOKEN")
        if token:
            return IntrospectionIssuer(given, token)
        hosted = RoboflowIssuer(given)
        if not _HOSTED.search(given):
            _log.warning(
                "%r: there is no RF_ISSUER_TOKEN, so it gives no lease: a revoked key lives on for a while", hosted
            )
        return hosted
    if not all(callable(getattr(given, verb, None)) for verb in ("check", "acheck")) or isinstance(given, type):
        message = f"issuer: a {type(given).__name__} is refused; allowed are a URL, an issuer object, or nothing"
        if callable(given):
            message += " (wrap a function in CallableIssuer)"
        raise ConfigurationError(message)
    return given
