"""Runs what nobody's request may hold up or cut short: the store in threads, and tasks that go on by themselves."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["Background"]

T = TypeVar("T")


class Background:
    """Threads for the database, and tasks. Made and used on one running event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._writer = ThreadPoolExecutor(1, "rf-issuer-write")
        self._readers = ThreadPoolExecutor(4, "rf-issuer-read")
        self._tasks: set[asyncio.Task[object]] = set()

    async def read(self, ask: Callable[..., T], *args: object) -> T:
        """Run a question of the store in a thread."""
        return await self._loop.run_in_executor(self._readers, ask, *args)

    async def write(self, change: Callable[..., T], *args: object) -> T:
        """Run a change of the store in the one thread that writes."""
        return await self._loop.run_in_executor(self._writer, change, *args)

    def _spawn(self, work: Coroutine[object, object, T]) -> asyncio.Task[T]:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _finish_tasks(self) -> None:
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))

    def _end_threads(self) -> None:
        self._writer.shutdown()
        self._readers.shutdown()
