"""``/device``: a person answers the login of a device (RFC 8628 section 3.3).

* Nothing is granted by opening the page, with or without a code in its address: only by a yes that is sent.
* The page shows what asks and from where.
* Who guesses at codes waits: by person and by address, and a code that is right makes up for none that was wrong.
"""

import math
import time
from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rf_middleware._fingerprint import fingerprint
from rf_middleware.issuer.access import address
from rf_middleware.issuer.attempts import Attempts, Limit
from rf_middleware.issuer.audit import Note
from rf_middleware.issuer.device import Device, over
from rf_middleware.issuer.device_codes import read_user_code
from rf_middleware.issuer.login_choice import Choice, LoginPages
from rf_middleware.issuer.logins import LoginOver
from rf_middleware.issuer.pages import Pages
from rf_middleware.issuer.parts import Parts
from rf_middleware.issuer.visitors import Visitor, Visitors, by_person

__all__ = ["DevicePages"]

_OF_PERSON: Final = Limit(10, 30.0)
_OF_ADDRESS: Final = Limit(60, 10.0)

_OVER: Final = {
    "decided": (
        409,
        "This code was answered already",
        "Each code works once. Start again on the device for a new one.",
    ),
    "expired": (
        410,
        "This code is too old",
        "A code is good for ten minutes. Start again on the device for a new one.",
    ),
}
_UNKNOWN: Final = "This code is not known. Compare it with the one that your device shows."
_NO_CODE: Final = "This is no code. Type it as your device shows it."


class DevicePages(LoginPages):
    """The pages that ask for a code, and then for a yes or a no."""

    def __init__(self, parts: Parts, visitors: Visitors, pages: Pages) -> None:
        super().__init__(parts, visitors, pages)
        self._of_person = Attempts(parts.clock, address=_OF_PERSON)
        self._of_address = Attempts(parts.clock, address=_OF_ADDRESS)

    def routes(self) -> Sequence[Route]:
        """Return the routes."""
        return [
            self._pages.route("GET", "/device", self.ask),
            self._pages.route("POST", "/device", self.answered),
        ]

    async def ask(self, request: Request) -> Response:
        """Ask for a code; with one in the address ask the question."""
        visitor = await self._visitors.needed(request)
        typed = request.query_params.get("user_code", "")
        if not typed.strip():
            return self._pages.show(request, "device.html", visitor=visitor, user_code="", problem="")
        found = await self._found(request, visitor, typed)
        if isinstance(found, Response):
            return found
        choice = await self._choice(visitor)
        if not choice.offered:
            return self._nowhere(request, visitor)
        choice = choice.at_first(found.workspace)
        return self._question(request, visitor, found, typed, choice, error=choice.missing)

    async def answered(self, request: Request) -> Response:
        """Take the answer in."""
        form = await self._visitors.form(request)
        visitor = await self._sender(request, f"/device?user_code={read_user_code(form['user_code'])}")
        found = await self._found(request, visitor, form["user_code"])
        if isinstance(found, Response):
            return found
        choice = (await self._choice(visitor)).as_sent(form, found.workspace)
        if form["answer"] == "yes" and not choice.chosen:
            error = "Choose at least one workspace."
            return self._question(request, visitor, found, form["user_code"], choice, error=error, status=422)
        if form["answer"] not in {"yes", "no"}:
            return self._question(
                request, visitor, found, form["user_code"], choice, error="Say yes or no.", status=422
            )
        allowed = choice.chosen if form["answer"] == "yes" else []
        args = (visitor.person, tuple(each.id for each in allowed), by_person(request, visitor.person))
        try:
            await self._revocations.write(self._store.decide_login, found.id, *args)
        except LoginOver:
            return self._over(request, visitor, "decided")
        what = found.name or found.client
        if not allowed:
            text = f"{what} gets no key. If you did not start this, somebody may have wanted you to allow it."
            return self._message(request, visitor, 200, "Refused", text)
        names = ", ".join(each.name or each.slug for each in allowed)
        text = f"{what} fetches its key for {names} now. You can close this page and go on there."
        return self._message(request, visitor, 200, "Allowed", text)

    async def _found(self, request: Request, visitor: Visitor, typed: str) -> Device | Response:
        """Return the login that waits under a code, or the page that says why there is none."""
        code = read_user_code(typed)
        if not code:
            return self._again(request, visitor, 422, typed, _NO_CODE)
        person, where = visitor.person, address(request)
        with self._of_person.begin(None, person.id) as mine, self._of_address.begin(None, where) as here:
            wait = math.ceil(max(mine.wait, here.wait))
            held = fingerprint(code.encode())
            device = None if wait else await self._revocations.read(self._store.login_by_user_code, held)
            if wait or device is not None:  # that is no wrong guess
                mine.succeeded()
                here.succeeded()
        if wait:
            problem = f"Too many codes that were not known. Try again in {wait} seconds."
            answer = self._again(request, visitor, 429, typed, problem)
            answer.headers["Retry-After"] = str(wait)
            return answer
        if device is None:
            note = Note("login.fail", person.email, detail={"reason": "unknown user code"})
            await self._revocations.write(self._store.note, by_person(request, person), note)
            return self._again(request, visitor, 404, typed, _UNKNOWN)
        why = over(device, time.time())
        return self._over(request, visitor, why) if why else device

    def _again(self, request: Request, visitor: Visitor, status: int, typed: str, problem: str) -> Response:
        shown = typed.strip()[:32]
        return self._pages.show(request, "device.html", status, visitor=visitor, user_code=shown, problem=problem)

    def _question(
        self,
        request: Request,
        visitor: Visitor,
        device: Device,
        typed: str,
        choice: Choice,
        *,
        error: str,
        status: int = 200,
    ) -> Response:
        context = {"ask": device, "user_code": read_user_code(typed), "workspaces": choice.rows, "error": error}
        return self._pages.show(request, "device_ask.html", status, visitor=visitor, **context)

    def _over(self, request: Request, visitor: Visitor, why: str) -> Response:
        return self._message(request, visitor, *_OVER[why])
