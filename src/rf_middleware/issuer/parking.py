"""Lets an answer come long after its request: meanwhile a parked request is a socket and a number, no more.

A request that runs costs about 20 KB: its task, scope, headers, parser. So a parked one does not run. For uvicorn its
connection is lost and its task ends. After the answer the connection stays here, for the next request of the same kind
may be taken in as it is; any other goes to uvicorn, with the connection, as if it were a new one.

* A client that hangs up is reported by its number, at once when it has gone already; also after its answer.
* Who sends more before it has the whole answer (pipelining) is not heard: the connection is closed after the answer,
  and the client asks again on another (RFC 9112 section 9.3.2). So what one connection has buffered is bounded.
* A connection that nothing came on for as long as uvicorn would wait is closed.
* Of uvicorn's own names ``config``, ``server_state``, ``transport``, ``cycle``, ``flow``, ``app_state`` and ``scope``
  are used, and that a server closes at its end what is in ``connections``, by ``shutdown``.
"""

import asyncio
from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from http import HTTPStatus
from typing import Any, cast

from starlette.responses import Response
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

__all__ = ["PARK", "Came", "Connection", "Later", "Parked"]

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


class Came(Enum):
    """What came on a connection after an answer."""

    TAKEN = "a request that waits from now on"
    BEGUN = "a part of one, of bounded length"
    OTHER = "something that uvicorn has to serve"


class Parked(asyncio.Protocol):
    """A connection whose request waits for its answer, or had it."""

    __slots__ = (
        "_again",
        "_answered",
        "_begun",
        "_config",
        "_hang_up",
        "_keep",
        "_number",
        "_server",
        "_timer",
        "_transport",
        "_waiting",
    )

    def __init__(self, config: Config, server: ServerState, transport: asyncio.Transport, *, keep: bool) -> None:
        self._config, self._server, self._transport, self._keep = config, server, transport, keep
        self._hang_up: Callable[[int], None] | None = None
        self._again: Callable[[bytes, Parked], Came] | None = None
        self._begun = b""
        self._number = 0
        self._waiting = True
        self._answered = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def wait(self, number: int, hang_up: Callable[[int], None], again: "Callable[[bytes, Parked], Came]") -> None:
        """Go on waiting.

        Args:
            number: of the request.
            hang_up: is told the number when the client hangs up.
            again: is given what comes after the answer; what began is given once more with the rest.
        """
        self._number, self._hang_up, self._again = number, hang_up, again
        if self._transport.is_closing():
            hang_up(number)

    def answer(self, response: Response) -> None:
        """Send the answer; the connection goes on as after any other."""
        if self._transport.is_closing():
            return
        self._rest()
        self._transport.write(_message(response, tuple(self._server.default_headers), keep=self._keep))
        if not self._keep:
            self._transport.close()
            return
        loop = asyncio.get_running_loop()
        self._answered = loop.time()
        if self._timer is None:  # one goes on over many answers
            self._timer = loop.call_later(self._config.timeout_keep_alive, self._look)

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        if self._waiting:
            self._keep = False
        elif self._transport.get_write_buffer_size():
            self._transport.close()
        else:
            self._take(self._begun + data)

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.Protocol``."""
        del exc
        self._leave()
        self._end_timer()
        if self._hang_up is not None:
            self._hang_up(self._number)

    def shutdown(self) -> None:
        """Close the connection, which has nothing to do."""
        self._transport.close()

    def _take(self, data: bytes) -> None:
        self._waiting, self._begun = True, b""
        self._leave()
        came = Came.OTHER if self._again is None else self._again(data, self)
        if came is Came.BEGUN:
            self._begun = data
            self._rest()
        elif came is Came.OTHER:
            self._hand_over(data)

    def _hand_over(self, data: bytes) -> None:
        """Let uvicorn serve what came."""
        self._end_timer()
        other = Connection(self._config, self._server, {})
        self._transport.set_protocol(other)
        other.connection_made(self._transport)
        other.data_received(data)

    def _look(self) -> None:
        self._timer = None
        if self._waiting:
            return
        loop = asyncio.get_running_loop()
        left = self._answered + self._config.timeout_keep_alive - loop.time()
        if left > 0:
            self._timer = loop.call_later(left, self._look)
        else:
            self._transport.close()

    def _rest(self) -> None:
        """For uvicorn it is one of its own that has nothing to do."""
        self._waiting = False
        cast("set[object]", self._server.connections).add(self)

    def _leave(self) -> None:
        cast("set[object]", self._server.connections).discard(self)

    def _end_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


@lru_cache(16)
def _message(response: Response, more: tuple[tuple[bytes, bytes], ...], *, keep: bool) -> bytes:
    """Return an answer as it goes over the wire; the same one often goes to thousands."""
    headers = [*more, *response.raw_headers, *([] if keep else [(b"connection", b"close")])]
    lines = [f"HTTP/1.1 {response.status_code} {HTTPStatus(response.status_code).phrase}".encode()]
    lines += [name + b": " + value for name, value in headers]
    return b"\r\n".join([*lines, b"", bytes(response.body)])


class Later(Response):
    """What a handler returns that parked its request: nothing is sent now."""

    async def __call__(self, scope: object, receive: object, send: object) -> None:
        """Send nothing."""
