"""The reader of keys, with the split of the query, as the guard uses them.

An input is a request: a byte that chooses the reader, the query up to the end of the line, headers as ``name:value``,
an empty line, the body.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, cast
from urllib.parse import unquote_to_bytes

from rf_middleware._credentials import Found, Reader
from rf_middleware._models import Reason
from rf_middleware._query import split

__all__ = ["check"]

ALL = ("bearer", "header:X-API-Key", "query:api_key", "cookie:k", "json:api_key")
CHOICES: list[tuple[tuple[str, ...], bool]] = [
    (("bearer", "header:X-API-Key", "query:api_key"), False),
    (ALL, False),
    (ALL, True),
    (ALL[::-1], True),
    (("cookie:k", "cookie:l", "query:k", "query:\xe4 &="), False),
    (("json:api_key", "json:other", "header:X-Token"), False),
    (("bearer",), True),
]
READERS = [Reader(locations, first=first) for locations, first in CHOICES]
BLANKS = b" \t"

Headers = list[tuple[bytes, bytes]]


def parsed(data: bytes) -> tuple[int, Headers, bytes, bytes]:
    """Return which reader, headers, query and body an input stands for."""
    head, _, body = data.partition(b"\n\n")
    first, *lines = head.split(b"\n")
    pairs = [line.partition(b":") for line in lines]
    choice = (first[0] if first else 0) % len(READERS)
    return choice, [(name.strip().lower(), value) for name, _, value in pairs], first[1:], body


def check(data: bytes, read: Any = Reader.read, divide: Any = split) -> None:
    """Assert what holds of any request."""
    choice, headers, query, body = parsed(data)
    reader = READERS[choice]
    watched = [pair for pair in headers if pair[0] in reader.header_names]
    named, rest = divide(query, reader.query_names)
    found: Found | Reason = read(reader, watched, named, body)
    _split_well(query, reader.query_names, named, rest)
    joined = [(name, b",".join(value for each, value in watched if each == name)) for name in dict(watched)]
    assert read(reader, joined, named, body) == found, "a server that joins headers reads something else"
    assert read(reader, joined[::-1], named, body) == found, "the order of headers decides"
    if isinstance(found, Reason):
        assert found in {Reason.MISSING_KEY, Reason.AMBIGUOUS_KEY}
    else:
        key, carrier = found
        assert key.strip(BLANKS), "a blank is no key"
        assert any(key in place for place in _places(joined, query, body)), "a key that nobody presented"
        assert set(carrier.vary) <= {b"Authorization", b"X-API-Key", b"X-Token", b"Cookie"}
    if b"cookie" not in dict(watched):
        wanted = expected(CHOICES[choice], dict(joined), query, body)
        assert (found if isinstance(found, Reason) else found[0]) == wanted


def _split_well(query: bytes, names: frozenset[bytes], named: Sequence[tuple[bytes, bytes]], rest: bytes) -> None:
    parts = query.split(b"&")
    mine = [part for part in parts if unquote_to_bytes(part.partition(b"=")[0]) in names]
    assert list(named) == [
        (unquote_to_bytes(p.partition(b"=")[0]), unquote_to_bytes(p.partition(b"=")[2])) for p in mine
    ]
    assert rest == b"&".join(part for part in parts if unquote_to_bytes(part.partition(b"=")[0]) not in names)
    assert split(rest, names) == ([], rest), "something is left after stripping"


def _places(joined: Headers, query: bytes, body: bytes) -> Iterable[bytes]:
    yield from (value for _, value in joined)
    yield unquote_to_bytes(query)
    yield from (each.encode("utf-8", "surrogatepass") for _, each in members(body) if isinstance(each, str))


def members(body: bytes) -> list[tuple[str, object]]:
    """Return the members of a JSON object by other means than the reader's own."""

    class Members(list[tuple[str, object]]):
        pass

    try:
        whole = json.loads(body, object_pairs_hook=Members)
    except (ValueError, RecursionError):
        return []
    return cast("list[tuple[str, object]]", whole) if isinstance(whole, Members) else []


def expected(
    choice: tuple[tuple[str, ...], bool], headers: dict[bytes, bytes], query: bytes, body: bytes
) -> bytes | Reason:
    """Say by other means what a request without cookies holds; headers of one name are joined."""
    locations, first = choice
    keys: list[bytes] = []
    for location in locations:
        kind, _, name = location.partition(":")
        values = _values(kind, name, headers, query, body)
        if values is None:
            return Reason.AMBIGUOUS_KEY
        keys += [value.strip(BLANKS) for value in values if value.strip(BLANKS)]
    if not keys:
        return Reason.MISSING_KEY
    return keys[0] if first or len(set(keys)) == 1 else Reason.AMBIGUOUS_KEY


def _values(kind: str, name: str, headers: dict[bytes, bytes], query: bytes, body: bytes) -> list[bytes] | None:
    """Return what one location holds, ``None`` when it holds two values."""
    if kind == "bearer":
        parts = headers.get(b"authorization", b"").split(b",")
        schemes = [part.strip(BLANKS).split(b" ")[0].lower() for part in parts]
        if len(parts) > 1:
            return None if b"bearer" in schemes else []
        return [parts[0][7:]] if parts[0][:7].lower() == b"bearer " else []
    if kind == "header":
        value = headers.get(name.lower().encode(), b"")
        return None if b"," in value else [value]
    if kind == "query":
        pairs = [part.partition(b"=") for part in query.split(b"&")]
        found = [unquote_to_bytes(value) for each, _, value in pairs if unquote_to_bytes(each) == name.encode()]
    elif kind == "json":
        held = [value for each, value in members(body) if each == name]
        if len(held) > 1:
            return None
        found = [each.encode("utf-8", "surrogatepass") for each in held if isinstance(each, str)]
    else:
        found = []
    return None if len(found) > 1 else found
