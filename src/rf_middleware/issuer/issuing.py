"""How devices and programs get keys: ``/device_authorization`` and ``/token`` (RFC 8628), ``/query/cliAuthToken/``.

* Keys are made when a code or token is exchanged, not before. Each works once, for ten minutes.
* An exchange that is asked for by HEAD, as scanners of links do, spends nothing.
* Who asks for too much, or guesses, waits; a code or token that is good passes all the same.
"""

import math
import re
import time
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from rf_middleware._fingerprint import fingerprint
from rf_middleware._models import SLUG
from rf_middleware.issuer.access import address
from rf_middleware.issuer.answers import Problem, answer, oauth_form
from rf_middleware.issuer.attempts import Attempts, Limit
from rf_middleware.issuer.audit import By, Note
from rf_middleware.issuer.device import INTERVAL, LASTS, Device, poll
from rf_middleware.issuer.device_codes import DEVICE_PREFIX, PASTE_PREFIX, device_code, user_code
from rf_middleware.issuer.keys import new_id, well_formed
from rf_middleware.issuer.logins import Handed, TooManyLogins
from rf_middleware.issuer.metadata import DEVICE_GRANT, base_url
from rf_middleware.issuer.parts import Parts

__all__ = ["Issuing"]

T = TypeVar("T")

_ASKS: Final = Limit(60, 10.0)
"""Logins that one address may ask for at once, and after how many seconds another one."""

_CLIENT: Final = re.compile(r"[\x20-\x7e]{1,100}")
_LONGEST_NAME: Final = 150
_LONGEST_SLUG: Final = 100
_LONGEST_AGENT: Final = 200
_LONGEST_ADDRESS: Final = 64

_UNKNOWN: Final = "invalid_grant"
_CALLED: Final = {DEVICE_PREFIX: "device code", PASTE_PREFIX: "token"}
_SAID: Final = {
    "access_denied": "The login was denied, or its person has no right to any of these workspaces any more",
    "authorization_pending": "Nobody has answered on the page yet",
    "expired_token": "The code has expired: ask for another one",
    _UNKNOWN: "The code is not known, or was used",
    "slow_down": "Asked too soon: wait 5 seconds longer from now on",
}


