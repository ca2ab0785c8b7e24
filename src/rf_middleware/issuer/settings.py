"""``/settings/api``: the keys of each workspace, for the people in it; a new one is made and shown here."""

import re
from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from rf_middleware.issuer.minting import Minting
from rf_middleware.issuer.pages import Pages
from rf_middleware.issuer.presets import expanded
from rf_middleware.issuer.revocations import Revocations
from rf_middleware.issuer.settings_base import SETTINGS, SettingsBase
from rf_middleware.issuer.store import Store
from rf_middleware.issuer.visitors import Visitors, by_person

__all__ = ["Settings"]

_LONGEST: Final = 200
_MOST: Final = 100
_SCOPE: Final = re.compile(r"[a-z0-9_-]{1,100}:[a-z0-9_-]{1,99}")


class Settings(SettingsBase):
    """The page of keys."""

    def __init__(
        self, store: Store, revocations: Revocations, visitors: Visitors, pages: Pages, *, minting: Minting
    ) -> None:
        super().__init__(store, revocations, visitors, pages)
        self._minting = minting

    def routes(self) -> Sequence[Route]:
        """Return the routes."""
        return [
            Route(SETTINGS, self.start, methods=["GET"]),
            Route(SETTINGS + "/{workspace}", self.show, methods=["GET"]),
            Route(SETTINGS + "/{workspace}", self.create, methods=["POST"]),
        ]

    async def start(self, request: Request) -> Response:
        """Go to the first workspace of the visitor."""
        visitor = await self._visitors.needed(request)
        found = await self._revocations.read(self._store.memberships, visitor.person)
        if not found:
            return self._pages.show(request, "settings_empty.html", visitor=visitor)
        return RedirectResponse(f"{SETTINGS}/{found[0].workspace.slug}", 303)

    async def show(self, request: Request) -> Response:
        """Show the keys of a workspace."""
        return await self._shown(request, await self._place(request))

    async def create(self, request: Request) -> Response:
        """Make a key and show it."""
        form = await self._visitors.form(request)
        place = await self._place(request)
        typed = {"name": form.text("name"), "access": form["access"], "scopes": form["scopes"]}
        scopes, wrong = _scopes(form["access"], form["scopes"])
        errors = {"name": "", "access": "", "scopes": wrong}
        if not typed["name"].isprintable() or len(typed["name"]) > _LONGEST:
            errors["name"] = f"Use at most {_LONGEST} printable characters."
        elif not wrong and not place.may(scopes):
            errors["access"] = "Your role can't give this much."
        if any(errors.values()):
            return await self._shown(request, place, 422, typed=typed, errors=errors)
        person = place.visitor.person
        secret, key = self._minting.new(typed["name"], scopes, made_by=person.email)
        by = by_person(request, person)
        await self._revocations.write(self._store.create_key, place.here.workspace.id, key, by)
        return await self._shown(request, place, 201, secret=secret, said="The key was made.")


def _scopes(access: str, typed: str) -> tuple[frozenset[str] | None, str]:
    """Return the scopes of a preset or those that were typed, and what is wrong with them."""
    if access:
        try:
            return expanded([access]), ""
        except KeyError:
            return frozenset(), "Choose one of the list."
    words = frozenset(typed.replace(",", " ").split())
    bad = sorted(word for word in words if not _SCOPE.fullmatch(word))
    if bad or len(words) > _MOST:
        return words, f"Use at most {_MOST} words like model:infer: small letters, digits, _ and -."
    return words, ""
