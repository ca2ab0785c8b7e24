"""``/``: the key check of the public clients; for a browser without a key, a page that says what this is."""

from collections.abc import Sequence
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from rf_middleware.issuer.access import Access
from rf_middleware.issuer.answers import answer, refuse
from rf_middleware.issuer.metadata import base_url, revocation_bound_ms

__all__ = ["Home"]

_POLICY: Final = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Home:
    """The route ``/``."""

    def __init__(self, access: Access, lease: float) -> None:
        self._access, self._lease = access, lease
        pages = Environment(
            loader=PackageLoader("rf_middleware.issuer", "pages"), autoescape=True, undefined=StrictUndefined
        )
        self._page = pages.get_template("home.html")

    def routes(self) -> Sequence[Route]:
        """Return the route."""
        return [Route("/", self.check, methods=["GET", "POST"])]

    async def check(self, request: Request) -> Response:
        """Check the key of the request; without one show the page to browsers."""
        actor = await self._access.actor(request)
        if actor is None:
            if request.method != "POST" and "text/html" in request.headers.get("accept", ""):
                return self._show(request)
            refuse("API key", presented=False)
        return answer(
            {
                "welcome": "Welcome to the key issuer.",
                "instructions": "This key is good. Send it as Authorization: Bearer to the apps of its workspace.",
                "docs": f"{base_url(request)}/",
                "workspace": actor.workspace.slug,
            }
        )

    def _show(self, request: Request) -> HTMLResponse:
        bound = revocation_bound_ms(self._lease) / 1000
        page = self._page.render(address=base_url(request), bound=f"{bound:.1f}", lease=f"{self._lease:g}")
        return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY, "Vary": "Accept"})
