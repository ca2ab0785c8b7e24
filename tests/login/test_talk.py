"""The requests of a login: where keys go, what is not followed, and what is said when there is no answer."""

import logging
import socket
from collections.abc import Callable

import httpx
import pytest

from rf_middleware._login.addresses import Server, hosted, server
from rf_middleware._login.talk import Talk
from rf_middleware._login.values import Answer, Unanswered
from rf_middleware._secret import Secret
from tests.core.servers import drip, ok, serving, silent
from tests.login.worlds import ISSUER, KEY

TOKEN = "one-time/token?&#%"
HERE = server(ISSUER, "url")


def talk(answer: Callable[[httpx.Request], httpx.Response] | httpx.Response, to: Server = HERE) -> Talk:
    """Return a way to a server that answers so."""
    return Talk(to, httpx.MockTransport(answer if callable(answer) else lambda _request: answer))


def raising(error: Exception) -> Talk:
    """Return a way to a server that can't be spoken to."""

    def fail(_request: httpx.Request) -> httpx.Response:
        raise error

    return talk(fail)


def test_a_key_goes_in_a_header_and_nowhere_else() -> None:
    """Bearer, with a JSON body where there is one; the URL has no key."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"a": 1})

    assert talk(answer).ask("PATCH", "/acme/api-keys/x?wait=false", Secret(KEY), {"name": "n"}) == Answer(
        200, b'{"a":1}'
    )
    assert str(seen[0].url) == f"{ISSUER}/acme/api-keys/x?wait=false"
    assert seen[0].headers["authorization"] == f"Bearer {KEY}"
    assert (seen[0].content, seen[0].headers["accept"]) == (b'{"name":"n"}', "application/json")
    assert seen[0].headers["user-agent"] == "rf-middleware"
    assert "cookie" not in seen[0].headers


def test_a_form_is_what_oauth_has() -> None:
    """Secrets and plain texts alike are fields of the body."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    talk(answer).post("/token", {"grant_type": "a:b", "device_code": Secret("d&c")})
    assert seen[0].content == b"grant_type=a%3Ab&device_code=d%26c"
    assert seen[0].headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in seen[0].headers


@pytest.mark.parametrize("to", [HERE, hosted("us")])
def test_a_pasted_token_is_one_segment_of_the_path_and_of_no_log(to: Server, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever is pasted stays in its place, goes to the pages, and httpx's line about it is held back that once."""
    caplog.set_level(logging.DEBUG)
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=b"null")

    way = talk(answer, to)
    assert way.pasted(Secret(TOKEN)) == Answer(200, b"null")
    assert seen[0].url.raw_path == b"/query/cliAuthToken/one-time%2Ftoken%3F%26%23%25"
    assert f"https://{seen[0].url.host}" == to.pages
    assert "one-time" not in caplog.text
    way.ask("GET", "/")
    assert f"GET {to.api}/" in caplog.text


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("https://new.example/x?api_key=secret", "https://new.example"),
        ("http://new.example:8080/", "http://new.example:8080"),
        ("/elsewhere/secret", "another path of the same server"),
        ("https://[secret", "another address"),
        ("https://user:secret@new.example/", "https://new.example"),
    ],
)
def test_no_redirect_is_followed(location: str, said: str) -> None:
    """A key is not carried on, and only scheme and host of the place are told."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(307, headers={"Location": location})

    assert talk(answer).ask("GET", "/", Secret(KEY)) == Answer(307, b"", said)
    assert asked == [f"{ISSUER}/"]


@pytest.mark.parametrize("location", ["https://a.example:port/secret", "https://\x1b[31msecret.example/"])
def test_a_redirect_to_nowhere_is_no_answer(location: str) -> None:
    """What is no address at all is not shown either."""
    found = talk(httpx.Response(307, headers={"Location": location})).ask("GET", "/", Secret(KEY))
    assert found == Unanswered(f"{ISSUER} gave no answer (RemoteProtocolError)", sent=True)


@pytest.mark.parametrize(
    ("error", "said", "sent"),
    [
        (
            httpx.ConnectError("[SSL] \x1b[31mbad certificate"),
            f"{ISSUER} can't be reached: [SSL] bad certificate",
            False,
        ),
        (httpx.ConnectTimeout(KEY), f"{ISSUER} can't be reached: no connection in time", False),
        (httpx.ReadTimeout(KEY), f"{ISSUER} did not answer in time", True),
        (httpx.RemoteProtocolError(KEY), f"{ISSUER} gave no answer (RemoteProtocolError)", True),
        (ValueError(KEY), f"{ISSUER} gave no answer (ValueError)", True),
    ],
)
def test_why_there_is_no_answer_is_said_without_a_key(error: Exception, said: str, *, sent: bool) -> None:
    """Whether the request may have arrived is known, and no text of a library shows what was sent."""
    assert raising(error).ask("POST", "/", Secret(KEY)) == Unanswered(said, sent=sent)


@pytest.mark.parametrize("body", [{"name": "\udcff"}, {"graceSeconds": float("nan")}, {"what": object()}])
def test_what_can_not_be_made_into_a_request_was_not_sent(body: object) -> None:
    """Nobody has to wonder whether it was done."""
    found = talk(httpx.Response(200)).ask("POST", "/", Secret(KEY), body)
    assert isinstance(found, Unanswered)
    assert (found.text.startswith(f"{ISSUER} was not asked ("), found.sent) == (True, False)


def test_an_answer_that_is_too_large_or_encoded_is_none() -> None:
    """Memory is not filled by a server, and a bomb is not unpacked."""
    large = httpx.Response(200, content=b"x" * ((1 << 24) + 1))
    assert talk(large).ask("GET", "/") == Unanswered("the answer is too large", sent=True)
    packed = httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(b"\x1f\x8bjunk"))
    assert talk(packed).ask("GET", "/") == Unanswered("the answer is encoded, which was not asked for", sent=True)


def test_a_real_server_is_spoken_to_past_any_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that the environment names does not get what is for this machine."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with serving(ok(b"{}")) as running:
        assert Talk(server(running.url, "url")).ask("GET", "/") == Answer(200, b"{}")


def test_a_server_that_is_not_there_is_said_to_be_that() -> None:
    """Refused connections are told in the words of the system."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    lost = Talk(server(url, "url")).ask("GET", "/")
    assert isinstance(lost, Unanswered)
    assert lost.text.startswith(f"{url} can't be reached: ")
    assert "refused" in lost.text


def test_a_server_that_never_ends_is_given_up() -> None:
    """Neither silence nor a byte now and then keeps anybody longer than the time limit."""
    with serving(silent) as running:
        found = Talk(server(running.url, "url")).ask("GET", "/", timeout=0.1)
        assert found == Unanswered(f"{running.url} did not answer in time", sent=True)
    with serving(drip()) as running:
        found = Talk(server(running.url, "url")).ask("GET", "/", timeout=0.3)
        assert isinstance(found, Unanswered)
        assert found.sent
