"""The hit under ASGI: one header, or the query, holds a key that is cached. A short cut past ``enter``.

What is not as plain as that is left alone (``None``), and ``enter`` decides about it from the start. A cached key has
no blanks around it: so nothing is trimmed here, and what would have needed it is not found.
"""

from typing import Final

from rf_middleware._asgi import Scope, exempted
from rf_middleware._guard import CONTEXT, Guard, Visit

__all__ = ["hit"]

_COMMA: Final = ord(",")
_QUESTION_MARK: Final = ord("?")


def hit(guard: Guard, scope: Scope) -> Visit | None:
    """Let the plainest requests in, and strip the keys of their queries; not for a guard that looks into bodies."""
    key = carrier = None
    watched = guard.watched
    for pair in scope["headers"]:
        if pair[0] in watched:
            if key is not None or pair[0] not in guard.in_headers:
                return None
            before, length, carrier = guard.in_headers[pair[0]]
            value = pair[1]
            if value[:length] != before or _COMMA in value:
                return None
            key = value[length:]
    query = rest = scope.get("query_string") or b""
    if query:
        named, rest = guard.split(query)
        if named:
            if key is not None or len(named) > 1 or _QUESTION_MARK in (scope.get("raw_path") or b""):
                return None
            name, key = named[0]
            carrier = guard.in_query[name]
    if (
        key is None
        or carrier is None
        or (CONTEXT in scope and scope[CONTEXT].query != query)
        or (guard.has_exempt and exempted(guard, scope))
    ):
        return None
    visit = guard.admit(key, carrier, query)
    if visit is not None and guard.strips and rest is not query:
        scope["query_string"] = rest
    return visit
