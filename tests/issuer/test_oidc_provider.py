"""A provider that is down, hangs, redirects, sends garbage or is not the one that was meant; and what is remembered."""

import asyncio
import gzip
import json
from collections.abc import AsyncGenerator, Awaitable, Callable

import httpx
import pytest

from rf_middleware.issuer.oidc_failures import ProviderDown, Reason, SignInFailed
from rf_middleware.issuer.oidc_provider import usable_url
from tests.issuer.idp import Claimed, made, refused, signed_in
from tests.issuer.rig import in_loop

DISCOVERY = "/.well-known/openid-configuration"
Answer = Callable[[httpx.Request], Awaitable[httpx.Response]]


def answering(status: int, content: bytes, headers: dict[str, str] | None = None) -> Answer:
    """Answer with this."""

    async def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, content=content, headers=headers)

    return answer


def failing(error: type[httpx.HTTPError]) -> Answer:
    """Fail on the way."""

    async def answer(_request: httpx.Request) -> httpx.Response:
        message = "canary"
        raise error(message)

    return answer


async def no_certificate(request: httpx.Request) -> httpx.Response:
    """Fail as httpx does when a certificate is wrong."""
    message = "certificate verify failed"
    raise httpx.ConnectError(message, request=request)


async def endless(_request: httpx.Request) -> httpx.Response:
    """Send and send."""

    async def body() -> AsyncGenerator[bytes]:
        while True:
            yield b" " * 10_000

    return httpx.Response(200, content=body())


def garbage(path: str) -> dict[str, tuple[Answer, Reason, str]]:
    """Return what may come back instead of an answer."""
    unreadable = "idp.example answers with status {} and no JSON object"
    return {
        "down": (no_certificate, Reason.UNREACHABLE, "idp.example: certificate verify failed"),
        "cut off": (failing(httpx.ReadError), Reason.UNREACHABLE, "idp.example: ReadError"),
        "not HTTP": (failing(httpx.RemoteProtocolError), Reason.UNREACHABLE, "idp.example: RemoteProtocolError"),
        "slow": (failing(httpx.ReadTimeout), Reason.UNREACHABLE, "idp.example: ReadTimeout"),
        "busy": (answering(503, b"canary"), Reason.UNREACHABLE, "idp.example answers with status 503"),
        "a page": (answering(200, b"<html>canary"), Reason.UNREADABLE, unreadable.format(200)),
        "nothing": (answering(204, b""), Reason.UNREADABLE, unreadable.format(204)),
        "a list": (answering(200, b"[]"), Reason.UNREADABLE, unreadable.format(200)),
        "half": (answering(200, b'{"keys": ['), Reason.UNREADABLE, unreadable.format(200)),
        "no text": (answering(200, b"\xff\xfe\xfd"), Reason.UNREADABLE, unreadable.format(200)),
        "deep": (answering(200, b"[" * 200_000), Reason.UNREADABLE, unreadable.format(200)),
        "elsewhere": (
            answering(302, b"", {"location": f"https://idp.example{path}2"}),
            Reason.UNREADABLE,
            unreadable.format(302),
        ),
        "endless": (endless, Reason.UNREADABLE, "an answer of idp.example is too long"),
        "packed": (
            answering(200, gzip.compress(b"{}"), {"content-encoding": "gzip"}),
            Reason.UNREADABLE,
            "an answer of idp.example is packed",
        ),
    }


@pytest.mark.parametrize("path", [DISCOVERY, "/token", "/keys", "/userinfo"])
@pytest.mark.parametrize("kind", garbage(""))
@in_loop
async def test_garbage_signs_nobody_in(kind: str, path: str) -> None:
    """Each request may fail in each way: the person is told to try again, the log what it was; no more is asked."""
    idp, oidc = made(claims={"email": None})
    idp.answers[path], reason, detail = garbage(path)[kind]
    assert await refused(idp, oidc) == (reason, detail)
    assert idp.asked[-1] == path
    assert f"{path}2" not in idp.asked


@pytest.mark.parametrize(
    ("path", "reason", "detail"),
    [
        (DISCOVERY, Reason.UNSUITABLE, "its discovery document is answered with status 404"),
        ("/token", Reason.UNREADABLE, "the token endpoint answers with status 404"),
        ("/keys", Reason.UNREADABLE, "its keys are answered with status 404"),
        ("/userinfo", Reason.UNREADABLE, "the userinfo endpoint answers with status 404"),
    ],
)
@in_loop
async def test_a_refusal_in_json_is_no_answer(path: str, reason: Reason, detail: str) -> None:
    """An object that comes with another status than 200 is not read."""
    idp, oidc = made(claims={"email": None})
    idp.answers[path] = answering(404, b'{"sub": "ada-0001", "email": "canary@example.com"}')
    assert await refused(idp, oidc) == (reason, detail)


