"""Who is asking: the acting key of a request, or the validator token.

* The check of a key is one function for every route, introspection included.
* A key of another workspace, an unknown workspace and a missing scope give the same 404.
"""

import time
from dataclasses import dataclass
from functools import partial

from starlette.requests import Request

from rf_middleware._address import client_of
from rf_middleware._clock import Clock
from rf_middleware._fingerprint import fingerprint
from rf_middleware.issuer.answers import bearer, not_found, presented_key, refuse
from rf_middleware.issuer.audit import By
from rf_middleware.issuer.keys import TOKEN_PREFIX, could_be_key, publishable_workspace, well_formed
from rf_middleware.issuer.records import Key, Lookup, Workspace
from rf_middleware.issuer.revocations import Revocations
from rf_middleware.issuer.store import Store
from rf_middleware.issuer.tokens import Tokens
from rf_middleware.issuer.uses import Uses

__all__ = ["PUBLISHABLE_SCOPES", "Access", "Actor", "actor_of", "address", "by_key"]

PUBLISHABLE_SCOPES = frozenset({"model:infer"})
"""What a publishable key may do: it is made for browsers, so inference and nothing else."""


@dataclass(frozen=True, slots=True)
class Actor:
    """A good key and what it may do.

    Attributes:
        workspace: the one it belongs to.
        scopes: ``None`` for every scope.
        key_id: the key's id; ``"publishable"`` for the publishable one.
        publishable: whether it is not secret.
        expires: when the key ends, in seconds since 1970; ``None`` for never.
        name: the key's.
        folders: the ones it is kept to; all of them when it is empty.
    """

    workspace: Workspace
    scopes: frozenset[str] | None
    key_id: str
    publishable: bool = False
    expires: float | None = None
    name: str = ""
    folders: tuple[str, ...] = ()

    def may(self, scope: str) -> bool:
        """Say whether the key has this scope."""
        return self.scopes is None or scope in self.scopes

    def covers(self, scopes: frozenset[str] | None) -> bool:
        """Say whether the key has all of these scopes; ``None`` is every scope."""
        return self.scopes is None or (scopes is not None and scopes <= self.scopes)

    def within(self, folders: tuple[str, ...]) -> bool:
        """Say whether the key has all of these folders; an empty list is every folder."""
        return not self.folders or (bool(folders) and set(folders) <= set(self.folders))


class Access:
    """Looks keys and validator tokens up."""

    def __init__(self, store: Store, revocations: Revocations, uses: Uses, clock: Clock) -> None:
        self._store, self._revocations, self._uses = store, revocations, uses
        self._tokens = Tokens(partial(revocations.read, store.token_id), clock)

    async def look_up(self, presented: str) -> Lookup:
        """Find what a text that was presented as a key stands for."""
        if not could_be_key(presented):
            return await self._revocations.read(self._store.look_up, None)
        digest = fingerprint(presented.encode("ascii"))
        return await self._revocations.read(self._store.look_up, digest, publishable_workspace(presented))

    async def actor(self, request: Request) -> Actor | None:
        """Return the acting key; ``None`` when the request has none.

        Raises:
            Problem: 401, it is not a good one; 400, there are several.
        """
        presented = presented_key(request)
        if presented is None:
            return None
        found = await self.look_up(presented)
        actor = actor_of(found)
        if actor is None:
            await self._said_after_it_holds(request, found.key)
            refuse("API key", presented=True)
        if not actor.publishable:
            self._uses.note(actor.key_id)
        return actor

    async def actor_in(self, request: Request, scope: str | None) -> Actor:
        """Return the acting key, which belongs to the workspace of the path and has this scope.

        Raises:
            Problem: 401 without a good key; 404 for another workspace or a missing scope.
        """
        actor = await self.actor(request)
        if actor is None:
            refuse("API key", presented=False)
        if actor.workspace.slug != request.path_params["workspace"] or not (scope is None or actor.may(scope)):
            raise not_found()
        return actor

    async def validator(self, request: Request) -> str | None:
        """Return the id of the validator token of the request, ``None`` without a good one."""
        token = bearer(request)
        if token is None or not well_formed(token, TOKEN_PREFIX):
            return None
        return await self._tokens.id_of(fingerprint(token.encode()))

    def known_validator(self, token: bytes) -> str | None:
        """Return the id of the validator token with this fingerprint, if it was looked up within the last second."""
        return self._tokens.known(token)

    async def needed_validator(self, request: Request) -> str:
        """Return the id of the validator token of the request.

        Raises:
            Problem: 401 without a good one.
        """
        return await self.validator(request) or refuse("validator token", presented=bearer(request) is not None)

    async def _said_after_it_holds(self, request: Request, key: Key | None) -> None:
        """Hold "not valid" back where a key repeats what ended or disabled it, as any other repeat is."""
        if key is not None and request.method != "GET" and "key_id" in request.path_params:
            await self._revocations.last_holds(key.id)


def actor_of(found: Lookup) -> Actor | None:
    """Return what a look-up allows; ``None`` for nothing."""
    if found.publishable is not None and found.publishable.status == "active":
        return Actor(found.publishable, PUBLISHABLE_SCOPES, "publishable", publishable=True)
    key = found.key
    if key is None or key.status != "active" or key.workspace.status != "active" or key.left(time.time()) <= 0:
        return None
    return Actor(key.workspace, key.scopes, key.id, expires=key.expires, name=key.name, folders=key.folders)


def by_key(request: Request, actor: Actor) -> By:
    """Return who the audit log names for what is done with a key."""
    return By("key", actor.key_id, actor.name, address(request))


def address(request: Request) -> str:
    """Return where a request came from; empty when the server does not know."""
    peer = "" if request.client is None else request.client.host
    return client_of(peer, ",".join(request.headers.getlist("x-forwarded-for")), request.app.state.trusted_proxies)
