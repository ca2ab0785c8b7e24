"""The hosted Roboflow API: how it is asked, and what each of its answers means."""

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware import RoboflowIssuer, Validator
from rf_middleware._models import SLUG, Grant, Reason, Refusal, Workspace
from tests.core.helpers import KEY
from tests.core.mock import UNUSABLE, Ask, Mock, by_task, by_thread, granted, reason, saying
from tests.core.test_wire import JSON

WELCOME = {"welcome": "hi", "instructions": "...", "docs": "...", "workspace": "acme"}
NO_SLUGS: list[object] = [None, "", " ", 7, True, [], {}, ["acme"], "../acme", "-acme", "acme\n", "a/b", "a b"]
BOTH = pytest.mark.parametrize("ask", [by_thread, by_task])


def issuer_of(mock: Mock) -> RoboflowIssuer:
    """Return an issuer that talks to the mock."""
    return RoboflowIssuer(transport=mock.transport)


@BOTH
def test_a_welcome_is_a_grant_of_every_scope(ask: Ask) -> None:
    """A 200 that names a workspace is a grant; the API does not tell scopes, so it has them all."""
    assert granted(ask(issuer_of(Mock(httpx.Response(200, json=WELCOME))), KEY)) == Grant(Workspace("acme"))


@BOTH
def test_the_key_goes_in_a_header_and_never_in_the_url(ask: Ask) -> None:
    """URLs are logged: the key is a Bearer token, and the API's own cache is passed by."""
    mock = Mock(httpx.Response(200, json=WELCOME))
    ask(issuer_of(mock), KEY)
    (request,) = mock.asked
    assert (request.method, str(request.url)) == ("GET", "https://api.roboflow.com/?nocache=true")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in str(request.url)


@BOTH
@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (401, Reason.INVALID_KEY),
        (402, Reason.PAYMENT_REQUIRED),
        (403, Reason.FORBIDDEN),
        (423, Reason.PAUSED),
    ],
)
def test_a_definite_no_is_what_it_says(ask: Ask, status: int, meaning: Reason) -> None:
    """401, 402, 403 and 423 are denials, whatever stands in the body."""
    for content in (b"", b"<html>", b'{"workspace": "acme"}', b"[" * 60_000):
        answer = ask(issuer_of(Mock(httpx.Response(status, content=content))), KEY)
        assert reason(answer) is meaning


@BOTH
@pytest.mark.parametrize("name", UNUSABLE)
def test_anything_else_means_that_it_cannot_be_asked(ask: Ask, name: str) -> None:
    """No other answer is a grant or a denial."""
    assert reason(ask(issuer_of(Mock(UNUSABLE[name])), KEY)) is Reason.ISSUER_UNAVAILABLE


@BOTH
@pytest.mark.parametrize("slug", NO_SLUGS, ids=repr)
def test_a_welcome_without_a_workspace_is_no_grant(ask: Ask, slug: object) -> None:
    """An empty or malformed ``workspace`` in a 200 is nonsense."""
    mock = Mock(httpx.Response(200, json={**WELCOME, "workspace": slug}))
    assert reason(ask(issuer_of(mock), KEY)) is Reason.ISSUER_UNAVAILABLE


@BOTH
@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("rfk_some-key"),
        httpx.ReadTimeout(""),
        httpx.RemoteProtocolError(""),
        OSError(),
        ValueError("rfk_some-key"),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip - one line for each error would hide the test
def test_no_answer_means_that_it_cannot_be_asked(ask: Ask, error: Exception) -> None:
    """Whatever keeps an answer away, nothing of it is shown."""
    answer = ask(issuer_of(Mock(error)), KEY)
    assert reason(answer) is Reason.ISSUER_UNAVAILABLE
    assert KEY not in repr(answer)


@BOTH
def test_a_redirect_is_not_followed(ask: Ask) -> None:
    """A redirect would carry the key to another place."""
    for status in (301, 302, 303, 307, 308):
        mock = Mock(httpx.Response(status, headers={"Location": "https://elsewhere.example/"}))
        assert reason(ask(issuer_of(mock), KEY)) is Reason.ISSUER_UNAVAILABLE
        assert [request.url.host for request in mock.asked] == ["api.roboflow.com"]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("1e9", 3600.0),
        ("0", None),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("soon", None),
    ],
)  # fmt: skip - a table
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_passed_on_in_seconds(status: int, header: str, seconds: float | None) -> None:
    """Seconds within reason are passed on; a date is not, since no clocks are compared."""
    answer = by_thread(issuer_of(Mock(httpx.Response(status, headers={"Retry-After": header}))), KEY)
    assert isinstance(answer.verdict, Refusal)
    assert answer.verdict.retry_after == seconds


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"error": "no credits left"}, "no credits left"),
        ({"message": "no credits left"}, "no credits left"),
        ({"error": "bad\r\nX-Header: 1\x00\u202e"}, "badX-Header: 1"),
        ({"error": "x" * 500}, "x" * 200),
        ({"error": {"text": "no"}}, ""),
        ({"error": None}, ""),
        (["no"], ""),
        ({}, ""),
    ],
)
def test_the_text_of_a_402_is_passed_on(body: object, text: str) -> None:
    """What the API says about credits reaches people: printable, and at most 200 characters of it."""
    answer = by_thread(issuer_of(Mock(httpx.Response(402, json=body))), KEY)
    assert isinstance(answer.verdict, Refusal)
    assert answer.verdict.detail == text


@pytest.mark.parametrize("status", [401, 403, 423])
def test_other_texts_are_not_passed_on(status: int) -> None:
    """Every bad key gets one text."""
    answer = by_thread(issuer_of(Mock(httpx.Response(status, json={"error": "it was revoked"}))), KEY)
    assert isinstance(answer.verdict, Refusal)
    assert answer.verdict.detail == ""


@BOTH
def test_a_cookie_of_one_key_does_not_vouch_for_the_next(ask: Ask) -> None:
    """What the issuer sets as a cookie is never sent back."""
    mock = Mock(httpx.Response(200, json=WELCOME, headers={"Set-Cookie": "session=good; Path=/"}))
    issuer = issuer_of(mock)
    for key in ("rfk_one", "rfk_two"):
        ask(issuer, key)
        issuer.check(key, 5.0)
    assert [request.headers.get("cookie") for request in mock.asked] == [None] * 4


@given(JSON | st.dictionaries(st.just("workspace"), JSON))
def test_no_json_is_taken_for_a_grant_that_is_none(body: Any) -> None:
    """Whatever JSON comes with a 200, it raises nothing, and grants only what it names by a valid slug."""
    answer = by_thread(issuer_of(saying(body)), KEY)
    if reason(answer) is None:
        assert SLUG.fullmatch(body["workspace"])
        assert granted(answer) == Grant(Workspace(body["workspace"]))
    else:
        assert reason(answer) is Reason.ISSUER_UNAVAILABLE


def test_it_says_who_it_is() -> None:
    """Its ``repr`` names the URL and nothing else."""
    assert repr(RoboflowIssuer()) == "RoboflowIssuer('https://api.roboflow.com')"


def test_it_promises_a_bound_and_no_lease() -> None:
    """There is no feed behind the hosted API."""
    assert Validator(RoboflowIssuer()).staleness.kind == "bounded"
