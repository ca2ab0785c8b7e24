"""``/settings/api``: the keys of each workspace, for the people in it; a new one is made and shown here."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from rf_middleware.issuer.presets import MOST, PRESETS, SCOPE
from rf_middleware.issuer.settings_base import SETTINGS, SettingsBase, may_hold
from rf_middleware.issuer.texts import LONGEST, short

__all__ = ["Settings"]


class Settings(SettingsBase):
    """The page of keys."""

    def routes(self) -> Sequence[Route]:
        """Return the routes."""
        route = self._pages.route
        return [
            route("GET", SETTINGS, self.start),
            route("GET", SETTINGS + "/{workspace}", self.show),
            route("POST", SETTINGS + "/{workspace}", self.create),
        ]

    async def start(self, request: Request) -> Response:
        """Go to the first workspace of the visitor."""
        visitor = await self._visitors.needed(request)
        found = await self._revocations.read(self._store.memberships, visitor.person)
        if not found:
            return self._pages.show(request, "settings_empty.html", visitor=visitor)
        return RedirectResponse(f"{SETTINGS}/{found[0].workspace.slug}", 303)

    async def show(self, request: Request) -> Response:
        """Show the keys of a workspace; a form that had to wait for a sign-in is filled in again."""
        typed = {name: request.query_params.get(name, "") for name in ("name", "access", "scopes")}
        return await self._shown(request, await self._place(request), typed=typed)

    async def create(self, request: Request) -> Response:
        """Make a key and show it."""
        form = await self._visitors.form(request)
        typed = {"name": form.text("name"), "access": form["access"], "scopes": form["scopes"]}
        place = await self._place(request, typed)
        scopes, wrong = _scopes(form["access"], form["scopes"])
        errors = {"name": "", "access": "", "scopes": wrong}
        if not short(typed["name"]):
            errors["name"] = f"Use at most {LONGEST} printable characters."
        elif not wrong and not place.may(scopes):
            errors["access"] = "Your role can't give this much."
        if any(errors.values()):
            problem = "" if place.manages else "Your role can't make keys."  # the form is not there any more
            return await self._shown(request, place, 422, typed=typed, errors=errors, problem=problem)
        person = place.visitor.person
        secret, key = self._minting.new(typed["name"], scopes, made_by=person.email)
        by = self._by(request, place, *may_hold(scopes))
        await self._revocations.write(self._store.create_key, place.here.workspace.id, key, by)
        return await self._shown(
            request, place, 201, secret=secret, kept=key.sealed is not None, said="The key was made."
        )


def _scopes(access: str, typed: str) -> tuple[frozenset[str] | None, str]:
    """Return the scopes of a preset or those that were typed, and what is wrong with them."""
    if access:
        if access not in PRESETS:
            return frozenset(), "Choose one of the list."
        wrong = "Choose “Only the scopes below” to have these, or leave this empty."
        return PRESETS[access], wrong if typed.strip() else ""
    words = frozenset(typed.replace(",", " ").split())
    bad = sorted(word for word in words if not SCOPE.fullmatch(word))
    if not words:
        return words, "Name at least one scope, or choose another access."
    if bad or len(words) > MOST:
        return words, f"Use at most {MOST} words like model:infer: small letters, digits, _ and -."
    return words, ""
