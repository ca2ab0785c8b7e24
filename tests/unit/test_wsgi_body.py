"""A WSGI body that is looked into: cut off, broken, or whole, the app gets what the server has of it."""

import io
from typing import Any

import pytest

from rf_middleware._wsgi_body import read_body


class Stream(io.RawIOBase):
    """What comes, and then the error that a server raises, if one does."""

    def __init__(self, *parts: bytes, error: Exception | None = None) -> None:
        self._parts, self._error = list(parts), error

    def read(self, size: int = -1, /) -> bytes:
        """Return what is there."""
        if self._parts:
            return self._parts.pop(0)
        if self._error is not None:
            raise self._error
        return b""


def environ(stream: Stream, length: int | None = None) -> dict[str, Any]:
    """Return the environ of a body with a length, or in chunks."""
    told = {} if length is None else {"CONTENT_LENGTH": str(length)}
    return {"wsgi.input": stream, "wsgi.input_terminated": True, **told}


@pytest.mark.parametrize("error", [OSError("gone"), ValueError("no chunk"), Exception("a server's own")])
@pytest.mark.parametrize("length", [None, 10])
def test_a_body_that_the_server_can_not_read_holds_no_key(error: Exception, length: int | None) -> None:
    """The error of the server is no answer of ours: there is no key, and the app that reads on gets the same error."""
    request = environ(Stream(b"{}", error=error), length)
    assert read_body(request, 100) == b""
    for read in (request["wsgi.input"].read, request["wsgi.input"].readline):
        with pytest.raises(type(error), match=str(error)):
            read()


def test_what_came_before_the_error_is_there() -> None:
    """The app can read as far as the body came."""
    request = environ(Stream(b"abc", error=OSError("gone")))
    assert read_body(request, 100) == b""
    assert request["wsgi.input"].read(3) == b"abc"


def test_a_body_that_is_cut_off_holds_no_key() -> None:
    """What is shorter than its length is not read as far as it came, and the app gets that much."""
    request = environ(Stream(b"{", b"}"), 3)
    assert read_body(request, 100) == b""
    assert request["wsgi.input"].read() == b"{}"


@pytest.mark.parametrize("length", [None, 2])
def test_a_whole_body_is_read(length: int | None) -> None:
    """With its length, or until it ends."""
    request = environ(Stream(b"{", b"}"), length)
    assert read_body(request, 2) == b"{}"
    assert request["wsgi.input"].read() == b"{}"