@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        (400, "invalid_grant", Reason.CODE_REFUSED),
        (200, "invalid_grant", Reason.CODE_REFUSED),
        (401, "invalid_client", Reason.CLIENT_REFUSED),
        (400, "unauthorized_client", Reason.CLIENT_REFUSED),
        (400, "canary", Reason.UNREADABLE),
        (200, "canary", Reason.UNREADABLE),
        (400, ["invalid_grant"], Reason.UNREADABLE),
        (400, None, Reason.UNREADABLE),
    ],
)
@in_loop
async def test_what_the_token_endpoint_refuses(status: int, error: object, reason: Reason) -> None:
    """A code that is over, and a client that is not known, are told apart from an answer that makes no sense."""
    idp, oidc = made()
    idp.answers["/token"] = answering(status, json.dumps({"error": error, "id_token": "x"}).encode())
    assert (await refused(idp, oidc))[0] is reason


class Turning(asyncio.SelectorEventLoop):
    """An event loop whose time can be set forward, so that nobody waits for a deadline."""

    ahead = 0.0

    def time(self) -> float:
        """Return the time of the loop."""
        return super().time() + self.ahead


@pytest.mark.parametrize("path", [DISCOVERY, "/token", "/keys", "/userinfo"])
def test_a_provider_that_hangs_is_given_up(path: str) -> None:
    """After the deadline the person is told, however long the provider goes on."""
    loop = Turning()

    async def hang(_request: httpx.Request) -> httpx.Response:
        loop.ahead += 60.0
        await asyncio.Event().wait()
        raise AssertionError

    async def main() -> None:
        idp, oidc = made(claims={"email": None}, answers={path: hang})
        assert await refused(idp, oidc) == (Reason.UNREACHABLE, "idp.example: TimeoutError")

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main())


@in_loop
async def test_many_do_not_each_wait_for_a_provider_that_hangs() -> None:
    """One asks; who came meanwhile, and for some seconds after, hears what became of it."""
    idp, oidc = made()
    idp.answers[DISCOVERY] = failing(httpx.ReadTimeout)
    tried = await asyncio.gather(*(oidc.begin() for _ in range(20)), return_exceptions=True)
    assert all(isinstance(each, ProviderDown) and each.reason is Reason.UNREACHABLE for each in tried)
    idp.clock.time += 4.9
    with pytest.raises(ProviderDown) as failure:
        await oidc.begin()
    assert (failure.value.reason, failure.value.detail) == (Reason.UNREACHABLE, "idp.example: ReadTimeout")
    assert idp.asked == [DISCOVERY]
    del idp.answers[DISCOVERY]
    idp.clock.time += 0.1
    assert (await signed_in(idp, oidc)).subject == "ada-0001"


@in_loop
async def test_one_who_hangs_up_does_not_hold_up_the_others() -> None:
    """A sign-in that is broken off while it asks lets the next one ask."""
    idp, oidc = made()
    asked = asyncio.Event()

    async def hang(_request: httpx.Request) -> httpx.Response:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    idp.answers[DISCOVERY] = hang
    first = asyncio.create_task(oidc.begin())
    await asked.wait()
    second = asyncio.create_task(oidc.begin())
    del idp.answers[DISCOVERY]
    first.cancel()
    assert (await second)[0].startswith("https://idp.example/authorize?")
    assert first.cancelled()


@pytest.mark.parametrize(("later", "times"), [(0.0, 1), (3_599.0, 1), (3_600.0, 2), (-1.0, 2)])
@in_loop
async def test_what_was_found_is_kept_for_an_hour(later: float, times: int) -> None:
    """Endpoints and keys are asked for again after that, or when the clock was set back."""
    idp, oidc = made()
    await signed_in(idp, oidc)
    idp.clock.time += later
    await signed_in(idp, oidc)
    assert (idp.asked.count(DISCOVERY), idp.asked.count("/keys")) == (times, times)


@pytest.mark.parametrize("path", [DISCOVERY, "/keys"])
@in_loop
async def test_what_was_found_outlives_a_failure(path: str) -> None:
    """A provider that answers the rest still signs people in: for a day, asked again every few seconds."""
    idp, oidc = made()
    await signed_in(idp, oidc)
    idp.answers[path] = failing(httpx.ReadError)
    idp.clock.time += 3_600.0
    for _ in range(3):
        assert (await signed_in(idp, oidc)).subject == "ada-0001"
    assert idp.asked.count(path) == 2
    idp.clock.time += 86_400.0 - 3_600.0
    assert await refused(idp, oidc) == (Reason.UNREACHABLE, "idp.example: ReadError")
    assert idp.asked.count(path) == 3


@in_loop
async def test_a_key_that_is_unknown_is_not_looked_for_among_old_ones() -> None:
    """Where the keys can't be fetched anew, a signature by a new one is not believed."""
    idp, oidc = made()
    await signed_in(idp, oidc)
    idp.kid = "second"
    idp.answers["/keys"] = failing(httpx.ReadError)
    assert await refused(idp, oidc) == (Reason.UNREACHABLE, "idp.example: ReadError")
    del idp.answers["/keys"]
    idp.kid = "first"
    assert (await signed_in(idp, oidc)).subject == "ada-0001"


