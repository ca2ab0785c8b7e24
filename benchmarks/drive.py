"""Calls apps as servers do, a block at a time, and makes sure that each call was a served request."""

import asyncio
import atexit
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from benchmarks import traffic
from benchmarks.measure import Block
from benchmarks.traffic import ASGIApp, Message, Scope

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

__all__ = ["Check", "asgi_block", "wsgi_block"]

Check = Callable[[Scope], bool]
"""Tells whether a scope or an environ looks as it should after its request was served."""


_runner: Final = asyncio.Runner()
"""One loop for all: what a peer opened in one block is of use in the next."""
atexit.register(_runner.close)


def asgi_block(app: ASGIApp, place: str, check: Check) -> Block:
    """Return a block of calls of an ASGI app."""
    statuses: list[int] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def calls(scopes: Sequence[Scope]) -> float:
        begun = time.perf_counter()
        for scope in scopes:
            await app(scope, traffic.receive, send)
        return (time.perf_counter() - begun) * 1e6

    def block(count: int) -> float:
        statuses.clear()
        scopes = [traffic.scope(place) for _ in range(count)]
        taken = _runner.run(calls(scopes))
        assert statuses == [200] * count, "a request was not served"
        assert all(map(check, scopes)), "a request does not tell who is asking"
        return taken

    return block


def wsgi_block(app: "WSGIApplication", place: str, check: Check) -> Block:
    """Return a block of calls of a WSGI app."""
    statuses: list[str] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: object = None, /
    ) -> Callable[[bytes], object]:
        del headers, exc_info
        statuses.append(status)
        return len

    def calls(environs: "Sequence[WSGIEnvironment]") -> float:
        begun = time.perf_counter()
        for environ in environs:
            finish(app(environ, start_response))
        return (time.perf_counter() - begun) * 1e6

    def block(count: int) -> float:
        statuses.clear()
        environs = [traffic.environ(place) for _ in range(count)]
        taken = calls(environs)
        assert all(status.startswith("200 ") for status in statuses), "a request was refused"
        assert len(statuses) == count, "a request was not served"
        assert all(map(check, environs)), "a request does not tell who is asking"
        return taken

    return block


def finish(body: Iterable[bytes]) -> None:
    """Take a body as a server does."""
    for _ in body:
        pass
    close = getattr(body, "close", None)
    if close is not None:
        close()
