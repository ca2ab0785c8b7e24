"""The event loop in a thread, for threads: results, errors, time limits."""

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import pytest

from rf_middleware.issuers._background import Background, background


async def value(number: int) -> int:
    """Return a number, after a while."""
    await asyncio.sleep(0)
    return number


async def broken() -> None:
    """Raise."""
    raise LookupError


async def stubborn() -> None:
    """Go on for a while after having been cancelled."""
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await asyncio.sleep(1.5)


def test_a_result_comes_back() -> None:
    """Work runs to its end, and its result is the caller's."""
    assert background.run(partial(value, 7), 10.0) == 7


def test_an_error_comes_back() -> None:
    """Work that raises raises in the thread that waits."""
    with pytest.raises(LookupError):
        background.run(broken, 10.0)


def test_many_threads_share_one_loop() -> None:
    """Threads do not wait for one another."""
    barrier, results = threading.Barrier(50), list[int]()

    async def together() -> int:
        await asyncio.to_thread(lambda: None)
        return threading.get_ident()

    def ask() -> None:
        barrier.wait(60)
        results.append(background.run(together, 10.0))

    threads = [threading.Thread(target=ask) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(results) == 50
    assert len(set(results)) == 1


@pytest.mark.parametrize("work", [asyncio.Event().wait, stubborn], ids=["hangs", "ignores its cancellation"])
def test_work_is_bounded(work: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Whoever waits is free after the time limit, or a second later when the work does not listen."""
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        background.run(work, 0.05)
    assert 0.05 <= time.monotonic() - began < 10


def test_the_loop_is_made_at_the_first_use() -> None:
    """A process that only has hits has no such thread."""
    before = threading.active_count()
    mine = Background()
    assert threading.active_count() == before
    assert mine.run(partial(value, 1), 10.0) == 1
    assert threading.active_count() == before + 1


def test_after_a_fork_there_is_a_new_loop() -> None:
    """The child has the parent's loop without its thread: it makes its own."""
    mine = Background()
    one = mine.run(partial(asyncio.to_thread, threading.get_ident), 10.0)
    mine.forked()
    two = mine.run(partial(asyncio.to_thread, threading.get_ident), 10.0)
    assert one != two


def test_context_of_the_caller_is_the_callers() -> None:
    """What a request has set in its context is seen by its own work only."""
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="none")

    async def look() -> str:
        return name.get()

    name.set("mine")
    assert background.run(look, 10.0) == "mine"
    assert contextvars.Context().run(lambda: background.run(look, 10.0)) == "none"


def test_names_are_found_when_no_thread_is_left() -> None:
    """At the end of a process there are no threads to look names up in: it is done on the spot then."""
    mine = Background()

    async def look() -> list[str]:
        loop = asyncio.get_running_loop()
        before = await loop.getaddrinfo("localhost", 80)
        await loop.shutdown_default_executor()
        after = await loop.getaddrinfo("localhost", 80)
        return ["same"] if before == after else []

    assert mine.run(look, 10.0) == ["same"]
