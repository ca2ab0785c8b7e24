"""Connections that wait without their request: real sockets, the issuer in this loop behind uvicorn's protocol."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

import pytest
import uvicorn
from starlette.responses import Response
from uvicorn.server import ServerState

from rf_middleware._clock import Clock, now
from rf_middleware.issuer.app import build_app
from rf_middleware.issuer.changes import edit, revoke
from rf_middleware.issuer.parking import Came, Connection, Parked
from tests.issuer.rig import BY, SESSION, Rig, in_loop, opened, until

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Watched(Connection):
    """Tells what was parked."""

    parked: ClassVar[list[Parked]] = []

    def park(self) -> Parked:
        self.parked.append(super().park())
        return self.parked[-1]


@asynccontextmanager
async def listening(
    tmp_path: Path, keep_alive: int = 60, clock: Clock = now
) -> AsyncGenerator[tuple[Rig, int, ServerState]]:
    """Run an issuer on a port."""
    async with opened(tmp_path / "issuer.db", lease=60.0, clock=clock) as rig:
        app = build_app(rig.parts)
        config = uvicorn.Config(app, http=Connection, lifespan="off", log_config=None, timeout_keep_alive=keep_alive)
        config.load()
        state = ServerState()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Watched(config, state, {}), "127.0.0.1", 0)
        try:
            yield rig, server.sockets[0].getsockname()[1], state
        finally:
            server.close()
            for connection in tuple(state.connections):
                connection.shutdown()
            await until(lambda: not state.connections)


def poll(rig: Rig, epoch: str | None, more: str = "", version: str = "1.1", ack: int = 0) -> bytes:
    """Return a poll that waits, as it goes over the wire."""
    body = json.dumps({"session": SESSION, "epoch": epoch, "ack": ack, "wait": 20.0}).encode()
    head = f"POST /feed HTTP/{version}\r\nHost: issuer\r\nAuthorization: Bearer {rig.token}\r\n{more}"
    return head.encode() + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


async def answered(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    """Read an answer: the head in small letters, the body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
    return head, await reader.readexactly(length)


async def parked(rig: Rig, port: int, more: str = "", version: str = "1.1") -> Streams:
    """Return a connection on which a poll is parked."""
    epoch = (await rig.poll()).json()["epoch"]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(poll(rig, epoch, more, version))
    await until(lambda: rig.revocations._leases._parked)
    return reader, writer


def ignored(_data: bytes, _parked: Parked) -> Came:
    """Take in what comes after an answer, and do nothing with it."""
    return Came.TAKEN


async def told(rig: Rig, reader: asyncio.StreamReader) -> int:
    """Have something happen and read the answer that tells of it; return what it is then."""
    status = "active" if rig.revocations.head % 2 else "disabled"
    await rig.revocations.apply(edit(rig.key_id, {"status": status}), BY)
    return int(json.loads((await answered(reader))[1])["head"])


async def ended(rig: Rig, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, bytes]:
    """Have the poll that waits answered; return the head of that answer, and what comes until the connection ends."""
    rig.revocations.stop()
    head, _ = await answered(reader)
    rest = await reader.read()
    await closed(writer)
    return head, rest


async def closed(writer: asyncio.StreamWriter) -> None:
    """Close a connection."""
    writer.close()
    await writer.wait_closed()


@in_loop
async def test_a_parked_poll_is_answered_and_its_connection_goes_on(tmp_path: Path) -> None:
    """The answer is complete, with the headers of every answer, and the next request comes on the same connection."""
    async with listening(tmp_path) as (rig, port, state):
        reader, writer = await parked(rig, port)
        assert not state.connections
        await until(lambda: not state.tasks)
        await rig.revocations.apply(revoke(rig.key_id), BY)
        head, body = await answered(reader)
        assert head.startswith("http/1.1 200 ok\r\n")
        for header in ("cache-control: no-store", "x-content-type-options: nosniff", "content-type: application/json"):
            assert f"\r\n{header}\r\n" in head
        assert "connection: close" not in head
        assert [event["seq"] for event in json.loads(body)["events"]] == [1]
        assert Watched.parked[-1] in list[object](state.connections)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: issuer\r\n\r\n")
        assert (await answered(reader))[0].startswith("http/1.1 200 ")
        await closed(writer)


