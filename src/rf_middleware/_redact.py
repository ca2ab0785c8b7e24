"""Takes keys out of texts that others wrote: a log line, a traceback. Pure.

A key is known by where it stands: after ``Bearer``, after the name of a header, cookie, field or part of a query that
may hold one, also where that is percent-encoded or shown as Python or JSON shows it. Keys, tokens and device codes of
an issuer of this package are known wherever they stand.
"""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote_to_bytes

from rf_middleware._locations import parse

__all__ = ["HIDDEN", "Redactor"]

HIDDEN: Final = "[key]"
"""What stands where a key was."""

_OURS: Final = r"(?<![A-Za-z0-9])rf[dkpv]_[A-Za-z0-9]{8,}"
_BEARER: Final = r"(?P<scheme>\bbearer(?:\s|%20|\+)+)(?!HTTP/)[^\s\"'\\]+"  # not the end of a request line
_PAIR: Final = r"(?P<pair>(?:{names})[\"'\\]*(?:\s*[=:,]\s*|%(?:25)*3[AD])(?:b?[\"'\\]+)?)[^\s\"'\\&]+"
# From the start of a name and never back: a stranger's text costs no more than its length.
_PART: Final = re.compile(r"(?<![^\s\"'?&;=])([^\s\"'?&;=]++)=[^\s\"'&;]++")


class Redactor:
    """Takes keys out of texts.

    Args:
        locations: where keys may be, as the option of the adapters says it.

    Raises:
        ConfigurationError: an unknown location.
    """

    def __init__(self, locations: Iterable[str]) -> None:
        found = [parse(rank, text) for rank, text in enumerate(locations)]
        self._names = {each.name.decode() for each in found if each.kind != "bearer"}
        written = {form for name in self._names for form in (name, name.replace("-", "_"))}  # HTTP_X_API_KEY of WSGI
        names = "|".join(re.escape(name) for name in sorted(written))
        # Without a name the pair matches nothing.
        self._pattern = re.compile(f"{_OURS}|{_BEARER}|{_PAIR.format(names=names or '(?!)')}", re.IGNORECASE)

    def __call__(self, text: str) -> str:
        """Return a text without the keys in it; the same object when there is none."""
        if "%" in text:
            text = _PART.sub(self._coded, text)
        return self._pattern.sub(_hidden, text)

    def _coded(self, part: re.Match[str]) -> str:
        """Hide a value whose name reads as one of ours when it is decoded: ``%61pi_key=``."""
        name = unquote_to_bytes(part[1]).decode("utf-8", "replace")
        return f"{part[1]}={HIDDEN}" if name in self._names else part[0]


def _hidden(found: re.Match[str]) -> str:
    return (found["scheme"] or found["pair"] or "") + HIDDEN
