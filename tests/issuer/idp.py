"""An OpenID provider behind ``httpx.MockTransport``. It signs real tokens, without the library that reads them.

It keeps the rules itself: a code is redeemed once, by the client it was given for, with its verifier and the same
redirect address. What it says can be bent: claims, headers, signatures, whole answers.
"""

import hashlib
import json
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from rf_middleware.issuer.oidc import OpenIDConnect
from rf_middleware.issuer.oidc_failures import Reason, SignInFailed
from rf_middleware.issuer.oidc_settings import Settings
from rf_middleware.issuer.oidc_token import Claims
from tests.issuer.rig import Turned

__all__ = ["CALLBACK", "NOW", "Claimed", "Idp", "Signer", "b64", "compact", "key", "made", "refused", "signed_in"]

Claimed = dict[str, Any]
Answer = Callable[[httpx.Request], Awaitable[httpx.Response]]


NOW = 1_700_000_000.0
CALLBACK = "https://rf.example/login/oidc/callback"


def b64(data: bytes) -> str:
    """Return base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass(frozen=True)
class Signer:
    """A private key: how it signs, and its public part as a JSON Web Key."""

    sign: Callable[[bytes], bytes]
    public: dict[str, Any]


def _number(value: int, size: int = 0) -> str:
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


@cache
def key(algorithm: str, number: int = 0, bits: int = 2048) -> Signer:
    """Return a key for an algorithm; another for each number."""
    del number
    if algorithm in {"RS256", "PS256"}:
        private = rsa.generate_private_key(65537, bits)
        scheme = padding.PSS(padding.MGF1(hashes.SHA256()), 32) if algorithm == "PS256" else padding.PKCS1v15()
        numbers = private.public_key().public_numbers()
        public = {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
        return Signer(lambda data: private.sign(data, scheme, hashes.SHA256()), public)
    if algorithm == "ES256":
        return _elliptic()
    edwards = ed25519.Ed25519PrivateKey.generate()
    x = b64(edwards.public_key().public_bytes_raw())
    return Signer(edwards.sign, {"kty": "OKP", "crv": "Ed25519", "x": x})


def _elliptic() -> Signer:
    private = ec.generate_private_key(ec.SECP256R1())

    def sign(data: bytes) -> bytes:
        r, s = utils.decode_dss_signature(private.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    numbers = private.public_key().public_numbers()
    return Signer(sign, {"kty": "EC", "crv": "P-256", "x": _number(numbers.x, 32), "y": _number(numbers.y, 32)})


def compact(header: object, payload: object, sign: Callable[[bytes], bytes]) -> str:
    """Return a signed token, whatever stands in it."""
    data = ".".join(b64(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in (header, payload))
    return f"{data}.{b64(sign(data.encode()))}"


@dataclass
class Idp:
    """The provider. Its fields are what is to be bent.

    Attributes:
        clock: seconds since 1970, of both sides.
        algorithm: how it signs.
        kid: the name of its key, which it publishes under ``published``.
        document: what its discovery document says else.
        claims: what its ID tokens say else; ``None`` for a claim that is left out.
        userinfo: what it says when it is asked about a person.
        token: makes the ID token of header and claims.
        answers: other answers, by path.
        asked: the paths that were asked for, in order.
    """

    clock: Turned
    issuer: str = "https://idp.example"
    client_id: str = "rf middleware"
    secret: str | None = "s3cret:+/ü"
    algorithm: str = "RS256"
    kid: str = "first"
    document: Claimed = field(default_factory=Claimed)
    claims: Claimed = field(default_factory=Claimed)
    userinfo: Claimed = field(default_factory=Claimed)
    token: Callable[[Claimed, Claimed], object] | None = None
    published: list[Any] | None = None
    answers: dict[str, Answer] = field(default_factory=dict[str, Answer])
    asked: list[str] = field(default_factory=list[str])
    codes: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    def client(self) -> httpx.AsyncClient:
        """Return a client that reaches this provider and nothing else."""
        return httpx.AsyncClient(transport=httpx.MockTransport(self._answer))

    def sign_in(self, url: str) -> list[tuple[str, str]]:
        """Do what the browser and the person do; return the query with which the browser goes back."""
        parts = urlsplit(url)
        asked = dict(parse_qsl(parts.query))
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{self.issuer.rstrip('/')}/authorize"
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = asked
        return [("code", code), ("state", asked["state"])]

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix(urlsplit(self.issuer).path.rstrip("/"))
        self.asked.append(path)
        assert request.headers["accept-encoding"] == "identity"
        if path in self.answers:
            return await self.answers[path](request)
        assert str(request.url).startswith(self.issuer.rstrip("/"))
        if path == "/.well-known/openid-configuration":
            return httpx.Response(200, json=self._described())
        if path == "/keys":
            own = {**key(self.algorithm).public, "kid": self.kid, "use": "sig"}
            return httpx.Response(200, json={"keys": [own] if self.published is None else self.published})
        if path == "/userinfo":
            assert request.headers["authorization"] == "Bearer access-token"
            return httpx.Response(200, json=self.userinfo)
        assert path == "/token"
        return self._redeem(request)

    def _described(self) -> Claimed:
        base = self.issuer.rstrip("/")
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
            "jwks_uri": f"{base}/keys",
            "userinfo_endpoint": f"{base}/userinfo",
            **self.document,
        }

    def _redeem(self, request: httpx.Request) -> httpx.Response:
        form = dict(parse_qsl(request.content.decode()))
        if not self._is_the_client(request, form):
            return httpx.Response(401, json={"error": "invalid_client", "error_description": "canary"})
        asked = self.codes.pop(form["code"], None)
        challenge = b64(hashlib.sha256(form["code_verifier"].encode()).digest())
        if (
            asked is None
            or form["grant_type"] != "authorization_code"
            or form["redirect_uri"] != asked["redirect_uri"]
            or challenge != asked["code_challenge"]
        ):
            return httpx.Response(400, json={"error": "invalid_grant", "error_description": "canary"})
        header = {"alg": self.algorithm, "kid": self.kid, "typ": "JWT"}
        claims = {
            "iss": self.issuer,
            "sub": "ada-0001",
            "aud": self.client_id,
            "exp": self.clock.time + 300,
            "iat": self.clock.time,
            "nonce": asked["nonce"],
            "auth_time": self.clock.time,
            "email": "Ada@Example.com",
            "email_verified": True,
            "name": "Ada Lovelace",
        }
        said = {name: value for name, value in (claims | self.claims).items() if value is not None}
        token = compact(header, said, key(self.algorithm).sign) if self.token is None else self.token(header, said)
        tokens = {"access_token": "access-token", "token_type": "Bearer", "id_token": token}
        return httpx.Response(200, content=json.dumps(tokens))

    def _is_the_client(self, request: httpx.Request, form: dict[str, str]) -> bool:
        if "authorization" in request.headers:
            scheme, _, pair = request.headers["authorization"].partition(" ")
            given = tuple(unquote_plus(each) for each in b64decode(pair).decode().split(":"))
            return scheme == "Basic" and given == (self.client_id, self.secret) and "client_secret" not in form
        return form["client_id"] == self.client_id and form.get("client_secret") == self.secret


def made(*, domains: frozenset[str] = frozenset(), **bent: Any) -> tuple[Idp, OpenIDConnect]:
    """Return a provider and what signs people in there."""
    clock = Turned()
    clock.time = NOW
    idp = Idp(clock, **bent)
    settings = Settings(idp.issuer, idp.client_id, idp.secret, CALLBACK, domains)
    return idp, OpenIDConnect(idp.client(), settings, clock)


async def signed_in(idp: Idp, oidc: OpenIDConnect, *, reauthenticate: bool = False) -> Claims:
    """Go the whole way once."""
    url, pending = await oidc.begin(reauthenticate=reauthenticate)
    return await oidc.finish(pending, idp.sign_in(url))


async def refused(idp: Idp, oidc: OpenIDConnect, *, reauthenticate: bool = False) -> tuple[Reason, str]:
    """Go the whole way, and say why it did not lead anywhere."""
    with pytest.raises(SignInFailed) as failure:
        await signed_in(idp, oidc, reauthenticate=reauthenticate)
    assert str(failure.value) == failure.value.reason.value
    told = repr((failure.value, failure.value.detail, failure.value.__cause__))
    assert "canary" not in told
    assert str(idp.secret) not in told
    return failure.value.reason, failure.value.detail
