"""Talks to an OpenID provider, through a client that is passed in: finds its endpoints and keys, redeems codes.

* Endpoints are those of its discovery document, which must name the very issuer that is configured; all of them are
  HTTPS, but on this machine.
* No redirect is followed, no answer is read beyond a bound, nothing takes longer than the deadline.
* What was found is kept for a while (``oidc_kept.py``).
"""

import asyncio
import json
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast
from urllib.parse import quote_plus

import httpx
from joserfc.jwk import KeySet

from rf_middleware._clock import Clock
from rf_middleware.issuer.oidc_failures import ProviderDown, Reason, SignInFailed
from rf_middleware.issuer.oidc_kept import Kept
from rf_middleware.issuer.oidc_token import keys_of

__all__ = ["Endpoints", "Provider", "usable_url"]

_LARGEST: Final = 1_000_000
_VISIBLE: Final = re.compile("[\x21-\x7e]+")
_TOKEN: Final = re.compile("[A-Za-z0-9._~+/-]+=*")
_HOST: Final = re.compile("[0-9A-Za-z._-]+|[0-9A-Fa-f:.]+")
_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What a discovery document says.

    Attributes:
        authorization: where the browser is sent.
        token: where codes are redeemed.
        jwks: where the keys are.
        userinfo: where more is said of a person; ``None`` if nowhere.
        basic: whether the client authenticates in a header; else in the body.
        names_itself: whether each answer says which provider it is from (RFC 9207).
    """

    authorization: str
    token: str
    jwks: str
    userinfo: str | None
    basic: bool
    names_itself: bool


class Provider:
    """One provider.

    Args:
        client: the only way to it.
        issuer: the address by which it names itself.
        clock: seconds.
        deadline: seconds for one request.
    """

    def __init__(self, client: httpx.AsyncClient, issuer: str, clock: Clock, deadline: float) -> None:
        self._client, self._issuer, self._deadline = client, issuer, deadline
        self._endpoints = Kept(self._discover, clock)
        self._keys = Kept(self._fetch_keys, clock)

    async def endpoints(self) -> Endpoints:
        """Return where its endpoints are.

        Raises:
            ProviderDown: that can't be found out, or does not suit.
        """
        return await self._endpoints.get()

    async def keys(self, *, anew: bool = False) -> KeySet:
        """Return its public keys, fetched anew if that is asked for.

        Raises:
            ProviderDown: they can't be fetched.
        """
        return await self._keys.get(anew=anew)

    async def redeem(self, code: Mapping[str, str], client_id: str, secret: str | None) -> Mapping[str, object]:
        """Return the answer to a code: the tokens.

        Args:
            code: the code, and what proves that it is ours.
            client_id: who we are at the provider.
            secret: proves that; ``None`` for a public client.

        Raises:
            SignInFailed: the code is refused, or we are; the provider is down.
        """
        endpoints = await self.endpoints()
        form, authorization = {"grant_type": "authorization_code", **code}, None
        if secret is None:
            form["client_id"] = client_id
        elif endpoints.basic:
            pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"  # RFC 6749 section 2.3.1
            authorization = f"Basic {b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": client_id, "client_secret": secret}
        status, answer = await self._ask("POST", endpoints.token, form=form, authorization=authorization)
        error = answer.get("error")
        if error == "invalid_grant":
            raise SignInFailed(Reason.CODE_REFUSED)
        if error in ("invalid_client", "unauthorized_client"):
            raise SignInFailed(Reason.CLIENT_REFUSED)
        if status != 200 or error is not None:
            raise ProviderDown(Reason.UNREADABLE, f"the token endpoint answers with status {status}")
        return answer

    async def about(self, access_token: object) -> Mapping[str, object]:
        """Return what the provider says of whom it gave an access token for; nothing if it can't be asked that.

        Raises:
            ProviderDown: no answer, or no usable one.
        """
        url = (await self.endpoints()).userinfo
        if url is None or not isinstance(access_token, str) or not _TOKEN.fullmatch(access_token):
            return {}
        status, answer = await self._ask("GET", url, authorization=f"Bearer {access_token}")
        if status != 200:
            raise ProviderDown(Reason.UNREADABLE, f"the userinfo endpoint answers with status {status}")
        return answer

    async def _discover(self) -> Endpoints:
        status, said = await self._ask("GET", f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        if status != 200:
            raise ProviderDown(Reason.UNSUITABLE, f"its discovery document is answered with status {status}")
        if said.get("issuer") != self._issuer:
            named = repr(said.get("issuer"))[:200]
            detail = f"it names itself {named}, not {self._issuer!r}: they have to be equal"
            raise ProviderDown(Reason.UNSUITABLE, detail)
        methods = said.get("token_endpoint_auth_methods_supported")
        return Endpoints(
            authorization=self._url(said, "authorization_endpoint"),
            token=self._url(said, "token_endpoint"),
            jwks=self._url(said, "jwks_uri"),
            userinfo=self._url(said, "userinfo_endpoint") if "userinfo_endpoint" in said else None,
            basic=not isinstance(methods, list) or "client_secret_basic" in methods,
            names_itself=said.get("authorization_response_iss_parameter_supported") is True,
        )

    def _url(self, said: Mapping[str, object], name: str) -> str:
        url = said.get(name)
        if not isinstance(url, str) or not usable_url(url, here=self._issuer.startswith("http:")):
            raise ProviderDown(Reason.UNSUITABLE, f"its {name} is no https:// address")
        return url

    async def _fetch_keys(self) -> KeySet:
        status, document = await self._ask("GET", (await self.endpoints()).jwks)
        if status != 200:
            raise ProviderDown(Reason.UNREADABLE, f"its keys are answered with status {status}")
        return keys_of(document)

    async def _ask(
        self, method: str, url: str, *, form: Mapping[str, str] | None = None, authorization: str | None = None
    ) -> tuple[int, Mapping[str, object]]:
        """Return the status and the JSON object of an answer."""
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        headers |= {} if authorization is None else {"Authorization": authorization}
        host = httpx.URL(url).host
        sent = self._client.stream(method, url, data=form, headers=headers, follow_redirects=False)
        try:
            async with asyncio.timeout(self._deadline), sent as response:
                body = await _bounded(response)
        except (httpx.HTTPError, TimeoutError) as error:
            why = str(error) if isinstance(error, httpx.ConnectError) else type(error).__name__
            raise ProviderDown(Reason.UNREACHABLE, f"{host}: {why}") from None
        status = response.status_code
        if status >= 500:
            raise ProviderDown(Reason.UNREACHABLE, f"{host} answers with status {status}")
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise ProviderDown(Reason.UNREADABLE, f"{host} answers with status {status} and no JSON object")
        return status, cast("Mapping[str, object]", answer)


async def _bounded(response: httpx.Response) -> bytes:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise ProviderDown(Reason.UNREADABLE, f"an answer of {response.url.host} is packed")
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _LARGEST:
            raise ProviderDown(Reason.UNREADABLE, f"an answer of {response.url.host} is too long")
    return bytes(body)


def usable_url(url: str, *, here: bool = False) -> bool:
    """Say whether something is an address to connect to: HTTPS; on this machine HTTP too, if ``here``."""
    try:
        read = httpx.URL(url if _VISIBLE.fullmatch(url) else "")
    except httpx.InvalidURL:
        return False
    if not _HOST.fullmatch(read.host) or read.userinfo or "#" in url or (read.port or 0) > 65_535:
        return False
    return read.scheme == "https" or (here and read.scheme == "http" and read.host in _HERE)
