"""``/metrics``: for whoever watches the issuer.

A validator token may read it. So may a program on the same machine without one, where no proxy is in between: the
connection comes from loopback, for a name of loopback (no page of elsewhere can ask a browser here for that), without a
header that a proxy adds and not in HTTP/1.0 (what nginx speaks to a server unless it is told otherwise, and then under
the server's own name and without a header), and neither a public address nor a proxy is named.
"""

import ipaddress
import re
from collections.abc import Sequence
from typing import Final

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rf_middleware.issuer.access import Access, address
from rf_middleware.issuer.answers import bearer
from rf_middleware.issuer.parts import Parts

__all__ = ["Scraping"]

_OWN_NAME: Final = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?")
_PROXY: Final = re.compile(
    r"forwarded|via|(x-)?(forwarded|original|envoy|cluster|amzn|azure)-.*|.*-(client|connecting|real)-?ip"
)


class Scraping:
    """The route."""

    def __init__(self, parts: Parts, access: Access) -> None:
        self._access, self._store, self._revocations = access, parts.store, parts.revocations
        self._behind_proxy = parts.public_url is not None or parts.trusted_proxies > 0

    def routes(self) -> Sequence[Route]:
        """Return the route."""
        return [Route("/metrics", self.show, methods=["GET"], include_in_schema=False)]  # it speaks no JSON

    async def show(self, request: Request) -> Response:
        """Tell what was counted and how things stand."""
        if bearer(request) is not None or self._behind_proxy or not _from_here(request):
            await self._access.needed_validator(request)
        audit_head = await self._revocations.read(self._store.audit_head)
        counts, read_only = self._revocations.counts(), bool(self._store.trouble)
        text = self._revocations.metrics.text(counts, self._revocations.head, audit_head, read_only=read_only)
        return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)


def _from_here(request: Request) -> bool:
    """Say whether a request comes from this machine, and by no proxy that says so."""
    try:
        near = ipaddress.ip_address(address(request)).is_loopback
    except ValueError:
        return False
    own = _OWN_NAME.fullmatch(request.headers.get("host", "")) is not None
    return (
        near
        and own
        and request.scope["http_version"] != "1.0"
        and not any(_PROXY.fullmatch(name) for name in request.headers)
    )
