"""The heads of polls that are read without a server."""

import httptools
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rf_middleware._fingerprint import fingerprint
from rf_middleware.issuer.heads import Head, read_head
from rf_middleware.issuer.keys import KEY_PREFIX, TOKEN_PREFIX, mint

TOKEN = mint(TOKEN_PREFIX)
FOUND = Head(fingerprint(TOKEN.encode()), 86)
PLAIN = (
    "POST /feed HTTP/1.1",
    "Host: issuer:8080",
    "Accept: */*",
    "Accept-Encoding: gzip, deflate",
    "Connection: keep-alive",
    "User-Agent: python-httpx/0.28.1",
    f"Authorization: Bearer {TOKEN}",
    "Content-Length: 86",
    "Content-Type: application/json",
)


def _head(*lines: str) -> bytes:
    return "\r\n".join(lines).encode()


def _changed(place: int, line: str) -> bytes:
    return _head(*PLAIN[:place], line, *PLAIN[place + 1 :])


def _without(place: int) -> bytes:
    return _head(*PLAIN[:place], *PLAIN[place + 1 :])


def test_the_head_of_a_validator_is_read() -> None:
    """What httpx sends is plain, in any order, whatever the case of names, and with what proxies add."""
    assert read_head(_head(*PLAIN)) == FOUND
    assert read_head(_head(PLAIN[0], *reversed(PLAIN[1:]))) == FOUND
    assert read_head(_head(PLAIN[0], *map(str.lower, PLAIN[1:6]), *PLAIN[6:])) == FOUND
    assert read_head(_head(PLAIN[0], PLAIN[6], PLAIN[7])) == FOUND
    proxies = ("X-Forwarded-For: 10.0.0.1", "X-Real-IP:10.0.0.1", "Via: 1.1 a", "Forwarded: for=10.0.0.1")
    assert read_head(_head(*PLAIN, *proxies)) == FOUND


@pytest.mark.parametrize(
    "head",
    [
        b"",
        _changed(0, "POST /feed HTTP/1.0"),
        _changed(0, "POST /feed?wait=1 HTTP/1.1"),
        _changed(0, "DELETE /feed HTTP/1.1"),
        _changed(4, "Connection: close"),
        _changed(4, "Connection: keep-alive, Upgrade"),
        _changed(6, f"Authorization: Bearer {mint(KEY_PREFIX)}"),
        _changed(6, f"Authorization: Bearer {TOKEN[:-1]}"),
        _changed(6, f"Authorization: Bearer {TOKEN}, Bearer"),
        _changed(6, f"Authorization: Basic {TOKEN}"),
        _changed(6, f"Proxy-Authorization: Bearer {TOKEN}"),
        _without(6),
        _changed(7, "Content-Length: 86 "),
        _changed(7, "Content-Length: +86"),
        _changed(7, "Content-Length: 86, 86"),
        _changed(7, "Content-Length: 10000"),
        _without(7),
        _head(*PLAIN, "Content-Length: 86"),
        _head(*PLAIN, f"authorization: Bearer {TOKEN}"),
        _head(*PLAIN, "Transfer-Encoding: chunked"),
        _head(*PLAIN, "Expect: 100-continue"),
        _head(*PLAIN, "Upgrade: websocket"),
        _head(*PLAIN, "Proxy-Connection: close"),
        _head(*PLAIN, "X-Folded: one", " two"),
        _head(*PLAIN, "X-Bare: one\nConnection: close"),
        _head(*PLAIN, "X-Bare: one\rConnection: close"),
        _head(*PLAIN, "Host : issuer"),
        _head(*PLAIN, "X-Empty:"),
        _head(*PLAIN, "X-Not-ASCII: \u00e9"),
        _head(*PLAIN, "X-Long: " + "x" * 1024),
    ],
)
def test_what_is_not_plain_is_left_to_the_server(head: bytes) -> None:
    """Anything that could be read in two ways, or asks for something else, is not read here."""
    assert read_head(head) is None


def test_a_head_may_have_1024_bytes() -> None:
    """Longer ones are not kept in memory."""
    spare = 1024 - len(_head(*PLAIN, "X-Long: "))
    assert read_head(_head(*PLAIN, "X-Long: " + "x" * spare)) == FOUND
    assert read_head(_head(*PLAIN, "X-Long: " + "x" * (spare + 1))) is None


class _Read:
    """What uvicorn's parser makes of a request."""

    def __init__(self) -> None:
        self.url, self.body, self.headers, self.complete = b"", b"", list[tuple[bytes, bytes]](), False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = True


_NAMES = st.sampled_from(["Connection", "Content-Length", "Transfer-Encoding", "X-Any", "Via", "Host", "Upgrade"])
_VALUES = st.text(st.sampled_from("ab:, \t\r\n019-\x00\x7f"), max_size=12) | st.sampled_from(
    ["close", "keep-alive", "chunked", "3", "86", f"Bearer {TOKEN}"]
)
_LINES = st.tuples(_NAMES, st.sampled_from([":", ": ", " :", ":\t"]), _VALUES).map("".join)


@given(st.lists(st.sampled_from(PLAIN[1:6]) | _LINES, max_size=6, unique=True))
@example([])
def test_what_is_read_is_what_the_server_would_read(lines: list[str]) -> None:
    """A plain head says the same to the parser of the server: one request, this token, this body, kept alive."""
    head = _head(PLAIN[0], *PLAIN[6:8], *lines)
    found = read_head(head)
    if found is None:
        return
    read = _Read()
    parser = httptools.HttpRequestParser(read)
    body = b"x" * found.length
    parser.feed_data(head + b"\r\n\r\n" + body)
    assert (read.complete, read.url, read.body) == (True, b"/feed", body)
    assert (parser.get_method(), parser.get_http_version()) == (b"POST", "1.1")
    assert parser.should_keep_alive()
    assert not parser.should_upgrade()
    [said] = [value for name, value in read.headers if name == b"authorization"]
    assert fingerprint(said.removeprefix(b"Bearer ")) == found.token
