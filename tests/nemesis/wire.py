"""One keep-alive connection, on the event loop: every request on it reaches the same process.

It is never opened anew behind one's back. The moment before the first byte goes out is part of each answer.
"""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any

__all__ = ["Answer", "Lost", "Wire"]

PATIENCE = 90.0
"""Seconds without an answer after which something hangs, however slow the machine is."""


class Lost(Exception):  # noqa: N818 - a connection that went away is no error here
    """The other end is gone, or was never there."""


@dataclass(frozen=True)
class Answer:
    """What came back, and when."""

    sent: float
    answered: float
    status: int
    body: dict[str, Any]


class Wire:
    """A connection; ``open`` makes one."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> "Wire":
        """Connect.

        Raises:
            Lost: nobody listens there.
        """
        try:
            return cls(*await asyncio.open_connection("127.0.0.1", port))
        except OSError as error:
            raise Lost(str(error)) from None

    async def ask(self, path: str, key: str = "", method: str = "GET", body: bytes = b"", kind: str = "json") -> Answer:
        """Send a request and wait for its answer.

        Raises:
            Lost: none will come.
            TimeoutError: none came, and the connection still stands.
        """
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
        if body:
            head += f"Content-Type: application/{kind}\r\n"
        if key:
            head += f"Authorization: Bearer {key}\r\n"
        sent = time.monotonic()
        try:
            self._writer.write(head.encode() + b"\r\n" + body)
            async with asyncio.timeout(PATIENCE):
                status, data = await self._read()
        except (OSError, EOFError) as error:
            raise Lost(type(error).__name__) from None
        return Answer(sent, time.monotonic(), status, json.loads(data))

    async def _read(self) -> tuple[int, bytes]:
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
        return int(head.split(b" ", 2)[1]), await self._reader.readexactly(int(length))

    def close(self) -> None:
        """Hang up at once."""
        self._writer.transport.abort()
