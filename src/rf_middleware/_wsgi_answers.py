"""Answers to WSGI requests that are not let in: the table's, or the user's own."""

import io
import logging
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from itertools import chain
from typing import TYPE_CHECKING, Final, cast

from rf_middleware._challenge import respond
from rf_middleware._guard import REFUSED, Guard
from rf_middleware._models import Refusal
from rf_middleware.exceptions import refused

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["custom_answer", "refuse"]

_log: Final = logging.getLogger("rf_middleware")
_Headers = list[tuple[str, str]]
_Write = Callable[[bytes], object]


def refuse(refusal: Refusal, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """Send the answer of the table."""
    response = respond(refusal)
    status = f"{response.status} {HTTPStatus(response.status).phrase}"
    start_response(status, [(name.title(), value) for name, value in response.headers])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [response.body]


def custom_answer(
    guard: Guard,
    refusal: Refusal,
    environ: "WSGIEnvironment",
    start_response: "StartResponse",
    app: "WSGIApplication",
) -> Iterable[bytes] | None:
    """Send the user's own answer, or return ``None`` when there is none; whatever it is, it lets nobody in."""
    on_denied = guard.options.on_denied
    if on_denied is None or REFUSED in environ:
        return None
    environ[REFUSED] = True
    try:
        answer = on_denied(refused(refusal), environ)
        if callable(answer) and answer != app:
            return _served(cast("WSGIApplication", answer), environ, start_response)
    except Exception:  # noqa: BLE001 - theirs to fail, ours to answer all the same
        _log.exception("on_denied failed; the standard answer is sent instead")
    return None


def _served(answer: "WSGIApplication", environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """Serve the user's own answer; the response is started once its first part is there, so that it may still fail."""
    started: list[tuple[str, list[tuple[str, str]]]] = []
    written: list[bytes] = []

    def note(status: str, headers: "_Headers", exc_info: "OptExcInfo | None" = None, /) -> "_Write":  # noqa: ARG001 - nothing was sent yet
        started.append((status, headers))
        return written.append

    body = answer(environ, note)
    parts = iter(body)
    first = next(parts, b"")
    start_response(*started[-1])
    return _Parts(chain(written, [first], parts), body)


class _Parts:
    """The parts of a body, and how to close it."""

    def __init__(self, parts: Iterable[bytes], body: object) -> None:
        self._parts = parts
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._parts)

    def close(self) -> None:
        if hasattr(self._body, "close"):
            cast("io.IOBase", self._body).close()
