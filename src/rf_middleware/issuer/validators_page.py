"""``/validators``: who follows the revocations, and how fast they hold. For administrators of the issuer."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rf_middleware.issuer.answers import not_found
from rf_middleware.issuer.metadata import revocation_bound_ms
from rf_middleware.issuer.pages import Pages
from rf_middleware.issuer.parts import Parts
from rf_middleware.issuer.validators import ValidatorsState
from rf_middleware.issuer.visitors import Visitors

__all__ = ["ValidatorsPage"]


class ValidatorsPage:
    """The page, which is fetched anew every few seconds by its script."""

    def __init__(self, parts: Parts, visitors: Visitors, pages: Pages) -> None:
        self._state, self._lease = ValidatorsState(parts.store, parts.revocations), parts.lease
        self._visitors, self._pages = visitors, pages

    def routes(self) -> Sequence[Route]:
        """Return the route."""
        return [self._pages.route("GET", "/validators", self.show)]

    async def show(self, request: Request) -> Response:
        """Show the validators and the last changes."""
        visitor = await self._visitors.needed(request)
        if not visitor.person.admin:
            raise not_found()
        state = await self._state.state()
        bound = f"{revocation_bound_ms(self._lease) / 1000:.1f}"
        return self._pages.show(
            request, "validators.html", 200, visitor=visitor, lease=f"{self._lease:g}", bound=bound, **state
        )
