"""The polls that come after the first on a connection, which take a short way: real sockets, as in ``test_parking``.

The clock stands still, so a token that was looked up stays known.
"""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from uvicorn.server import ServerState

from rf_middleware._wire import Poll
from rf_middleware.issuer.parking import Connection
from rf_middleware.issuers import IntrospectionIssuer
from tests.issuer.rig import BY, SESSION, Rig, Turned, in_loop, until
from tests.issuer.test_parking import Watched, answered, closed, ended, listening, parked, poll, told


@asynccontextmanager
async def polled(folder: Path) -> AsyncGenerator[tuple[Rig, ServerState, asyncio.StreamReader, asyncio.StreamWriter]]:
    """Yield a server, and a connection to it whose first poll was answered."""
    async with listening(folder, clock=Turned()) as (rig, port, state):
        reader, writer = await parked(rig, port)
        await told(rig, reader)
        yield rig, state, reader, writer
        await closed(writer)
        await until(lambda: not waiting(rig))


def waiting(rig: Rig) -> bool:
    """Say whether a poll is parked."""
    return bool(rig.revocations._leases._parked)


def again(rig: Rig, ack: int) -> bytes:
    """Return the next poll."""
    return poll(rig, rig.revocations._leases._epoch, ack=ack)


def protocol() -> asyncio.BaseProtocol:
    """Return who has the connection that a poll was parked on."""
    return Watched.parked[-1]._transport.get_protocol()


@in_loop
async def test_the_next_poll_is_taken_in_without_the_server(tmp_path: Path) -> None:
    """Poll after poll acks, is parked and answered on one connection, and uvicorn sees the first alone."""
    async with listening(tmp_path, clock=Turned()) as (rig, port, state):
        reader, writer = await parked(rig, port)
        for ack in range(1, 4):
            assert await told(rig, reader) == ack
            assert rig.revocations.waiting_for(ack) == 1
            writer.write(again(rig, ack))
            await until(lambda: waiting(rig))
            assert await rig.revocations.is_done(ack)
            assert not state.connections
            assert protocol() is Watched.parked[-1]
        await closed(writer)
        await until(lambda: not waiting(rig))


@in_loop
async def test_a_poll_in_pieces_is_taken_in_once_it_is_whole(tmp_path: Path) -> None:
    """A body may come after its head, as httpx sends it; till then nothing is taken for an ack."""
    async with polled(tmp_path) as (rig, state, reader, writer):
        connection = Watched.parked[-1]
        head, end, body = again(rig, 1).partition(b"\r\n\r\n")
        for piece in (head + end, body[:10]):
            writer.write(piece)
            await until(lambda: connection._begun.endswith(piece))  # noqa: B023 - it is called before the next one
            assert (rig.revocations.waiting_for(1), waiting(rig)) == (1, False)
            assert connection in list[object](state.connections)
        writer.write(body[10:])
        await until(lambda: waiting(rig))
        assert rig.revocations.waiting_for(1) == 0
        assert (protocol(), connection._begun) == (connection, b"")
        assert not state.connections
        assert await told(rig, reader) == 2


@in_loop
async def test_half_a_head_is_left_to_the_server(tmp_path: Path) -> None:
    """What can't be read yet is put together by uvicorn, as the first request was."""
    async with polled(tmp_path) as (rig, _, _, writer):
        whole = again(rig, 1)
        writer.write(whole[:50])
        await until(lambda: isinstance(protocol(), Connection))
        writer.write(whole[50:])
        await until(lambda: waiting(rig))
        assert rig.revocations.waiting_for(1) == 0


@in_loop
async def test_what_comes_behind_a_poll_ends_the_connection_after_its_answer(tmp_path: Path) -> None:
    """A later poll is no more pipelined than the first: what is sent in one go with it is not half heard."""
    async with polled(tmp_path) as (rig, _, reader, writer):
        writer.write(again(rig, 1) + b"GET /healthz HTTP/1.1\r\nHost: issuer\r\n\r\n")
        await until(lambda: waiting(rig))
        head, rest = await ended(rig, reader, writer)
        assert "\r\nconnection: close\r\n" in head
        assert rest == b""


