"""Open streaming responses under WSGI: how they are counted, and how a revocation ends them.

A WSGI app can't be interrupted. Once its stream is ended not another part of it is sent, and where the
server shows the client's socket, that is shut down, so that the client sees the end at once. Each part is let through
like a request: by the cache, else by the issuer.
"""

import socket
from collections.abc import Iterable, Iterator
from threading import Event, Lock
from typing import TYPE_CHECKING, Final, cast

from rf_middleware._fingerprint import fingerprint
from rf_middleware._guard import Visit
from rf_middleware._models import Refusal
from rf_middleware._streams import REVOKED

if TYPE_CHECKING:
    import io

    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["served"]

_SOCKETS: Final = ("gunicorn.socket", "werkzeug.socket")
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
    if isinstance(body, list | tuple) or visit.grant is None or not visit.guard.options.close_streams:
        return body
    file_wrapper = environ.get("wsgi.file_wrapper")
    if isinstance(file_wrapper, type) and isinstance(body, file_wrapper):
        return body  # the server sends the file by itself
    return _Streaming(body, visit, environ, mark)


class _Streaming:
    """The parts of a body; a stream from its second part on."""

    ended = _ENDED  # nothing to wait for: after end() nothing more is sent
    digest = b""

    def __init__(self, body: Iterable[bytes], visit: Visit, environ: "WSGIEnvironment", mark: int) -> None:
        self._body = body
        self._parts = iter(body)
        self._visit = visit
        self._environ = environ
        self._mark = mark
        self._begun = self._open = self._cut = self._closed = False
        self._lock = Lock()
        self.judge = visit.asked_again

    @property
    def key(self) -> bytes:
        """See ``Stream``."""
        return self._visit.key

    @property
    def workspace(self) -> str:
        """See ``Stream``."""
        return "" if self._visit.grant is None else self._visit.grant.workspace.slug

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        part = b"" if self._cut else next(self._parts)
        if self._begun and not self._open:
            self._open, self.digest = True, fingerprint(self._visit.key)
            self._visit.guard.streams.open(self, self._mark)
        self._begun = True
        if self._open and not self._cut and not self._goes_on():
            self.end()
        if self._cut:
            message = "the key of this streaming response was revoked: the rest of it is not sent"
            raise Cut(message)
        return part

    def _goes_on(self) -> bool:
        visit = self._visit
        return visit.goes_on(self.digest) or visit.asked_again(visit.guard.validator.resolve(visit.key)) is None

    def close(self) -> None:
        """Close what the app returned; from here on the socket may be somebody else's."""
        with self._lock:
            self._closed = True
        if self._open:
            self._visit.guard.streams.close(self)
        if hasattr(self._body, "close"):
            cast("io.IOBase", self._body).close()

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
