"""The search itself: what it must find, what it must not."""

import base64
import json
from urllib.parse import quote, quote_plus

import pytest

from tests.leaks.canary import FORMS, PIECE, grep, made, odd

KEYS = {"plain": made("a"), "odd": odd("a")}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KEYS)
def test_a_key_is_found_in_every_spelling(kind: str, form: str) -> None:
    """Whatever way a piece of a key is written, in the middle of a text, it is found and its spelling is named."""
    key = KEYS[kind]
    for start in (0, 3, len(key) - PIECE):
        written = f"2026-01-01 INFO: <<{FORMS[form](key[start : start + PIECE])}>> 200"
        assert form in grep(written, [key, made("other")])[key]


@pytest.mark.parametrize("kind", KEYS)
def test_the_encoders_of_python_are_among_them(kind: str) -> None:
    """What urllib, json, base64 and repr make of a whole key is found."""
    key = KEYS[kind]
    basic = [base64.b64encode(f"{user}{key}:".encode()) for user in ("", "u", "us")]
    written: list[str | bytes] = [
        quote(key),
        quote_plus(key),
        json.dumps({"k": key}),
        repr(key),
        repr(key.encode()),
        key.encode().hex(),
    ]
    for each in [*written, *basic, key.upper(), str(list(key.encode()))]:
        assert set(grep(each, [key, made("other")])) == {key}


def test_what_holds_no_key_is_clean() -> None:
    """Neither another key nor a fingerprint, a prefix or the last four characters are taken for a key."""
    key = made("a")
    written = f"{made('b')} {odd('c')} {key[: PIECE - 1]}...{key[-4:]}"
    assert grep(written, [key]) == {}
    assert grep(written.encode(), [key, made("b")])[made("b")] != []
