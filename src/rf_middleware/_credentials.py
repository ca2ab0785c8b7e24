"""Finds the key in a request. One reader for every adapter, pure.

What an adapter hands over: the headers as ``(lower-case name, value)`` in bytes, a header that came
more than once included as often; the parts of the query that may be keys; for ``json:`` locations the body.

* A location given twice (a header twice or comma-joined, a query name twice) is ambiguous.
* Different keys in different locations are ambiguous, or the first location wins (``ambiguous="first"``).
* The same key in two different locations is fine.
* A blank value, and an ``Authorization`` of another scheme, count as absent.
"""

from collections.abc import Iterable, Sequence
from typing import Final, cast

from rf_middleware._locations import ALLOWED, BLANKS, Carrier, Extract, extractor, parse
from rf_middleware._models import Reason
from rf_middleware.exceptions import ConfigurationError

__all__ = ["PUBLISHABLE", "Found", "Pairs", "Reader"]

Pairs = Sequence[tuple[bytes, bytes]]
"""Headers, or parts of a query: names with values, in order and with repeats."""

PUBLISHABLE: Final = b"rf_"
"""How a key that is not secret begins."""

Found = tuple[bytes, Carrier]


class _Ambiguous(Exception):  # noqa: N818 - a signal inside this file
    """One location holds more than one value."""


class Reader:
    """Reads keys from the given locations.

    Attributes:
        header_names: headers that may hold a key, in lower case.
        query_names: names in the query that may.
        json_fields: names in a body that may.
        in_headers: for each location that is a whole header, how nearly everybody writes a key there.
        in_query: what the locations in the query carry.

    Args:
        locations: in order of precedence.
        first: whether the first location wins when locations hold different keys.

    Raises:
        ConfigurationError: an unknown location, none, or one named twice.
    """

    def __init__(self, locations: Iterable[str], *, first: bool) -> None:
        parsed = [parse(rank, text) for rank, text in enumerate(locations)]
        if not parsed or len({(each.kind, each.name) for each in parsed}) < len(parsed):
            message = f"locations: give at least one, and none twice; allowed are {ALLOWED}"
            raise ConfigurationError(message)
        self._first = first
        self._by_header: dict[bytes, list[tuple[int, Extract, Carrier]]] = {}
        for each in parsed:
            if each.kind in {"bearer", "header", "cookie"}:
                header = b"cookie" if each.kind == "cookie" else each.name
                self._by_header.setdefault(header, []).append((each.rank, extractor(each), each.carrier))
        self._query = {each.name: each for each in parsed if each.kind == "query"}
        self._json = {each.name.decode(): each for each in parsed if each.kind == "json"}
        self._first_json = min((each.rank for each in self._json.values()), default=0)
        self.json_fields = frozenset(self._json)
        self.in_headers = {each.name: each.plainly() for each in parsed if each.kind in {"bearer", "header"}}
        self.in_query = {each.name: each.carrier for each in parsed if each.kind == "query"}
        self.header_names = frozenset(self._by_header)
        self.query_names = frozenset(self._query)

    def wants_body(self, headers: Pairs, named: Pairs, content_type: str) -> bool:
        """Tell whether the body may hold the key: a JSON type, and no earlier location that wins anyway."""
        if not self._json or not _is_json(content_type):
            return False
        if not self._first:
            return True
        found = self._gather(headers, named, b"")
        return found is not None and all(rank > self._first_json for rank, *_ in found)

    def read(self, headers: Pairs, named: Pairs, body: bytes = b"") -> Found | Reason:
        """Find the key.

        Args:
            headers: at least all headers named in ``header_names``.
            named: the parts of the query called by one of ``query_names``, decoded.
            body: the JSON body, empty when there is none or it was not looked into.

        Returns:
            The key with its carrier, or ``Reason.MISSING_KEY`` or ``Reason.AMBIGUOUS_KEY``.
        """
        found = self._gather(headers, named, body)
        if found is None:
            return Reason.AMBIGUOUS_KEY
        return self._choose(sorted(found, key=lambda each: each[0])) if found else Reason.MISSING_KEY

    def _choose(self, found: list[tuple[int, bytes, Carrier]]) -> Found | Reason:
        _, key, carrier = found[0]
        for _, other, other_carrier in found[1:]:
            if other == key:
                carrier += other_carrier
            elif not self._first:
                return Reason.AMBIGUOUS_KEY
        return key, carrier

    def _gather(self, headers: Pairs, named: Pairs, body: bytes) -> list[tuple[int, bytes, Carrier]] | None:
        """Return what each location holds, or ``None`` when one of them holds two values."""
        found: list[tuple[int, bytes, Carrier]] = []
        try:
            for name, value in headers if len(headers) < 2 else _joined(headers):
                for rank, extract, carrier in self._by_header.get(name, ()):
                    key = extract(value)
                    if key is None:
                        return None
                    if key:
                        found.append((rank, key, carrier))
            if named:
                found += self._in_query(named)
            if body:
                found += self._in_json(body)
        except _Ambiguous:
            return None
        return found

    def _in_query(self, named: Pairs) -> Iterable[tuple[int, bytes, Carrier]]:
        if len({name for name, _ in named}) < len(named):
            raise _Ambiguous
        for name, value in named:
            key = value.strip(BLANKS)
            if key:
                yield self._query[name].rank, key, self._query[name].carrier

    def _in_json(self, body: bytes) -> Iterable[tuple[int, bytes, Carrier]]:
        seen: dict[str, object] = {}
        for name, value in _members(body):
            if name in self._json:
                if name in seen:
                    raise _Ambiguous
                seen[name] = value
        return [
            (self._json[name].rank, key, self._json[name].carrier)
            for name, value in seen.items()
            if isinstance(value, str) and (key := value.encode("utf-8", "surrogatepass").strip(BLANKS))
        ]


def _joined(headers: Pairs) -> Iterable[tuple[bytes, bytes]]:
    """Join headers of one name as a WSGI server does, so that every adapter reads the same (RFC 9110 section 5.3)."""
    merged: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in merged:
            merged[name] += b"," + value
        else:
            merged[name] = value
    return merged.items()


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


def _members(body: bytes) -> list[tuple[str, object]]:
    """Return the members of the outermost JSON object with their repeats, or nothing when it is not one."""
    import json  # noqa: PLC0415 - only where a location is in a body

    members: list[tuple[str, object]] = []

    def keep(inner: list[tuple[str, object]]) -> dict[str, object]:
        nonlocal members
        members = inner  # The outermost object is finished last.
        return dict(inner)

    try:
        whole = json.loads(body, object_pairs_hook=keep)
    except (ValueError, RecursionError):
        return []
    return members if isinstance(whole, dict) else cast("list[tuple[str, object]]", [])
