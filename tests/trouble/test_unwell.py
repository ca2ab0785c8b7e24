"""The servers of the tests leave nothing behind that a later test would be blamed for."""

import asyncio
import gc
import socket
import warnings

from tests.core.servers import listen_no_more


async def met(turns: int) -> bool:
    """Have a connection come to a server that is closed so many turns of the loop later; tell whether it was met."""
    accepted: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _reader, writer: accepted.append(writer), "127.0.0.1", 0)
    with socket.create_connection(server.sockets[0].getsockname()):
        for _ in range(turns):
            await asyncio.sleep(0)
        await listen_no_more(server)
        for _ in range(5):
            await asyncio.sleep(0)
    for each in accepted:
        each.transport.abort()
    await asyncio.sleep(0)
    return bool(accepted)


def test_a_connection_that_comes_as_its_server_ends_is_not_left_to_the_collector() -> None:
    """Whenever a server is closed, what it accepted is met and closed, so that nothing unclosed is collected later."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        came = [asyncio.run(met(turns)) for turns in range(6)]
        gc.collect()
    assert [str(each.message) for each in said] == []
    assert came[-1]
