"""The hosted Roboflow API as an issuer of keys."""

from typing import TYPE_CHECKING

from rf_middleware._flight import Answer
from rf_middleware._models import Grant, Workspace
from rf_middleware.issuers._http import Call, Failure, Http, Received, checked_url
from rf_middleware.issuers._reading import json_object, refused_status, unavailable

if TYPE_CHECKING:
    import httpx

__all__ = ["RoboflowIssuer"]


class RoboflowIssuer:
    """Asks ``GET /`` of the hosted API. The key goes in a header, never in the URL: URLs are logged.

    There is no revocation feed, so what a validator promises is bounded (or strict with
    ``max_staleness=0``), and the API does not tell scopes, so its grants have them all.

    Args:
        url: base URL; regions are ``https://api.roboflow.com`` and ``https://api.roboflow.eu``.
        transport: replaces the network, for tests.

    Raises:
        ConfigurationError: ``url`` is not an http or https URL.
    """

    def __init__(
        self, url: str = "https://api.roboflow.com", *, transport: "httpx.MockTransport | None" = None
    ) -> None:
        self._http = Http(checked_url("issuer", url), transport)

    def __repr__(self) -> str:
        return f"RoboflowIssuer({self._http.url!r})"

    def check(self, key: str, timeout: float) -> Answer:
        """See ``Issuer.check``."""
        call = _call(key)
        del key  # not in the locals of a traceback
        return _read(self._http.send(call, timeout))

    async def acheck(self, key: str, timeout: float) -> Answer:
        """See ``Issuer.acheck``."""
        call = _call(key)
        del key  # not in the locals of a traceback
        return _read(await self._http.asend(call, timeout))

    def close(self) -> None:
        """Close what threads used."""
        self._http.close()

    async def aclose(self) -> None:
        """Close what threads and the running event loop used."""
        await self._http.aclose()

    def forked(self) -> None:
        """Let go of the parent's connections."""
        self._http.forked()


def _call(key: str) -> Call:
    # nocache: past the API's own cache, as Roboflow's inference server asks.
    return Call("GET", "/?nocache=true", {"Authorization": f"Bearer {key}"})


def _read(received: Received | Failure) -> Answer:
    refused = refused_status(received)
    if refused is not None or isinstance(received, Failure):
        return refused or unavailable("The issuer did not answer.")
    members = json_object(received)
    slug = None if members is None else members.get("workspace")
    if not isinstance(slug, str):
        return unavailable("The issuer gave no usable answer.")
    return Answer(Grant(Workspace(slug)))  # the core refuses a slug that is none
