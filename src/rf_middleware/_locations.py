"""The places a key may be in: how the ``locations`` option writes them, how a key is taken out of each. Pure."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from rf_middleware.exceptions import ConfigurationError

__all__ = ["ALLOWED", "BLANKS", "STALE", "Carrier", "Extract", "Location", "extractor", "parse"]

BLANKS: Final = b" \t"
STALE: Final = "rf-stale"
"""The response header that says for how many seconds nobody has vouched for the key (``stale_if_error``)."""
_COMMA: Final = ord(",")  # looked for as a number: as bytes it takes ten times as long
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^`|~-]+")
_COMMAS: Final = re.compile(rb",[ \t,]*")
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_NOT_FOR_KEYS: Final = frozenset(
    {
        "authorization",
        "cookie",
        "content-type",
        "content-length",
        "host",
        "referer",
        "origin",
        "expect",
        "te",
        "trailer",
    }
    | {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}
    | {"access-control-request-method", "access-control-request-headers"}
)
_QUERY_NAME: Final = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]+")
_TEXT: Final = re.compile(r"[^\ud800-\udfff]+")
ALLOWED: Final = "'bearer', 'header:NAME', 'query:NAME', 'cookie:NAME', 'json:FIELD'"

Extract = Callable[[bytes], bytes | None]
"""Takes a key out of the value of a place: empty when there is none, ``None`` when there are two."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """Where a key was found, as far as the caches that see the answer care.

    Attributes:
        vary: request headers that carried it, for ``Vary``.
        private: whether the query carried it, so that the answer is ``Cache-Control: private``.
        asgi: both as response headers, in bytes.
        wsgi: the same, as text.
    """

    vary: tuple[bytes, ...] = ()
    private: bool = False
    asgi: tuple[tuple[bytes, bytes], ...] = field(init=False)
    wsgi: tuple[tuple[str, str], ...] = field(init=False)

    def __post_init__(self) -> None:
        raw = tuple((b"vary", name) for name in self.vary) + ((b"cache-control", b"private"),) * self.private
        object.__setattr__(self, "asgi", raw)
        object.__setattr__(self, "wsgi", tuple((name.decode(), value.decode()) for name, value in raw))

    def __add__(self, other: "Carrier") -> "Carrier":
        return Carrier(self.vary + other.vary, self.private or other.private)

    def stale(self, seconds: float) -> "Carrier":
        """Return the same for an answer that was let in by a grant so old."""
        carrier = Carrier(self.vary, self.private)
        text = str(math.ceil(seconds))
        object.__setattr__(carrier, "asgi", (*carrier.asgi, (STALE.encode(), text.encode())))
        object.__setattr__(carrier, "wsgi", (*carrier.wsgi, (STALE, text)))
        return carrier


@dataclass(frozen=True, slots=True)
class Location:
    rank: int
    kind: str
    name: bytes
    carrier: Carrier

    def plainly(self) -> tuple[bytes, int, Carrier]:
        """Return what stands before a key as nearly everybody writes it, how long that is, and what it carries."""
        before = b"Bearer " if self.kind == "bearer" else b""
        return before, len(before), self.carrier


def parse(rank: int, text: object) -> Location:
    kind, _, name = (text if isinstance(text, str) else "").partition(":")
    if text == "bearer":
        return Location(rank, kind, b"authorization", Carrier((b"Authorization",)))
    if kind == "header" and _HEADER_NAME.fullmatch(name) and name.lower() not in _NOT_FOR_KEYS:
        return Location(rank, kind, name.lower().encode(), Carrier((name.encode(),)))
    if kind == "cookie" and _TOKEN.fullmatch(name):
        return Location(rank, kind, name.encode(), Carrier((b"Cookie",)))
    if kind == "query" and _QUERY_NAME.fullmatch(name):
        return Location(rank, kind, name.encode(), Carrier(private=True))
    if kind == "json" and _TEXT.fullmatch(name):
        return Location(rank, kind, name.encode(), Carrier())
    message = f"locations: {text!r} is none of {ALLOWED} (a header without '_' that means nothing else)"
    raise ConfigurationError(message)


def extractor(location: Location) -> Extract:
    """Return what takes the key out of a header: empty when there is none, ``None`` when there are two."""
    if location.kind == "bearer":
        return _bearer
    if location.kind == "cookie":
        return partial(_cookie, location.name)
    return _whole


def _whole(value: bytes) -> bytes | None:
    return None if _COMMA in value else value.strip(BLANKS)


def _bearer(value: bytes) -> bytes | None:
    if _COMMA not in value:
        scheme = value[:7]
        return value[7:].strip(BLANKS) if scheme == b"Bearer " or scheme.lower() == b"bearer " else b""
    schemes = [part.strip(BLANKS).partition(b" ")[0].lower() for part in value.split(b",")]
    return None if b"bearer" in schemes else b""


def _cookie(name: bytes, value: bytes) -> bytes | None:
    """Return one cookie (RFC 6265 section 4.2).

    A comma before ``name=``, or before nothing, stands where a server joined two headers.
    """
    value = _COMMAS.sub(b",", value)
    crumbs = re.findall(
        rb"(?:\A|;|,)[ \t]*" + re.escape(name) + rb"[ \t]*=([^;]*?)(?=;|\Z|,(?:[^\s=;,]+=|;|\Z))", value
    )
    if len(crumbs) > 1 or any(_COMMA in crumb for crumb in crumbs):
        return None
    key = crumbs[0].strip(BLANKS).strip(b'"') if crumbs else b""
    return key if key.strip(BLANKS) else b""
