"""The Roboflow routes that create, change, roll and revoke keys.

* A key can only give what it has: its scopes, and no more time than it has left itself.
* What ends, shrinks or restores a key is answered when no validator trusts anything older, with the receipt; so is its
  repeat. ``?wait=false`` answers 202 at once with the place of the receipt.
* A secret is in the answer that makes it, and nowhere else.
* The body is read before the acting key is looked up: one that is sent slowly does not outlive its key.
"""

import math
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from rf_middleware.issuer.access import Access, Actor, by_key
from rf_middleware.issuer.answers import Problem, answer, json_body, not_found
from rf_middleware.issuer.audit import Note
from rf_middleware.issuer.changes import edit, revoke, roll
from rf_middleware.issuer.fields import flag, key_body, receipt_body
from rf_middleware.issuer.key_rules import (
    WAITED_FOR,
    check_change,
    check_roll,
    protected,
    read_change,
    read_new,
    read_roll,
    takes_away,
)
from rf_middleware.issuer.minting import Minting
from rf_middleware.issuer.records import Ended, Key
from rf_middleware.issuer.revocations import Revocations
from rf_middleware.issuer.store import Store

__all__ = ["KeyChanges"]


class KeyChanges:
    """The routes under ``/{workspace}/api-keys`` that change something."""

    def __init__(self, access: Access, store: Store, revocations: Revocations, minting: Minting) -> None:
        self._access, self._store, self._revocations, self._minting = access, store, revocations, minting

    def routes(self) -> Sequence[Route]:
        """Return the routes."""
        return [
            Route("/{workspace}/api-keys", self.create, methods=["POST"]),
            Route("/{workspace}/api-keys/{key_id}", self.change, methods=["PATCH"]),
            Route("/{workspace}/api-keys/{key_id}", self.delete, methods=["DELETE"]),
            Route("/{workspace}/api-keys/{key_id}/roll", self.roll, methods=["POST"]),
        ]

    async def create(self, request: Request) -> JSONResponse:
        """Create a key; without ``scopes``, ``folderIds`` and ``expiresAt`` it gets those of the acting key."""
        body = await json_body(request)
        actor = await self._access.actor_in(request, "api-key:create")
        name, scopes, more = read_new(body, actor)
        secret, key = self._minting.new(name, scopes, **more)
        key_id = await self._revocations.write(self._store.create_key, actor.workspace.id, key, by_key(request, actor))
        return answer({"key": secret, **key_body(await self._key(actor, key_id))})

    async def change(self, request: Request) -> JSONResponse:
        """Change a key: what it may do and for how long as a change that is waited for, all else at once."""
        body = await json_body(request)
        actor = await self._access.actor_in(request, "api-key:update")
        wait = flag(request, "wait", default=True)
        async with self._refusals_noted(request, actor, "key.update"):
            values, owners = read_change(body, actor)
            key = await self._key(actor, request.path_params["key_id"])
            check_change(key, values, actor)
            change = edit(key.id, values, owners, unless_protected=takes_away(values))
            ended = await self._revocations.apply(change, by_key(request, actor))
            now = await self._key(actor, key.id)
            if ended.missed and not now.ended:
                raise protected()
            told = await self._told(ended, wait=wait) if now.ended or values.keys() & WAITED_FOR else {}
        if now.ended and "receipt" not in told:
            raise not_found()
        return answer(told if now.ended else {**told, "apiKey": key_body(now)}, 202 if "receipt" in told else 200)

    async def delete(self, request: Request) -> JSONResponse:
        """Revoke a key for good."""
        actor = await self._access.actor_in(request, "api-key:revoke")
        wait = flag(request, "wait", default=True)
        async with self._refusals_noted(request, actor, "key.revoke"):
            key = await self._key(actor, request.path_params["key_id"])
            ended = await self._revocations.apply(revoke(key.id, unless_protected=True), by_key(request, actor))
            if ended.missed and not (await self._key(actor, key.id)).ended:
                raise protected()
            if ended.before and await self._revocations.is_done(ended.seq):
                raise not_found()
            told = await self._told(ended, wait=wait)
        return answer(told, 202 if "receipt" in told else 200)

    async def roll(self, request: Request) -> JSONResponse:
        """Replace a key by a new one with the same rights; the old one ends at once, or after ``graceSeconds``."""
        body = await json_body(request)
        actor = await self._access.actor_in(request, "api-key:create")
        if not actor.may("api-key:revoke"):
            raise not_found()
        wait = flag(request, "wait", default=True)
        grace, changed = read_roll(body, actor)
        async with self._refusals_noted(request, actor, "key.roll"):
            old = await self._key(actor, request.path_params["key_id"])
            check_roll(old, actor)
            secret, key = self._minting.successor(old, changed)
            ends = min(time.time() + grace, old.expires or math.inf) if grace else None
            ended = await self._revocations.apply(roll(old, key, ends), by_key(request, actor))
            told = await self._told(ended, wait=wait)
            if ended.before:  # said only when that holds everywhere, like any repeat
                if "receipt" in told:
                    return answer(told, 202)
                raise Problem(409, "This key was rolled, revoked or changed already")
            new = await self._key(actor, key.id)
        return answer({**told, "key": secret, **key_body(new), "rolled": old.id}, 202 if "receipt" in told else 200)

    @asynccontextmanager
    async def _refusals_noted(self, request: Request, actor: Actor, tried: str) -> AsyncGenerator[None]:
        """Have the audit log tell of a 403 or 409 about a key that there is: one who may look asks for too much."""
        try:
            yield
        except Problem as problem:
            key_id = request.path_params["key_id"]
            if problem.status in {403, 409}:
                await self._key(actor, key_id)
                why = {"tried": tried, "status": problem.status, "why": str(problem)}
                note = Note("key.refuse", key_id, actor.workspace.id, why)
                await self._revocations.write(self._store.note, by_key(request, actor), note)
            raise

    async def _key(self, actor: Actor, key_id: str) -> Key:
        found = await self._revocations.read(self._store.key_of, actor.workspace.id, key_id)
        if found is None:
            raise not_found()
        return found

    async def _told(self, ended: Ended, *, wait: bool) -> dict[str, object]:
        """Return the receipt of a change that holds everywhere, or where it will be found; nothing without an event."""
        if not ended.seq:
            return {}
        receipt = await (self._revocations.settled if wait else self._revocations.receipts.of)(ended.seq)
        return (receipt_body(receipt) if receipt else {}) or {"receipt": f"/revocations/{ended.seq}"}
