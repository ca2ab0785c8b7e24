"""What an issuer says about its keys: how that is read, and what it rules out."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware._keyformat import KeyFormat, checksum
from rf_middleware.issuer.keys import KEY_FORMAT, KEY_PREFIX, mint

SAID: dict[str, Any] = {"prefix": "rfk_", "length": 37, "checksum": "crc32-base62"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


def test_what_is_announced_is_what_is_read() -> None:
    """A validator reads the format that the issuer of this package writes."""
    assert KEY_FORMAT.to_json() == SAID
    assert KeyFormat.parse(KEY_FORMAT.to_json()) == KEY_FORMAT


@given(st.data())
def test_keys_pass_and_typing_errors_do_not(data: st.DataObject) -> None:
    """Every key that is made passes; with one character changed, added or left out it does not."""
    key = mint(KEY_PREFIX)
    place = data.draw(st.integers(len(KEY_PREFIX), len(key) - 1))
    other = data.draw(st.characters(min_codepoint=0x21, max_codepoint=0x7E))
    assert KEY_FORMAT.could_be(key.encode())
    for wrong in (key[:place] + other + key[place + 1 :], key[:place] + key[place + 1 :], key + other):
        assert KEY_FORMAT.could_be(wrong.encode()) is (wrong == key)


@pytest.mark.parametrize(
    "body", ["rfk_" + "a" * 26, "rfk_" + "a" * 28, "rfk_" + "a" * 26 + "-", "rfk_" + "a" * 26 + "\n"]
)
def test_a_checksum_alone_makes_no_key(body: str) -> None:
    """Its length and its characters have to be right too, whoever can reckon the rest."""
    assert not KEY_FORMAT.could_be((body + checksum(body.encode())).encode())


@given(st.binary(max_size=600))
def test_nothing_is_ruled_out_that_has_another_prefix(key: bytes) -> None:
    """A format speaks of keys with its prefix and of no others: those may have been brought from elsewhere."""
    assert KEY_FORMAT.could_be(key) is not key.startswith(b"rfk_")


@pytest.mark.parametrize(
    "changed",
    [
        {"prefix": None},
        {"prefix": ""},
        {"prefix": "rf"},
        {"prefix": "a key_"},
        {"prefix": "x" * 65},
        {"prefix": 7},
        {"length": None},
        {"length": True},
        {"length": 37.0},
        {"length": 10},
        {"length": 513},
        {"checksum": None},
        {"checksum": "luhn"},
    ],
    ids=str,
)
def test_what_is_not_understood_rules_nothing_out(changed: dict[str, Any]) -> None:
    """An announcement in words that are not known here is none: each key is asked about, as before."""
    assert KeyFormat.parse({**SAID, **changed}) is None


@pytest.mark.parametrize(
    ("prefix", "length"), [("abc", 10), ("abc", 512), ("x" * 64, 71), ("!~+", 37)], ids=["short", "long", "wide", "odd"]
)
def test_the_widest_formats_are_understood(prefix: str, length: int) -> None:
    """A prefix of 3 to 64 visible characters, and a key of up to 512 with room for more than the checksum."""
    assert KeyFormat.parse({**SAID, "prefix": prefix, "length": length}) == KeyFormat(prefix, length)
    assert KeyFormat.parse({**SAID, "prefix": prefix, "length": len(prefix) + 6}) is None


@given(JSON)
def test_any_json_is_read_or_ignored(value: object) -> None:
    """Whatever stands in the metadata, reading it is no error."""
    assert KeyFormat.parse(value) is None
