"""``POST /feed`` and ``DELETE /feed/{session}``: the long poll of the validators.

A parked poll costs its connection and one future; a client that hangs up is unparked.
"""

import asyncio
import json
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from rf_middleware._wire import Poll
from rf_middleware.issuer.access import Access
from rf_middleware.issuer.answers import Problem, answer, read_body
from rf_middleware.issuer.decisions import CLOSING, Refused
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

    async def poll(self, request: Request) -> JSONResponse:
        """Deliver events, take acknowledgements, grant a lease."""
        token = await self._access.needed_validator(request)
        try:
            poll = Poll.parse(json.loads(await read_body(request)))
        except (ValueError, RecursionError) as error:
            text = str(error) if str(error).startswith("feed: ") else "feed: the body is not JSON"
            raise Problem(400, text) from None
        gone = asyncio.ensure_future(request.receive())
        try:
            outcome = await self._revocations.poll(token, poll, gone)
        finally:
            gone.cancel()
        if outcome is None:
            return answer({"error": "The client has gone"}, 499)
        if isinstance(outcome, Refused):
            raise Problem(503 if outcome.why == CLOSING else 429, outcome.why, {"Retry-After": "1"})
        return answer(outcome.reply.to_json())

    async def give_back(self, request: Request) -> JSONResponse:
        """End the lease of a validator that shuts down; an unknown session has none."""
        token = await self._access.needed_validator(request)
        self._revocations.give_back(token, request.path_params["session"])
        return answer({"released": True})
