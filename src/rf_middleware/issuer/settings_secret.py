"""Shows the secret of a key again: on a click, by somebody who showed lately who they are, with an audit row.

They give their password, or go to the OpenID provider and click again. The secret is in no page before that, and in
nothing but the answer to the click.
"""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rf_middleware.issuer.answers import not_found
from rf_middleware.issuer.audit import Note
from rf_middleware.issuer.pages import Pages
from rf_middleware.issuer.parts import Parts
from rf_middleware.issuer.people import Person
from rf_middleware.issuer.proving import Proving
from rf_middleware.issuer.records import Key
from rf_middleware.issuer.settings_base import Place, SettingsBase, may_hold, named
from rf_middleware.issuer.settings_changes import KEY_PATH
from rf_middleware.issuer.sign_in_oidc import OIDC
from rf_middleware.issuer.vault import CannotOpen
from rf_middleware.issuer.visitors import Visitors, by_person

__all__ = ["SettingsSecret"]


class SettingsSecret(SettingsBase):
    """The form that shows a secret."""

    def __init__(self, parts: Parts, visitors: Visitors, pages: Pages, proving: Proving) -> None:
        super().__init__(parts, visitors, pages)
        self._vault, self._proving = parts.vault, proving
        self._openid = "" if parts.oidc is None else OIDC

    def routes(self) -> Sequence[Route]:
        """Return the route."""
        return [self._pages.route("POST", KEY_PATH + "/show", self.show)]

    async def show(self, request: Request) -> Response:
        """Show the secret, or ask first for what shows who it is."""
        form = await self._visitors.form(request)
        place, key = await self._own_key(request)
        if not place.may(key.scopes):
            raise not_found()
        visitor = place.visitor
        if not visitor.proved_lately:
            password = form["password"]
            wrong = await self._wrong(request, visitor.person, password) if password else ""
            if wrong or not password:
                return await self._ask(request, place, key, wrong)
            await self._visitors.prove(request)
        sealed = await self._revocations.read(self._store.sealed_secret, key.id)
        if sealed is None or self._vault is None:
            return await self._shown(request, place, 409, problem=f"The secret of {named(key)} is not kept here.")
        try:
            secret = self._vault.open(key.id, sealed.kek, sealed.blob)
        except CannotOpen as problem:
            return await self._shown(request, place, 409, problem=f"{named(key)} can't be shown: {problem}.")
        by, note = self._by(request, place, *may_hold(key.scopes)), Note("key.show", key.id, place.here.workspace.id)
        await self._revocations.write(self._store.note, by, note)
        return await self._shown(request, place, secret=secret, kept=True, said=f"This is {named(key)}.")

    async def _ask(self, request: Request, place: Place, key: Key, wrong: str) -> Response:
        """Return the page on which they show who they are."""
        visitor = place.visitor
        known = await self._revocations.read(self._store.person, visitor.person.email)
        has_password = known is not None and bool(known.password)
        context = {"key": key, "named": named(key), "here": place.here, "error": wrong}
        more = {**context, "has_password": has_password, "openid": self._openid}
        return self._pages.show(request, "settings_prove.html", 401 if wrong else 200, visitor=visitor, **more)

    async def _wrong(self, request: Request, person: Person, password: str) -> str:
        """Say what is wrong with a password; nothing if it is the person's."""
        proof = await self._proving.prove(person.email, password, by_person(request, person))
        return proof.too_soon or ("" if proof.person else "This is not your password.")
