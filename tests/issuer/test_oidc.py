"""Signing in with a company's accounts: the whole way, and every way to cheat on it."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from rf_middleware.issuer.oidc import OpenIDConnect, Pending
from rf_middleware.issuer.oidc_failures import Reason, SignInFailed
from rf_middleware.issuer.oidc_settings import Settings
from rf_middleware.issuer.oidc_token import Claims
from tests.issuer.idp import CALLBACK, NOW, Claimed, b64, made, refused, signed_in
from tests.issuer.rig import in_loop


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"])
@in_loop
async def test_who_signed_in_is_known(algorithm: str) -> None:
    """With each way to sign, the provider's word is taken; the address is in lower case."""
    idp, oidc = made(algorithm=algorithm)
    claims = await signed_in(idp, oidc)
    assert claims == Claims("https://idp.example", "ada-0001", "ada@example.com", "Ada Lovelace", idp.clock.time)
    assert idp.asked == ["/.well-known/openid-configuration", "/token", "/keys"]


@in_loop
async def test_what_the_provider_is_asked_for() -> None:
    """The address has all that the flow needs, nothing secret, and is another each time."""
    idp, oidc = made(document={"authorization_endpoint": "https://idp.example/authorize?tenant=7"})
    url, pending = await oidc.begin()
    again, _ = await oidc.begin()
    asked = parse_qs(urlsplit(url).query, strict_parsing=True)
    assert asked.pop("tenant") == ["7"]
    assert asked.pop("code_challenge") == [b64(sha256(pending.verifier.encode()).digest())]
    assert asked == {
        "response_type": ["code"],
        "client_id": [idp.client_id],
        "redirect_uri": [CALLBACK],
        "scope": ["openid email profile"],
        "state": [pending.state],
        "nonce": [pending.nonce],
        "code_challenge_method": ["S256"],
    }
    assert pending.verifier not in url
    assert str(idp.secret) not in url
    assert not {*asked["state"], *asked["nonce"]} & {each for part in parse_qs(again).values() for each in part}
    assert min(map(len, (pending.state, pending.nonce, pending.verifier))) >= 43


def test_what_is_pending_is_not_shown() -> None:
    """A log line of it tells nothing with which the sign-in could be taken over."""
    shown = repr(Pending("canary", "canary", "canary", 1.0, reauthenticate=True))
    assert shown == "Pending(begun=1.0, reauthenticate=True)"


@pytest.mark.parametrize(
    ("document", "secret"),
    [
        ({}, "s3cret:+/ü"),
        ({"token_endpoint_auth_methods_supported": ["client_secret_post"]}, "s3cret:+/ü"),
        ({"token_endpoint_auth_methods_supported": "nonsense"}, "s3cret"),
        ({}, None),
    ],
)
@in_loop
async def test_how_the_server_proves_itself(document: Claimed, secret: str | None) -> None:
    """By a header or in the body as the provider wants it, whatever characters are in it; a public client by PKCE."""
    idp, oidc = made(document=document, secret=secret)
    assert (await signed_in(idp, oidc)).subject == "ada-0001"


@in_loop
async def test_a_server_that_is_not_accepted() -> None:
    """A wrong secret is for the administrator to mend, and is not repeated."""
    idp, oidc = made()
    idp.secret = "another"
    assert await refused(idp, oidc) == (Reason.CLIENT_REFUSED, "")


# What comes back with the browser.

Query = list[tuple[str, str]]


def without(name: str) -> Callable[[Query], Query]:
    """Leave something out of the answer."""
    return lambda query: [each for each in query if each[0] != name]


def instead(name: str, *values: str) -> Callable[[Query], Query]:
    """Put other values into the answer."""
    return lambda query: [*without(name)(query), *((name, value) for value in values)]


