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
    """Read a body up to ``limit`` bytes and put it back; a larger one, or one that is cut off, comes back empty.

    Where the server can't read it (chunks that are none, say) the app finds that out as it would have.
    """
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
    try:
        while len(start) < size and (chunk := source.read(size - len(start))):
            start += chunk
    except Exception as error:  # noqa: BLE001 - each server has its own
        environ["wsgi.input"] = io.BufferedReader(_Replay(bytes(start), _Broken(error)))
        return b""
    body = bytes(start)
    environ["wsgi.input"] = io.BufferedReader(_Replay(body, source)) if len(body) > limit else io.BytesIO(body)
    return b"" if len(body) > limit or (known and len(body) < size) else body


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


class _Broken:
    """The rest of a stream that could not be read."""

    def __init__(self, error: Exception) -> None:
        self._error = error.with_traceback(None)  # its frames hold what was read so far

    def read(self, size: int = -1, /) -> bytes:  # noqa: ARG002 - as a stream has it
        """Fail as before."""
        raise self._error

    readline = read
