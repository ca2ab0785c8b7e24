"""Open streaming responses under WSGI: how they are counted, and how a revocation ends them.

A WSGI app can't be interrupted. Once its stream is ended not another part of it is sent, and where the
server shows the client's socket, that is shut down, so that the client sees the end at once. Each part is let through
like a request: by the cache, else by the issuer.
"""

import socket
from collections.abc import Callable, Iterable, Iterator
from threading import Event, Lock
from typing import TYPE_CHECKING, Final

from rf_middleware._fingerprint import fingerprint
from rf_middleware._guard import Visit
from rf_middleware._models import Refusal
from rf_middleware._streams import REVOKED

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["served"]

_SOCKETS: Final = ("gunicorn.socket", "werkzeug.socket")
_WHOLE: Final = (list, tuple)
_ENDED: Final = Event()
_ENDED.set()


class Cut(Exception):  # noqa: N818 - what happened to the stream, not a mistake
    """The server must not finish a response as if it were whole."""


def served(body: Iterable[bytes], visit: Visit, environ: "WSGIEnvironment", mark: int) -> Iterable[bytes]:
    """Return the body of an answer, as one that a revocation ends when it is a stream.

    Args:
        body: what the app returned.
        visit: of the request.
        environ: of the request.
        mark: of the validator's streams, noted before the key was looked at.
    """
    if isinstance(body, _WHOLE) or visit.grant is None or not visit.guard.options.close_streams:
        return body
    file_wrapper = environ.get("wsgi.file_wrapper")
    if isinstance(file_wrapper, type) and isinstance(body, file_wrapper):
        return body  # the server sends the file by itself
    return _Body(body, visit, environ, mark)


class _Body:
    """The parts of a body; a stream from its second part on."""

    __slots__ = ("_begun", "_body", "_environ", "_mark", "_parts", "_stream", "_visit")

    def __init__(self, body: Iterable[bytes], visit: Visit, environ: "WSGIEnvironment", mark: int) -> None:
        self._body = body
        self._parts = iter(body)
        self._visit = visit
        self._environ = environ
        self._mark = mark
        self._begun = False
        self._stream: _Stream | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        stream = self._stream
        if stream is None:
            part = next(self._parts)
            if not self._begun:
                self._begun = True
                return part
            stream = self._stream = _Stream(self._visit, self._environ)
            self._visit.guard.streams.open(stream, self._mark)
        else:
            stream.stand()
            part = next(self._parts)
        stream.pass_on()
        return part

    def close(self) -> None:
        """Close what the app returned; from here on the socket may be somebody else's."""
        if self._stream is not None:
            self._stream.close()
        close: Callable[[], object] | None = getattr(self._body, "close", None)
        if close is not None:
            close()


class _Stream:
    """What a revocation ends."""

    ended = _ENDED  # nothing to wait for: after end() nothing more is sent

    def __init__(self, visit: Visit, environ: "WSGIEnvironment") -> None:
        self.digest = fingerprint(visit.key)
        self.key = visit.key
        self.workspace = "" if visit.grant is None else visit.grant.workspace.slug
        self.judge = visit.asked_again
        self._visit = visit
        self._environ = environ
        self._cut = self._closed = False
        self._lock = Lock()

    def stand(self) -> None:
        """Find it not ended.

        Raises:
            Cut: it is.
        """
        if self._cut:
            message = "the key of this streaming response was revoked: the rest of it is not sent"
            raise Cut(message)

    def pass_on(self) -> None:
        """Let a part through as a request is: by the cache, else by the issuer.

        Raises:
            Cut: it ends here, or has ended.
        """
        visit = self._visit
        if not self._cut and not visit.goes_on(self.digest):
            verdict = visit.guard.validator.resolve(visit.key)
            if visit.asked_again(verdict) is not None:
                self.end()
        self.stand()

    def close(self) -> None:
        """Count it no more."""
        with self._lock:
            self._closed = True
        self._visit.guard.streams.close(self)

    def end(self, why: Refusal = REVOKED) -> None:  # noqa: ARG002 - a response that has begun can't say why it ends
        """End it, from any thread."""
        self._cut = True
        with self._lock:
            for name in _SOCKETS:
                if name in self._environ and not self._closed:
                    _shut(self._environ[name])


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # closed already
