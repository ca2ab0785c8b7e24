"""``POST /feed`` and ``DELETE /feed/{session}``: the long poll of the validators.

Every poll is parked (``parking.py``) and answered from outside its handler, now or later. A client that hangs up is
unparked.
"""

import json
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from rf_middleware._wire import Poll
from rf_middleware.issuer.access import Access
from rf_middleware.issuer.answers import HEADERS, Problem, answer, read_body
from rf_middleware.issuer.decisions import CLOSING, Answer, Refused
from rf_middleware.issuer.parking import PARK, Later, Parked
from rf_middleware.issuer.revocations import Revocations

__all__ = ["Feed"]


class Feed:
    """The routes of the feed."""

    def __init__(self, access: Access, revocations: Revocations) -> None:
        self._access, self._revocations = access, revocations

    def routes(self) -> Sequence[Route]:
        """Return the routes."""
        return [
            Route("/feed", self.poll, methods=["POST"]),
            Route("/feed/{session}", self.give_back, methods=["DELETE"]),
        ]

    async def poll(self, request: Request) -> Later:
        """Deliver events, take acknowledgements, grant a lease."""
        token = await self._access.needed_validator(request)
        try:
            poll = Poll.parse(json.loads(await read_body(request)))
        except (ValueError, RecursionError) as error:
            text = str(error) if str(error).startswith("feed: ") else "feed: the body is not JSON"
            raise Problem(400, text) from None
        parked: Parked = request.scope["state"][PARK]()
        ticket = self._revocations.poll(token, poll, lambda outcome: parked.answer(_response(outcome)))
        parked.wait(ticket, self._revocations.hang_up)
        return Later()

    async def give_back(self, request: Request) -> JSONResponse:
        """End the lease of a validator that shuts down; an unknown session has none."""
        token = await self._access.needed_validator(request)
        self._revocations.give_back(token, request.path_params["session"])
        return answer({"released": True})


def _response(outcome: Answer | Refused) -> JSONResponse:
    if isinstance(outcome, Refused):
        status = 503 if outcome.why == CLOSING else 429
        return answer({"error": outcome.why}, status, {**HEADERS, "Retry-After": "1"})
    return answer(outcome.reply.to_json(), headers=HEADERS)
