"""Lets an answer come long after its request: meanwhile a parked request is a socket and a number, no more.

A request that runs costs about 20 KB: its task, scope, headers, parser. So a parked one does not run. For uvicorn its
connection is lost and its task ends; when the answer is there, the connection comes back to uvicorn as a new one.

* A client that hangs up is reported by its number, at once when it has gone already; also after its answer.
* Who sends more before it has the whole answer (pipelining) is not heard: the connection is closed after the answer,
  and the client asks again on another (RFC 9112 section 9.3.2). So what one connection has buffered is bounded.
* Of uvicorn's own names ``config``, ``server_state``, ``transport``, ``cycle``, ``flow``, ``app_state``, ``scope``
  and ``on_response_complete`` are used.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from starlette.responses import Response
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

__all__ = ["PARK", "Connection", "Later", "Parked"]

PARK = "park"
"""Where a request finds the way to park its connection: in ``scope["state"]``."""


class Connection(HttpToolsProtocol):
    """HTTP as uvicorn speaks it, on a connection that can be parked."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, {**app_state, PARK: self.park}, _loop)

    def park(self) -> "Parked":
        """Take the connection away from the request that runs, whose body was read."""
        in_turn = not self.flow.read_paused and not self.transport.get_write_buffer_size()
        keep = self.cycle.keep_alive and in_turn
        self.flow.resume_reading()  # to learn of it when the client hangs up
        parked = Parked(self.config, self.server_state, self.transport, keep=keep)
        self.transport.set_protocol(parked)
        self.connection_lost(ConnectionAbortedError())
        # No ring of references may keep all this until the garbage collector comes round.
        self.app_state.clear()
        self.scope["state"] = {}
        return parked


class Parked(asyncio.Protocol):
    """A connection whose request waits for its answer."""

    __slots__ = ("_config", "_hang_up", "_keep", "_number", "_server", "_transport")

    def __init__(self, config: Config, server: ServerState, transport: asyncio.Transport, *, keep: bool) -> None:
        self._config, self._server, self._transport, self._keep = config, server, transport, keep
        self._hang_up: Callable[[int], None] | None = None
        self._number = 0

    def wait(self, number: int, hang_up: Callable[[int], None]) -> None:
        """Say whom to tell, and which number, when the client hangs up."""
        self._number, self._hang_up = number, hang_up
        if self._transport.is_closing():
            hang_up(number)

    def answer(self, response: Response) -> None:
        """Send the answer; the connection goes on as after any other."""
        transport = self._transport
        if transport.is_closing():
            return
        again = Connection(self._config, self._server, {})
        transport.set_protocol(again)
        again.connection_made(transport)
        headers = [*self._server.default_headers, *response.raw_headers]
        if not self._keep:
            headers.append((b"connection", b"close"))
        lines = [f"HTTP/1.1 {response.status_code} {HTTPStatus(response.status_code).phrase}".encode()]
        lines += [name + b": " + value for name, value in headers]
        transport.write(b"\r\n".join([*lines, b"", bytes(response.body)]))
        if not self._keep:
            transport.close()
        again.on_response_complete()

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        del data
        self._keep = False

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        del exc
        if self._hang_up is not None:
            self._hang_up(self._number)


class Later(Response):
    """What a handler returns that parked its request: nothing is sent now."""

    async def __call__(self, scope: object, receive: object, send: object) -> None:
        """Send nothing."""
