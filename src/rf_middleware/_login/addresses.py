"""Which server a login goes to, and where its API and its pages are. Pure.

* https is wanted, but for loopback addresses: keys don't travel in the clear.
* Roboflow's own service has its API at one host and its pages at another; either names both.
* A text that is refused is not shown: what stands there by mistake may be a secret.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from rf_middleware.exceptions import ConfigurationError

__all__ = ["URL_VARIABLE", "Server", "effective_region", "hosted", "server", "url_in_environment"]

URL_VARIABLE: Final = "RF_ISSUER_URL"
_REGION: Final = "ROBOFLOW_REGION"

_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?P<port>:\d{1,5})?(?P<path>(/[A-Za-z0-9._~%-]+)*)/?"
)
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}

_ROBOFLOW: Final = {
    "https://api.roboflow.com": ("https://app.roboflow.com", "us"),
    "https://api.roboflow.eu": ("https://app.roboflow.eu", "eu"),
    "https://api.roboflow.one": ("https://app.roboflow.one", "us"),
    "https://api.roboflow-eu.one": ("https://app.roboflow-eu.one", "eu"),
}
_BY_REGION: Final = {"us": "https://api.roboflow.com", "eu": "https://api.roboflow.eu"}


@dataclass(frozen=True, slots=True)
class Server:
    """A server that issues keys.

    Attributes:
        api: base URL of the API; this is the issuer that is noted beside a key.
        pages: base URL of the pages; the same unless it is Roboflow's own service.
        region: where Roboflow's own service runs, ``us`` or ``eu``; empty for any other server.
    """

    api: str
    pages: str
    region: str = ""

    @property
    def hosted(self) -> bool:
        """Whether this is Roboflow's own service."""
        return bool(self.region)

    @property
    def loopback(self) -> bool:
        """Whether this is on the same machine."""
        found = _URL.fullmatch(self.api)
        return found is not None and _is_loopback(found["host"])


def server(url: str, named: str) -> Server:
    """Return the server at this URL.

    Args:
        url: base URL of API or pages.
        named: what the user calls the place where it was given.

    Raises:
        ConfigurationError: it is not a URL a key may be sent to.
    """
    base = _checked(url, named)
    for api, (pages, region) in _ROBOFLOW.items():
        if base in {api, pages}:
            return Server(api, pages, region)
    return Server(base, base)


def hosted(region: str) -> Server:
    """Return Roboflow's own service in this region."""
    return server(_BY_REGION[region], "")


def url_in_environment(environ: Mapping[str, str]) -> str:
    """Return what RF_ISSUER_URL says; a blank text is nothing."""
    return environ.get(URL_VARIABLE, "").strip()


def effective_region(environ: Mapping[str, str], stored: str) -> str:
    """Return the region as Roboflow's client finds it: the environment, else the file, else ``us``."""
    region = environ.get(_REGION, stored).strip().lower()
    return region if region in _BY_REGION else "us"


def _checked(url: str, named: str) -> str:
    scheme, colon, rest = url.strip().partition("://")
    host, slash, path = rest.partition("/")
    found = _URL.fullmatch(f"{scheme.lower()}{colon}{host.lower()}{slash}{path}")
    if found is None or not 0 < int((found["port"] or ":1")[1:]) < 65536 or not _is_host(found["host"]):
        message = (
            f"{named}: what is given is not an address; an address looks like https://issuer.example, "
            "without user, query or fragment"
        )
        raise ConfigurationError(message)
    if found["scheme"] == "http" and not _is_loopback(found["host"]):
        message = f"{named}: https is needed, since keys are sent there; http is only for this machine (localhost)"
        raise ConfigurationError(message)
    port = found["port"] or ""
    return (
        f"{found['scheme']}://{found['host']}{'' if port == _DEFAULT_PORTS[found['scheme']] else port}{found['path']}"
    )


def _is_host(host: str) -> bool:
    if not host.startswith("["):
        return True
    try:
        ip_address(host[1:-1])
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
