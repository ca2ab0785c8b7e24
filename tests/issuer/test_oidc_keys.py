"""Whose signature is believed: every way to forge one, and keys that change, do not fit or can't be read."""

import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware.issuer.oidc_failures import Reason, SignInFailed
from rf_middleware.issuer.oidc_token import Expected, claims_of, keys_of, verified
from tests.issuer.idp import NOW, Claimed, b64, compact, key, made, refused, signed_in
from tests.issuer.rig import in_loop


def nothing(_data: bytes) -> bytes:
    """Sign nothing."""
    return b""


def with_the_public_key(data: bytes) -> bytes:
    """Sign with what everybody knows, as if it were a shared secret."""
    return hmac.digest(json.dumps(key("RS256").public).encode(), data, "sha256")


def with_the_client_secret(data: bytes) -> bytes:
    """Sign with the secret that server and provider share."""
    return hmac.digest("s3cret:+/ü".encode(), data, "sha256")


EVIL = key("RS256", 666)


@dataclass(frozen=True)
class Forged:
    """A token that nobody may believe: what stands in its header instead, who signs it, and what is said of it."""

    header: Claimed
    sign: Callable[[bytes], bytes] = key("RS256").sign
    reason: Reason = Reason.UNSIGNED
    payload: object = None

    def token(self, header: Claimed, said: Claimed) -> str:
        """Make it."""
        return compact(header | self.header, said if self.payload is None else self.payload, self.sign)


FORGED = {
    "unsigned": Forged({"alg": "none"}, nothing, Reason.ALGORITHM),
    "unsigned, written otherwise": Forged({"alg": "nOnE"}, nothing, Reason.ALGORITHM),
    "signature left out": Forged({}, nothing),
    "by the public key": Forged({"alg": "HS256"}, with_the_public_key, Reason.ALGORITHM),
    "by the secret": Forged({"alg": "HS256"}, with_the_client_secret, Reason.ALGORITHM),
    "a longer hash": Forged({"alg": "RS512"}, reason=Reason.ALGORITHM),
    "by another": Forged({}, EVIL.sign),
    "by a key it brings": Forged({"jwk": EVIL.public}, EVIL.sign),
    "by a key it names": Forged({"kid": "evil", "jku": "https://evil.example"}, EVIL.sign, Reason.UNKNOWN_KEY),
    "of another kind": Forged({"alg": "ES256"}, key("ES256").sign),
    "in another way": Forged({"alg": "PS256"}),
    "with an unknown extension": Forged({"crit": ["x"], "x": 1}),
    "with an algorithm that is none": Forged({"alg": ["RS256"]}),
    "with a name that is none": Forged({"kid": 7}),
    "a list for claims": Forged({}, payload=["iss"]),
    "no JSON": Forged({}, payload=b"\xff"),
    "a deep list": Forged({}, payload=b"[" * 90_000),
    "too long": Forged({}, payload=b" " * 200_000),
}


@pytest.mark.parametrize("forged", FORGED)
@in_loop
async def test_a_forged_signature_signs_nobody_in(forged: str) -> None:
    """Only the published key counts, in the way that it signs."""
    idp, oidc = made(token=FORGED[forged].token)
    assert await refused(idp, oidc) == (FORGED[forged].reason, "")


@pytest.mark.parametrize("token", [None, 7, "", "..", "x", "\ud800", {}, compact(["alg"], {}, key("RS256").sign)])
@in_loop
async def test_what_is_no_token_signs_nobody_in(token: object) -> None:
    """Whatever stands in its place is not signed."""
    idp, oidc = made()
    idp.token = lambda _header, _said: token
    assert await refused(idp, oidc) == (Reason.UNSIGNED, "")


@in_loop
async def test_a_changed_claim_breaks_the_signature() -> None:
    """Whoever can change one character of a token in between gains nothing."""
    idp, oidc = made()

    def changed(header: Claimed, said: Claimed) -> str:
        head, _, signature = compact(header, said, key("RS256").sign).split(".")
        return f"{head}.{b64(json.dumps(said | {'email': 'eve@example.com'}).encode())}.{signature}"

    idp.token = changed
    assert await refused(idp, oidc) == (Reason.UNSIGNED, "")


@in_loop
async def test_an_old_token_in_a_new_sign_in_is_refused() -> None:
    """A token that was good once carries the nonce of that sign-in."""
    idp, oidc = made()
    kept: list[str] = []

    def keep(header: Claimed, said: Claimed) -> str:
        kept.append(compact(header, said, key("RS256").sign))
        return kept[0]

    idp.token = keep
    assert (await signed_in(idp, oidc)).subject == "ada-0001"
    assert await refused(idp, oidc) == (Reason.CLAIM, "nonce")


@in_loop
async def test_keys_are_fetched_once_and_again_when_one_is_unknown() -> None:
    """A provider that changes its key is believed at once; one that names a key which is not there, is asked once."""
    idp, oidc = made()
    for _ in range(3):
        await signed_in(idp, oidc)
    assert idp.asked.count("/keys") == 1
    idp.kid = "second"
    await signed_in(idp, oidc)
    assert idp.asked.count("/keys") == 2
    idp.token = FORGED["by a key it names"].token
    assert await refused(idp, oidc) == (Reason.UNKNOWN_KEY, "")
    assert idp.asked.count("/keys") == 3


