"""The ways in which an issuer is unwell. What it says has the shape of a grant, where it has a shape at all.

Each is answered with 503: nobody is let in by it, and nobody is refused for longer than it lasts.
"""

import asyncio
import gzip
import json
import random
from collections.abc import Awaitable, Callable
from typing import Final

from tests.trouble.honest import answer
from tests.trouble.unwell import Door, Line, Trouble

__all__ = ["CERTIFICATES", "HANGS", "REDIRECTS", "TROUBLES", "TWICE", "redirected"]

_MEMBERS: Final[dict[str, object]] = {"active": True, "workspace": "acme", "scope": "*", "epoch": "one", "head": 0}
GRANT: Final = json.dumps(_MEMBERS).encode()
_PAGE: Final = b"<html><h1>Bad gateway</h1></html>"
_CHUNKED: Final = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
_TICK: Final = 0.2

Play = Callable[[Line], Awaitable[None]]


def says(data: bytes) -> Play:
    """Say this, and be ready for the next request."""

    async def play(line: Line) -> None:
        await line.say(data)

    return play


def ends(data: bytes) -> Play:
    """Say this, and hang up."""

    async def play(line: Line) -> None:
        await line.say(data)
        line.hang_up()

    return play


def hangs(data: bytes = b"") -> Play:
    """Say this, and no more."""

    async def play(line: Line) -> None:
        await line.say(data)
        await line.hold()

    return play


def resets(data: bytes = b"") -> Play:
    """Say this, and reset the connection."""

    async def play(line: Line) -> None:
        await line.say(data)
        line.reset()

    return play


def drips(head: bytes, rest: bytes) -> Play:
    """Say the rest a byte at a time."""

    async def play(line: Line) -> None:
        await line.say(head)
        for byte in rest:
            await line.say(bytes([byte]))
            await asyncio.sleep(_TICK)

    return play


def floods(head: bytes, piece: bytes, pause: float = 0.0) -> Play:
    """Say one thing over and over."""

    async def play(line: Line) -> None:
        await line.say(head)
        while True:
            await line.say(piece)
            await asyncio.sleep(pause)

    return play


def _status(status: str, *headers: str) -> Trouble:
    return Trouble(status if not headers else f"{status} {headers[0]}", says(answer(status, GRANT, *headers)))


def _json(name: str, body: bytes) -> Trouble:
    return Trouble(name, says(answer("200 OK", body, "Content-Type: application/json")))


def _members(name: str, **others: object) -> Trouble:
    body = json.dumps({**_MEMBERS, **others}).encode()
    return Trouble(name, says(answer("200 OK", body, "Content-Type: application/json")), only_rfc=True)


HANGS: Final = Trouble("hangs", hangs(), slow=True)
TWICE: Final = Trouble("answers twice", says(answer("200 OK", b'{"active": false}') + answer("200 OK", GRANT)))
"""Denies the key it was asked about, and says of nobody knows whom that all is well."""

