"""Reads the head of a poll: thousands of validators send the very same one, which is read once. Pure.

Only what is plain is read, and nothing is refused here: who sends anything else is served by uvicorn and Starlette.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from rf_middleware._fingerprint import fingerprint
from rf_middleware.issuer.keys import TOKEN_PREFIX, well_formed

__all__ = ["Head", "read_head"]

_LONGEST: Final = 1024
_REQUEST: Final = b"POST /feed HTTP/1.1"
_LINE: Final = re.compile(rb"([A-Za-z0-9-]+): ?([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)")
_BEARER: Final = re.compile(rb"Bearer ([A-Za-z0-9_]+)")
_LENGTH: Final = re.compile(rb"[0-9]{1,4}")
_UNREAD: Final = frozenset(
    {b"accept", b"accept-encoding", b"content-type", b"host", b"user-agent", b"via", b"forwarded"}
)
"""Headers that say nothing about how long a request is, who sends it or what becomes of the connection."""


class Head(NamedTuple):
    """What the head of a poll says.

    Attributes:
        token: fingerprint of the validator token, which has the shape of one.
        length: of the body.
    """

    token: bytes
    length: int


def read_head(head: bytes) -> Head | None:
    """Read the head of a request, without the empty line; ``None`` unless it is plainly one of a poll."""
    return _read(head) if len(head) <= _LONGEST else None


@lru_cache(512)
def _read(head: bytes) -> Head | None:
    request, *lines = head.split(b"\r\n")
    said = _said(lines)
    if request != _REQUEST or said is None or said.pop(b"connection", b"keep-alive").lower() != b"keep-alive":
        return None
    bearer = _BEARER.fullmatch(said.pop(b"authorization", b""))
    length = _LENGTH.fullmatch(said.pop(b"content-length", b""))
    if said or bearer is None or length is None or not well_formed(bearer[1].decode(), TOKEN_PREFIX):
        return None
    return Head(fingerprint(bearer[1]), int(length[0]))


def _said(lines: list[bytes]) -> dict[bytes, bytes] | None:
    """Return the headers that have to be read, by name; ``None`` when one is odd or there twice."""
    found: dict[bytes, bytes] = {}
    for line in lines:
        parts = _LINE.fullmatch(line)
        name = parts[1].lower() if parts is not None else b""
        if parts is None or name in found:
            return None
        if name not in _UNREAD and not name.startswith(b"x-"):
            found[name] = parts[2]
    return found