@pytest.mark.parametrize(
    ("bend", "reason", "detail"),
    [
        (instead("state", "forged"), Reason.NOT_BEGUN, ""),
        (instead("state", "ü\ud800"), Reason.NOT_BEGUN, ""),
        (instead("state", ""), Reason.NOT_BEGUN, ""),
        (without("state"), Reason.NOT_BEGUN, ""),
        (instead("code", "code-0", "forged"), Reason.NO_CODE, "something is there twice"),
        (instead("code", "forged"), Reason.CODE_REFUSED, ""),
        (instead("code", ""), Reason.NO_CODE, ""),
        (instead("code", "x" * 8_001), Reason.NO_CODE, ""),
        (without("code"), Reason.NO_CODE, ""),
        (instead("error", "access_denied"), Reason.NOT_GRANTED, "access_denied"),
        (instead("error", "<script>canary"), Reason.NOT_GRANTED, ""),
        (instead("iss", "https://evil.example"), Reason.OTHER_ISSUER, ""),
    ],
)
@in_loop
async def test_a_bent_answer_signs_nobody_in(bend: Callable[[Query], Query], reason: Reason, detail: str) -> None:
    """A forged state, a forged code, something twice, a refusal, another provider: each has its own reason."""
    idp, oidc = made()
    url, pending = await oidc.begin()
    with pytest.raises(SignInFailed) as failure:
        await oidc.finish(pending, bend(idp.sign_in(url)))
    assert (failure.value.reason, failure.value.detail) == (reason, detail)
    assert ("/token" in idp.asked) is (reason is Reason.CODE_REFUSED)


@pytest.mark.parametrize(
    ("named", "reason"), [([], Reason.OTHER_ISSUER), (["https://idp.example/"], Reason.OTHER_ISSUER)]
)
@in_loop
async def test_a_provider_that_names_itself_always_does(named: list[str], reason: Reason) -> None:
    """Where each answer says who it is from, one that does not is another's (RFC 9207)."""
    idp, oidc = made(document={"authorization_response_iss_parameter_supported": True})
    url, pending = await oidc.begin()
    with pytest.raises(SignInFailed) as failure:
        await oidc.finish(pending, instead("iss", *named)(idp.sign_in(url)))
    assert failure.value.reason is reason
    url, pending = await oidc.begin()
    claims = await oidc.finish(pending, instead("iss", idp.issuer)(idp.sign_in(url)))
    assert claims.subject == "ada-0001"


@in_loop
async def test_an_answer_of_another_browser_signs_nobody_in() -> None:
    """Who is sent an address with an attacker's answer in it has another state pending."""
    idp, oidc = made()
    url, _ = await oidc.begin()
    _, own = await oidc.begin()
    with pytest.raises(SignInFailed) as failure:
        await oidc.finish(own, idp.sign_in(url))
    assert failure.value.reason is Reason.NOT_BEGUN


@in_loop
async def test_a_code_that_was_stolen_is_of_no_use() -> None:
    """In another sign-in the code comes without its verifier, and the provider refuses it."""
    idp, oidc = made()
    url, _ = await oidc.begin()
    stolen = dict(idp.sign_in(url))["code"]
    _, own = await oidc.begin()
    with pytest.raises(SignInFailed) as failure:
        await oidc.finish(own, [("code", stolen), ("state", own.state)])
    assert failure.value.reason is Reason.CODE_REFUSED


@in_loop
async def test_a_sign_in_is_finished_once() -> None:
    """The same answer again is refused, even where the provider would take its code again; so is one that failed."""
    idp, oidc = made()
    url, pending = await oidc.begin()
    answer = idp.sign_in(url)
    await oidc.finish(pending, answer)
    url, failing = await oidc.begin()
    with pytest.raises(SignInFailed):
        await oidc.finish(failing, [("error", "access_denied"), ("state", failing.state)])
    for again, query in ((pending, answer), (failing, idp.sign_in(url))):
        idp.codes[dict(query)["code"]] = {}
        idp.asked.clear()
        with pytest.raises(SignInFailed) as failure:
            await oidc.finish(again, query)
        assert failure.value.reason is Reason.NOT_BEGUN
        assert idp.asked == []


