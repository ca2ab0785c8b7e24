"""What answers of an issuer to a login mean."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware._login.reading import (
    Asked,
    Failed,
    Pending,
    Tokens,
    complaint,
    members,
    read_asked,
    read_pasted,
    read_polled,
)
from rf_middleware._login.values import Answer, Unanswered, masked, plain, usable
from rf_middleware._secret import Secret
from tests.login.worlds import DEVICE, ISSUER, KEY, OTHER_KEY, TOKENS, WORKSPACES

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)
BODY = st.binary(max_size=40) | JSON.map(lambda whole: json.dumps(whole).encode())


def said(body: object, status: int = 200) -> Answer:
    """Return an answer with this JSON."""
    return Answer(status, json.dumps(body).encode())


def changed(**new: object) -> Answer:
    """Return the answer to ``POST /device_authorization`` with other members; ``None`` takes one away."""
    whole = {**DEVICE, **new}
    return said({name: value for name, value in whole.items() if value is not None})


def test_a_good_device_answer_is_read() -> None:
    """Codes, addresses and times are what the issuer says."""
    asked = read_asked(said(DEVICE))
    assert isinstance(asked, Asked)
    assert asked.device_code.reveal() == "the-device-code"
    assert (asked.user_code, asked.page, asked.direct) == (
        "BCDF-GHJK",
        f"{ISSUER}/device",
        f"{ISSUER}/device?user_code=BCDF-GHJK",
    )
    assert (asked.lasts, asked.interval) == (600.0, 5.0)
    assert "the-device-code" not in repr(asked)


def test_the_interval_is_five_seconds_unless_said() -> None:
    """RFC 8628 section 3.2: what is left out counts as 5."""
    asked = read_asked(changed(interval=None, verification_uri_complete=None))
    assert isinstance(asked, Asked)
    assert (asked.interval, asked.direct) == (5.0, asked.page)


@pytest.mark.parametrize("much", [1e308, 10**400, float("inf")])
def test_a_very_long_time_is_cut_short(much: float) -> None:
    """A day is the most anybody waits."""
    asked = read_asked(changed(expires_in=much))
    assert isinstance(asked, Asked)
    assert asked.lasts == 86_400.0


@pytest.mark.parametrize(
    "new",
    [
        {"device_code": None},
        {"device_code": 5},
        {"device_code": "with a blank"},
        {"user_code": None},
        {"user_code": "\x1b[31mRED"},
        {"user_code": "B" * 65},
        {"verification_uri": None},
        {"verification_uri": "http://issuer.example/device"},
        {"verification_uri": "http://issuer.example/device", "verification_uri_complete": None},
        {"verification_uri": "javascript:alert(1)", "verification_uri_complete": None},
        {"verification_uri_complete": "file:///etc/passwd"},
        {"verification_uri_complete": f"{ISSUER}/device?<script>"},
        {"verification_uri_complete": 5},
        {"verification_uri_complete": "https://elsewhere.example/?user_code=BCDF-GHJK"},
        {"expires_in": None},
        {"expires_in": 0},
        {"expires_in": -1},
        {"expires_in": True},
        {"expires_in": "600"},
        {"expires_in": float("nan")},
        {"interval": 0},
        {"interval": []},
    ],
)
def test_a_device_answer_that_is_off_is_a_failure(new: dict[str, object]) -> None:
    """What is missing, of the wrong type, or leads a browser to an unsafe or another place is not worked with."""
    assert isinstance(read_asked(changed(**new)), Failed)


@given(BODY, st.integers(100, 599))
def test_nothing_an_issuer_answers_breaks_the_reader(body: bytes, status: int) -> None:
    """Each answer means something, whatever stands in it, and is never taken for keys by accident."""
    answer = Answer(status, body)
    assert isinstance(read_asked(answer), Failed)
    assert isinstance(read_polled(answer, ISSUER), Failed | Pending | Unanswered)
    assert isinstance(read_pasted(answer, ISSUER), Failed)
    assert complaint(answer).isprintable()


def test_a_deep_answer_is_no_json() -> None:
    """Brackets without end exhaust nothing."""
    assert members(Answer(200, b"[" * 100_000)) is None


@pytest.mark.parametrize(
    ("status", "body", "meaning"),
    [
        (400, {"error": "authorization_pending"}, Pending()),
        (400, {"error": "slow_down"}, Pending(slower=True)),
        (400, {"error": "access_denied"}, Failed("the login was denied on the page")),
        (400, {"error": "expired_token"}, Failed("the code has expired; log in again")),
        (400, {"error": "invalid_grant"}, Failed("the code is not good any more (used or expired); log in again")),
        (400, {"error": "invalid_client", "error_description": "Who?"}, Failed("Who?")),
        (400, {"error": ["slow_down"]}, Failed("the server answers 400")),
        (401, {"error": "authorization_pending"}, Failed("authorization_pending")),
        (404, {}, Failed("the server answers 404")),
        (429, {"error": "Too many"}, Unanswered("Too many", sent=True)),
        (500, {"error": "access_denied"}, Unanswered("access_denied", sent=True)),
        (503, None, Unanswered("the server answers 503", sent=True)),
        (200, {}, Failed("the issuer's answer makes no sense")),
        (200, {**TOKENS, "workspaces": {}}, Failed("the issuer's answer makes no sense")),
    ],
)
def test_each_answer_to_a_poll_has_its_meaning(status: int, body: object, meaning: object) -> None:
    """Wait, wait longer, no, or trouble that is tried again: RFC 8628 section 3.5."""
    assert read_polled(said(body, status), ISSUER) == meaning


def test_no_answer_to_a_poll_stays_none() -> None:
    """A lost connection is not a refusal."""
    lost = Unanswered("gone")
    assert read_polled(lost, ISSUER) is lost


def test_tokens_are_read() -> None:
    """The keys come with their workspaces and the issuer they are from; the issuer says which is first."""
    two = {**WORKSPACES, "id-2": {"url": "other", "name": None, "apiKey": OTHER_KEY, "more": 1}}
    tokens = read_polled(said({**TOKENS, "workspace": "other", "workspaces": two}), ISSUER)
    assert isinstance(tokens, Tokens)
    assert [(each.id, each.slug, each.name, each.issuer) for each in tokens.logins] == [
        ("id-of-acme", "acme", "Acme & Sons", ISSUER),
        ("id-2", "other", "", ISSUER),
    ]
    assert [each.key.reveal() for each in tokens.logins] == [KEY, OTHER_KEY]
    assert tokens.first == "other"
    assert KEY not in repr(tokens)
    unsaid = read_polled(said({**TOKENS, "workspace": 5}), ISSUER)
    assert isinstance(unsaid, Tokens)
    assert unsaid.first == ""


@pytest.mark.parametrize(
    "entry",
    [
        None,
        "acme",
        {"name": "Acme", "apiKey": KEY},
        {"url": "../admin", "apiKey": KEY},
        {"url": "acme"},
        {"url": "acme", "apiKey": ""},
        {"url": "acme", "apiKey": "has a blank"},
        {"url": "acme", "apiKey": "line\r\nX-Evil: 1"},
        {"url": "acme", "apiKey": "x" * 513},
    ],
)
def test_a_workspace_that_is_off_spoils_the_answer(entry: object) -> None:
    """Half an answer is none: what is kept works."""
    body = {**WORKSPACES, "id-2": entry}
    assert read_pasted(said(body), ISSUER) == Failed("the issuer's answer makes no sense")
    assert isinstance(read_polled(said({**TOKENS, "workspaces": body}), ISSUER), Failed)


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (200, b"null", "this token is not good: used before, too old, or not copied whole"),
        (200, b"<html>", "the issuer's answer makes no sense"),
        (200, b"[]", "the issuer's answer makes no sense"),
        (403, b'{"error": "not you"}', "not you"),
    ],
)
def test_a_pasted_token_that_is_refused_says_why(status: int, body: bytes, text: str) -> None:
    """``null`` is Roboflow's word for a bad token."""
    assert read_pasted(Answer(status, body), ISSUER) == Failed(text)


