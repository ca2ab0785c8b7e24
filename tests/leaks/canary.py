"""Canaries: keys that are made to be found again, and the search for them in whatever was written.

A canary is made from a name, so that a test need not hold it; it is found whole and in pieces, as it is and in every
spelling that a log, a URL, a file or an error reporter may give it.
"""

import base64
import html
import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from hashlib import sha256
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

__all__ = ["FORMS", "PIECE", "grep", "made", "odd"]

PIECE: Final = 12
"""Characters of a key that are too many to be shown; prefix and last four of one may be."""

_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"


def made(name: str) -> str:
    """Return the canary of this name: letters and digits, like a key of many an issuer."""
    return "cnry" + "".join(_LETTERS[byte % len(_LETTERS)] for byte in sha256(name.encode()).digest()[:28])


def odd(name: str) -> str:
    """Return one with characters in it that are written in another way in a URL, in JSON, in HTML."""
    plain = made(name)
    return f"{plain[:9]}%2F+{plain[9:18]}=&<{plain[18:]}"


def _each(written: str) -> Callable[[str], str]:
    return lambda piece: "".join(written.format(ord(each)) for each in piece)


def _quoted(piece: str) -> str:
    return quote(piece, safe="")


def _lower(piece: str) -> str:
    return "".join(each if each.isalnum() else f"%{ord(each):02x}" for each in piece)


def _base64(shift: int, alphabet: bytes = b"+/") -> Callable[[str], str]:
    """Return what shows of a piece in the Base64 of a text in which it begins after ``shift`` bytes of a group."""

    def shown(piece: str) -> str:
        whole = base64.b64encode(b"\0" * shift + piece.encode(), alphabet).decode()
        return whole[(shift * 8 + 5) // 6 : (shift + len(piece)) * 8 // 6]

    return shown


FORMS: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType(
    {
        "as it is": str,
        "percent-encoded": _quoted,
        "percent-encoded, lower case": _lower,
        "percent-encoded twice": lambda piece: quote(_quoted(piece), safe=""),
        "percent-encoded, each character": _each("%{:02X}"),
        "percent-encoded, each character, lower case": _each("%{:02x}"),
        "hexadecimal": _each("{:02x}"),
        "escaped, as Python shows bytes": _each("\\x{:02x}"),
        "escaped, as JSON may": _each("\\u{:04x}"),
        "as JSON has it": lambda piece: json.dumps(piece)[1:-1],
        "as HTML has it": html.escape,
        "as numbers": lambda piece: ", ".join(str(ord(each)) for each in piece),
        "backwards": lambda piece: piece[::-1],
        **{f"Base64, shifted by {shift}": _base64(shift) for shift in range(3)},
        **{f"Base64 of URLs, shifted by {shift}": _base64(shift, b"-_") for shift in range(3)},
    }
)
"""The spellings of a piece of a key, each under its name."""


@cache
def _pieces(key: str, form: str) -> list[str]:
    """Return each piece of a key in a spelling."""
    return [FORMS[form](key[start : start + PIECE]).lower() for start in range(max(1, len(key) - PIECE + 1))]


@cache
def _blocks(key: str) -> frozenset[str]:
    """Return blocks of half the length of a piece, one of which is in each piece, in all spellings."""
    half = PIECE // 2
    blocks = [key[start : start + half] for start in range(0, len(key) - half + 1, half)]
    return frozenset(form(block).lower() for form in FORMS.values() for block in blocks)


def grep(written: str | bytes, keys: Iterable[str]) -> dict[str, list[str]]:
    """Return which of the keys stand in what was written, whole or in a piece, and in which spellings; in any case."""
    text = (written.decode("utf-8", "replace") if isinstance(written, bytes) else written).lower()
    found: dict[str, list[str]] = {}
    for key in keys:
        if any(block in text for block in _blocks(key)):
            forms = [form for form in FORMS if any(piece in text for piece in _pieces(key, form))]
            if forms:
                found[key] = forms
    return found
