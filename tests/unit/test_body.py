"""A key in a JSON body: what the outermost object says, and nothing else."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware._credentials import Reader
from rf_middleware._locations import Carrier
from rf_middleware._models import Reason

READER = Reader(["json:api_key", "json:other"], first=False)

NAMES = st.sampled_from(["api_key", "a", "b", ""])
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


def expected(whole: Any) -> object:
    """Say by other means what a body holds."""
    value = whole.get("api_key") if isinstance(whole, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - parsed JSON
    if not isinstance(value, str) or not value.strip(" \t"):
        return Reason.MISSING_KEY
    return value.strip(" \t").encode("utf-8", "surrogatepass"), Carrier()


@given(whole=VALUES, indent=st.sampled_from([None, 2]), ascii_only=st.booleans())
def test_a_body_holds_what_its_outermost_object_says(whole: Any, indent: int | None, *, ascii_only: bool) -> None:
    """Any JSON text, however it is laid out, holds the string of its outermost field, or nothing."""
    text = json.dumps(whole, indent=indent, ensure_ascii=ascii_only)
    assert READER.read([], [], text.encode("utf-8", "surrogatepass")) == expected(json.loads(text))


@given(whole=VALUES, codec=st.sampled_from(["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "utf-32-be"]))
def test_the_encodings_of_json_are_read(whole: Any, codec: str) -> None:
    """A body in another Unicode encoding holds the same."""
    assert READER.read([], [], json.dumps(whole).encode(codec)) == expected(json.loads(json.dumps(whole)))


@given(st.lists(st.tuples(NAMES, st.text(max_size=3)), max_size=4))
def test_a_repeated_field_is_ambiguous(members: list[tuple[str, str]]) -> None:
    """A field that comes twice is ambiguous whatever it holds; repeats of other fields do not matter."""
    body = "{" + ",".join(f"{json.dumps(name)}:{json.dumps(value)}" for name, value in members) + "}"
    found = READER.read([], [], body.encode())
    count = sum(name == "api_key" for name, _ in members)
    assert (found is Reason.AMBIGUOUS_KEY) == (count > 1)


@given(whole=st.dictionaries(NAMES, VALUES), cut=st.integers(1, 20))
def test_a_cut_body_holds_nothing(whole: dict[str, Any], cut: int) -> None:
    """JSON that does not end is not read as far as it goes."""
    body = json.dumps(whole).encode()
    assert READER.read([], [], body[:-cut]) is Reason.MISSING_KEY


@given(st.binary(max_size=50))
def test_no_body_is_an_error(body: bytes) -> None:
    """Any bytes are either JSON or no key."""
    try:
        whole = json.loads(body)
    except ValueError:
        assert READER.read([], [], body) is Reason.MISSING_KEY
    else:
        assert READER.read([], [], body) == expected(whole)


@pytest.mark.parametrize("body", [b'[{"api_key": "k"}]', b'[[], {"api_key": "k"}]', b'{"a": {"api_key": "k"}}'])
def test_an_inner_object_holds_nothing(body: bytes) -> None:
    """A field of an object inside a list, or of an object inside another one, is not where a key is."""
    assert READER.read([], [], body) is Reason.MISSING_KEY


def test_half_a_character_is_no_error() -> None:
    """JSON can write half of a character (RFC 8259 section 8.2), and white space that is no blank: both are kept."""
    assert READER.read([], [], b'{"api_key": "\\ud800"}') == (b"\xed\xa0\x80", Carrier())
    assert READER.read([], [], b'{"api_key": " \\u000bk\\u000b "}') == (b"\x0bk\x0b", Carrier())


def test_two_fields_are_two_locations() -> None:
    """Two fields of one body are compared like any two locations."""
    assert READER.read([], [], b'{"api_key": "a", "other": "a"}') == (b"a", Carrier())
    assert READER.read([], [], b'{"api_key": "a", "other": "b"}') is Reason.AMBIGUOUS_KEY
    first = Reader(["json:other", "json:api_key"], first=True)
    assert first.read([], [], b'{"api_key": "a", "other": "b"}') == (b"b", Carrier())
