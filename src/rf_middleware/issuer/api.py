"""The Roboflow routes that read a workspace and its keys, and the receipts of changes.

* The acting key must belong to the workspace in the path; everything else there is 404.
* No answer holds a secret.
"""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from rf_middleware.issuer.access import Access
from rf_middleware.issuer.answers import answer, not_found, refuse
from rf_middleware.issuer.fields import flag, key_body, receipt_body
from rf_middleware.issuer.keys import PUBLISHABLE_PREFIX
from rf_middleware.issuer.revocations import Revocations
from rf_middleware.issuer.store import Store
from rf_middleware.issuer.visitors import Visitors

__all__ = ["KeyRoutes"]


class KeyRoutes:
    """The routes under ``/{workspace}`` that change nothing, and ``/revocations``."""

    def __init__(self, access: Access, store: Store, revocations: Revocations, visitors: Visitors) -> None:
        self._access, self._store, self._revocations, self._visitors = access, store, revocations, visitors

    def routes(self) -> Sequence[Route]:
        """Return the routes, the more particular ones first."""
        return [
            Route("/revocations/{seq:int}", self.receipt, methods=["GET"]),
            Route("/{workspace}", self.workspace, methods=["GET"]),
            Route("/{workspace}/api-keys", self.list, methods=["GET"]),
            Route("/{workspace}/api-keys/publishable", self.publishable, methods=["GET"]),
            Route("/{workspace}/api-keys/{key_id}", self.get, methods=["GET"]),
        ]

    async def workspace(self, request: Request) -> JSONResponse:
        """Describe the workspace."""
        found = (await self._access.actor_in(request, None)).workspace
        members = await self._revocations.read(self._store.member_count, found.id)
        return answer({"workspace": {"name": found.name, "url": found.slug, "members": members, "projects": []}})

    async def list(self, request: Request) -> JSONResponse:
        """List the keys."""
        actor = await self._access.actor_in(request, "api-key:read")
        disabled_too = flag(request, "includeDisabled", default=False)
        folders = flag(request, "includeFolders", default=False)
        keys = await self._revocations.read(self._store.keys_of, actor.workspace.id)
        shown = [key_body(key, folders=folders) for key in keys if disabled_too or key.status == "active"]
        return answer({"apiKeys": shown, "publishableKey": PUBLISHABLE_PREFIX + actor.workspace.id})

    async def get(self, request: Request) -> JSONResponse:
        """Describe one key."""
        actor = await self._access.actor_in(request, "api-key:read")
        key_id = request.path_params["key_id"]
        key = await self._revocations.read(self._store.key_of, actor.workspace.id, key_id)
        if key is None or key.ended:
            raise not_found()
        return answer({"apiKey": key_body(key)})

    async def publishable(self, request: Request) -> JSONResponse:
        """Tell the publishable key."""
        actor = await self._access.actor_in(request, "workspace:read")
        return answer({"publishableKey": PUBLISHABLE_PREFIX + actor.workspace.id})

    async def receipt(self, request: Request) -> JSONResponse:
        """Tell what came of a change and who confirmed it: validators, and whoever belongs to its workspace."""
        found = await self._revocations.receipts.of(request.path_params["seq"])
        if await self._access.validator(request) is None:
            theirs = await self._workspaces(request)
            if found is None or found.workspace_id not in theirs:
                raise not_found()
        if found is None:
            raise not_found()
        if found.done is None:
            waiting = self._revocations.waiting_for(found.seq)
            return answer({"state": "pending", "seq": found.seq, "waiting_for": waiting})
        return answer({"state": "done", "change": found.change, **receipt_body(found), "report": found.done.report})

    async def _workspaces(self, request: Request) -> set[str]:
        """Return the ids of the workspaces whose receipts may be seen: of the acting key, or of who is signed in.

        Raises:
            Problem: 401, there is neither.
        """
        actor = await self._access.actor(request)
        if actor is not None:
            return {actor.workspace.id} if actor.may("api-key:read") else set()
        visitor = await self._visitors.visitor(request)
        if visitor is None:
            refuse("API key", presented=False)
        found = await self._revocations.read(self._store.memberships, visitor.person)
        return {each.workspace.id for each in found}
