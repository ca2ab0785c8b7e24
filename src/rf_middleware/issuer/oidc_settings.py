"""Reads how people sign in with accounts of their company. Whatever is wrong is said in one line, at the start.

* The client secret comes from the environment alone: a command line is seen by everybody on the machine.
* The one redirect address is ``{public url}/login/oidc/callback``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from rf_middleware.issuer.oidc_provider import usable_url

__all__ = ["CALLBACK", "SECRET", "BadSettings", "Settings", "read_settings"]

CALLBACK: Final = "/login/oidc/callback"
SECRET: Final = "RF_OIDC_CLIENT_SECRET"  # noqa: S105 - the name of a variable

_DOMAIN: Final = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")


class BadSettings(Exception):  # noqa: N818 - not an error of the program
    """OpenID Connect is not set up as it should be; the text says why, in one line."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where people sign in.

    Attributes:
        issuer: the provider, by the address with which it names itself.
        client_id: who this server is at the provider.
        client_secret: proves that; ``None`` for a public client.
        redirect_uri: where the provider sends the browser.
        domains: in which e-mail addresses may be; none for any.
    """

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)
    redirect_uri: str
    domains: frozenset[str] = frozenset()


def read_settings(
    issuer: str | None, client_id: str | None, domains: Sequence[str], public_url: str, environ: Mapping[str, str]
) -> Settings | None:
    """Return the settings; ``None`` where OpenID Connect is not used.

    Args:
        issuer: of ``--oidc-issuer``.
        client_id: of ``--oidc-client-id``.
        domains: of ``--oidc-domain``, which may be given many times.
        public_url: where browsers find this server.
        environ: the environment, in which the client secret is.

    Raises:
        BadSettings: one of them is missing or wrong.
    """
    if not issuer and not client_id and not domains:
        return None
    issuer, client_id, secret = issuer or "", client_id or "", environ.get(SECRET)
    allowed = frozenset(domain.lower().removeprefix("@") for domain in domains)
    faults = {
        "--oidc-issuer and --oidc-client-id are needed, both": not issuer or not client_id,
        "--oidc-issuer is an https:// address without a query, as the provider writes it": not _plain_url(issuer),
        "OpenID Connect needs the public address of this server, https://...": not _plain_url(public_url),
        "--oidc-domain is a domain of e-mail addresses, like example.com": not all(map(_DOMAIN.fullmatch, allowed)),
        f"{SECRET} is empty": secret is not None and not secret.strip(),
    }
    for text, wrong in faults.items():
        if wrong:
            raise BadSettings(text)
    return Settings(issuer, client_id, secret, public_url.rstrip("/") + CALLBACK, allowed)


def _plain_url(url: str) -> bool:
    return usable_url(url, here=True) and "?" not in url
