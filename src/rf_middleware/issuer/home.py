"""``/``: the key check of the public clients; for a browser without a key, a page that says what this is."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rf_middleware.issuer.access import Access
from rf_middleware.issuer.answers import answer, refuse
from rf_middleware.issuer.metadata import base_url, revocation_bound_ms
from rf_middleware.issuer.pages import Pages
from rf_middleware.issuer.visitors import Visitors

__all__ = ["Home"]


class Home:
    """The route ``/``."""

    def __init__(self, access: Access, lease: float, visitors: Visitors, pages: Pages) -> None:
        self._access, self._lease, self._visitors, self._pages = access, lease, visitors, pages

    def routes(self) -> Sequence[Route]:
        """Return the route."""
        return [Route("/", self.check, methods=["GET", "POST"])]

    async def check(self, request: Request) -> Response:
        """Check the key of the request; without one show the page to browsers."""
        actor = await self._access.actor(request)
        if actor is None:
            if request.method != "POST" and "text/html" in request.headers.get("accept", ""):
                return await self._show(request)
            refuse("API key", presented=False)
        return answer(
            {
                "welcome": "Welcome to the key issuer.",
                "instructions": "This key is good. Send it as Authorization: Bearer to the apps of its workspace.",
                "docs": f"{base_url(request)}/",
                "workspace": actor.workspace.slug,
            }
        )

    async def _show(self, request: Request) -> Response:
        visitor = await self._visitors.visitor(request)
        address, bound = base_url(request), f"{revocation_bound_ms(self._lease) / 1000:.1f}"
        lease = f"{self._lease:g}"
        page = self._pages.show(request, "home.html", visitor=visitor, address=address, bound=bound, lease=lease)
        page.headers["Vary"] = "Accept, Cookie"
        return page
