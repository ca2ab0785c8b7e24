"""The hit under WSGI: one header, or the query, holds a key that is cached. A short cut past ``enter``.

What is not as plain as that is left alone (``None``), as in ``_asgi_hit``.
"""

from typing import TYPE_CHECKING

from rf_middleware._guard import CONTEXT, Guard, Visit
from rf_middleware._wsgi import exempted, show

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["hit"]


def hit(guard: Guard, environ: "WSGIEnvironment") -> Visit | None:
    """Let the plainest requests in, and strip the keys of their queries; not for a guard that looks into bodies."""
    key = carrier = None
    for variable, before, length, carries in guard.in_variables:
        if variable in environ:
            value: str = environ[variable]
            if key is not None or value[:length] != before or "," in value or not value.isascii():
                return None
            key, carrier = value[length:].encode(), carries
    query, rest, asked = b"", b"", environ.get("QUERY_STRING")
    if asked:
        query = asked.encode("latin-1", "replace")
        named, rest = guard.split(query)
        if named:
            if key is not None or len(named) > 1:
                return None
            name, key = named[0]
            carrier = guard.in_query[name]
    if (
        key is None
        or carrier is None
        or (CONTEXT in environ and environ[CONTEXT].query != query)
        or ("HTTP_REFERER" in environ and "?" in environ["HTTP_REFERER"])
    ):
        return None
    if guard.has_exempt and exempted(guard, environ):
        return None
    visit = guard.admit(key, carrier, query)
    if visit is not None and asked and guard.strips:
        show(guard, environ, asked, rest.decode("latin-1"))
    return visit
