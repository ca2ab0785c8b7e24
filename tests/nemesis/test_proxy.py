"""The proxy of the run does to a connection what it says."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from tests.core.servers import listen_no_more
from tests.nemesis.proxy import Fault, Proxy
from tests.nemesis.wire import Lost, Wire

SWALLOWED = 0.3
"""Seconds after which what was swallowed is taken for swallowed."""


@dataclass
class Rig:
    """A proxy, a connection through it, and what the server behind it was asked."""

    proxy: Proxy
    wire: Wire
    asked: list[bytes] = field(default_factory=list[bytes])


@asynccontextmanager
async def rigged() -> AsyncGenerator[Rig]:
    """Run a server behind a proxy, connected to and once asked."""
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                asked.append((await reader.readuntil(b"\r\n\r\n")).split()[1])
                writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"me":"here"}')
        except (EOFError, OSError):
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy = await Proxy.start(server.sockets[0].getsockname()[1])
    wire = await Wire.open(proxy.port)
    try:
        await wire.ask("/first")
        yield Rig(proxy, wire, asked)
    finally:
        wire.close()
        await proxy.close()
        await listen_no_more(server)


async def works_anew(proxy: Proxy) -> None:
    """Check that a new connection is good."""
    wire = await Wire.open(proxy.port)
    assert (await wire.ask("/anew")).body == {"me": "here"}
    wire.close()


def test_a_dropped_connection_is_cut_and_no_new_one_lasts() -> None:
    """Old and new connections end while it drops, and new ones work when it is healed."""

    async def story() -> None:
        async with rigged() as rig:
            rig.proxy.begin(Fault.DROP)
            with pytest.raises(Lost):
                await rig.wire.ask("/")
            new = await Wire.open(rig.proxy.port)
            with pytest.raises(Lost):
                await new.ask("/")
            new.close()
            rig.proxy.heal()
            await works_anew(rig.proxy)
            assert rig.asked == [b"/first", b"/anew"]

    asyncio.run(story())


def test_a_delay_counts_in_both_directions() -> None:
    """A round trip takes twice the delay at least, and everything arrives."""

    async def story() -> None:
        async with rigged() as rig:
            rig.proxy.begin(Fault.DELAY, lambda: 0.05)
            answer = await rig.wire.ask("/")
            assert answer.answered - answer.sent >= 0.1
            assert answer.body == {"me": "here"}

    asyncio.run(story())


@pytest.mark.parametrize(
    ("fault", "arrived"), [(Fault.BLACK_HOLE, [b"/first"]), (Fault.DEAF, [b"/first", b"/swallowed"])]
)
def test_what_is_swallowed_never_comes(fault: Fault, arrived: list[bytes]) -> None:
    """No answer comes while it swallows, requests arrive only in the one-way case, and a holed connection is cut."""

    async def story() -> None:
        async with rigged() as rig:
            rig.proxy.begin(fault)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(SWALLOWED):
                    await rig.wire.ask("/swallowed")
            assert rig.asked == arrived
            rig.proxy.heal()
            with pytest.raises(Lost):
                await rig.wire.ask("/late")
            await works_anew(rig.proxy)
            assert rig.asked == [*arrived, b"/anew"]

    asyncio.run(story())


def test_the_feed_alone_is_lost() -> None:
    """A poll is swallowed, and another request is only answered late."""

    async def story() -> None:
        async with rigged() as rig:
            rig.proxy.begin(Fault.NO_FEED, lambda: 0.05)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(SWALLOWED):
                    await rig.wire.ask("/feed", method="POST")
            other = await Wire.open(rig.proxy.port)
            answer = await other.ask("/introspect", method="POST")
            assert answer.answered - answer.sent >= 0.05
            other.close()
            assert rig.asked == [b"/first", b"/introspect"]

    asyncio.run(story())


def test_an_answer_is_cut_in_the_middle() -> None:
    """Part of an answer comes, and then the end of the connection."""

    async def story() -> None:
        async with rigged() as rig:
            rig.proxy.begin(Fault.CUT_ANSWER)
            with pytest.raises(Lost):
                await rig.wire.ask("/cut")
            assert rig.asked == [b"/first", b"/cut"]
            rig.proxy.heal()
            await works_anew(rig.proxy)

    asyncio.run(story())


def test_a_half_closed_connection_still_gives_its_answer() -> None:
    """The answer comes whole, and nothing after it."""

    async def story() -> None:
        async with rigged() as rig:
            rig.proxy.begin(Fault.HALF_CLOSE)
            assert (await rig.wire.ask("/last")).body == {"me": "here"}
            with pytest.raises(Lost):
                await rig.wire.ask("/more")
            rig.proxy.heal()
            await works_anew(rig.proxy)

    asyncio.run(story())


def test_questions_about_keys_are_counted() -> None:
    """A question counts when it comes by, in however many pieces, and other requests do not."""

    async def story() -> None:
        async with rigged() as rig:
            reader, writer = await asyncio.open_connection("127.0.0.1", rig.proxy.port)
            for piece in (b"POST /intro", b"spect HTTP/1.1\r\n\r\n", b"POST /introspect HTTP/1.1\r\n\r\n"):
                writer.write(piece)
                await rig.wire.ask("/introspect")  # the piece has gone by
            for _ in range(2):
                await reader.readuntil(b"}")
            assert rig.proxy.introspections == 2
            writer.transport.abort()

    asyncio.run(story())
