"""Makes the client by which this server asks an OpenID provider."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from rf_middleware.issuer.oidc import OpenIDConnect
from rf_middleware.issuer.oidc_settings import BadSettings, Settings

__all__ = ["open_id_connect"]


@asynccontextmanager
async def open_id_connect(
    settings: Settings | None, transport: httpx.AsyncBaseTransport | None = None
) -> AsyncGenerator[OpenIDConnect | None]:
    """Yield what signs people in elsewhere; ``None`` where that is not set up.

    Args:
        settings: where they sign in.
        transport: the way to the provider, where it is not the network.

    Raises:
        BadSettings: the environment names certificates or a proxy that can't be used.
    """
    if settings is None:
        yield None
        return
    async with _client(transport) as client:
        yield OpenIDConnect(client, settings)


def _client(transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    # What the provider sets while it is asked about one person must not go along with questions about another.
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    try:
        return httpx.AsyncClient(cookies=no_cookies, transport=transport)
    except (OSError, ValueError, ImportError, httpx.InvalidURL) as error:
        why = type(error).__name__
        message = f"the OpenID provider can't be asked: SSL_CERT_FILE or a proxy variable is wrong ({why})"
        raise BadSettings(message) from None
