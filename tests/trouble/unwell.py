"""An issuer on a real socket that can be told, while it runs, to be unwell in some way, and to be well again.

* It runs on an event loop in a thread of its own, and is told from any other.
* What it is told holds for what comes after: all connections are cut, or those that hang would go on in the old way.
* Its port stays its own while nobody listens there: a socket that is bound and not listening keeps it.
"""

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, TypeVar

from tests.core.servers import listen_no_more
from tests.trouble.honest import Honest, Request

__all__ = ["WELL", "Door", "Line", "Trouble", "Unwell", "unwell"]

T = TypeVar("T")

_RESET = struct.pack("ii", 1, 0)
_PATIENCE = 60.0


class Door(Enum):
    """How connections are met."""

    OPEN = auto()
    CLOSED = auto()
    """Nobody listens."""
    FULL = auto()
    """The system takes no more of them, since nobody accepts those that came."""


class Line:
    """One connection to the issuer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.ends = False

    async def request(self) -> Request | None:
        """Read a request; ``None`` when no more will come."""
        with suppress(EOFError):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            pairs = [line.partition(":") for line in head[1:] if line]
            headers = {name.lower(): value.strip() for name, _, value in pairs}
            method, path, _ = head[0].split(" ")
            return Request(
                method, path, headers, await self._reader.readexactly(int(headers.get("content-length", "0")))
            )
        return None

    async def say(self, data: bytes) -> None:
        """Send bytes, as fast as they are taken."""
        self._writer.write(data)
        await self._writer.drain()

    async def hold(self) -> None:
        """Say nothing until the other end goes away."""
        while await self._reader.read(1 << 16):
            pass
        self.ends = True

    def hang_up(self) -> None:
        """End it once all is sent."""
        self._writer.close()
        self.ends = True

    def reset(self) -> None:
        """End it by a RST, whatever is under way."""
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.cut()

    def cut(self) -> None:
        """End it at once."""
        self._writer.transport.abort()
        self.ends = True

    async def gone(self) -> None:
        """Wait until it has ended."""
        with suppress(OSError):
            await self._writer.wait_closed()


@dataclass(frozen=True, repr=False)
class Trouble:
    """A way to be unwell.

    Attributes:
        name: for people.
        greet: what becomes of a connection before it has sent anything; ``None``: nothing.
        answers: what becomes of a request; ``None``: it is answered truly.
        slow: whether only the time limit ends a question.
        certificate: which of the certificates is shown, where the issuer speaks TLS; empty: it does not speak it now.
        only_rfc: whether only an RFC 7662 issuer can be unwell in this way.
    """

    name: str
    answers: Callable[[Line], Awaitable[None]] | None = None
    greet: Callable[[Line], Awaitable[None]] | None = None
    door: Door = Door.OPEN
    slow: bool = False
    certificate: str = "good"
    only_rfc: bool = False

    def __repr__(self) -> str:
        return self.name


WELL = Trouble("well")


class Unwell:
    """The issuer that is running.

    Attributes:
        url: its base URL.
        honest: what it knows, and was asked while it was well.
        questions: how often it was asked about a key, well or not.
        met: how many connections it was sent.
        open: how many it has now.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, lease: float, certificates: dict[str, ssl.SSLContext]) -> None:
        self._loop = loop
        self._certificates = certificates
        self._bound = _bound(0)
        self._port: int = self._bound.getsockname()[1]
        self._server: asyncio.Server | None = None
        self._crowd: list[socket.socket] = []
        self._lines: set[Line] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._trouble, self._spares_feed = WELL, False
        self.url = f"{'https' if certificates else 'http'}://127.0.0.1:{self._port}"
        self.honest = Honest(lease)
        self.honest.url = self.url
        self.questions = self.met = 0

    @property
    def open(self) -> int:
        """Return how many connections it has."""
        return len(self._lines)

    def play(self, trouble: Trouble, *, spares_feed: bool = False) -> None:
        """Be unwell like this from now on; the feed goes on when it is spared, as far as connections do."""
        self._do(self._begin(trouble, spares_feed=spares_feed))

    def heal(self) -> None:
        """Be well again."""
        self.play(WELL)

    def revoke(self, key: str) -> int:
        """End a key; return the ``seq`` that a session has acknowledged when that holds there."""

        async def revoke() -> int:
            return self.honest.revoke(key)

        return self._do(revoke())

    def close(self) -> None:
        """Cut everything and listen no more."""
        self._do(self._end_all())
        self._bound.close()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE)

    async def _begin(self, trouble: Trouble, *, spares_feed: bool) -> None:
        await self._end()
        self._trouble, self._spares_feed = trouble, spares_feed
        if trouble.door is Door.FULL:
            self._crowd = await _crowded(self._port)
        elif trouble.door is Door.OPEN:
            context = self._certificates.get(trouble.certificate)
            self._server = await asyncio.start_server(self._accept, sock=_bound(self._port), ssl=context, backlog=512)

    async def _end(self) -> None:
        if self._server is not None:
            await listen_no_more(self._server)
        self._server = None
        for each in self._crowd:
            each.close()
        self._crowd = []
        for line in list(self._lines):
            line.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _end_all(self) -> None:
        for _ in range(10):  # what the system accepted a moment ago comes up one turn of the loop after the other
            await self._end()
            await asyncio.sleep(0)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line(reader, writer)
        self._lines.add(line)  # at once: a task that is cancelled before it began does nothing at all
        self.met += 1
        task = asyncio.ensure_future(self._serve(line))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _task: self._lines.discard(line))

    async def _serve(self, line: Line) -> None:
        trouble = self._trouble
        try:
            with suppress(OSError):  # the other end went away
                if trouble.greet is not None:
                    await trouble.greet(line)
                while not line.ends and (request := await line.request()) is not None:
                    self.questions += bool(request.key)
                    if trouble.answers is None or (self._spares_feed and not request.key):
                        await line.say(await self.honest.answer(request))
                    else:
                        await trouble.answers(line)
        finally:
            line.cut()
            await line.gone()


def _bound(port: int) -> socket.socket:
    """Return a socket that is bound and not listening: it holds the port, and beside it others may listen there."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    held.bind(("127.0.0.1", port))
    return held


async def _crowded(port: int) -> list[socket.socket]:
    """Listen, accept nothing, and fill the place where connections wait, until one more finds none."""
    door = _bound(port)
    door.listen(0)
    crowd = [door]
    while True:
        one = socket.socket()
        one.setblocking(False)
        crowd.append(one)
        try:
            async with asyncio.timeout(0.2):
                await asyncio.get_running_loop().sock_connect(one, ("127.0.0.1", port))
        except TimeoutError:
            return crowd


@contextmanager
def unwell(lease: float = 30.0, certificates: dict[str, ssl.SSLContext] | None = None) -> Generator[Unwell]:
    """Run an issuer, well at first, until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="unwell-issuer", daemon=True)
    thread.start()
    issuer = Unwell(loop, lease, certificates or {})
    try:
        issuer.heal()
        yield issuer
    finally:
        issuer.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_PATIENCE)
        loop.close()
