"""``/account``: a person changes their password. Every other session of theirs ends."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rf_middleware._fingerprint import fingerprint
from rf_middleware.issuer.pages import Pages
from rf_middleware.issuer.parts import Parts
from rf_middleware.issuer.passwords import fault
from rf_middleware.issuer.proving import Proving
from rf_middleware.issuer.visitors import Visitor, Visitors, by_person

__all__ = ["Account"]


class Account:
    """The page of a person about themselves."""

    def __init__(self, parts: Parts, visitors: Visitors, pages: Pages, proving: Proving) -> None:
        self._store, self._revocations = parts.store, parts.revocations
        self._visitors, self._pages, self._proving = visitors, pages, proving

    def routes(self) -> Sequence[Route]:
        """Return the routes."""
        route = self._pages.route
        return [route("GET", "/account", self.form), route("POST", "/account", self.change)]

    async def form(self, request: Request) -> Response:
        """Show the form."""
        return await self._shown(request, await self._visitors.needed(request))

    async def change(self, request: Request) -> Response:
        """Change the password."""
        form = await self._visitors.form(request)
        visitor = await self._visitors.needed(request, "/account")
        person, new = visitor.person, form["new"]
        wrong = fault(new, person.email, person.name)
        if wrong:
            return await self._shown(request, visitor, 422, new=wrong)
        proof = await self._proving.prove(person.email, form["password"], by_person(request, person))
        if proof.person is None:
            return await self._shown(request, visitor, 422, password=proof.too_soon or "This is not your password.")
        hashed = await self._proving.hash(new)
        keep = fingerprint(self._visitors.cookie(request).encode())
        args = (proof.person, hashed, keep, by_person(request, person))
        if not await self._revocations.write(self._store.change_password, *args):
            return await self._shown(request, visitor, 409, problem="Your password was changed elsewhere just now.")
        said = "Your password was changed. Wherever else you were signed in, you are not any more."
        return await self._shown(request, visitor, said=said)

    async def _shown(self, request: Request, visitor: Visitor, status: int = 200, **more: str) -> Response:
        known = await self._revocations.read(self._store.person, visitor.person.email)
        told = {"password": "", "new": "", "said": "", "problem": "", **more}
        errors = {"password": told.pop("password"), "new": told.pop("new")}
        has_one = known is not None and bool(known.password)
        return self._pages.show(
            request, "account.html", status, visitor=visitor, has_password=has_one, errors=errors, **told
        )