@in_loop
async def test_a_token_is_good_for_the_polls_of_one_second(tmp_path: Path) -> None:
    """A token that was withdrawn is refused on a connection that it had polled on."""
    clock = Turned()
    async with listening(tmp_path, clock=clock) as (rig, port, _):
        reader, writer = await parked(rig, port)
        [token] = rig.store.list_tokens()
        assert rig.store.end_token(token.id, BY)
        await told(rig, reader)
        clock.time += 1.0
        writer.write(again(rig, 1))
        assert (await answered(reader))[0].startswith("http/1.1 401 ")
        assert rig.revocations.waiting_for(1) == 1
        await closed(writer)


@pytest.mark.parametrize("body", [b"{", b"[" * 5000, b'{"session": "x"}'])
def test_a_bad_poll_is_named_after_a_good_one_too(tmp_path: Path, body: bytes) -> None:
    """The short way refuses nothing: what it can't read gets the 400 it would have got at first."""

    async def main() -> None:
        async with polled(tmp_path) as (rig, _, reader, writer):
            head = again(rig, 1).partition(b"Content-Length")[0]
            writer.write(head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
            said = await answered(reader)
            assert said[0].startswith("http/1.1 400 ")
            assert json.loads(said[1])["error"].startswith("feed: ")

    asyncio.run(main())


@in_loop
async def test_a_connection_that_nothing_comes_on_is_closed(tmp_path: Path) -> None:
    """After an answer a connection is kept for as long as uvicorn keeps others."""
    async with listening(tmp_path, keep_alive=0) as (rig, port, state):
        reader, writer = await parked(rig, port)
        await told(rig, reader)
        assert await reader.read() == b""
        await until(lambda: not state.connections)
        await closed(writer)


@in_loop
async def test_a_poll_that_waits_is_not_taken_for_an_idle_connection(tmp_path: Path) -> None:
    """One timer looks after a connection: it goes on while there is time, rests while a poll waits, and comes again."""
    async with listening(tmp_path, clock=Turned()) as (rig, port, _):
        reader, writer = await parked(rig, port)
        connection = Watched.parked[-1]
        await told(rig, reader)
        first = connection._timer
        assert first is not None
        connection._look()
        assert connection._timer not in {None, first}
        writer.write(again(rig, 1))
        await until(lambda: waiting(rig))
        connection._look()
        assert connection._timer is None
        assert await told(rig, reader) == 2
        assert connection._timer is not None
        await closed(writer)
        await until(lambda: connection._timer is None)
        first.cancel()


@in_loop
async def test_who_does_not_read_answers_gets_no_more_of_them(tmp_path: Path) -> None:
    """A client that polls again before it took the last answer in loses its connection: it can't fill the memory."""
    async with listening(tmp_path, clock=Turned()) as (rig, port, state):
        reader, writer = await parked(rig, port)
        connection = Watched.parked[-1]
        await told(rig, reader)
        connection._transport.write(bytes(50_000_000))
        writer.write(again(rig, 1))
        await until(connection._transport.is_closing)
        assert not waiting(rig)
        writer.transport.abort()
        await until(lambda: not state.connections)


@in_loop
async def test_a_server_that_stops_closes_the_connections_between_two_polls(tmp_path: Path) -> None:
    """For uvicorn a connection whose poll was answered is one of its own, with nothing to do."""
    async with polled(tmp_path) as (_, state, reader, _):
        [connection] = state.connections
        connection.shutdown()
        assert await reader.read() == b""
        await until(lambda: not state.connections)


@in_loop
async def test_the_polls_of_this_packages_own_validators_are_plain(tmp_path: Path) -> None:
    """What they send takes the short way from the second poll on, in one piece or two."""
    async with listening(tmp_path, clock=Turned()) as (rig, port, _):
        issuer = IntrospectionIssuer(f"http://127.0.0.1:{port}", rig.token)
        assert issuer.feed is not None
        seen = len(Watched.parked)
        history: str | None = None
        for _ in range(3):
            reply = await asyncio.to_thread(issuer.feed.poll, Poll(SESSION, history, 0, 0.0, "host:1", "0.1.0"))
            history = reply.epoch
        assert len(Watched.parked) == seen + 1
        assert protocol() is Watched.parked[-1]
        await asyncio.to_thread(issuer.close)