@pytest.mark.parametrize(("later", "good"), [(599.0, True), (600.0, False), (-1.0, False)])
@in_loop
async def test_a_sign_in_takes_ten_minutes_at_most(later: float, *, good: bool) -> None:
    """After that, or when it seems to be of the future, it is begun anew."""
    idp, oidc = made()
    url, pending = await oidc.begin()
    idp.clock.time += later
    answer = idp.sign_in(url)
    if good:
        assert (await oidc.finish(pending, answer)).subject == "ada-0001"
        return
    with pytest.raises(SignInFailed) as failure:
        await oidc.finish(pending, answer)
    assert failure.value.reason is Reason.TOO_LATE


@in_loop
async def test_what_was_finished_is_not_remembered_for_ever() -> None:
    """A flood of answers costs a bounded amount of memory."""
    _, oidc = made()
    await oidc.begin()
    pending = Pending("first", "", "", -1_000.0, reauthenticate=False)
    for number in range(10_050):
        with pytest.raises(SignInFailed):
            await oidc.finish(replace(pending, state=str(number)), [("state", str(number))])
    assert len(oidc._finished) == 10_000


# What the ID token says.


@pytest.mark.parametrize(
    ("claims", "reason", "detail"),
    [
        ({"nonce": "replayed"}, Reason.CLAIM, "nonce"),
        ({"nonce": None}, Reason.CLAIM, "nonce"),
        ({"nonce": ["x"]}, Reason.CLAIM, "nonce"),
        ({"aud": "another"}, Reason.CLAIM, "aud"),
        ({"aud": []}, Reason.CLAIM, "aud"),
        ({"aud": None}, Reason.CLAIM, "aud"),
        ({"aud": {"rf middleware": 1}}, Reason.CLAIM, "aud"),
        ({"aud": ["rf middleware", "another"]}, Reason.CLAIM, "azp"),
        ({"azp": "another"}, Reason.CLAIM, "azp"),
        ({"iss": "https://evil.example"}, Reason.CLAIM, "iss"),
        ({"iss": "https://idp.example/"}, Reason.CLAIM, "iss"),
        ({"iss": None}, Reason.CLAIM, "iss"),
        ({"exp": NOW - 61}, Reason.EXPIRED, ""),
        ({"exp": None}, Reason.CLAIM, "exp"),
        ({"exp": "tomorrow"}, Reason.CLAIM, "exp"),
        ({"exp": float("nan")}, Reason.CLAIM, "exp"),
        ({"iat": NOW + 3_600}, Reason.CLAIM, "iat"),
        ({"iat": None}, Reason.CLAIM, "iat"),
        ({"nbf": NOW + 3_600}, Reason.CLAIM, "nbf"),
        ({"sub": None}, Reason.CLAIM, "sub"),
        ({"sub": ""}, Reason.CLAIM, "sub"),
        ({"sub": 7}, Reason.CLAIM, "sub"),
        ({"sub": "x" * 256}, Reason.CLAIM, "sub"),
        ({"auth_time": NOW + 61}, Reason.CLAIM, "auth_time"),
        ({"auth_time": -1}, Reason.CLAIM, "auth_time"),
        ({"auth_time": float("nan")}, Reason.CLAIM, "auth_time"),
        ({"auth_time": 10**400}, Reason.CLAIM, "auth_time"),
        ({"auth_time": "now"}, Reason.CLAIM, "auth_time"),
        ({"auth_time": True}, Reason.WHEN_UNKNOWN, ""),
        ({"auth_time": ""}, Reason.WHEN_UNKNOWN, ""),
        ({"email_verified": False}, Reason.UNVERIFIED_EMAIL, ""),
        ({"email_verified": "true"}, Reason.UNVERIFIED_EMAIL, ""),
        ({"email_verified": 1}, Reason.UNVERIFIED_EMAIL, ""),
        ({"email": 7}, Reason.NO_EMAIL, ""),
        ({"email": ""}, Reason.ODD_EMAIL, ""),
        ({"email": "ada"}, Reason.ODD_EMAIL, ""),
        ({"email": "@example.com"}, Reason.ODD_EMAIL, ""),
        ({"email": "ada@"}, Reason.ODD_EMAIL, ""),
        ({"email": "ada@evil.example@example.com"}, Reason.ODD_EMAIL, ""),
        ({"email": "ada @example.com"}, Reason.ODD_EMAIL, ""),
        ({"email": "ada@example.com\0"}, Reason.ODD_EMAIL, ""),
        ({"email": "mi\u212ae@example.com"}, Reason.ODD_EMAIL, ""),  # the Kelvin sign
        ({"email": "a" * 309 + "@example.com"}, Reason.ODD_EMAIL, ""),
        ({"email": "ada@evil.example"}, Reason.OTHER_DOMAIN, ""),
        ({"email": "ada@sub.example.com"}, Reason.OTHER_DOMAIN, ""),
        ({"email": "ada@notexample.com"}, Reason.OTHER_DOMAIN, ""),
    ],
)
@in_loop
async def test_a_token_that_is_not_for_this_sign_in(claims: Claimed, reason: Reason, detail: str) -> None:
    """Each claim counts, whatever type it is of: of another sign-in, for another, from another, old, not verified."""
    idp, oidc = made(claims=claims, domains=frozenset({"example.com"}))
    assert await refused(idp, oidc) == (reason, detail)


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": NOW - 59},
        {"iat": NOW + 59},
        {"auth_time": NOW + 59},
        {"aud": ["rf middleware"]},
        {"aud": ["another", "rf middleware"], "azp": "rf middleware"},
        {"sub": "x" * 255},
        {"email": "ADA@EXAMPLE.COM"},
        {"unknown": {"of": "any kind"}, "amr": ["pwd"], "at_hash": "not looked at", "validate": 1},
    ],
)
@in_loop
async def test_a_token_that_is_good(claims: Claimed) -> None:
    """Clocks may differ by a minute, there may be further audiences and claims, and case is no matter in an address."""
    idp, oidc = made(claims=claims, domains=frozenset({"example.com"}))
    assert (await signed_in(idp, oidc)).email == "ada@example.com"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("  Ada ", "Ada"),
        ("\u00c4da \u6f22", "\u00c4da \u6f22"),
        ("<b>Ada</b>", "<b>Ada</b>"),
        ("", "ada@example.com"),
        (" ", "ada@example.com"),
        (None, "ada@example.com"),
        (7, "ada@example.com"),
        ("Ada\u202e", "ada@example.com"),
        ("Ada\n", "ada@example.com"),
        ("x" * 201, "ada@example.com"),
    ],
)
@in_loop
async def test_a_name_is_for_people_to_read(name: object, shown: str) -> None:
    """A name that can't be shown on one line gives way to the address."""
    idp, oidc = made(claims={"name": name})
    assert (await signed_in(idp, oidc)).name == shown


