"""Reads the body of a WSGI request for a key in it, and puts it back byte for byte."""

import io
from typing import TYPE_CHECKING, Final, Protocol, cast

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["read_body"]

_LONGEST_LENGTH: Final = 18
"""Digits of the length of a body that anybody could send."""


class _Input(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...
    def readline(self, size: int = -1, /) -> bytes: ...


def read_body(environ: "WSGIEnvironment", limit: int) -> bytes:
    """Read a body up to ``limit`` bytes and put it back; a larger one comes back empty."""
    length = (environ.get("CONTENT_LENGTH") or "").lstrip("0")
    known = length.isascii() and length.isdigit() and len(length) <= _LONGEST_LENGTH
    if known:
        size = int(length)
    elif environ.get("wsgi.input_terminated"):  # chunked: the server ends the stream by itself
        size = limit + 1
    else:
        return b""
    if known and size > limit:
        return b""
    source = cast("_Input", environ["wsgi.input"])
    start = bytearray()
    while len(start) < size and (chunk := source.read(size - len(start))):
        start += chunk
    body = bytes(start)
    environ["wsgi.input"] = io.BufferedReader(_Replay(body, source)) if len(body) > limit else io.BytesIO(body)
    return body if len(body) <= limit else b""


class _Replay(io.RawIOBase):
    """What was read already, then the rest of the stream."""

    def __init__(self, start: bytes, rest: _Input) -> None:
        self._start = io.BytesIO(start)
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview", /) -> int:  # type: ignore[override]  # a buffer is what io hands over
        chunk = self._start.read(len(buffer)) or self._rest.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)
