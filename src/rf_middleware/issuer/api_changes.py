"""The Roboflow routes that create, change, roll and revoke keys.

* A key can only give what it has: its scopes, and no more time than it has left itself.
* What ends, shrinks or restores a key is answered when no validator trusts anything older, with the receipt; so is its
  repeat. ``?wait=false`` answers 202 at once with the place of the receipt.
* A secret is in the answer that makes it, and nowhere else.
* The body is read before the acting key is looked up: one that is sent slowly does not outlive its key.
"""

import math
import time
from collections.abc import Mapping, Sequence
from typing import cast

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from rf_middleware.issuer.access import Access, Actor, by_key
from rf_middleware.issuer.answers import Problem, answer, json_body, not_found
from rf_middleware.issuer.changes import edit, revoke, roll
from rf_middleware.issuer.fields import (
    flag,
    key_body,
    only,
    read_expiry,
    read_name,
    read_owners,
    read_scopes,
    receipt_body,
)
from rf_middleware.issuer.minting import Minting
from rf_middleware.issuer.records import Ended, Key
from rf_middleware.issuer.revocations import Revocations
from rf_middleware.issuer.store import Store

__all__ = ["KeyChanges"]

_LONGEST_GRACE = 30 * 86_400


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
        """Create a key; without ``scopes`` and ``expiresAt`` it gets those of the acting key."""
        body = await json_body(request)
        actor = await self._access.actor_in(request, "api-key:create")
        only(body, "name", "scopes", "expiresAt", "owners")
        scopes = read_scopes(body["scopes"], actor) if "scopes" in body else actor.scopes
        expires = read_expiry(body["expiresAt"], actor) if "expiresAt" in body else actor.expires
        owners = read_owners(body.get("owners", []))
        secret, key = self._minting.new(read_name(body.get("name", "")), scopes, expires=expires, owners=owners)
        key_id = await self._revocations.write(self._store.create_key, actor.workspace.id, key, by_key(request, actor))
        return answer({"key": secret, **key_body(await self._key(actor, key_id))})

    async def change(self, request: Request) -> JSONResponse:
        """Change a key: its name and owners at once, what it may do and for how long as a change that is waited for."""
        body = await json_body(request)
        actor = await self._access.actor_in(request, "api-key:update")
        wait = flag(request, "wait", default=True)
        values, owners = _changed(body, actor)
        key = await self._key(actor, request.path_params["key_id"])
        _check_restored(key, values, actor)
        ended = await self._revocations.apply(edit(key.id, values, owners), by_key(request, actor))
        now = await self._key(actor, key.id)
        told = await self._told(ended, wait=wait) if now.ended or values.keys() - {"name"} else {}
        if now.ended and "receipt" not in told:
            raise not_found()
        return answer(told if now.ended else {**told, "apiKey": key_body(now)}, 202 if "receipt" in told else 200)

    async def delete(self, request: Request) -> JSONResponse:
        """Revoke a key for good."""
        actor = await self._access.actor_in(request, "api-key:revoke")
        wait = flag(request, "wait", default=True)
        key = await self._key(actor, request.path_params["key_id"])
        ended = await self._revocations.apply(revoke(key.id), by_key(request, actor))
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
        only(body, "graceSeconds", "owners")
        grace = _grace(body.get("graceSeconds", 0))
        owners = read_owners(body["owners"]) if "owners" in body else None
        old = await self._key(actor, request.path_params["key_id"])
        if not actor.covers(old.scopes) or (actor.expires is not None and old.left(actor.expires) > 0):
            raise Problem(403, "A key can't roll one that may do more than it may itself")
        secret, key = self._minting.new(
            old.name,
            old.scopes,
            expires=old.expires,
            owners=old.owners if owners is None else owners,
            disabled=old.status == "disabled",
        )
        ends = min(time.time() + grace, old.expires or math.inf) if grace else None
        ended = await self._revocations.apply(roll(old, key, ends), by_key(request, actor))
        told = await self._told(ended, wait=wait)
        if ended.before:  # said only when that holds everywhere, like any repeat
            if "receipt" in told:
                return answer(told, 202)
            raise Problem(409, "This key was rolled, revoked or changed already")
        new = await self._key(actor, key.id)
        return answer({**told, "key": secret, **key_body(new), "rolled": old.id}, 202 if "receipt" in told else 200)

    async def _key(self, actor: Actor, key_id: str) -> Key:
        found = await self._revocations.read(self._store.key_of, actor.workspace.id, key_id)
        if found is None:
            raise not_found()
        return found

    async def _told(self, ended: Ended, *, wait: bool) -> dict[str, object]:
        """Return the receipt of a change that holds everywhere, or where it will be found; nothing without an event."""
        if not ended.seq:
            return {}
        receipt = await (self._revocations.settled if wait else self._revocations.receipt)(ended.seq)
        return (receipt_body(receipt) if receipt else {}) or {"receipt": f"/revocations/{ended.seq}"}


def _changed(body: Mapping[str, object], actor: Actor) -> tuple[dict[str, object], tuple[str, ...] | None]:
    """Return the new values of columns, and the owners when they are given."""
    only(body, "name", "scopes", "disabled", "expiresAt", "owners")
    values: dict[str, object] = {}
    if "name" in body:
        values["name"] = read_name(body["name"])
    if "scopes" in body:
        scopes = read_scopes(body["scopes"], actor)
        values["scopes"] = None if scopes is None else sorted(scopes)
    if "disabled" in body:
        if not isinstance(body["disabled"], bool):
            raise Problem(400, "disabled is true or false")
        values["status"] = "disabled" if body["disabled"] else "active"
    if "expiresAt" in body:
        values["expires"] = read_expiry(body["expiresAt"], actor)
    return values, read_owners(body["owners"]) if "owners" in body else None


def _check_restored(key: Key, values: Mapping[str, object], actor: Actor) -> None:
    """Let a key be enabled, or live longer, only by one that may do as much; and a rolled one live no longer at all.

    Raises:
        Problem: 403 or 409.
    """
    longer = "expires" in values and key.left(cast("float | None", values["expires"]) or math.inf) < 0
    if (longer or values.get("status") == "active") and not actor.covers(key.scopes):
        raise Problem(403, "A key can't restore one that may do more than it may itself")
    if longer and key.replaced_by is not None:
        raise Problem(409, "This key was rolled: its time can only be cut short")


def _grace(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LONGEST_GRACE:
        return float(value)
    raise Problem(400, f"graceSeconds is a number from 0 to {_LONGEST_GRACE}")