class Issuing:
    """The routes by which keys reach those who logged in."""

    def __init__(self, parts: Parts) -> None:
        self._store, self._revocations, self._minting = parts.store, parts.revocations, parts.minting()
        self._asks, self._guesses = Attempts(parts.clock, address=_ASKS), Attempts(parts.clock)

    def routes(self) -> Sequence[Route]:
        """Return the routes."""
        return [
            Route("/device_authorization", self.ask, methods=["POST"]),
            Route("/token", self.token, methods=["POST"]),
            Route("/query/cliAuthToken/{token}", self.pasted, methods=["GET"]),
        ]

    async def ask(self, request: Request) -> JSONResponse:
        """Begin a login (RFC 8628 section 3.1)."""
        form = await oauth_form(request, "client_id", "device_name workspace")
        device = _device(request, form)
        with self._asks.begin(None, address(request)) as attempt:
            if attempt.wait:
                raise _too_many(attempt.wait)
        code, spelled = device_code(), user_code()
        codes = (fingerprint(code.encode()), fingerprint(spelled.encode()))
        try:
            await self._revocations.write(self._store.ask_login, device, codes, _nobody(request))
        except TooManyLogins:
            raise _too_many(INTERVAL) from None
        page = f"{base_url(request)}/device"
        return answer(
            {
                "device_code": code,
                "user_code": spelled,
                "verification_uri": page,
                "verification_uri_complete": f"{page}?user_code={spelled}",
                "expires_in": int(LASTS),
                "interval": int(INTERVAL),
            }
        )

    async def token(self, request: Request) -> JSONResponse:
        """Exchange a device code for keys, once a person has allowed it (RFC 8628 section 3.4)."""
        form = await oauth_form(request, "grant_type", "client_id device_code")
        if form["grant_type"] != DEVICE_GRANT:
            raise Problem(400, "unsupported_grant_type")
        if not (form["client_id"] and form["device_code"]):
            raise Problem(400, "invalid_request", detail="The form needs client_id and device_code")
        ask = self._store.login_by_device_code
        device = await self._known(request, form["device_code"], DEVICE_PREFIX, ask)
        if device is None or device.client != form["client_id"]:
            raise _told(_UNKNOWN)
        polled = poll(device, time.time())
        if polled.device == device:  # nothing to write down
            raise _told(polled.error)
        write = self._revocations.write
        handed = await write(self._store.poll_login, device.id, self._minting, address(request))
        if isinstance(handed, str):
            raise _told(handed)
        scopes = handed[0].scopes
        tokens = {
            "access_token": handed[0].secret,
            "token_type": "Bearer",
            "scope": "*" if scopes is None else " ".join(sorted(scopes)),
            "workspace": handed[0].workspace.slug,
            "workspaces": _workspaces(handed),
        }
        return answer(tokens, headers={"Pragma": "no-cache"})  # RFC 6749 section 5.1

    async def pasted(self, request: Request) -> JSONResponse:
        """Exchange a one-time token for keys, as the public clients do; ``null`` where it is not good."""
        token = request.path_params["token"]
        known = await self._known(request, token, PASTE_PREFIX, self._good)
        if known is None or request.method == "HEAD":
            return JSONResponse(None)
        write = self._revocations.write
        handed = await write(self._store.exchange_paste, known, self._minting, address(request))
        return JSONResponse(_workspaces(handed) or None)

    async def _known(self, request: Request, secret: str, prefix: str, ask: Callable[[bytes], T | None]) -> T | None:
        """Return what a code or token stands for; ``None`` for nothing.

        Raises:
            Problem: 429, too many that stand for nothing came from there.
        """
        with self._guesses.begin(None, address(request)) as attempt:
            if well_formed(secret, prefix):
                found = await self._revocations.read(ask, fingerprint(secret.encode()))
                if found is not None:
                    attempt.succeeded()
                    return found
            if attempt.wait:
                raise _too_many(attempt.wait)
        note = Note("login.fail", detail={"reason": f"unknown {_CALLED[prefix]}"})
        await self._revocations.write(self._store.note, _nobody(request), note)
        return None

    def _good(self, held: bytes) -> bytes | None:
        return held if self._store.paste_is_good(held) else None


def _device(request: Request, form: dict[str, str]) -> Device:
    """Return the login that is asked for.

    Raises:
        Problem: 400, the form makes no sense.
    """
    client, name, workspace = form["client_id"], form["device_name"], form["workspace"]
    wrong = {
        "client_id": not _CLIENT.fullmatch(client),
        "device_name": len(name) > _LONGEST_NAME or not name.isprintable(),
        "workspace": bool(workspace) and (len(workspace) > _LONGEST_SLUG or not SLUG.fullmatch(workspace)),
    }
    if any(wrong.values()):
        bad = next(name for name in wrong if wrong[name])
        raise Problem(400, "invalid_request", detail=f"{bad} is too long, or has letters that it can't have")
    agent = "".join(char for char in request.headers.get("user-agent", "") if char.isprintable())[:_LONGEST_AGENT]
    now, where = time.time(), address(request)[:_LONGEST_ADDRESS]
    return Device(new_id(), client, name, where, agent, workspace, now, now + LASTS)


def _workspaces(handed: Sequence[Handed]) -> dict[str, object]:
    return {
        each.workspace.id: {"url": each.workspace.slug, "name": each.workspace.name, "apiKey": each.secret}
        for each in handed
    }


def _nobody(request: Request) -> By:
    return By("nobody", address=address(request))


def _told(error: str) -> Problem:
    return Problem(400, error, detail=_SAID[error])


def _too_many(wait: float) -> Problem:
    detail = "Too many logins, or failed ones, just now"
    return Problem(429, "temporarily_unavailable", {"Retry-After": str(math.ceil(wait))}, detail)
