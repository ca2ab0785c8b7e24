"""Streaming responses under WSGI end with their key: at their next part, with the client's socket shut down."""

import io
import socket
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.util import FileWrapper

import pytest

from rf_middleware._wsgi_streams import Cut
from rf_middleware.wsgi import APIKeyMiddleware
from tests.core.scripted import reply
from tests.core.servers import until
from tests.harness import Request, environ_of
from tests.streams.opened import KEY, OTHER, asked, fed, issuer_of_two, open_streams


def answering(body: Iterable[bytes]) -> Callable[..., Iterable[bytes]]:
    """Return an app that answers with this very object."""

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return body

    return app


def started(*_told: object) -> Callable[[bytes], object]:
    """Take a status and headers, as a server does."""
    return list[bytes]().append


def answer(middleware: Any, key: str = KEY, more: dict[str, Any] | None = None) -> Any:
    """Return the body of the answer to a request with a key; ``more`` is what the server says beyond the request."""
    return middleware({**environ_of(asked(key) if key else Request()), **(more or {})}, started)


def as_it_is(file: object) -> object:
    """Wrap a file, as a server without sendfile does."""
    return file


class Parts:
    """A body of three parts that notes its end."""

    def __init__(self, before: Callable[[int], object] = lambda _number: None) -> None:
        self.before = before
        self.made = 0
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self.made += 1
        self.before(self.made)
        if self.made > 3:
            raise StopIteration
        return b"%d" % self.made

    def close(self) -> None:
        """Note it."""
        self.closed += 1


def sent(body: Any) -> list[bytes]:
    """Return what a server sends of a body that is cut, which it closes in any case."""
    parts: list[bytes] = []
    try:
        with pytest.raises(Cut, match="revoked"):
            parts.extend(body)
    finally:
        body.close()
    return parts


@pytest.mark.parametrize("server", ["gunicorn", "werkzeug"])
def test_a_stream_is_cut_and_its_client_sees_it(server: str) -> None:
    """Not another part is asked for, the app's close is called, and the client's connection is shut down at once."""
    issuer, parts = issuer_of_two(), Parts()
    middleware = APIKeyMiddleware(answering(parts), issuer=issuer)
    mine, client = socket.socketpair()
    with mine, client:
        body = answer(middleware, more={f"{server}.socket": mine})
        assert [next(body), next(body)] == [b"1", b"2"]
        issuer.revoke(KEY)
        client.settimeout(60)
        assert client.recv(1) == b""
        assert sent(body) == []
    assert (parts.made, parts.closed) == (2, 1)
    assert open_streams(middleware.validator) == []


def test_without_a_socket_it_is_cut_all_the_same() -> None:
    """Where the server shows no socket, or it is closed already, the stream ends at its next part."""
    mine, client = socket.socketpair()
    mine.close()
    client.close()
    for more in (None, {"gunicorn.socket": mine}):
        issuer, parts = issuer_of_two(), Parts()
        body = answer(APIKeyMiddleware(answering(parts), issuer=issuer), more=more)
        assert [next(body), next(body)] == [b"1", b"2"]
        issuer.revoke(KEY)
        assert sent(body) == []
        assert parts.closed == 1


def test_a_part_made_while_the_key_ends_is_not_sent() -> None:
    """A part that the app was making when its key ended stays here."""
    issuer = issuer_of_two()
    parts = Parts(lambda number: issuer.revoke(KEY) if number == 3 else None)
    assert sent(answer(APIKeyMiddleware(answering(parts), issuer=issuer))) == [b"1", b"2"]
    assert parts.closed == 1


def test_a_stream_that_begins_too_late_is_cut() -> None:
    """A key that ends between its check and the second part, where a stream begins, ends the stream there."""
    issuer = issuer_of_two()
    parts = Parts(lambda number: issuer.revoke(KEY) if number == 1 else None)
    assert sent(answer(APIKeyMiddleware(answering(parts), issuer=issuer))) == [b"1"]


def test_a_stream_of_another_key_goes_on() -> None:
    """A stream is untouched by other keys, keeps its socket, and is closed once."""
    issuer, parts = issuer_of_two(), Parts()
    middleware = APIKeyMiddleware(answering(parts), issuer=issuer)
    mine, client = socket.socketpair()
    with mine, client:
        body = answer(middleware, OTHER, more={"gunicorn.socket": mine})
        assert [next(body), next(body)] == [b"1", b"2"]
        issuer.revoke(KEY)
        assert list(body) == [b"3"]
        body.close()
        mine.sendall(b"x")
        assert client.recv(1) == b"x"
    assert parts.closed == 1
    assert open_streams(middleware.validator) == []


def test_an_app_that_fails_is_not_held_back() -> None:
    """An exception in the middle of a stream is the server's to see."""
    parts = Parts(lambda number: 1 // (2 - number))
    body = answer(APIKeyMiddleware(answering(parts), issuer=issuer_of_two()))
    with pytest.raises(ZeroDivisionError):
        list(body)
    body.close()
    assert parts.closed == 1


def wrapped() -> FileWrapper:
    """Return a body that the server sends by itself, with sendfile."""
    return FileWrapper(io.BytesIO(b"file"))


@pytest.mark.parametrize("body", [[b"whole"], (b"in", b"pieces"), wrapped()], ids=["list", "tuple", "file"])
def test_what_is_no_stream_is_not_touched(body: Iterable[bytes]) -> None:
    """A server recognizes what it can send in one go by its type, so it gets the very object of the app."""
    middleware = APIKeyMiddleware(answering(body), issuer=issuer_of_two())
    assert answer(middleware, more={"wsgi.file_wrapper": FileWrapper}) is body


@pytest.mark.parametrize(("key", "options"), [(KEY, {"close_streams": False}), ("", {"optional": True})])
def test_a_stream_that_nobody_ends_is_not_touched(key: str, options: Any) -> None:
    """Opted out, or anonymous: the server gets the very object of the app."""
    parts = Parts()
    assert answer(APIKeyMiddleware(answering(parts), issuer=issuer_of_two(), **options), key) is parts


def test_a_file_wrapper_that_is_a_function_is_no_type() -> None:
    """A server may offer a function as file wrapper; what it made can't be told from a stream, and is cut like one."""
    issuer, parts = issuer_of_two(), iter([b"1", b"2", b"3"])
    body = answer(APIKeyMiddleware(answering(parts), issuer=issuer), more={"wsgi.file_wrapper": as_it_is})
    assert [next(body), next(body)] == [b"1", b"2"]
    issuer.revoke(KEY)
    assert sent(body) == []


def test_a_reset_asks_about_streams_under_wsgi_too() -> None:
    """After a reset the key of an open streaming response is asked about again, and one that is refused is cut."""
    with fed() as (validator, issuer):
        middleware = APIKeyMiddleware(answering(Parts()), validator=validator)
        body, good = answer(middleware), answer(APIKeyMiddleware(answering(Parts()), validator=validator), OTHER)
        assert [next(each) for each in (body, body, good, good)] == [b"1", b"2", b"1", b"2"]
        issuer.ended.add(KEY)
        asked_before = len(issuer.log)
        issuer.steps.put(reply(reset=True))
        until(lambda: {("check", KEY), ("check", OTHER)} <= set(issuer.log[asked_before:]))
        issuer.reached(1)
        assert sent(body) == []
        assert list(good) == [b"3"]
        good.close()
