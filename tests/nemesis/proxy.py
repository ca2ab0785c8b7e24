"""A TCP proxy between validators and the issuer, which can be told to do what networks do.

* A connection that lost a byte is cut when the fault is over: no TCP stream goes on with a hole in it.
* It counts the requests for ``/introspect`` that come by, whatever becomes of them.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from enum import Enum, auto

from tests.core.servers import listen_no_more

__all__ = ["Fault", "Proxy"]

_FEED = b"POST /feed HTTP/1.1\r\n"
_INTROSPECT = b"POST /introspect HTTP/1.1\r\n"


class Fault(Enum):
    """What is done to the connections."""

    NONE = auto()
    DROP = auto()
    """All are cut, and new ones at once."""
    DELAY = auto()
    """Every piece waits, in both directions."""
    BLACK_HOLE = auto()
    """Bytes are taken and not delivered, in both directions."""
    DEAF = auto()
    """Requests arrive; the answers are lost."""
    NO_FEED = auto()
    """Polls of the feed are lost; other requests arrive at once, and their answers wait."""
    CUT_ANSWER = auto()
    """The next answer of each connection ends in the middle, with the connection."""
    HALF_CLOSE = auto()
    """The validator's side is told that no more comes, while it may still send."""


class _Link:
    """One connection through the proxy: both ends of it."""

    def __init__(self, proxy: "Proxy", down: asyncio.StreamWriter, up: asyncio.StreamWriter) -> None:
        self._proxy, self.down, self.up = proxy, down, up
        self.feed = self.holed = False

    async def deliver(self, data: bytes, to: asyncio.StreamWriter) -> bool:
        """Pass a piece on, or do with it what the fault says; false when no more will come."""
        fault, answer = self._proxy.fault, to is self.down
        if data.startswith((_FEED, _INTROSPECT)):
            self.feed = data.startswith(_FEED)
        no_feed = fault is Fault.NO_FEED
        if fault is Fault.DELAY or (no_feed and answer and not self.feed):
            await asyncio.sleep(self._proxy.delay())
        elif fault is Fault.BLACK_HOLE or (fault is Fault.DEAF and answer) or (no_feed and self.feed):
            self.holed = True
        if self.holed:
            return True
        if fault is Fault.CUT_ANSWER and answer:
            to.write(data[: len(data) // 2])
            await to.drain()
            return False
        to.write(data)
        if fault is Fault.HALF_CLOSE and answer:
            to.write_eof()
            self.holed = True  # what else the issuer says has no way to go
        await to.drain()
        return True

    def cut(self) -> None:
        """End both."""
        for each in (self.down, self.up):
            each.transport.abort()


class Proxy:
    """A proxy that is running; ``start`` makes one.

    Attributes:
        port: where it listens.
        fault: what it does just now.
        delay: says for how many seconds the next piece waits, while it delays.
        introspections: how many requests for ``/introspect`` came by.
    """

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.fault: Fault = Fault.NONE
        self.delay: Callable[[], float] = float
        self.introspections = 0

    @classmethod
    async def start(cls, upstream: int) -> "Proxy":
        """Listen."""
        proxy = cls(upstream)
        proxy._server = await asyncio.start_server(proxy._accept, "127.0.0.1", 0)
        proxy.port = proxy._server.sockets[0].getsockname()[1]
        return proxy

    _server: asyncio.Server

    def begin(self, fault: Fault, delay: Callable[[], float] = float) -> None:
        """Do this from now on; ``delay`` says for how long each piece waits while it delays."""
        self.fault, self.delay = fault, delay
        if fault is Fault.DROP:
            self._cut(lambda _link: True)

    def heal(self) -> None:
        """Be a good proxy again."""
        self.fault = Fault.NONE
        self._cut(lambda link: link.holed)

    async def close(self) -> None:
        """Cut everything and listen no more."""
        await listen_no_more(self._server)
        self._cut(lambda _link: True)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _cut(self, which: Callable[[_Link], bool]) -> None:
        for link in [each for each in self._links if which(each)]:
            link.cut()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.fault is not Fault.DROP:
                with suppress(OSError):  # the issuer is not there, or somebody went away
                    await self._link(reader, writer)
        finally:
            writer.transport.abort()

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        issuer, to_issuer = await asyncio.open_connection("127.0.0.1", self._upstream)
        link = _Link(self, writer, to_issuer)
        self._links.add(link)
        ways = [
            asyncio.ensure_future(self._pump(link, reader, to_issuer)),
            asyncio.ensure_future(self._pump(link, issuer, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            link.cut()
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._links.discard(link)

    async def _pump(self, link: _Link, source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        before = b""
        while data := await source.read(1 << 16):
            if to is link.up:
                seen = before + data
                self.introspections += seen.count(_INTROSPECT)
                before = seen[-len(_INTROSPECT) + 1 :]
            if not await link.deliver(data, to):
                return
