"""``/login``, ``/logout`` and ``/first/{link}``: how a person comes in, and goes.

* Unknown people, wrong passwords and disabled people are answered alike, after the same work.
* Failures are counted (``attempts.py``) and written to the audit log.
* A password is hashed and checked in a thread: it takes a twentieth of a second.
"""

import re
from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from rf_middleware._fingerprint import fingerprint
from rf_middleware.issuer.access import address
from rf_middleware.issuer.attempts import Attempts
from rf_middleware.issuer.audit import By, Note
from rf_middleware.issuer.forms import own_path
from rf_middleware.issuer.pages import Pages
from rf_middleware.issuer.passwords import Passwords, fault
from rf_middleware.issuer.people import LinkOver, Person
from rf_middleware.issuer.revocations import Revocations
from rf_middleware.issuer.store import Store
from rf_middleware.issuer.store_people import new_person
from rf_middleware.issuer.visitors import Visitors

__all__ = ["SignIn"]

_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,250}")
_LONGEST_NAME: Final = 200
_START: Final = "/settings/api"


class SignIn:
    """The routes by which people come and go."""

    def __init__(
        self,
        store: Store,
        revocations: Revocations,
        visitors: Visitors,
        pages: Pages,
        *,
        passwords: Passwords,
        attempts: Attempts,
    ) -> None:
        self._store, self._revocations, self._visitors, self._pages = store, revocations, visitors, pages
        self._passwords, self._attempts = passwords, attempts

    def routes(self) -> Sequence[Route]:
        """Return the routes."""
        return [
            Route("/login", self.form, methods=["GET"]),
            Route("/login", self.enter, methods=["POST"]),
            Route("/logout", self.leave, methods=["POST"]),
            Route("/first/{link}", self.first_form, methods=["GET"]),
            Route("/first/{link}", self.first, methods=["POST"]),
        ]

    async def form(self, request: Request) -> Response:
        """Show the form, or go on where somebody is signed in already."""
        then = own_path(request.query_params.get("next", ""), _START)
        if await self._visitors.visitor(request) is not None:
            return RedirectResponse(then, 303)
        return self._again(request, 200, "", "", then)

    async def enter(self, request: Request) -> Response:
        """Sign in."""
        form = await self._visitors.form(request)
        email, then = form.text("email").lower()[:320], own_path(form["next"], _START)
        with self._attempts.begin(email, address(request)) as attempt:
            if attempt.wait:
                text = f"Too many failed attempts. Try again in {attempt.wait:.0f} seconds."
                answer = self._again(request, 429, text, email, then)
                answer.headers["Retry-After"] = f"{attempt.wait:.0f}"
                return answer
            person = await self._known(email, form["password"])
            if person is not None:
                attempt.succeeded()
                return await self._visitors.begin(request, person, then)
        by = By("nobody", "", email, address(request))
        await self._revocations.write(self._store.note, by, Note("session.fail", email))
        return self._again(request, 401, "This e-mail address and password do not fit.", email, then)

    async def leave(self, request: Request) -> Response:
        """Sign out."""
        await self._visitors.form(request)
        visitor = await self._visitors.visitor(request)
        return RedirectResponse("/login", 303) if visitor is None else await self._visitors.end(request, visitor)

    async def first_form(self, request: Request) -> Response:
        """Show the form for the first administrator, as long as its link is good."""
        held = fingerprint(request.path_params["link"].encode())
        if not await self._revocations.read(self._store.first_link_is_good, held):
            return self._over(request)
        return self._first_again(request, 200, {"email": "", "name": ""}, {})

    async def first(self, request: Request) -> Response:
        """Make the first administrator, and sign them in."""
        form = await self._visitors.form(request)
        typed = {"email": form.text("email").lower(), "name": form.text("name")}
        errors = _errors(typed, form["password"])
        if errors:
            return self._first_again(request, 422, typed, errors)
        hashed = await self._revocations.read(self._passwords.hash, form["password"])
        person = new_person(typed["email"], typed["name"], hashed, admin=True)
        held = fingerprint(request.path_params["link"].encode())
        by = By("person", person.id, person.email, address(request))
        try:
            await self._revocations.write(self._store.become_first, held, person, by)
        except LinkOver:
            return self._over(request)
        return await self._visitors.begin(request, person, _START)

    async def _known(self, email: str, password: str) -> Person | None:
        person = await self._revocations.read(self._store.person, email)
        kept = person.password if person is not None and person.active else None
        right = await self._revocations.read(self._passwords.verify, kept, password)
        return person if right else None

    def _again(self, request: Request, status: int, problem: str, email: str, then: str) -> Response:
        return self._pages.show(request, "sign_in.html", status, problem=problem, email=email, next=then)

    def _first_again(self, request: Request, status: int, typed: dict[str, str], errors: dict[str, str]) -> Response:
        wrong = {"email": "", "name": "", "password": "", **errors}
        link = request.path_params["link"]
        return self._pages.show(request, "first.html", status, link=link, typed=typed, errors=wrong)

    def _over(self, request: Request) -> Response:
        text = (
            "It was used, is older than a day, or there is an administrator. A server that has none prints a new one."
        )
        return self._pages.show(request, "message.html", 410, heading="This link does not work any more", text=text)


def _errors(typed: dict[str, str], password: str) -> dict[str, str]:
    """Return what is wrong, by field."""
    checks = {
        "email": None if _EMAIL.fullmatch(typed["email"]) else "Enter an e-mail address like ann@example.com.",
        "name": None
        if typed["name"].isprintable() and len(typed["name"]) <= _LONGEST_NAME
        else f"Use at most {_LONGEST_NAME} printable characters.",
        "password": fault(password, typed["email"], typed["name"]),
    }
    return {name: text for name, text in checks.items() if text}
