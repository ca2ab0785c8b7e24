"""Whom to ask about a key, and which of them an ``issuer=`` option means.

An issuer is loaded when it is asked for: it brings asyncio and more, and a process needs one of them.
"""

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from rf_middleware._logger import logger
from rf_middleware.exceptions import ConfigurationError
from rf_middleware.issuers._protocol import Issuer

if TYPE_CHECKING:
    from rf_middleware.issuers._callable import CallableIssuer
    from rf_middleware.issuers._introspection import IntrospectionIssuer
    from rf_middleware.issuers._roboflow import RoboflowIssuer

__all__ = ["CallableIssuer", "IntrospectionIssuer", "Issuer", "RoboflowIssuer", "issuer_of"]

_HOSTED: Final = r"//[a-z0-9.-]*\broboflow\.(?:com|eu)(?:[:/]|\Z)"


def __getattr__(name: str) -> object:
    """Bring an issuer."""
    match name:
        case "CallableIssuer":
            from rf_middleware.issuers._callable import CallableIssuer  # noqa: PLC0415 - see the top

            return CallableIssuer
        case "IntrospectionIssuer":
            from rf_middleware.issuers._introspection import IntrospectionIssuer  # noqa: PLC0415 - see the top

            return IntrospectionIssuer
        case "RoboflowIssuer":
            from rf_middleware.issuers._roboflow import RoboflowIssuer  # noqa: PLC0415 - see the top

            return RoboflowIssuer
        case _:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)


def issuer_of(issuer: Issuer | str | None, environment: Mapping[str, str] | None = None) -> Issuer:
    """Return the issuer that an ``issuer=`` option and the environment mean.

    A URL (or ``RF_ISSUER_URL``) together with ``RF_ISSUER_TOKEN`` is an ``IntrospectionIssuer``, without it a
    ``RoboflowIssuer``. A token that belongs to another URL, that of ``RF_ISSUER_URL``, is not sent.

    Raises:
        ConfigurationError: there is none, or it is neither a URL nor an issuer.
    """
    env = os.environ if environment is None else environment
    given = issuer if issuer is not None else env.get("RF_ISSUER_URL") or None
    if given is None:
        message = "issuer: there is none; give issuer=... (a URL or an issuer object) or set RF_ISSUER_URL"
        raise ConfigurationError(message)
    if isinstance(given, str):
        return _at(given, env)
    if not all(callable(getattr(given, verb, None)) for verb in ("check", "acheck")) or isinstance(given, type):
        message = f"issuer: a {type(given).__name__} is refused; allowed are a URL, an issuer object, or nothing"
        if callable(given):
            message += " (wrap a function in CallableIssuer)"
        raise ConfigurationError(message)
    return given


def _at(url: str, env: Mapping[str, str]) -> Issuer:
    from rf_middleware.issuers._introspection import IntrospectionIssuer  # noqa: PLC0415 - see the top
    from rf_middleware.issuers._roboflow import RoboflowIssuer  # noqa: PLC0415 - see the top

    token = env.get("RF_ISSUER_TOKEN")
    elsewhere = (env.get("RF_ISSUER_URL") or url).rstrip("/") != url.rstrip("/")
    if token and not elsewhere:
        return IntrospectionIssuer(url, token)
    hosted = RoboflowIssuer(url)
    if token:
        logger().warning(
            "%r: RF_ISSUER_TOKEN is not used here, it belongs to RF_ISSUER_URL, which is another issuer; "
            "remove issuer=..., or unset RF_ISSUER_URL",
            hosted,
        )
    elif not re.search(_HOSTED, url):
        logger().warning(
            "%r: there is no RF_ISSUER_TOKEN, so it gives no lease: a revoked key lives on for a while", hosted
        )
    return hosted