# When the person showed who it is.


@in_loop
async def test_a_person_is_asked_to_sign_in_again() -> None:
    """The provider is told so, and when it did is what counts."""
    idp, oidc = made()
    url, pending = await oidc.begin(reauthenticate=True)
    asked = parse_qs(urlsplit(url).query)
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["0"])
    idp.clock.time += 20.0
    claims = await oidc.finish(pending, idp.sign_in(url))
    assert claims.authenticated_at == pending.begun + 20.0


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        (None, Reason.WHEN_UNKNOWN),
        (0, Reason.NOT_AGAIN),
        (NOW - 3_600, Reason.NOT_AGAIN),
        (NOW - 61, Reason.NOT_AGAIN),
    ],
)
@in_loop
async def test_an_old_sign_in_is_none_again(shown: float | None, reason: Reason) -> None:
    """A provider that did not ask, or does not say so, proves nothing."""
    idp, oidc = made(claims={"auth_time": shown})
    assert await refused(idp, oidc, reauthenticate=True) == (reason, "")


@pytest.mark.parametrize("shown", [None, NOW - 3_600.0])
@in_loop
async def test_an_old_sign_in_is_good_where_none_is_asked_for(shown: float | None) -> None:
    """Who signed in this morning is let in, and when that was is told if it is known."""
    idp, oidc = made(claims={"auth_time": shown})
    assert (await signed_in(idp, oidc)).authenticated_at == shown


