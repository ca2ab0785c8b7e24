"""Keeps a sign-in that was begun elsewhere, for the browser that began it: in a cookie of its own.

* Encrypted (AES-256-GCM) under a key that this process alone has: the browser can neither read nor change it, and
  no number of browsers fills any memory here. After a restart one begins again.
* HttpOnly, and SameSite=Lax: it comes along when the provider sends the browser back, and with nothing in a page.
* It is good for ten minutes and for one answer.
"""

import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import astuple, dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from rf_middleware.issuer.oidc import Pending
from rf_middleware.issuer.vault import KEK_BYTES, CannotOpen, Vault
from rf_middleware.issuer.visitors import cookie_name, secure

__all__ = ["Begun", "PendingCookie"]

_NAME: Final = "rf_sign_in"
_SECONDS: Final = 600


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that was begun.

    Attributes:
        pending: what only the browser that began it may bring back.
        then: the path of this server to go on to.
        person: the id of the one who is to show who they are; empty where somebody signs in.
    """

    pending: Pending
    then: str
    person: str


class PendingCookie:
    """The cookie."""

    def __init__(self) -> None:
        self._vault = Vault(os.urandom(KEK_BYTES))

    def set(self, request: Request, answer: Response, begun: Begun) -> None:
        """Have the browser keep it, in place of what it began before."""
        text = json.dumps([*astuple(begun.pending), begun.then, begun.person])
        _, sealed = self._vault.seal(_NAME, text)
        value = urlsafe_b64encode(sealed).decode()
        name, safe = cookie_name(request, _NAME), secure(request)
        answer.set_cookie(name, value, max_age=_SECONDS, secure=safe, httponly=True, samesite="lax")

    def read(self, request: Request) -> Begun | None:
        """Return what this browser has begun."""
        kept = request.cookies.get(cookie_name(request, _NAME), "")
        try:
            text = self._vault.open(_NAME, self._vault.kek_id, urlsafe_b64decode(kept))
        except (CannotOpen, ValueError):
            return None
        state, nonce, verifier, begun, reauthenticate, then, person = json.loads(text)
        pending = Pending(state, nonce, verifier, begun, reauthenticate=reauthenticate)
        return Begun(pending, then, person)

    def clear(self, request: Request, answer: Response) -> None:
        """Take it back."""
        name, safe = cookie_name(request, _NAME), secure(request)
        answer.delete_cookie(name, secure=safe, httponly=True, samesite="lax")
