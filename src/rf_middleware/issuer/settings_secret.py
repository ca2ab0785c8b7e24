"""Shows the secret of a key again: on a click, after the password was given lately, with an audit row.

It is in no page before that, and in nothing but the answer to the click.
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
from rf_middleware.issuer.settings_base import SettingsBase, named
from rf_middleware.issuer.settings_changes import KEY_PATH
from rf_middleware.issuer.vault import CannotOpen
from rf_middleware.issuer.visitors import Visitors, by_person

__all__ = ["SettingsSecret"]


class SettingsSecret(SettingsBase):
    """The form that shows a secret."""

    def __init__(self, parts: Parts, visitors: Visitors, pages: Pages, proving: Proving) -> None:
        super().__init__(parts, visitors, pages)
        self._vault, self._proving = parts.vault, proving

    def routes(self) -> Sequence[Route]:
        """Return the route."""
        return [self._pages.route("POST", KEY_PATH + "/show", self.show)]

    async def show(self, request: Request) -> Response:
        """Show the secret, or ask for the password first."""
        form = await self._visitors.form(request)
        place, key = await self._own_key(request)
        if not place.may(key.scopes):
            raise not_found()
        visitor = place.visitor
        if not visitor.proved_lately:
            password = form["password"]
            wrong = await self._wrong(request, visitor.person, password) if password else ""
            if wrong or not password:
                context = {"key": key, "named": named(key), "here": place.here, "error": wrong}
                return self._pages.show(
                    request, "settings_prove.html", 401 if wrong else 200, visitor=visitor, **context
                )
            await self._visitors.prove(request)
        sealed = await self._revocations.read(self._store.sealed_secret, key.id)
        if sealed is None or self._vault is None:
            return await self._shown(request, place, 409, problem=f"The secret of {named(key)} is not kept here.")
        try:
            secret = self._vault.open(key.id, sealed.kek, sealed.blob)
        except CannotOpen as problem:
            return await self._shown(request, place, 409, problem=f"{named(key)} can't be shown: {problem}.")
        by, note = by_person(request, visitor.person), Note("key.show", key.id, place.here.workspace.id)
        await self._revocations.write(self._store.note, by, note)
        return await self._shown(request, place, secret=secret, kept=True, said=f"This is {named(key)}.")

    async def _wrong(self, request: Request, person: Person, password: str) -> str:
        """Say what is wrong with a password; nothing if it is the person's."""
        proof = await self._proving.prove(person.email, password, by_person(request, person))
        return proof.too_soon or ("" if proof.person else "This is not your password.")
