"""The Roboflow routes about a workspace and its keys, and the receipts of revocations.

* The acting key must belong to the workspace in the path; everything else there is 404.
* A key can only give what it has.
* ``DELETE`` answers when the revocation holds everywhere; so does its repeat meanwhile. After that the id is 404.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, cast

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from rf_middleware._fingerprint import fingerprint
from rf_middleware.issuer.access import Access, Actor
from rf_middleware.issuer.answers import Problem, answer, json_body, not_found, refuse
from rf_middleware.issuer.keys import KEY_PREFIX, PUBLISHABLE_PREFIX, mint
from rf_middleware.issuer.records import Key, NewKey, Receipt
from rf_middleware.issuer.revocations import Revocations
from rf_middleware.issuer.store import Store

__all__ = ["KeyRoutes", "new_key", "receipt_body"]

_SCOPE: Final = re.compile(r"[a-z0-9_-]+:[a-z0-9_-]+")
_FIELDS: Final = {"name", "scopes"}
_LONGEST_NAME: Final = 200
_MOST_SCOPES: Final = 100


class KeyRoutes:
    """The routes under ``/{workspace}``, and ``/revocations``."""

    def __init__(self, access: Access, store: Store, revocations: Revocations) -> None:
        self._access, self._store, self._revocations = access, store, revocations

    def routes(self) -> Sequence[Route]:
        """Return the routes, the more particular ones first."""
        return [
            Route("/revocations/{seq:int}", self.receipt, methods=["GET"]),
            Route("/{workspace}", self.workspace, methods=["GET"]),
            Route("/{workspace}/api-keys", self.list, methods=["GET"]),
            Route("/{workspace}/api-keys", self.create, methods=["POST"]),
            Route("/{workspace}/api-keys/publishable", self.publishable, methods=["GET"]),
            Route("/{workspace}/api-keys/{key_id}", self.get, methods=["GET"]),
            Route("/{workspace}/api-keys/{key_id}", self.delete, methods=["DELETE"]),
        ]

    async def workspace(self, request: Request) -> JSONResponse:
        """Describe the workspace."""
        found = (await self._access.actor_in(request, None)).workspace
        return answer({"workspace": {"name": found.name, "url": found.slug, "members": 0, "projects": []}})

    async def list(self, request: Request) -> JSONResponse:
        """List the keys, never a secret."""
        actor = await self._access.actor_in(request, "api-key:read")
        disabled_too = _flag(request, "includeDisabled", default=False)
        keys = await self._revocations.read(self._store.keys_of, actor.workspace.id)
        shown = [key_body(key) for key in keys if disabled_too or key.status == "active"]
        return answer({"apiKeys": shown, "publishableKey": PUBLISHABLE_PREFIX + actor.workspace.id})

    async def get(self, request: Request) -> JSONResponse:
        """Describe one key."""
        actor = await self._access.actor_in(request, "api-key:read")
        key = await self._key(request, actor)
        if key.status == "revoked":
            raise not_found()
        return answer({"apiKey": key_body(key)})

    async def publishable(self, request: Request) -> JSONResponse:
        """Tell the publishable key."""
        actor = await self._access.actor_in(request, "workspace:read")
        return answer({"publishableKey": PUBLISHABLE_PREFIX + actor.workspace.id})

    async def create(self, request: Request) -> JSONResponse:
        """Create a key; the answer is the only place where its secret is shown."""
        actor = await self._access.actor_in(request, "api-key:create")
        body = await json_body(request)
        for field in sorted(body.keys() - _FIELDS):
            shown = field[:_LONGEST_NAME].encode("ascii", "backslashreplace").decode("ascii")
            raise Problem(400, f"Unknown field: {shown}")
        scopes = _scopes(body["scopes"]) if "scopes" in body else actor.scopes
        if actor.scopes is not None and (scopes is None or not scopes <= actor.scopes):
            raise Problem(403, "A key can't give scopes that it does not have itself")
        secret, key = new_key(_name(body.get("name", "")), scopes)
        key_id = await self._revocations.write(self._store.create_key, actor.workspace.id, key)
        return answer({"key": secret, "keyId": key_id, "name": key.name, "scopes": _listed(scopes)})

    async def delete(self, request: Request) -> JSONResponse:
        """Revoke a key for good; answered when no validator accepts it any more."""
        actor = await self._access.actor_in(request, "api-key:revoke")
        wait = _flag(request, "wait", default=True)
        key = await self._key(request, actor)
        ended = await self._revocations.end_or_shrink(key.id, "revoked", {"status": "revoked"})
        if ended.before and await self._revocations.is_done(ended.seq):
            raise not_found()
        receipt = await self._revocations.settled(ended.seq) if wait else None
        if receipt is None:
            return answer({"receipt": f"/revocations/{ended.seq}"}, 202)
        return answer(receipt_body(receipt))

    async def receipt(self, request: Request) -> JSONResponse:
        """Tell what came of a revocation: to keys of its workspace, and to validators."""
        found = await self._revocations.receipt(request.path_params["seq"])
        if await self._access.validator(request) is None:
            actor = await self._access.actor(request)
            if actor is None:
                refuse("API key", presented=False)
            if found is None or found.workspace_id != actor.workspace.id or not actor.may("api-key:read"):
                raise not_found()
        if found is None:
            raise not_found()
        if found.validators is None:
            waiting = self._revocations.waiting_for(found.seq)
            return answer({"state": "pending", "seq": found.seq, "waiting_for": waiting})
        return answer({"state": "done", **receipt_body(found)})

    async def _key(self, request: Request, actor: Actor) -> Key:
        key_id = request.path_params["key_id"]
        found = await self._revocations.read(self._store.key_of, actor.workspace.id, key_id)
        if found is None:
            raise not_found()
        return found


def new_key(name: str, scopes: frozenset[str] | None) -> tuple[str, NewKey]:
    """Return a new secret and what is stored of it."""
    secret = mint(KEY_PREFIX)
    return secret, NewKey(fingerprint(secret.encode()), secret[:8], secret[-4:], name, scopes)


def receipt_body(receipt: Receipt) -> dict[str, object]:
    """Return the receipt of a revocation that holds everywhere."""
    return {
        "revoked": True,
        "keyId": receipt.key_id,
        "seq": receipt.seq,
        "validators": receipt.validators,
        "took_ms": receipt.took_ms,
    }


def key_body(key: Key) -> dict[str, object]:
    """Return what is shown of a key."""
    return {
        "keyId": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "lastFour": key.last_four,
        "default": key.is_default,
        "protected": False,
        "disabled": key.status == "disabled",
        "scopes": _listed(key.scopes),
        "created_on": datetime.fromtimestamp(key.created, UTC).isoformat(timespec="seconds"),
    }


def _listed(scopes: frozenset[str] | None) -> list[str] | None:
    return None if scopes is None else sorted(scopes)


def _flag(request: Request, name: str, *, default: bool) -> bool:
    text = request.query_params.get(name, "true" if default else "false")
    if text not in {"true", "false"}:
        raise Problem(400, f"{name} is true or false")
    return text == "true"


def _name(value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_NAME or not value.isprintable():
        raise Problem(400, f"name is a text of at most {_LONGEST_NAME} printable characters")
    return value


def _scopes(value: object) -> frozenset[str] | None:
    if value is None:
        return None
    listed = cast("list[object]", value) if isinstance(value, list) else None
    if listed is None or len(listed) > _MOST_SCOPES:
        raise Problem(400, f"scopes is null or a list of at most {_MOST_SCOPES}")
    good = {scope for scope in listed if isinstance(scope, str) and len(scope) <= _LONGEST_NAME and _named(scope)}
    if len(good) != len(set(map(repr, listed))):
        raise Problem(400, "Each of scopes is a text like noun:verb, in a-z, 0-9, _ and -")
    return frozenset(good)


def _named(scope: str) -> bool:
    """Say whether this is a scope; ``role:`` is kept for presets."""
    return _SCOPE.fullmatch(scope) is not None and not scope.startswith("role:")