def test_pasted_keys_are_read() -> None:
    """The first workspace of the answer comes first."""
    tokens = read_pasted(said(WORKSPACES), ISSUER)
    assert isinstance(tokens, Tokens)
    assert (tokens.first, tokens.logins[0].key.reveal()) == ("acme", KEY)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"error": "no", "error_description": "because"}, "because"),
        ({"error": {"message": "x"}, "message": "said so"}, "said so"),
        ({"error": "\x1b[2J\x1b]0;title\x07red \u202eflip\nline two"}, "red flip line two"),
        ({"error": " \x1b[0m "}, "the server answers 418"),
        ({"error": "x" * 400}, "x" * 300),
        ([], "the server answers 418"),
    ],
)
def test_a_complaint_is_one_plain_line(body: object, text: str) -> None:
    """What a server says can't move the cursor, turn the text around or fill the screen."""
    assert complaint(said(body, 418)) == text


def test_a_redirect_is_named_and_not_followed() -> None:
    """The user learns where it leads, and decides."""
    assert complaint(Answer(308, b"", "https://new.example")).startswith(
        "the server sends one on to https://new.example, which is not followed"
    )


@given(st.text())
def test_plain_text_is_plain(text: str) -> None:
    """Nothing that a terminal acts on is left."""
    assert plain(text).isprintable()
    assert len(plain(text, 5)) <= 5


def test_a_key_is_shown_by_prefix_and_last_four_at_most() -> None:
    """Ours as the issuer's pages show it, others by the last four, short ones not at all."""
    assert masked(Secret(KEY)) == f"{KEY[:8]}...{KEY[-4:]}"
    assert masked(Secret("A" * 16 + "wxyz")) == "...wxyz"
    assert masked(Secret("short")) == "..."


@pytest.mark.parametrize(("key", "good"), [("a", True), ("x" * 512, True), ("", False), ("ä", False), ("a b", False)])
def test_what_can_go_into_a_header_is_known(key: str, *, good: bool) -> None:
    """1 to 512 visible ASCII characters."""
    assert usable(key) is good
