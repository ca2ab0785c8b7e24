"""Where a key may be, and what can be a key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware import CallableIssuer, Validator
from tests.contract.issuing import GOOD, Keys, bearer
from tests.contract.protected import Protect
from tests.contract.subjects import Subject, every, having
from tests.harness import Request

PERCENT = "".join(f"%{ord(character):02X}" for character in GOOD)


@every
@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/echo", [bearer()]),
        ("/echo", [("authorization", f"bearer {GOOD}")]),
        ("/echo", [("AUTHORIZATION", f"BEARER   {GOOD} ")]),
        ("/echo", [("X-API-Key", GOOD)]),
        ("/echo", [("x-api-key", f"  {GOOD}\t")]),
        (f"/echo?api_key={GOOD}", []),
        (f"/echo?a=b&api_key={GOOD}&c", []),
        (f"/echo?api_key={PERCENT}", []),
        (f"/echo?%61pi%5Fkey={GOOD}", []),
        (f"/echo?api_key=%20{GOOD}%09", []),
        (f"/echo?api_key={GOOD}", [("Authorization", "Basic Zm9vOmJhcg==")]),
        ("/echo?api_key=", [bearer()]),
        ("/echo?api_key=%20", [("X-API-Key", GOOD), ("Authorization", "Bearer ")]),
    ],
)
def test_the_default_locations_are_read(
    subject: Subject, protect: Protect, target: str, headers: list[tuple[str, str]]
) -> None:
    """A key is found as a bearer token, in ``X-API-Key`` and in the query, whatever the case and the blanks around."""
    app = protect(subject)
    assert app.call(target, *headers).verdict == (200, "")
    assert app.keys.asked == [GOOD]


@every
@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/echo", []),
        ("/echo", [("Authorization", "Bearer")]),
        ("/echo", [("Authorization", f"Basic {GOOD}")]),
        ("/echo", [("Authorization", GOOD)]),
        ("/echo", [("Authorization", f"Bearer2 {GOOD}")]),
        ("/echo", [("X-API-Key", "")]),
        ("/echo", [("X-API-Key", " \t ")]),
        ("/echo", [("X_API_Key", GOOD)]),
        ("/echo", [("X-API-Key2", GOOD)]),
        ("/echo", [("Cookie", f"api_key={GOOD}")]),
        ("/echo", [("Proxy-Authorization", f"Bearer {GOOD}")]),
        (f"/echo?API_KEY={GOOD}", []),
        (f"/echo?api_key2={GOOD}", []),
        (f"/echo?x=1;api_key={GOOD}", []),
        (f"/echo?x=1%26api_key={GOOD}", []),
        (f"/echo?%2561pi_key={GOOD}", []),
        (f"/echo?api%2Bkey={GOOD}", []),
        (f"/echo/api_key={GOOD}", []),
        ("/echo?api_key", []),
        ("/echo?api_key=&a=b", []),
    ],
)
def test_anything_else_counts_as_absent(
    subject: Subject, protect: Protect, target: str, headers: list[tuple[str, str]]
) -> None:
    """Blank values, other schemes, other names and doubly encoded ones are no key, and nobody is asked."""
    app = protect(subject)
    assert app.call(target, *headers).verdict == (401, "missing-key")
    assert app.keys.asked == []


@every
@pytest.mark.parametrize(
    ("location", "target", "headers"),
    [
        ("bearer", "/echo", [bearer()]),
        ("header:X-Token", "/echo", [("x-token", GOOD)]),
        ("query:key", f"/echo?key={GOOD}", []),
        ("query:key with=&", f"/echo?key%20with%3D%26={GOOD}", []),
        ("query:schl\xfcssel[1]", f"/echo?schl%C3%BCssel%5B1%5D={GOOD}", []),
        ("cookie:session", "/echo", [("Cookie", f"a=b; session={GOOD}; c=d")]),
        ("cookie:session", "/echo", [("Cookie", f'session="{GOOD}"')]),
        ("cookie:session", "/echo", [("Cookie", "a=b"), ("Cookie", f"session={GOOD}")]),
        ("cookie:session", "/echo", [("Cookie", f"session={GOOD}"), ("Cookie", "a=b; c=d")]),
    ],
)
def test_chosen_locations_are_read_and_no_others(
    subject: Subject, protect: Protect, location: str, target: str, headers: list[tuple[str, str]]
) -> None:
    """``locations`` says where keys are looked for: there, and nowhere else."""
    app = protect(subject, locations=[location])
    assert app.call(target, *headers).verdict == (200, "")
    elsewhere = [("/echo", ("X-API-Key", GOOD)), (f"/echo?api_key={GOOD}", ("X-Other", GOOD))]
    assert [app.call(other, header).problem for other, header in elsewhere] == ["missing-key"] * 2


@every
@pytest.mark.parametrize(
    "cookie",
    [
        "Session=k",
        "session2=k",
        "xsession=k",
        "a=session=k",
        "session",
        "session=",
        "session= ; a=b",
        'session=""',
        'session=" "',
    ],
)
def test_only_the_cookie_of_that_name_is_read(subject: Subject, protect: Protect, cookie: str) -> None:
    """A cookie of another name, another case or without a value is absent."""
    app = protect(subject, locations=["cookie:session"])
    assert app.call("/echo", ("Cookie", cookie)).verdict == (401, "missing-key")
    assert app.keys.asked == []


@every
@pytest.mark.parametrize(
    "key",
    [
        "x" * 513,
        "x" * 10_000,
        "two words",
        "tab\there",
        "ümlaut",
        "emoji-\xf0\x9f\x98\x80",
        "\x7f",
        "\xa0nbsp",
        "nul\x00",
        "line\x0bfeed",
    ],
)
def test_what_can_not_be_a_key_is_refused_without_asking(subject: Subject, protect: Protect, key: str) -> None:
    """Only 1 to 512 visible ASCII characters can be a key; the issuer hears of nothing else."""
    app = protect(subject)
    assert app.call("/echo", ("X-API-Key", key)).verdict == (401, "invalid-key")
    assert app.call("/echo?api_key=" + "".join(f"%{ord(each):02x}" for each in key)).verdict == (401, "invalid-key")
    assert app.keys.asked == []


@every
def test_every_visible_character_can_be_in_a_key(subject: Subject, protect: Protect) -> None:
    """All 94 visible characters reach the issuer as they are; 512 of them are not too many."""
    key = "".join(map(chr, range(0x21, 0x7F))).replace(",", "") + ","
    longest = "z" * 512
    app = protect(subject)
    known = app.keys.table[GOOD]
    app.keys.table |= {key: known, longest: known}
    encoded = "".join(f"%{ord(character):02X}" for character in key)
    assert app.call(f"/echo?api_key={encoded}").status == 200
    assert app.call("/echo", bearer(longest)).status == 200
    assert app.keys.asked == [key, longest]


@every
def test_a_plus_in_the_query_stays_a_plus(subject: Subject, protect: Protect) -> None:
    """Query values are percent-decoded once and nothing else: ``+`` is a character like any other."""
    app = protect(subject)
    app.call("/echo?api_key=a+b%2Bc%2520d")
    assert app.keys.asked == ["a+b+c%20d"]


@every
def test_a_publishable_key_is_invalid_unless_it_is_accepted(subject: Subject, protect: Protect) -> None:
    """``rf_`` keys are refused without asking, and what the issuer marks publishable too, until that is wanted."""
    app = protect(subject)
    assert app.call("/echo", bearer("rf_workspace1")).verdict == (401, "invalid-key")
    assert app.keys.asked == []
    assert app.call("/echo", bearer("marked-publishable")).verdict == (401, "invalid-key")
    willing = protect(subject, publishable=True)
    for key in ("rf_workspace1", "marked-publishable"):
        answer = willing.call("/echo", bearer(key))
        assert (answer.status, answer.json["publishable"]) == (200, True)


@having("optional")
def test_optional_lets_in_without_a_key_but_never_with_a_bad_one(subject: Subject, protect: Protect) -> None:
    """With ``optional`` no key is anonymous; a bad, ambiguous or unchecked one is refused all the same."""
    app = protect(subject, optional=True, scopes=["model:infer"])
    anonymous = app.call("/echo?api_key=", ("X-API-Key", " "))
    assert (anonymous.status, anonymous.json["workspace"]) == (200, None)
    assert app.call("/echo", bearer("unknown")).verdict == (401, "invalid-key")
    assert app.call("/echo", bearer("ä")).verdict == (401, "invalid-key")
    assert app.call("/echo", bearer("reader")).verdict == (403, "forbidden")
    assert app.call("/echo", bearer("broken")).verdict == (503, "issuer-unavailable")
    assert app.call("/echo?api_key=a&api_key=b").verdict == (400, "ambiguous-key")
    assert app.call("/echo", bearer()).json["workspace"] == "acme"


@having("unrouted")
@given(key=st.text(st.characters(codec="latin-1", exclude_characters=",\r\n\x00"), min_size=1, max_size=40))
def test_exactly_the_visible_ascii_keys_reach_the_issuer(subject: Subject, key: str) -> None:
    """Whatever stands in the header, the issuer is asked exactly when it is visible ASCII, and about just that."""
    keys = Keys()
    keys.table.clear()
    with Validator(CallableIssuer(keys)) as validator:
        app = subject.protect(validator, {}, ())
        answer = subject.call(app, Request("GET", "/echo", [("X-API-Key", key)]))
    meant = key.strip(" \t")
    possible = all("!" <= each <= "~" for each in meant) and not meant.startswith("rf_")
    assert keys.asked == ([meant] if meant and possible else [])
    assert answer.problem == ("invalid-key" if meant else "missing-key")
