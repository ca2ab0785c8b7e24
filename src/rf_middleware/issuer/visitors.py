"""Who looks at a page: the person of the session that the cookie stands for.

* The cookie holds 256 random bits, the database their SHA-256. A session gets a new one each time somebody signs in.
* It is HttpOnly, SameSite=Lax and, where this server is reached by https, Secure with the ``__Host-`` prefix.
* A session ends twelve hours after it was last used, and a week after it began: a provider that shuts somebody out
  does not tell us.
* Whoever is not signed in has a cookie too, for the forms they send; it stands for nothing.
"""

import secrets
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from rf_middleware._fingerprint import fingerprint
from rf_middleware.issuer.access import address
from rf_middleware.issuer.audit import By
from rf_middleware.issuer.forms import Form, csrf_of, read_form
from rf_middleware.issuer.metadata import base_url
from rf_middleware.issuer.people import Person
from rf_middleware.issuer.revocations import Revocations
from rf_middleware.issuer.store import Store

__all__ = ["SeeOther", "Visitor", "Visitors", "by_person", "cookie_name", "secure"]

_IDLE: Final = 12 * 3600.0
_NOTED_EVERY: Final = 60.0
_LATELY: Final = 300.0
"""Seconds for which it is enough to have shown who one is to see a secret."""


class SeeOther(Exception):  # noqa: N818 - an answer, not a fault
    """The visitor is sent elsewhere.

    Attributes:
        location: a path of this server.
    """

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.location = location


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who is signed in.

    Attributes:
        csrf: what their forms carry.
        proved_lately: whether they gave their password, or signed in at the provider, in the last five minutes.
        leads: whether they are admin of a workspace.
    """

    person: Person
    csrf: str = field(repr=False)
    proved_lately: bool
    leads: bool = False

    @property
    def audits(self) -> bool:
        """Whether there is something in the audit log for them."""
        return self.person.admin or self.leads


class Visitors:
    """Sessions of browsers."""

    def __init__(self, store: Store, revocations: Revocations) -> None:
        self._store, self._revocations = store, revocations

    async def visitor(self, request: Request) -> Visitor | None:
        """Return who is signed in."""
        cookie = self.cookie(request)
        held = await self._revocations.read(self._store.session, fingerprint(cookie.encode())) if cookie else None
        if held is None:
            return None
        now = time.time()
        if now - held.seen > _NOTED_EVERY:
            await self._revocations.write(self._store.see_session, fingerprint(cookie.encode()), now + _IDLE)
        return Visitor(held.person, csrf_of(cookie), now - held.proved < _LATELY, held.leads)

    async def needed(self, request: Request, back: str = "") -> Visitor:
        """Return who is signed in.

        Args:
            request: it is for them.
            back: where to go on after a sign-in, for a form: a page, with what was typed in its query.

        Raises:
            SeeOther: nobody is.
        """
        found = await self.visitor(request)
        if found is None:
            here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            wanted = here if request.method == "GET" else back
            raise SeeOther(f"/login?next={quote(wanted, safe='')}" if wanted else "/login")
        return found

    async def form(self, request: Request) -> Form:
        """Return the form of a request, sent from a page of ours to this browser.

        Raises:
            Problem: it was not.
        """
        return await read_form(request, self.cookie(request))

    async def begin(self, request: Request, person: Person, then: str, proved: float | None = None) -> Response:
        """Sign somebody in, in place of whoever was before, and send them on.

        Args:
            request: they come with this.
            person: who it is.
            then: a path of this server.
            proved: when they showed who they are, in seconds since 1970; ``None`` for just now.
        """
        before = self.cookie(request)
        token, by = secrets.token_urlsafe(32), by_person(request, person)
        await self._revocations.write(self._store.end_session, fingerprint(before.encode()), by)
        agent = request.headers.get("user-agent", "")[:200]
        args = (fingerprint(token.encode()), person.id, time.time() + _IDLE, agent, by)
        await self._revocations.write(partial(self._store.begin_session, proved=proved), *args)
        self._revocations.metrics.signed_in("ok")
        answer = RedirectResponse(then, 303)
        self.set(request, answer, token)
        return answer

    async def prove(self, request: Request, at: float | None = None) -> None:
        """Note that the visitor showed who they are, just now or at a time in seconds since 1970."""
        held = fingerprint(self.cookie(request).encode())
        await self._revocations.write(self._store.prove_session, held, at)

    async def end(self, request: Request, visitor: Visitor) -> Response:
        """Sign the visitor out."""
        held = fingerprint(self.cookie(request).encode())
        await self._revocations.write(self._store.end_session, held, by_person(request, visitor.person))
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(self._name(request), secure=secure(request), httponly=True, samesite="lax")
        return answer

    def cookie(self, request: Request) -> str:
        """Return what stands for this browser; empty when it has nothing yet."""
        return request.cookies.get(self._name(request), "")

    def set(self, request: Request, answer: Response, token: str) -> None:
        """Have a browser keep what stands for it."""
        answer.set_cookie(self._name(request), token, secure=secure(request), httponly=True, samesite="lax")

    def _name(self, request: Request) -> str:
        return cookie_name(request, "rf_session")


def secure(request: Request) -> bool:
    """Say whether browsers reach this server by https."""
    return base_url(request).startswith("https:")


def cookie_name(request: Request, name: str) -> str:
    """Return the name of a cookie: over https one that no other host can set."""
    return f"__Host-{name}" if secure(request) else name


def by_person(request: Request, person: Person) -> By:
    """Return who the audit log names for what somebody does on a page."""
    return By("person", person.id, person.email, address(request))