# What is not in the ID token.


@in_loop
async def test_what_the_token_does_not_say_is_asked_for() -> None:
    """Some providers tell the address only at the userinfo endpoint."""
    idp, oidc = made(claims={"email": None, "email_verified": None, "name": None})
    idp.userinfo = {"sub": "ada-0001", "email": "ada@example.com", "email_verified": True, "name": "Ada"}
    claims = await signed_in(idp, oidc)
    assert (claims.email, claims.name) == ("ada@example.com", "Ada")
    assert idp.asked.count("/userinfo") == 1


@pytest.mark.parametrize(
    ("claims", "userinfo", "expected"),
    [
        ({"email": None}, {"sub": "ada-0001"}, (Reason.NO_EMAIL, "")),
        ({"email": None}, {"sub": "eve", "email": "ada@example.com", "email_verified": True}, (Reason.CLAIM, "sub")),
        ({"email": None}, {"email": "ada@example.com", "email_verified": True}, (Reason.CLAIM, "sub")),
        ({"email": None}, {"sub": "ada-0001", "email": "ada@example.com"}, (Reason.UNVERIFIED_EMAIL, "")),
        ({"email_verified": None}, {"sub": "ada-0001", "email_verified": True}, (Reason.UNVERIFIED_EMAIL, "")),
        ({"email_verified": None}, {"sub": "ada-0001", "email": "eve@example.com"}, (Reason.UNVERIFIED_EMAIL, "")),
        (
            {"email": None, "email_verified": True},
            {"sub": "ada-0001", "email": "ceo@example.com", "email_verified": False},
            (Reason.UNVERIFIED_EMAIL, ""),
        ),
    ],
)
@in_loop
async def test_what_is_said_elsewhere_is_of_the_same_person_and_whole(
    claims: Claimed, userinfo: Claimed, expected: tuple[Reason, str]
) -> None:
    """Another subject is another person; an address and that it is verified are said in one place."""
    idp, oidc = made(claims=claims, userinfo=userinfo)
    assert await refused(idp, oidc) == expected


@pytest.mark.parametrize("access_token", [None, "", "line\nbreak", "ünicode", 7])
@in_loop
async def test_without_a_usable_access_token_nobody_is_asked(access_token: object) -> None:
    """What can't stand in a header is not sent."""
    idp, oidc = made(claims={"email": None})

    async def answer(request: httpx.Request) -> httpx.Response:
        full = json.loads(idp._redeem(request).content)
        return httpx.Response(200, content=json.dumps(full | {"access_token": access_token}))

    idp.answers["/token"] = answer
    assert await refused(idp, oidc) == (Reason.NO_EMAIL, "")
    assert "/userinfo" not in idp.asked


def test_the_clock_is_that_of_the_world() -> None:
    """What a provider says is in seconds since 1970."""

    async def main() -> float:
        idp, _ = made()
        settings = Settings(idp.issuer, idp.client_id, None, CALLBACK)
        return (await OpenIDConnect(idp.client(), settings).begin())[1].begun

    before = time.time()
    assert before <= asyncio.run(main()) <= time.time()
