"""More than one key in a request: nothing ambiguous is ever let through."""

import pytest

from tests.contract.issuing import GOOD, bearer
from tests.contract.protected import Protect
from tests.contract.subjects import Subject, every

OTHER = "other-good-key-of-acme"

ONE_LOCATION_TWICE: list[tuple[str, list[tuple[str, str]]]] = [
    ("/echo", [bearer(), bearer()]),
    ("/echo", [bearer(), bearer(OTHER)]),
    ("/echo", [("Authorization", f"Bearer {GOOD}, Bearer {OTHER}")]),
    ("/echo", [("Authorization", f"Bearer {GOOD},{OTHER}")]),
    ("/echo", [("Authorization", "Basic Zm9vOmJhcg=="), bearer()]),
    ("/echo", [bearer(), ("Authorization", "Basic Zm9vOmJhcg==")]),
    ("/echo", [("X-API-Key", GOOD), ("X-API-Key", GOOD)]),
    ("/echo", [("X-API-Key", GOOD), ("x-api-key", OTHER)]),
    ("/echo", [("X-API-Key", f"{GOOD},{OTHER}")]),
    ("/echo", [("X-API-Key", f"{GOOD},")]),
    ("/echo", [("X-API-Key", f",{GOOD}")]),
    ("/echo", [("X-API-Key", ""), ("X-API-Key", GOOD)]),
    (f"/echo?api_key={GOOD}&api_key={OTHER}", []),
    (f"/echo?api_key={GOOD}&api_key={GOOD}", []),
    (f"/echo?api_key=&api_key={GOOD}", []),
    (f"/echo?api_key={GOOD}&%61pi_key=", []),
    (f"/echo?api_key={GOOD}&api_key", []),
    (f"/echo?api_key={GOOD}&x=1&api_ke%79={OTHER}", []),
]

DIFFERENT_KEYS: list[tuple[str, list[tuple[str, str]]]] = [
    (f"/echo?api_key={OTHER}", [bearer()]),
    (f"/echo?api_key={OTHER}", [("X-API-Key", GOOD)]),
    ("/echo", [bearer(), ("X-API-Key", OTHER)]),
    ("/echo", [bearer(), ("X-API-Key", "not a key")]),
    ("/echo?api_key=ä", [bearer()]),
    (f"/echo?api_key={GOOD}x", [bearer()]),
    (f"/echo?api_key={GOOD.upper()}", [bearer()]),
]


@every
@pytest.mark.parametrize("mode", ["reject", "first"])
@pytest.mark.parametrize(("target", "headers"), ONE_LOCATION_TWICE)
def test_one_location_given_twice_is_refused(
    subject: Subject, protect: Protect, mode: str, target: str, headers: list[tuple[str, str]]
) -> None:
    """A header twice or comma-joined, or a query name twice, is a 400 in both modes and nobody is asked."""
    app = protect(subject, ambiguous=mode)
    assert app.call(target, *headers).verdict == (400, "ambiguous-key")
    assert app.keys.asked == []


@every
@pytest.mark.parametrize(("target", "headers"), DIFFERENT_KEYS)
def test_different_keys_are_refused(
    subject: Subject, protect: Protect, target: str, headers: list[tuple[str, str]]
) -> None:
    """Different keys in different locations are a 400, and nobody is asked about any of them."""
    app = protect(subject)
    assert app.call(target.encode().decode("latin-1"), *headers).verdict == (400, "ambiguous-key")
    assert app.keys.asked == []


@every
def test_the_same_key_in_two_locations_is_fine(subject: Subject, protect: Protect) -> None:
    """One key said twice in different places is one key."""
    app = protect(subject)
    assert app.call(f"/echo?api_key={GOOD}", bearer(), ("X-API-Key", GOOD)).status == 200
    assert app.keys.asked == [GOOD]


@every
@pytest.mark.parametrize(
    ("locations", "wanted"),
    [
        (["bearer", "header:X-API-Key", "query:api_key"], "key-of-bearer"),
        (["header:X-API-Key", "bearer", "query:api_key"], "key-of-header"),
        (["query:api_key", "header:X-API-Key", "bearer"], "key-of-query"),
        (["cookie:k", "query:api_key", "bearer"], "key-of-cookie"),
    ],
)
def test_the_first_location_wins_where_that_is_wanted(
    subject: Subject, protect: Protect, locations: list[str], wanted: str
) -> None:
    """``ambiguous="first"`` takes the key of the first location that has one, in the order of ``locations``."""
    app = protect(subject, ambiguous="first", locations=locations)
    headers = [bearer("key-of-bearer"), ("X-API-Key", "key-of-header"), ("Cookie", "k=key-of-cookie")]
    assert app.call("/echo?api_key=key-of-query", *headers).verdict == (401, "invalid-key")
    assert app.keys.asked == [wanted]


@every
def test_a_blank_first_location_does_not_win(subject: Subject, protect: Protect) -> None:
    """A blank value counts as absent, so that the next location is taken."""
    app = protect(subject, ambiguous="first")
    assert app.call(f"/echo?api_key={GOOD}", bearer(" "), ("X-API-Key", "")).status == 200


@every
@pytest.mark.parametrize(
    "cookies",
    [
        [f"k={GOOD}; k={OTHER}"],
        [f"k={GOOD}; k={GOOD}"],
        [f"k={GOOD}", f"k={OTHER}"],
        [f"k={GOOD}", "a=b", f"k={GOOD}"],
        [f"a=b; k={GOOD}", f"k={OTHER}; a=b"],
    ],
)
def test_a_cookie_given_twice_is_refused(subject: Subject, protect: Protect, cookies: list[str]) -> None:
    """Two cookies of one name, in one header or in two, are a 400."""
    app = protect(subject, locations=["cookie:k"])
    assert app.call("/echo", *(("Cookie", cookie) for cookie in cookies)).verdict == (400, "ambiguous-key")
    assert app.keys.asked == []
