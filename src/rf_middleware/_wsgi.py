"""What the WSGI adapters share: reading an environ and a body, telling the app who is asking, answering."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from rf_middleware._credentials import Pairs
from rf_middleware._finish import SIZES, WSGI, finished
from rf_middleware._guard import CONTEXT, Guard, Pending, Unread, Visit
from rf_middleware._models import Refusal
from rf_middleware._rules import preflight
from rf_middleware._wsgi_body import read_body

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = [
    "Finishing",
    "attach",
    "enter",
    "exempted",
    "finishing_later",
    "look",
    "original_query",
    "settle",
    "show",
    "strip",
    "watched_headers",
]

_TARGETS: Final = ("RAW_URI", "REQUEST_URI", "HTTP_REFERER")


_Headers = list[tuple[str, str]]
_Write = Callable[[bytes], object]


def enter(guard: Guard, environ: "WSGIEnvironment") -> Visit | Refusal | Pending | Unread:
    """Strip the environ and decide about it as far as that goes without waiting."""
    query = original_query(environ)
    named = strip(guard, environ, query)
    if guard.has_exempt and exempted(guard, environ):
        return guard.unguarded(query)
    return look(guard, environ, watched_headers(guard, environ), named, query)


def original_query(environ: "WSGIEnvironment") -> bytes:
    """Return the query as it came: a middleware further out may have stripped it."""
    if CONTEXT in environ:
        outer: Visit = environ[CONTEXT]
        return outer.query
    return _bytes(environ.get("QUERY_STRING", ""))


def look(
    guard: Guard, environ: "WSGIEnvironment", headers: Pairs, named: Pairs, query: bytes
) -> Visit | Refusal | Pending | Unread:
    """Look for the key, in all places but the body."""
    if environ["REQUEST_METHOD"] == "OPTIONS" and preflight(
        "OPTIONS",
        _bytes(environ.get("HTTP_ORIGIN", "")),
        _bytes(environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD", "")),
    ):
        return guard.unguarded(query)
    if guard.looks_into_bodies and guard.options.reader.wants_body(headers, named, environ.get("CONTENT_TYPE") or ""):
        return Unread(query, named)
    return guard.examine(headers, named, query)


def settle(
    guard: Guard,
    environ: "WSGIEnvironment",
    step: Visit | Refusal | Pending | Unread,
    read: "Callable[[WSGIEnvironment, int], bytes] | None" = None,
) -> Visit | Refusal:
    """Wait for what is missing: the body, which is put back byte for byte, and the issuer."""
    if isinstance(step, Unread):
        body = (read or read_body)(environ, guard.options.max_body)
        step = guard.examine(watched_headers(guard, environ), step.named, step.query, body)
        del body  # not in the locals of a traceback, nor of those below a log line
    if isinstance(step, Pending):
        client = guard.client(environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR", ""))
        step = guard.settle(step, guard.validator.resolve(step.key, client))
    return step


def watched_headers(guard: Guard, environ: "WSGIEnvironment") -> Pairs:
    """Return the headers a key may be in. A server has joined repeated ones with commas."""
    headers: list[tuple[bytes, bytes]] = []
    for name, variable in guard.variables:
        if variable in environ:
            headers.append((name, environ[variable].encode("latin-1", "replace")))
    return headers


def _bytes(text: str) -> bytes:
    return text.encode("latin-1", "replace")  # PEP 3333: every character is a byte


def exempted(guard: Guard, environ: "WSGIEnvironment") -> bool:
    """Tell whether the path that is routed needs no key: PATH_INFO has lost its root already, or the server left it."""
    path = _bytes(environ.get("PATH_INFO", "")).decode("utf-8", "replace")
    return guard.exempts(path, _bytes(environ.get("RAW_URI") or environ.get("REQUEST_URI") or ""))


def strip(guard: Guard, environ: "WSGIEnvironment", query: bytes) -> Pairs:
    """Take keys out of every place that shows the URL, in the server's own environ: its access log reads it.

    ``query`` is the one that came, which a middleware further out may have stripped from the environ already; what
    comes back are its parts that may be keys.
    """
    named, rest = guard.split(query)
    if guard.strips:
        seen: str = environ.get("QUERY_STRING", "")
        kept = rest if CONTEXT not in environ else guard.split(_bytes(seen))[1]
        show(guard, environ, seen, kept.decode("latin-1"))
    return named


def show(guard: Guard, environ: "WSGIEnvironment", seen: str, kept: str) -> None:
    """Put what is ``kept`` of a query where the one that was ``seen`` stands."""
    environ["QUERY_STRING"] = kept
    for name in _TARGETS:
        target = environ.get(name)
        if target and "?" in target:
            path, _, query_there = target.partition("?")
            if seen and query_there == seen:  # nearly always: split once
                environ[name] = f"{path}?{kept}" if kept else path
            else:
                environ[name] = guard.stripped_target(_bytes(target)).decode("latin-1")


def attach(environ: "WSGIEnvironment", visit: Visit) -> None:
    """Tell the app, and decorators further in, who is asking. No header can set these."""
    grant = visit.grant
    environ[CONTEXT] = visit
    environ["rf_middleware.grant"] = grant
    environ["rf_middleware.workspace"] = None if grant is None else grant.workspace


class Finishing:
    """The ``start_response`` of a request that was let in: completes the headers of the app's answer."""

    __slots__ = ("_start_response", "_visit")

    def __init__(self, visit: Visit, start_response: "StartResponse") -> None:
        self._visit = visit
        self._start_response = start_response

    def answer(self, status: str, headers: _Headers, exc_info: "OptExcInfo | None" = None, /) -> _Write:
        """Start the app's answer."""
        visit, start = self._visit, self._start_response
        for name, _ in headers:
            if len(name) in SIZES:
                break
        else:
            if visit.guard.tells is None and exc_info is None:
                return start(status, [*headers, *visit.carrier.wsgi])
        headers = finished(headers, WSGI, visit.carrier.wsgi, visit.told())
        return start(status, headers) if exc_info is None else start(status, headers, exc_info)


def finishing_later(environ: "WSGIEnvironment", start_response: "StartResponse") -> "StartResponse":
    """Do the same for whoever will have let the request in by the time the app answers."""

    def complete(status: str, headers: "_Headers", exc_info: "OptExcInfo | None" = None, /) -> "_Write":
        visit: Visit = environ[CONTEXT]
        start = start_response if visit.grant is None else Finishing(visit, start_response).answer
        return start(status, headers) if exc_info is None else start(status, headers, exc_info)

    return complete