_SILENT = [
    HANGS,
    Trouble("accepts nobody", door=Door.FULL, slow=True),
    Trouble("drips its headers", drips(b"", answer("200 OK", GRANT, "X-Slow: " + "x" * 10_000)), slow=True),
    Trouble("drips its body", drips(answer("200 OK", b"", length="10000"), GRANT + b" " * 10_000), slow=True),
    Trouble("says 1xx now and then", floods(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", _TICK), slow=True),
    Trouble("says 100 for ever", floods(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), slow=True),
    Trouble("promises more than it says, and hangs", hangs(answer("200 OK", GRANT, length="10000")), slow=True),
    Trouble("drips chunks", floods(_CHUNKED, b"1\r\n \r\n", _TICK), slow=True),
]
_BROKEN = [
    Trouble("refuses", door=Door.CLOSED),
    Trouble("resets at once", greet=resets()),
    Trouble("resets after the request", resets()),
    Trouble("resets in mid-body", resets(answer("200 OK", GRANT, length="10000"))),
    Trouble("hangs up at once", greet=ends(b"")),
    Trouble("hangs up after the request", ends(b"")),
    Trouble("hangs up in mid-body", ends(answer("200 OK", GRANT, length="10000"))),
]
_STATUSES = [
    _status("500 Internal Server Error"),
    Trouble("502 with a page", says(answer("502 Bad Gateway", _PAGE, "Content-Type: text/html"))),
    _status("503 Service Unavailable", "Retry-After: 7"),
    _status("429 Too Many Requests"),
    _status("429 Too Many Requests", "Retry-After: 7"),
    _status("429 Too Many Requests", "Retry-After: Wed, 21 Oct 2099 07:28:00 GMT"),
    _status("429 Too Many Requests", "Retry-After: nan"),
    _status("429 Too Many Requests", "Retry-After: -1"),
    _status("400 Bad Request"),
    _status("404 Not Found"),
    _status("407 Proxy Authentication Required"),
    _status("201 Created"),
    _status("206 Partial Content", f"Content-Range: bytes 0-{len(GRANT) - 1}/{len(GRANT)}"),
    Trouble("204", says(b"HTTP/1.1 204 No Content\r\n\r\n")),
    Trouble("204 with a body", says(answer("204 No Content", GRANT))),
    Trouble("304", says(b"HTTP/1.1 304 Not Modified\r\n\r\n")),
    Trouble("101", says(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: grant\r\n\r\n" + GRANT)),
]
_GARBAGE = [
    Trouble("noise", ends(random.Random(5).randbytes(5000))),
    Trouble("noise at once", greet=ends(random.Random(6).randbytes(5000))),
    Trouble("an answer without a version", ends(GRANT)),
    Trouble("HTTP/3.7", ends(answer("200 OK", GRANT).replace(b"1.1", b"3.7", 1))),
    Trouble("HTTP/0.9", ends(answer("200 OK", GRANT).replace(b"1.1", b"0.9", 1))),
    Trouble("status 2000", ends(answer("2000 OK", GRANT))),
    Trouble("status -200", ends(answer("-200 OK", GRANT))),
    Trouble("headers without end", floods(b"HTTP/1.1 200 OK\r\n", b"X-More: " + b"x" * 1000 + b"\r\n")),
    Trouble("a header without end", floods(b"HTTP/1.1 200 OK\r\nX-More: ", b"x" * 10_000)),
    Trouble("a body of a gigabyte", floods(answer("200 OK", b"", length=str(1 << 30)), b" " * 10_000)),
    Trouble("chunks without end", floods(_CHUNKED, b"1000\r\n" + b" " * 4096 + b"\r\n")),
    Trouble("a body until the end, without end", floods(b"HTTP/1.1 200 OK\r\n\r\n", b" " * 10_000)),
    Trouble("promises less than it says", says(answer("200 OK", GRANT, length="20"))),
    Trouble("two lengths", says(answer("200 OK", GRANT, "Content-Length: 20"))),
    Trouble("a length below zero", says(answer("200 OK", GRANT, length="-1"))),
    Trouble("a length that is no number", says(answer("200 OK", GRANT, length="all of it"))),
    Trouble("a chunk of bad size", ends(_CHUNKED + b"grant\r\n" + GRANT + b"\r\n0\r\n\r\n")),
    Trouble("a chunk cut short", ends(_CHUNKED + b"%x\r\n" % (len(GRANT) + 9) + GRANT)),
    Trouble("no last chunk", ends(_CHUNKED + b"%x\r\n" % len(GRANT) + GRANT + b"\r\n")),
    Trouble("an encoding that nobody knows", says(answer("200 OK", GRANT, "Transfer-Encoding: grant"))),
    Trouble("a gzip bomb", says(answer("200 OK", gzip.compress(b" " * (1 << 24)), "Content-Encoding: gzip"))),
    Trouble("a gzip bomb without a word", says(answer("200 OK", gzip.compress(b" " * (1 << 24))))),
    Trouble("gzip, not asked for", says(answer("200 OK", gzip.compress(GRANT), "Content-Encoding: gzip"))),
    Trouble("a page", says(answer("200 OK", _PAGE, "Content-Type: text/html"))),
    Trouble("nothing", says(answer("200 OK"))),
    _json("cut JSON", GRANT[:-1]),
    _json("JSON and more", GRANT + GRANT),
    _json("no and yes", b'{"active": false, "workspace": "", ' + GRANT[1:]),
    _json("JSON in UTF-16 with a lone half", b"\xff\xfe\x00\xd8"),
    _json("a list", b"[" + GRANT + b"]"),
    _json("a deep list", b"[" * 60_000),
    _json("null", b"null"),
]
_LIES = [
    _members("active as a text", active="true"),
    _members("active as a number", active=1),
    _members("active as null", active=None),
    _members("no workspace", workspace=None),
    _members("a workspace that is none", workspace="../acme"),
    _members("expires_in NaN", expires_in=float("nan")),
    _members("expires_in without end", expires_in=float("inf")),
    _members("expires_in as a text", expires_in="60"),
    _members("scope as a list", scope=["*"]),
    Trouble("401", says(answer("401 Unauthorized", GRANT)), only_rfc=True),
    Trouble("403", says(answer("403 Forbidden", GRANT)), only_rfc=True),
]
TROUBLES: Final = [*_SILENT, *_BROKEN, *_STATUSES, *_GARBAGE, *_LIES]

CERTIFICATES: Final = [
    Trouble("signed by itself", certificate="signed by itself"),
    Trouble("expired", certificate="expired"),
    Trouble("of another name", certificate="of another name"),
    Trouble("no TLS", greet=ends(answer("200 OK", GRANT)), certificate=""),
    Trouble("hangs in the handshake", greet=hangs(), certificate="", slow=True),
]
"""What goes wrong where TLS is spoken."""

REDIRECTS: Final = (
    "301 Moved Permanently",
    "302 Found",
    "303 See Other",
    "307 Temporary Redirect",
    "308 Permanent Redirect",
)


def redirected(status: str, to: str) -> Trouble:
    """Send whoever asks to another place."""
    return Trouble(status, says(answer(status, GRANT, f"Location: {to}/introspect")))
