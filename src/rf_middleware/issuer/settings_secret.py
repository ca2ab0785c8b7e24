"""Shows the secret of a key again: on a click, after the password was given lately, with an audit row.

It is in no page before that, and in nothing but the answer to the click.
"""

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rf_middleware.issuer.access import address
from rf_middleware.issuer.answers import not_found
from rf_middleware.issuer.attempts import Attempts
from rf_middleware.issuer.audit import Note
from rf_middleware.issuer.pages import Pages
from rf_middleware.issuer.passwords import Passwords
from rf_middleware.issuer.people import Person
from rf_middleware.issuer.revocations import Revocations
from rf_middleware.issuer.settings_base import SettingsBase, named
from rf_middleware.issuer.settings_changes import KEY_PATH
from rf_middleware.issuer.store import Store
from rf_middleware.issuer.vault import CannotOpen, Vault
from rf_middleware.issuer.visitors import Visitors, by_person

__all__ = ["SettingsSecret"]

_FIELD: Final = "password"


class SettingsSecret(SettingsBase):
    """The form that shows a secret."""

    def __init__(
        self,
        store: Store,
        revocations: Revocations,
        visitors: Visitors,
        pages: Pages,
        *,
        vault: Vault | None,
        passwords: Passwords,
        attempts: Attempts,
    ) -> None:
        super().__init__(store, revocations, visitors, pages)
        self._vault, self._passwords, self._attempts = vault, passwords, attempts

    def routes(self) -> Sequence[Route]:
        """Return the route."""
        return [Route(KEY_PATH + "/show", self.show, methods=["POST"])]

    async def show(self, request: Request) -> Response:
        """Show the secret, or ask for the password first."""
        form = await self._visitors.form(request)
        place, key = await self._own_key(request)
        if not place.may(key.scopes):
            raise not_found()
        visitor = place.visitor
        if not visitor.proved_lately:
            wrong = "" if not form[_FIELD] else await self._wrong(request, visitor.person, form[_FIELD])
            if wrong or not form[_FIELD]:
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
        return await self._shown(request, place, secret=secret, said=f"This is {named(key)}.")

    async def _wrong(self, request: Request, person: Person, password: str) -> str:
        """Say what is wrong with a password; nothing if it is the person's."""
        with self._attempts.begin(person.email, address(request)) as attempt:
            if attempt.wait:
                return f"Too many failed attempts. Try again in {attempt.wait:.0f} seconds."
            kept = await self._revocations.read(self._store.person, person.email)
            stored = None if kept is None else kept.password
            if await self._revocations.read(self._passwords.verify, stored, password):
                attempt.succeeded()
                return ""
        await self._revocations.write(self._store.note, by_person(request, person), Note("session.fail", person.email))
        return "This is not your password."
