"""Raw requests as a stranger may send them, and what may become of each: one table for every server and adapter.

Each server serves the echo of the contract tests: an answer of 200 tells who was let in, where, and with what.
"""

import base64
from dataclasses import dataclass

__all__ = ["EXEMPT", "FOREIGN", "GOOD", "JUNK", "OTHER", "Case", "request"]

GOOD, OTHER, FOREIGN, JUNK = "good-key-of-acme", "other-good-key-of-acme", "key-of-initech", "junk-key"
"""Two keys of the workspace acme, one of another workspace, one that nobody knows."""

EXEMPT = ("/", "/healthz", "/public/*", "/d\xf6cs")

WANTED = {
    "in": "let in as acme",
    "open": "let in as nobody, where no key is needed",
    "out": "refused: there is no key",
    "invalid": "refused: what is there is no key, or none that is known",
    "ambiguous": "refused: there are two keys",
    "refused": "refused, by us or by the server",
    "in?": "let in as acme, or refused",
    "open?": "let in as nobody where no key is needed, or refused",
}
"""What may become of a request. A server may refuse by itself only what is ``refused``, ``in?`` or ``open?``."""


@dataclass(frozen=True)
class Case:
    """Bytes on a connection, and what becomes of each request in them.

    Attributes:
        wanted: names of ``WANTED``, one for each request.
        asks: keys that the issuer may be asked about; the good ones of acme always.
        ends: whether the client has nothing more to send, and says so.
        routed: whether it is for the routes that guards of single routes stand before.
        body: of the last request, as the app has to see it; ``None`` when it is not looked at.
        query: the same.
    """

    name: str
    raw: bytes
    wanted: tuple[str, ...]
    asks: tuple[str, ...] = ()
    ends: bool = False
    routed: bool = True
    body: bytes | None = None
    query: str | None = None

    def __post_init__(self) -> None:
        assert set(self.wanted) <= WANTED.keys(), self.name


def request(
    target: str | bytes,
    *headers: str | bytes,
    method: str = "GET",
    version: str = "HTTP/1.1",
    body: bytes = b"",
    host: str | None = "app.example",
    close: bool = True,
) -> bytes:
    """Return the bytes of a request; a body gets its length."""
    lines: list[str | bytes] = [b"%b %b %b" % (method.encode(), _bytes(target), version.encode())]
    lines += [] if host is None else [f"Host: {host}"]
    lines += headers
    lines += [f"Content-Length: {len(body)}"] if body else []
    lines += ["Connection: close"] if close else []
    return b"\r\n".join(map(_bytes, lines)) + b"\r\n\r\n" + body


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("latin-1")


WEBSOCKET = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: " + base64.b64encode(b"0123456789abcdef").decode(),
)
"""What asks for a WebSocket."""
