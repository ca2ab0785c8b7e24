"""The reader of JSON bodies: what it reads, and what the app gets afterwards.

An input is: a byte for how much is read, one for how it arrives, then the body.
"""

import io
import json
from collections.abc import Callable
from typing import Any

from rf_middleware._credentials import Reader
from rf_middleware._models import Reason
from rf_middleware._wsgi_body import read_body
from tests.fuzz.keys import members

__all__ = ["check"]

READER = Reader(["json:api_key", "json:k"], first=False)


class Arriving(io.RawIOBase):
    """A body of which each read gives a few bytes only."""

    def __init__(self, body: bytes, step: int) -> None:
        self._rest, self._step = body, step

    def read(self, size: int = -1, /) -> bytes:
        """Return what is there, and not more than is asked for."""
        count = min(self._step, size if size >= 0 else len(self._rest))
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken


def check(data: bytes, read: Any = Reader.read, read_body: Callable[[dict[str, Any], int], bytes] = read_body) -> None:
    """Assert that a body is read whole or not at all, and reaches the app byte for byte."""
    limit, step, body = (data + b"\0\0")[0], (data + b"\0\0")[1] % 16 + 1, data[2:]
    for told in (str(len(body)), None):
        environ: dict[str, Any] = {"wsgi.input": Arriving(body, step), "wsgi.input_terminated": True}
        if told is not None:
            environ["CONTENT_LENGTH"] = told
        seen = read_body(environ, limit)
        assert seen == (body if len(body) <= limit else b"")
        assert _rest(environ["wsgi.input"]) == body, "the app gets another body"
    found = read(READER, [], [], body)
    held = [(name, value) for name, value in members(body) if name in {"api_key", "k"}]
    if len({name for name, _ in held}) < len(held):
        assert found is Reason.AMBIGUOUS_KEY
        return
    keys = {value.strip(" \t") for _, value in held if isinstance(value, str)} - {""}
    if len(keys) == 1:
        (key,) = keys
        assert found[0] == key.encode("utf-8", "surrogatepass")
        assert key in json.dumps(json.loads(body), ensure_ascii=False) or not key.isalnum()
    else:
        assert found is (Reason.AMBIGUOUS_KEY if keys else Reason.MISSING_KEY)


def _rest(source: Any) -> bytes:
    whole = b""
    while chunk := source.read(7):
        whole += chunk
    return whole
