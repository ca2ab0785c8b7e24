"""``/login``, ``/logout`` and ``/first/{link}``: how a person comes in, and goes."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from rf_middleware._fingerprint import fingerprint
from rf_middleware.issuer.access import address
from rf_middleware.issuer.audit import By
from rf_middleware.issuer.forms import own_path
from rf_middleware.issuer.pages import Pages
from rf_middleware.issuer.parts import Parts
from rf_middleware.issuer.passwords import fault
from rf_middleware.issuer.people import LinkOver
from rf_middleware.issuer.proving import Proving
from rf_middleware.issuer.rows_people import new_person
from rf_middleware.issuer.settings_base import SETTINGS
from rf_middleware.issuer.sign_in_oidc import OIDC
from rf_middleware.issuer.texts import EMAIL_FAULT, NAME_FAULT, is_email, short
from rf_middleware.issuer.visitors import Visitors

__all__ = ["SignIn"]


class SignIn:
    """The routes by which people come and go."""

    def __init__(self, parts: Parts, visitors: Visitors, pages: Pages, proving: Proving) -> None:
        self._store, self._revocations = parts.store, parts.revocations
        self._visitors, self._pages, self._proving = visitors, pages, proving
        self._openid = "" if parts.oidc is None else OIDC

    def routes(self) -> Sequence[Route]:
        """Return the routes."""
        route = self._pages.route
        return [
            route("GET", "/login", self.form),
            route("POST", "/login", self.enter),
            route("POST", "/logout", self.leave),
            route("GET", "/first/{link}", self.first_form),
            route("POST", "/first/{link}", self.first),
        ]

    async def form(self, request: Request) -> Response:
        """Show the form, or go on where somebody is signed in already."""
        then = own_path(request.query_params.get("next", ""), SETTINGS)
        if await self._visitors.visitor(request) is not None:
            return RedirectResponse(then, 303)
        return self._again(request, 200, "", "", then)

    async def enter(self, request: Request) -> Response:
        """Sign in."""
        form = await self._visitors.form(request)
        email, then = form.text("email").lower()[:320], own_path(form["next"], SETTINGS)
        proof = await self._proving.prove(email, form["password"], By("nobody", "", email, address(request)))
        if proof.person is not None:
            return await self._visitors.begin(request, proof.person, then)
        self._revocations.metrics.signed_in("failed")
        if not proof.wait:
            return self._again(request, 401, "This e-mail address and password do not fit.", email, then)
        answer = self._again(request, 429, proof.too_soon, email, then)
        answer.headers["Retry-After"] = str(proof.wait)
        return answer

    async def leave(self, request: Request) -> Response:
        """Sign out."""
        await self._visitors.form(request)
        visitor = await self._visitors.visitor(request)
        return RedirectResponse("/login", 303) if visitor is None else await self._visitors.end(request, visitor)

    async def first_form(self, request: Request) -> Response:
        """Show the form for the first administrator, as long as its link is good."""
        if not await self._revocations.read(self._store.first_link_is_good, _held(request)):
            return self._over(request)
        return self._first_again(request, 200, {"email": "", "name": ""}, {})

    async def first(self, request: Request) -> Response:
        """Make the first administrator, and sign them in."""
        form = await self._visitors.form(request)
        if not await self._revocations.read(self._store.first_link_is_good, _held(request)):
            return self._over(request)  # before a password is hashed for nothing
        typed = {"email": form.text("email").lower(), "name": form.text("name")}
        errors = _errors(typed, form["password"])
        if errors:
            return self._first_again(request, 422, typed, errors)
        hashed = await self._proving.hash(form["password"])
        person = new_person(typed["email"], typed["name"], hashed, admin=True)
        by = By("person", person.id, person.email, address(request))
        try:
            await self._revocations.write(self._store.become_first, _held(request), person, by)
        except LinkOver:
            return self._over(request)
        return await self._visitors.begin(request, person, SETTINGS)

    def _again(self, request: Request, status: int, problem: str, email: str, then: str) -> Response:
        return self._pages.show(
            request, "sign_in.html", status, problem=problem, email=email, next=then, openid=self._openid
        )

    def _first_again(self, request: Request, status: int, typed: dict[str, str], errors: dict[str, str]) -> Response:
        wrong = {"email": "", "name": "", "password": "", **errors}
        link = request.path_params["link"]
        return self._pages.show(request, "first.html", status, link=link, typed=typed, errors=wrong)

    def _over(self, request: Request) -> Response:
        text = (
            "It was used, is older than a day, or there is an administrator. A server that has none prints a new one."
        )
        return self._pages.show(request, "message.html", 410, heading="This link does not work any more", text=text)


def _held(request: Request) -> bytes:
    return fingerprint(request.path_params["link"].encode())


def _errors(typed: dict[str, str], password: str) -> dict[str, str]:
    """Return what is wrong, by field."""
    checks = {
        "email": None if is_email(typed["email"]) else EMAIL_FAULT,
        "name": None if short(typed["name"]) else NAME_FAULT,
        "password": fault(password, typed["email"], typed["name"]),
    }
    return {name: text for name, text in checks.items() if text}
