"""Keys are taken out of texts that others wrote, wherever and however they stand."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware._redact import HIDDEN, Redactor
from rf_middleware.exceptions import ConfigurationError

LOCATIONS = ("bearer", "header:X-API-Key", "query:api_key", "cookie:session.key", "json:apiKey")
KEY = "s3cr3t-k3y_OFsomebody"
SECRETS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~", min_size=8, max_size=60)
redact = Redactor(LOCATIONS)


@pytest.mark.parametrize(
    "text",
    [
        "GET /infer?api_key={} HTTP/1.1",
        "GET /infer?a=1&api_key={}&b=2 HTTP/1.1",
        "https://x.example/?API_KEY={}#top",
        "/?%61pi_key={}",
        "/?api%5Fkey={}&b=2",
        "Referer: https://x.example/?next=%2F%3Fapi_key%3D{}%26b%3D2",
        "/login?next=%252F%253Fapi_key%253D{}",
        "Authorization: Bearer {}",
        "authorization: bearer   {}",
        "{{'authorization': 'Bearer {}'}}",
        "[(b'authorization', b'Bearer {}'), (b'accept', b'*/*')]",
        "Authorization=Bearer%20{}",
        "X-API-Key: {}",
        "x-api-key={}",
        "(b'x-api-key', b'{}')",
        "'HTTP_X_API_KEY': '{}',",
        '{{"apiKey": "{}", "b": 1}}',
        '{{\\"apiKey\\":\\"{}\\"}}',
        "Cookie: a=b; session.key={}; c=d",
        "cookies={{'session.key': '{}'}}",
        "api_key = {}",
        "api_key='{}'",
        "Headers([('X-API-Key', '{}')])",
    ],
)
def test_a_key_is_known_by_what_stands_before_it(text: str) -> None:
    """In every way in which servers, clients and Python show a request."""
    told = redact(text.format(KEY))
    assert KEY not in told
    assert HIDDEN in told
    assert told.startswith(text.split("{}", maxsplit=1)[0].replace("{{", "{"))


@pytest.mark.parametrize("locations", [["query:key", "query:key2"], ["query:key2", "query:key"]])
def test_a_name_that_begins_another_hides_neither(locations: list[str]) -> None:
    """Both names are known in any order, and of a header the form that WSGI gives it."""
    assert Redactor(locations)("?key2=aa&key=bb") == "?key2=[key]&key=[key]"
    assert Redactor([*locations, "header:X-Se-cret"])("HTTP_X_SE_CRET=cc") == "HTTP_X_SE_CRET=[key]"


def test_a_name_that_is_no_text_is_left_alone() -> None:
    """What does not decode is no name of ours, and hides nothing of what follows."""
    assert redact("?%ff=1&%61pi_key=canary") == "?%ff=1&%61pi_key=[key]"


@pytest.mark.parametrize("key", ["b", "bb", "b1", "B-1"])
def test_a_key_that_begins_with_b_is_hidden_whole(key: str) -> None:
    """Its first letter is not taken for the mark of bytes, which stands before a quotation mark only."""
    assert redact(f"?api_key={key}&a=1 X-API-Key: {key}") == "?api_key=[key]&a=1 X-API-Key: [key]"
    assert redact(f"(b'x-api-key', b'{key}')") == "(b'x-api-key', b'[key]')"


@pytest.mark.parametrize("key", [prefix + "aB3" * 10 for prefix in ("rfk_", "rfv_", "rfd_", "rfp_")])
def test_our_own_keys_and_tokens_are_known_anywhere(key: str) -> None:
    """Their prefix is enough; the part that pages show is not taken for one."""
    assert redact(f"what is ({key})?") == f"what is ({HIDDEN})?"
    assert redact(f"what is {key[:8]}…{key[-4:]}?") == f"what is {key[:8]}…{key[-4:]}?"


@pytest.mark.parametrize(
    "text",
    [
        "GET /infer?a=1&b=%20 HTTP/1.1",
        "the keys of api: none",
        "/bearer HTTP/1.1",
        "monkeys api_keys",
        "?%zz=1&%=2",
        "Authorization: Basic dXNlcjpwYXNz",
    ],
)
def test_what_is_no_key_stays(text: str) -> None:
    """Other texts are handed back as they are."""
    assert redact(text) == text


def test_nothing_but_the_named_locations_counts() -> None:
    """With bearer alone, a part of a query is no key; an unknown location is an error that names it."""
    assert Redactor(["bearer"])("?api_key=abc bearer xyz") == f"?api_key=abc bearer {HIDDEN}"
    assert Redactor([])("bearer " + "rfk_" + "a1" * 20) == f"bearer {HIDDEN}"
    with pytest.raises(ConfigurationError, match="'query'"):
        Redactor(["query"])


@given(SECRETS, st.text(max_size=30), st.sampled_from(["?api_key={}", "Bearer {}", "X-API-Key: {}", '"apiKey": "{}"']))
def test_no_key_is_left_whatever_is_around_it(secret: str, around: str, place: str) -> None:
    """Neither plain nor percent-encoded, between any other texts."""
    for form in (secret, quote(secret, safe="")):
        text = f"{around} {place.format('KEY' + form)} {around}"
        assert "KEY" + form not in redact(text)


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    """No text is an accident, and what was hidden is not hidden again."""
    once = redact(text)
    assert redact(once) == once
