"""``/invite/{link}``: somebody who was invited, or whose password was taken away, chooses one and is signed in."""

from collections.abc import Sequence
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rf_middleware._fingerprint import fingerprint
from rf_middleware.issuer.pages import Pages
from rf_middleware.issuer.parts import Parts
from rf_middleware.issuer.passwords import fault
from rf_middleware.issuer.people import LinkOver, Person
from rf_middleware.issuer.proving import Proving
from rf_middleware.issuer.settings_base import SETTINGS
from rf_middleware.issuer.texts import NAME_FAULT, short
from rf_middleware.issuer.visitors import Visitors, by_person

__all__ = ["Invites"]


class Invites:
    """The form behind a one-time link."""

    def __init__(self, parts: Parts, visitors: Visitors, pages: Pages, proving: Proving) -> None:
        self._store, self._revocations = parts.store, parts.revocations
        self._visitors, self._pages, self._proving = visitors, pages, proving

    def routes(self) -> Sequence[Route]:
        """Return the routes."""
        route = self._pages.route
        return [route("GET", "/invite/{link}", self.form), route("POST", "/invite/{link}", self.accept)]

    async def form(self, request: Request) -> Response:
        """Show the form, as long as its link is good."""
        person = await self._revocations.read(self._store.invited, _held(request))
        return self._over(request) if person is None else self._again(request, 200, person, person.name, {})

    async def accept(self, request: Request) -> Response:
        """Keep name and password, and sign the person in."""
        form = await self._visitors.form(request)
        person = await self._revocations.read(self._store.invited, _held(request))
        if person is None:
            return self._over(request)  # before a password is hashed for nothing
        name = form.text("name")
        wrong = {
            "name": "" if short(name) else NAME_FAULT,
            "password": fault(form["password"], person.email, name) or "",
        }
        if any(wrong.values()):
            return self._again(request, 422, person, name, wrong)
        hashed = await self._proving.hash(form["password"])
        person = replace(person, name=name)
        try:
            args = (_held(request), person, hashed, by_person(request, person))
            await self._revocations.write(self._store.accept, *args)
        except LinkOver:
            return self._over(request)
        return await self._visitors.begin(request, person, SETTINGS)

    def _again(self, request: Request, status: int, person: Person, name: str, wrong: dict[str, str]) -> Response:
        errors = {"name": "", "password": "", **wrong}
        link = request.path_params["link"]
        return self._pages.show(
            request, "invite.html", status, link=link, email=person.email, typed={"name": name}, errors=errors
        )

    def _over(self, request: Request) -> Response:
        text = "It was used, is too old, or was replaced by another. Ask whoever gave it to you for a new one."
        return self._pages.show(request, "message.html", 410, heading="This link does not work any more", text=text)


def _held(request: Request) -> bytes:
    return fingerprint(request.path_params["link"].encode())
