"""``POST /introspect`` (RFC 7662) for validators, ``POST /revoke`` (RFC 7009) for whoever holds a key."""

import time
from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from rf_middleware._clock import Clock
from rf_middleware.issuer.access import Access, actor_of, address
from rf_middleware.issuer.answers import Problem, answer, form_token
from rf_middleware.issuer.audit import By
from rf_middleware.issuer.changes import revoke
from rf_middleware.issuer.fields import receipt_body
from rf_middleware.issuer.records import Lookup
from rf_middleware.issuer.revocations import Revocations
from rf_middleware.issuer.uses import Uses

__all__ = ["Introspection", "introspection"]

_UNKNOWN_RATE: Final = 10.0
_UNKNOWN_BURST: Final = 50.0


class Introspection:
    """The two OAuth routes about a token."""

    def __init__(self, access: Access, revocations: Revocations, uses: Uses, clock: Clock) -> None:
        self._access, self._revocations, self._uses, self._clock = access, revocations, uses, clock
        self._unknown_left, self._unknown_seen = _UNKNOWN_BURST, clock()

    def routes(self) -> Sequence[Route]:
        """Return the routes."""
        return [
            Route("/introspect", self.introspect, methods=["POST"]),
            Route("/revoke", self.revoke, methods=["POST"]),
        ]

    async def introspect(self, request: Request) -> JSONResponse:
        """Say whether a key is good, and as of which point of the history that was read."""
        await self._access.needed_validator(request)
        found = await self._access.look_up(await form_token(request))
        said = introspection(found)
        self._revocations.metrics.introspected(active=said["active"] is True)
        if found.key is not None and said["active"]:
            self._uses.note(found.key.id)
        return answer(said)

    async def revoke(self, request: Request) -> JSONResponse:
        """End the key that is in the form; holding it is all the authority needed.

        A key that had ended before is answered when that holds everywhere. One that is unknown is
        answered 200 as well (RFC 7009 section 2.2), but only so many in a second.
        """
        found = await self._access.look_up(await form_token(request))
        if found.publishable is not None:
            raise Problem(400, "unsupported_token_type", detail="A publishable key can't be revoked")
        if found.key is None:
            self._spend_unknown()
            return answer({})
        holder = By("holder", found.key.id, found.key.name, address(request))
        ended = await self._revocations.apply(revoke(found.key.id), holder)
        receipt = await self._revocations.settled(ended.seq)
        if receipt is None:  # RFC 7009 section 2.2.1: the client must assume the token still exists
            raise Problem(503, "The issuer is shutting down; ask again", {"Retry-After": "1"})
        return answer(receipt_body(receipt))

    def _spend_unknown(self) -> None:
        now = self._clock()
        gained = (now - self._unknown_seen) * _UNKNOWN_RATE
        self._unknown_left, self._unknown_seen = min(_UNKNOWN_BURST, self._unknown_left + gained), now
        if self._unknown_left < 1:
            raise Problem(429, "Too many unknown keys just now", {"Retry-After": "1"})
        self._unknown_left -= 1


def introspection(found: Lookup) -> dict[str, object]:
    """Return the answer about a key."""
    history: dict[str, object] = {"epoch": found.epoch, "head": found.head}
    actor = actor_of(found)
    if actor is None:
        return {"active": False, **history}
    return {
        "active": True,
        "workspace": actor.workspace.slug,
        "workspace_name": actor.workspace.name,
        "workspace_id": actor.workspace.id,
        "key_id": actor.key_id,
        "scope": "*" if actor.scopes is None else " ".join(sorted(actor.scopes)),
        "publishable": actor.publishable,
        # Seconds, not a date: no two clocks are ever compared.
        **({} if actor.expires is None else {"expires_in": round(actor.expires - time.time(), 3)}),
        **history,
    }