@in_loop
async def test_a_client_that_hangs_up_is_unparked(tmp_path: Path) -> None:
    """The poll of a client that went away ends with it."""
    async with listening(tmp_path) as (rig, port, _):
        _, writer = await parked(rig, port)
        await closed(writer)
        await until(lambda: not rig.revocations._leases._parked)
        assert rig.revocations._polls._waiting == {}


@pytest.mark.parametrize(("more", "version"), [("Connection: close\r\n", "1.1"), ("", "1.0")])
def test_who_wants_no_more_of_the_connection_gets_it_closed(tmp_path: Path, more: str, version: str) -> None:
    """A client that said so, or that speaks HTTP/1.0, sees the connection end after its answer."""

    async def main() -> None:
        async with listening(tmp_path) as (rig, port, _):
            reader, writer = await parked(rig, port, more, version)
            rig.revocations.stop()
            head, body = await answered(reader)
            assert "\r\nconnection: close\r\n" in head
            assert json.loads(body)["events"] == []
            assert await reader.read() == b""
            await closed(writer)

    asyncio.run(main())


@in_loop
async def test_who_sends_more_meanwhile_is_answered_and_told_to_come_again(tmp_path: Path) -> None:
    """A request behind a parked one is not half heard: the connection ends after the answer to the first."""
    async with listening(tmp_path) as (rig, port, _):
        reader, writer = await parked(rig, port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: issuer\r\n\r\n")
        await until(lambda: not Watched.parked[-1]._keep)
        head, rest = await ended(rig, reader, writer)
        assert "\r\nconnection: close\r\n" in head
        assert rest == b""


@in_loop
async def test_requests_sent_in_one_go_with_a_poll_are_not_half_heard(tmp_path: Path) -> None:
    """What uvicorn had read beyond the poll is not served: the connection ends after the answer to the poll."""
    async with listening(tmp_path) as (rig, port, _):
        epoch = (await rig.poll()).json()["epoch"]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(poll(rig, epoch) + b"GET /healthz HTTP/1.1\r\nHost: issuer\r\n\r\n")
        await until(lambda: rig.revocations._leases._parked)
        head, rest = await ended(rig, reader, writer)
        assert "\r\nconnection: close\r\n" in head
        assert rest == b""


@in_loop
async def test_who_does_not_read_is_not_served_for_long(tmp_path: Path) -> None:
    """A client that asks again before it took the last answer in loses its connection: it can't fill the memory."""
    async with listening(tmp_path) as (rig, port, state):
        epoch = (await rig.poll()).json()["epoch"]
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        await until(lambda: state.connections)
        [connection] = state.connections
        connection.transport.write(bytes(50_000_000))
        writer.write(poll(rig, epoch))
        await until(lambda: rig.revocations._leases._parked)
        assert not Watched.parked[-1]._keep
        writer.transport.abort()
        await until(lambda: not rig.revocations._leases._parked)


@in_loop
async def test_who_is_gone_before_the_poll_is_parked_is_reported_at_once(tmp_path: Path) -> None:
    """A connection that is closing has nobody to answer, and says so to whoever wants to wait for it."""
    async with listening(tmp_path) as (_, port, state):
        transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, "127.0.0.1", port)
        config = uvicorn.Config(build_app, http=Connection, lifespan="off", log_config=None)
        gone = Parked(config, state, transport, keep=True)
        transport.set_protocol(gone)
        transport.close()
        told: list[int] = []
        gone.wait(7, told.append, ignored)
        assert told == [7]
        gone.answer(Response("too late"))
        assert transport.get_protocol() is gone
        never = Parked(config, state, transport, keep=True)
        never.connection_lost(None)
        assert told == [7]