@pytest.mark.parametrize(
    ("published", "reason"),
    [
        ([], Reason.UNKNOWN_KEY),
        ([{**key("RS256").public, "kid": "first", "use": "enc"}], Reason.UNKNOWN_KEY),
        ([{**key("RS256").public, "kid": "first", "alg": "RS512"}], Reason.UNKNOWN_KEY),
        ([{"kty": "oct", "kid": "first", "k": b64(b"x" * 32)}], Reason.UNKNOWN_KEY),
        ([{**key("ES256").public, "kid": "first"}], Reason.UNSIGNED),
        ([EVIL.public | {"kid": "first"}], Reason.UNSIGNED),
    ],
)
@in_loop
async def test_keys_that_do_not_fit(published: list[Claimed], reason: Reason) -> None:
    """A key for something else, of another kind, or of somebody else checks nothing."""
    idp, oidc = made(published=published)
    assert await refused(idp, oidc) == (reason, "")


@in_loop
async def test_a_short_key_is_not_used() -> None:
    """RSA of less than 2048 bits can be broken."""
    short = key("RS256", 1, 1024)
    idp, oidc = made(published=[short.public | {"kid": "first"}])
    idp.token = lambda header, said: compact(header, said, short.sign)
    assert await refused(idp, oidc) == (Reason.UNKNOWN_KEY, "")


@in_loop
async def test_odd_keys_beside_a_good_one_are_left_out() -> None:
    """What one does not know in a set of keys does not spoil it (RFC 7517 section 5)."""
    odd: list[Any] = [
        None,
        7,
        "x",
        {},
        {"kty": 7},
        {"kty": "X"},
        {"kty": "EC", "crv": "X", "x": "a", "y": "b"},
        {"kty": "RSA"},
    ]
    odd += [{"kty": "RSA", "n": 7, "e": 7}, {"kty": "RSA", "n": "ä" * 400, "e": "AQAB"}, {"kty": "OKP", "crv": []}]
    idp, oidc = made()
    idp.published = [*odd, {**key("RS256").public, "kid": "first"}]
    assert (await signed_in(idp, oidc)).subject == "ada-0001"


@in_loop
async def test_a_single_key_needs_no_name() -> None:
    """A small provider publishes one key and names none; with two keys, or one for something else, that fails."""
    idp, oidc = made(published=[key("RS256").public])
    idp.token = lambda header, said: compact({"alg": header["alg"]}, said, key("RS256").sign)
    assert (await signed_in(idp, oidc)).subject == "ada-0001"
    for published in ([key("RS256").public, EVIL.public], [{**key("RS256").public, "use": "enc"}]):
        idp.published = published
        idp.clock.time += 3_600.0
        assert await refused(idp, oidc) == (Reason.UNKNOWN_KEY, "")


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
KEYS = keys_of({"keys": [key("ES256").public]})
EXPECTED = Expected("https://idp.example", "client", "nonce", None)
SAID = {"iss": "https://idp.example", "aud": "client", "sub": "ada", "nonce": "nonce", "exp": NOW + 60, "iat": NOW}


@given(any_json | st.fixed_dictionaries({"keys": st.lists(any_json, max_size=3)}))
def test_any_document_is_a_set_of_keys(document: object) -> None:
    """What is no key is left out, whatever it is."""
    assert len(keys_of(document).keys) == 0


@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys(("kid", "use", "alg", "key_ops", "x5c", "x5u", "d"), any_json)),
    st.sampled_from(["RS256", "ES256", "EdDSA"]),
    st.dictionaries(st.sampled_from(["n", "e", "x", "y", "crv", "kty"]), any_json, max_size=2),
)
def test_any_member_of_a_key_is_read_or_refused(more: Claimed, algorithm: str, wrong: Claimed) -> None:
    """A key whose members are of any other kind is taken or left out, and breaks nothing."""
    assert len(keys_of({"keys": [{**key(algorithm).public, **more, **wrong}]}).keys) <= 1


@given(
    st.dictionaries(st.sampled_from(["iss", "aud", "azp", "nonce", "exp", "iat", "nbf", "auth_time", "amr"]), any_json)
)
def test_any_claims_are_believed_or_refused(wrong: Claimed) -> None:
    """A signed token whose claims are of any other kind lets somebody in only if they are the right ones."""
    said = SAID | wrong
    token = compact({"alg": "ES256"}, said, key("ES256").sign)
    try:
        claims = verified(token, KEYS, EXPECTED, NOW)
    except SignInFailed:
        return
    assert (claims["iss"], claims["nonce"]) == ("https://idp.example", "nonce")
    assert claims["aud"] in ("client", ["client"])


@given(any_json, any_json, st.binary(max_size=70))
def test_any_token_is_refused(header: object, payload: object, signature: bytes) -> None:
    """Three parts of anything are no token."""
    with pytest.raises(SignInFailed):
        verified(compact(header, payload, lambda _: signature), KEYS, EXPECTED, NOW)
    with pytest.raises(SignInFailed):
        verified(compact({"alg": "ES256", "more": header}, payload, lambda _: signature), KEYS, EXPECTED, NOW)


@given(st.dictionaries(st.sampled_from(["sub", "email", "email_verified", "name"]), any_json | st.just("a@b.c")))
def test_any_person_is_known_or_refused(said: Claimed) -> None:
    """Whoever is let in has a subject and a verified address."""
    try:
        claims = claims_of(said, "https://idp.example", frozenset())
    except SignInFailed:
        return
    assert said["email_verified"] is True
    assert claims.subject
    assert claims.email == said["email"].lower()
    assert claims.name.isprintable()
