"""``/login/oidc``: people sign in with accounts of their company; those who are signed in show again who they are.

* Both routes are GET: one is a link (a form may not lead to another site), to the other the provider sends the browser.
* An answer counts in the browser that began, once (``oidc_pending.py``); what comes of it is a new session. So nobody
  is signed in as somebody else by a link, and no cookie that was planted before is worth anything.
* Whoever shows again who they are stays in their session, and must be the same person.
* Failures are counted (``attempts.py``): nobody makes this server ask the provider, or fill its log, without end.
"""

import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from rf_middleware.issuer.access import address
from rf_middleware.issuer.admission import NotAdmitted
from rf_middleware.issuer.attempts import Attempts, Limit
from rf_middleware.issuer.audit import By, Note
from rf_middleware.issuer.forms import own_path
from rf_middleware.issuer.oidc import OpenIDConnect
from rf_middleware.issuer.oidc_failures import ProviderDown, Reason, SignInFailed
from rf_middleware.issuer.oidc_pending import Begun, PendingCookie
from rf_middleware.issuer.oidc_settings import CALLBACK
from rf_middleware.issuer.pages import Pages
from rf_middleware.issuer.parts import Parts
from rf_middleware.issuer.settings_base import SETTINGS
from rf_middleware.issuer.visitors import Visitors

__all__ = ["OIDC", "SignInOidc"]

OIDC: Final = "/login/oidc"
_LONGEST_PATH: Final = 1000
"""Characters of a path to go on to: a cookie has 4096 at most."""

_FAILURES: Final = Limit(60, 2.0)
_BEGIN_AGAIN: Final = frozenset({Reason.NOT_BEGUN, Reason.TOO_LATE, Reason.NO_CODE})
_log = logging.getLogger("rf_middleware.issuer")


class SignInOidc:
    """The routes by which people come from an OpenID provider."""

    def __init__(self, parts: Parts, oidc: OpenIDConnect, visitors: Visitors, pages: Pages) -> None:
        self._store, self._revocations, self._oidc = parts.store, parts.revocations, oidc
        self._visitors, self._pages = visitors, pages
        self._pending, self._attempts = PendingCookie(), Attempts(parts.clock, address=_FAILURES)

    def routes(self) -> Sequence[Route]:
        """Return the routes."""
        return [
            self._pages.route("GET", OIDC, self.begin),
            self._pages.route("GET", CALLBACK, self.finish),
        ]

    async def begin(self, request: Request) -> Response:
        """Send the browser to the provider."""
        return await self._tried(request, self._begin)

    async def finish(self, request: Request) -> Response:
        """Take in what the provider sends the browser back with."""
        answer = await self._tried(request, self._finish)
        self._pending.clear(request, answer)
        return answer

    async def _begin(self, request: Request) -> Response:
        then, visitor = own_path(request.query_params.get("next", ""), SETTINGS), await self._visitors.visitor(request)
        if visitor is not None and "reauthenticate" not in request.query_params:
            return RedirectResponse(then, 303)
        place, pending = await self._oidc.begin(reauthenticate=visitor is not None)
        answer = RedirectResponse(place, 303)
        person = "" if visitor is None else visitor.person.id
        self._pending.set(request, answer, Begun(pending, then if len(then) <= _LONGEST_PATH else SETTINGS, person))
        return answer

    async def _finish(self, request: Request) -> Response:
        begun, visitor = self._pending.read(request), await self._visitors.visitor(request)
        same = begun is not None and begun.person in {"", visitor and visitor.person.id}
        if begun is None or not same:
            raise SignInFailed(Reason.NOT_BEGUN)
        claims = await self._oidc.finish(begun.pending, request.query_params.multi_items())
        by = By("nobody", "", claims.email, address(request))
        new = self._oidc.admits_new and not begun.person
        recognise = partial(self._store.recognise, claims, by, new=new, only=begun.person)
        person = await self._revocations.write(recognise)
        shown = claims.authenticated_at or 0.0  # not said: it may be long ago
        if begun.person:
            await self._visitors.prove(request, shown)
            return RedirectResponse(begun.then, 303)
        return await self._visitors.begin(request, person, begun.then, shown)

    async def _tried(self, request: Request, step: Callable[[Request], Awaitable[Response]]) -> Response:
        """Take a step, unless too many failed from there; say why it fails."""
        with self._attempts.begin(None, address(request)) as attempt:
            if attempt.wait:
                wait = math.ceil(attempt.wait)
                answer = await self._say(request, 429, f"Too many failed attempts. Try again in {wait} seconds.")
                answer.headers["Retry-After"] = str(wait)
                return answer
            try:
                answer = await step(request)
            except SignInFailed as failure:
                _log.warning("sign-in at the OpenID provider: %s %s", failure.reason.name, failure.detail)
                await self._note(request, failure.reason.name, "")
                return await self._say(request, _status(failure), str(failure))
            except NotAdmitted as failure:
                await self._note(request, failure.refusal.name, failure.email)
                return await self._say(request, 403, str(failure))
            attempt.succeeded()
            return answer

    async def _note(self, request: Request, reason: str, email: str) -> None:
        self._revocations.metrics.signed_in("failed")
        note = Note("session.fail", email, detail={"openid": reason.lower()})
        by = By("nobody", "", email, address(request))
        await self._revocations.write(self._store.note, by, note)

    async def _say(self, request: Request, status: int, text: str) -> Response:
        """Say what is wrong: on the page to sign in, or to somebody who is signed in on one of its own."""
        visitor, begun = await self._visitors.visitor(request), self._pending.read(request)
        if visitor is not None:
            heading = "That did not work"
            return self._pages.show(request, "message.html", status, visitor=visitor, heading=heading, text=text)
        then = own_path(request.query_params.get("next", ""), SETTINGS if begun is None else begun.then)
        return self._pages.show(request, "sign_in.html", status, problem=text, email="", next=then, openid=OIDC)


def _status(failure: SignInFailed) -> int:
    if isinstance(failure, ProviderDown):
        return 502
    return 400 if failure.reason in _BEGIN_AGAIN else 403
