"""``POST /feed`` and ``DELETE /feed/{session}``: the long poll of the validators.

Every poll is parked (``parking.py``) and answered from outside its handler, now or later. A client that hangs up is
unparked.

After an event thousands of polls come at once, so the second poll of a connection and those after it take a short way:
a plain one (``heads.py``) with a token that is known is taken in here. Any other is a request like the first.
"""

import json
from collections.abc import Sequence
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from rf_middleware._wire import Poll, Reply
from rf_middleware.issuer.access import Access
from rf_middleware.issuer.answers import HEADERS, Problem, answer, read_body
from rf_middleware.issuer.decisions import CLOSING, Answer, Refused
from rf_middleware.issuer.heads import read_head
from rf_middleware.issuer.parking import PARK, Came, Later, Parked
from rf_middleware.issuer.revocations import Revocations

__all__ = ["Feed"]


class Feed:
    """The routes of the feed."""

    def __init__(self, access: Access, revocations: Revocations) -> None:
        self._access, self._revocations = access, revocations
        self._last: tuple[Reply, JSONResponse] | None = None
        # Methods as values, made once: each is an object, and every poll that waits keeps them.
        self._to_answer, self._to_hang_up, self._to_poll_again = self._answer, revocations.hang_up, self.poll_again

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
        self._take(token, poll, request.scope["state"][PARK]())
        return Later()

    def poll_again(self, data: bytes, parked: Parked) -> Came:
        """Take in the next poll of a connection, if that is what came and it needs no closer look."""
        head, end, body = data.partition(b"\r\n\r\n")
        said = read_head(head) if end else None
        if said is None or len(body) > said.length:
            return Came.OTHER
        if len(body) < said.length:  # httpx sends head and body one after the other
            return Came.BEGUN
        token = self._access.known_validator(said.token)
        if token is None:
            return Came.OTHER
        try:
            poll = Poll.parse(json.loads(body))
        except (ValueError, RecursionError):
            return Came.OTHER
        self._take(token, poll, parked)
        return Came.TAKEN

    async def give_back(self, request: Request) -> JSONResponse:
        """End the lease of a validator that shuts down; an unknown session has none."""
        token = await self._access.needed_validator(request)
        self._revocations.give_back(token, request.path_params["session"])
        return answer({"released": True})

    def _take(self, token: str, poll: Poll, parked: Parked) -> None:
        ticket = self._revocations.poll(token, poll, partial(self._to_answer, parked))
        parked.wait(ticket, self._to_hang_up, self._to_poll_again)

    def _answer(self, parked: Parked, outcome: Answer | Refused) -> None:
        parked.answer(self._response(outcome))

    def _response(self, outcome: Answer | Refused) -> JSONResponse:
        """Return the answer; after an event it is one for all who were parked."""
        if isinstance(outcome, Refused):
            status = 503 if outcome.why == CLOSING else 429
            return answer({"error": outcome.why}, status, {**HEADERS, "Retry-After": "1"})
        if self._last is None or self._last[0] is not outcome.reply:
            self._last = outcome.reply, answer(outcome.reply.to_json(), headers=HEADERS)
        return self._last[1]
