"""What ends, replaces or protects a key on ``/settings/api``.

* What ends a key is asked on a page of its own, and answered when it holds everywhere, with the receipt.
* A protected key is neither rolled nor revoked. Only here is it unprotected.
"""

import math
import time
from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rf_middleware.issuer.answers import not_found
from rf_middleware.issuer.changes import edit, revoke, roll
from rf_middleware.issuer.settings_base import MANAGERS, SETTINGS, SettingsBase, may_hold, named

__all__ = ["KEY_PATH", "SettingsChanges"]

KEY_PATH: Final = SETTINGS + "/{workspace}/keys/{key_id}"
_GRACES: Final = {"now": 0, "hour": 3600, "day": 86_400, "week": 7 * 86_400}
_PAGES: Final = {"revoke": "settings_revoke.html", "roll": "settings_roll.html"}


class SettingsChanges(SettingsBase):
    """The forms about one key."""

    def routes(self) -> Sequence[Route]:
        """Return the routes."""
        route = self._pages.route
        return [
            route("GET", KEY_PATH + "/{what}", self.ask),
            route("POST", KEY_PATH + "/revoke", self.revoke),
            route("POST", KEY_PATH + "/roll", self.roll),
            route("POST", KEY_PATH + "/protect", self.protect),
        ]

    async def ask(self, request: Request) -> Response:
        """Ask whether, and how, a key is to be revoked or rolled."""
        place, key = await self._own_key(request)
        page = _PAGES.get(request.path_params["what"])
        if page is None:
            raise not_found()
        return self._pages.show(request, page, visitor=place.visitor, key=key, named=named(key), here=place.here)

    async def revoke(self, request: Request) -> Response:
        """End a key for good; answered when no validator trusts it any more."""
        await self._visitors.form(request)
        place, key = await self._own_key(request)
        by = self._by(request, place, *MANAGERS)
        ended = await self._revocations.apply(revoke(key.id, unless_protected=True), by)
        now = await self._revocations.read(self._store.key_of, place.here.workspace.id, key.id)
        if now is None or not now.ended:
            return await self._shown(request, place, 409, problem=f"{named(key)} is protected.")
        return await self._shown(request, place, said=await self._receipt(ended, f"{named(key)} was revoked."))

    async def roll(self, request: Request) -> Response:
        """Replace a key by a new one, which is shown."""
        form = await self._visitors.form(request)
        place, old = await self._own_key(request)
        grace = _GRACES.get(form["grace"])
        if grace is None or not place.may(old.scopes):
            raise not_found()
        if old.protected:
            return await self._shown(request, place, 409, problem=f"{named(old)} is protected.")
        secret, key = self._minting.successor(old, {"made_by": place.visitor.person.email})
        ends = min(time.time() + grace, old.expires or math.inf) if grace else None
        ended = await self._revocations.apply(roll(old, key, ends), self._by(request, place, *may_hold(old.scopes)))
        if ended.before:
            await self._revocations.settled(ended.seq)  # said when that holds everywhere, like any repeat
            return await self._shown(request, place, 409, problem=f"{named(old)} was rolled or changed meanwhile.")
        said = await self._receipt(ended, f"{named(old)} was rolled.", lives=grace > 0)
        return await self._shown(request, place, said=said, secret=secret, kept=key.sealed is not None)

    async def protect(self, request: Request) -> Response:
        """Protect a key, or take that back."""
        form = await self._visitors.form(request)
        place, key = await self._own_key(request)
        if not place.may(key.scopes):
            raise not_found()
        on = form["on"] == "yes"
        by = self._by(request, place, *may_hold(key.scopes))
        await self._revocations.apply(edit(key.id, {"protected": on}), by)
        return await self._shown(request, place, said=f"{named(key)} is {'' if on else 'not '}protected now.")