# Whether it is the one that was meant.


UNEQUAL = "it names itself {}, not 'https://idp.example': they have to be equal"
NOT_HTTPS = "its {} is no https:// address"


@pytest.mark.parametrize(
    ("document", "detail"),
    [
        ({"issuer": "https://evil.example"}, UNEQUAL.format("'https://evil.example'")),
        ({"issuer": "https://idp.example/"}, UNEQUAL.format("'https://idp.example/'")),
        ({"issuer": None}, UNEQUAL.format(None)),
        ({"issuer": "x" * 1_000}, UNEQUAL.format("'" + "x" * 199)),
        ({"authorization_endpoint": "http://idp.example/authorize"}, NOT_HTTPS.format("authorization_endpoint")),
        ({"authorization_endpoint": "javascript:alert(1)"}, NOT_HTTPS.format("authorization_endpoint")),
        ({"authorization_endpoint": None}, NOT_HTTPS.format("authorization_endpoint")),
        ({"token_endpoint": "http://localhost/token"}, NOT_HTTPS.format("token_endpoint")),
        ({"token_endpoint": "https://"}, NOT_HTTPS.format("token_endpoint")),
        ({"jwks_uri": ["https://idp.example/keys"]}, NOT_HTTPS.format("jwks_uri")),
        ({"jwks_uri": "file:///etc/passwd"}, NOT_HTTPS.format("jwks_uri")),
        ({"userinfo_endpoint": None}, NOT_HTTPS.format("userinfo_endpoint")),
    ],
)
@in_loop
async def test_a_document_that_does_not_suit(document: Claimed, detail: str) -> None:
    """Another name, or an address where the secret would be readable on the way: for the administrator to mend."""
    idp, oidc = made(document=document)
    with pytest.raises(ProviderDown) as failure:
        await oidc.begin()
    assert (failure.value.reason, failure.value.detail) == (Reason.UNSUITABLE, detail)
    assert idp.asked == [DISCOVERY]


@pytest.mark.parametrize(
    "issuer", ["https://idp.example/a", "https://idp.example/realms/one/", "http://127.0.0.1:9000"]
)
@in_loop
async def test_where_an_issuer_may_be(issuer: str) -> None:
    """In a folder, with a slash at the end or without, and on this machine for a try."""
    idp, oidc = made(issuer=issuer)
    assert (await signed_in(idp, oidc)).issuer == issuer


@in_loop
async def test_without_a_userinfo_endpoint_nobody_is_asked() -> None:
    """A provider that has none has said all in the token."""
    idp, oidc = made(claims={"email": None})
    described = json.dumps({name: value for name, value in idp._described().items() if name != "userinfo_endpoint"})
    idp.answers[DISCOVERY] = answering(200, described.encode())
    assert await refused(idp, oidc) == (Reason.NO_EMAIL, "")


@pytest.mark.parametrize(
    ("url", "good", "here"),
    [
        ("https://idp.example", True, True),
        ("https://idp.example:8443/a/b?c=d", True, True),
        ("https://[2001:db8::1]/", True, True),
        ("http://localhost:9000", False, True),
        ("http://127.0.0.1", False, True),
        ("http://[::1]:1/", False, True),
        ("http://idp.example", False, False),
        ("http://localhost.evil.example", False, False),
        ("ftp://localhost", False, False),
        ("//idp.example", False, False),
        ("idp.example", False, False),
        ("", False, False),
        ("https://", False, False),
        ("https:///path", False, False),
        ("https://me:secret@idp.example", False, False),
        ("https://me@idp.example", False, False),
        ("https://idp.example#part", False, False),
        ("https://idp.example/a b", False, False),
        ("https://idp.example/\n", False, False),
        ("https://idp.example/\x00", False, False),
        ("https://m\u00fcller.example", False, False),
        ("https://idp.example:port", False, False),
        ("https://idp.example:99999999999999", False, False),
        ("https://[", False, False),
        ("https://a[b]", False, False),
        ("https://\ud800", False, False),
    ],
)
def test_which_addresses_are_used(url: str, *, good: bool, here: bool) -> None:
    """HTTPS everywhere, HTTP on this machine alone; no passwords, fragments or odd characters."""
    assert usable_url(url) is good
    assert usable_url(url, here=True) is here


def test_every_reason_is_a_sentence_for_a_person() -> None:
    """What is shown says what happened or what to do, in plain text, and each differs."""
    sentences = [reason.value for reason in Reason]
    assert all(sentence.endswith(".") and sentence.isprintable() and len(sentence) <= 100 for sentence in sentences)
    assert str(SignInFailed(Reason.EXPIRED, "for the log")) == Reason.EXPIRED.value
    assert len(list(Reason.__members__)) == len(sentences)
