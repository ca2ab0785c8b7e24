"""Signs people in with their company's accounts: OpenID Connect, the authorization code flow with PKCE.

* ``begin`` says where to send the browser, ``finish`` reads what it comes back with. The caller keeps what is pending
  in between, for that browser alone.
* State, nonce and code verifier are new for each sign-in, and each is finished once and within ten minutes.
* Every failure is a ``SignInFailed``, whose text is for the person and whose ``detail`` is for the log. Nothing else is
  raised, whatever the provider or the visitor sends.
* Knows neither Starlette nor tables nor sessions. The person is known by issuer and subject; the e-mail address is for
  finding an account the first time only.
"""

import hashlib
import re
import secrets
import time
from base64 import urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

import httpx

from rf_middleware._clock import Clock
from rf_middleware.issuer.oidc_failures import Reason, SignInFailed, UnknownKey
from rf_middleware.issuer.oidc_provider import Provider
from rf_middleware.issuer.oidc_settings import Settings
from rf_middleware.issuer.oidc_token import Claims, Expected, claims_of, verified

__all__ = ["OpenIDConnect", "Pending"]

_SCOPE: Final = "openid email profile"
_LONGEST: Final = 600.0
_DEADLINE: Final = 10.0
_REMEMBERED: Final = 10_000
_LONGEST_CODE: Final = 8_000
_ERROR: Final = re.compile("[a-z_]{1,40}")


@dataclass(frozen=True, slots=True)
class Pending:
    """A sign-in that was begun: what only the browser that began it may bring back.

    Attributes:
        state: comes back in the address.
        nonce: comes back in the ID token.
        verifier: shows that the code is ours.
        begun: when, in seconds since 1970.
        reauthenticate: whether the person has to show anew who it is.
    """

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    begun: float
    reauthenticate: bool


class OpenIDConnect:
    """Signs people in at one provider. Used on one event loop.

    Args:
        client: the only way to the provider.
        settings: who it is, and who we are.
        clock: seconds since 1970.
        deadline: seconds for one request to the provider, of which a sign-in makes four at most.
    """

    def __init__(
        self, client: httpx.AsyncClient, settings: Settings, clock: Clock = time.time, deadline: float = _DEADLINE
    ) -> None:
        self._settings, self._clock = settings, clock
        self._provider = Provider(client, settings.issuer, clock, deadline)
        self._finished: OrderedDict[str, None] = OrderedDict()

    @property
    def admits_new(self) -> bool:
        """Whether everybody may come whose e-mail address is in one of the domains."""
        return bool(self._settings.domains)

    async def begin(self, *, reauthenticate: bool = False) -> tuple[str, Pending]:
        """Return where to send the browser, and what to keep until it comes back.

        Args:
            reauthenticate: whether the person has to show anew who it is.

        Raises:
            ProviderDown: the provider can't be asked where to sign in.
        """
        place = (await self._provider.endpoints()).authorization
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._settings.redirect_uri,
            "scope": _SCOPE,
            "state": state,
            "nonce": nonce,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
        }
        if reauthenticate:
            query |= {"prompt": "login", "max_age": "0"}
        url = f"{place}{'&' if '?' in place else '?'}{urlencode(query)}"
        return url, Pending(state, nonce, verifier, self._clock(), reauthenticate)

    async def finish(self, pending: Pending, answer: Sequence[tuple[str, str]]) -> Claims:
        """Return who has signed in.

        Args:
            pending: what was kept for this browser.
            answer: the names and values of the query that it came back with.

        Raises:
            SignInFailed: nobody has.
        """
        code = await self._code(pending, answer)
        proof = {"code": code, "redirect_uri": self._settings.redirect_uri, "code_verifier": pending.verifier}
        tokens = await self._provider.redeem(proof, self._settings.client_id, self._settings.client_secret)
        said = await self._verified(tokens.get("id_token"), pending)
        if not {"email", "email_verified"} <= said.keys():
            said = await self._with_email(said, tokens.get("access_token"))
        return claims_of(said, self._settings.issuer, self._settings.domains)

    async def _code(self, pending: Pending, answer: Sequence[tuple[str, str]]) -> str:
        """Return the code of an answer to what is pending, which is over by that."""
        given = dict(answer)
        if len(given) != len(answer):
            raise SignInFailed(Reason.NO_CODE, "something is there twice")
        state = given.get("state", "").encode("utf-8", "surrogatepass")
        if not secrets.compare_digest(state, pending.state.encode()) or pending.state in self._finished:
            raise SignInFailed(Reason.NOT_BEGUN)
        self._finished[pending.state] = None
        if len(self._finished) > _REMEMBERED:
            self._finished.popitem(last=False)
        if not 0.0 <= self._clock() - pending.begun < _LONGEST:
            raise SignInFailed(Reason.TOO_LATE)
        names_itself = (await self._provider.endpoints()).names_itself
        if given.get("iss", None if names_itself else self._settings.issuer) != self._settings.issuer:
            raise SignInFailed(Reason.OTHER_ISSUER)
        if "error" in given:
            raise SignInFailed(Reason.NOT_GRANTED, given["error"] if _ERROR.fullmatch(given["error"]) else "")
        if not 0 < len(given.get("code", "")) <= _LONGEST_CODE:
            raise SignInFailed(Reason.NO_CODE)
        return given["code"]

    async def _verified(self, token: object, pending: Pending) -> Mapping[str, object]:
        since = pending.begun if pending.reauthenticate else None
        expected = Expected(self._settings.issuer, self._settings.client_id, pending.nonce, since)
        try:
            return verified(token, await self._provider.keys(), expected, self._clock())
        except UnknownKey:
            return verified(token, await self._provider.keys(anew=True), expected, self._clock())

    async def _with_email(self, said: Mapping[str, object], access_token: object) -> Mapping[str, object]:
        """Add what some providers say only when they are asked for it; of the same person (Core, section 5.3.2)."""
        more = await self._provider.about(access_token)
        if more and more.get("sub") != said.get("sub"):
            raise SignInFailed(Reason.CLAIM, "sub")
        if "email" not in more:
            return said
        # Both or neither: what one place says of an address means nothing for the address of another.
        address = {name: more.get(name) for name in ("email", "email_verified")}
        return {"name": more.get("name"), **said, **address}


def _challenge(verifier: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
