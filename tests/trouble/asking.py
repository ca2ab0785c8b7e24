"""Asks a validator about keys, many at once, from threads or as tasks; and looks at what is left over afterwards."""

import asyncio
import os
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rf_middleware import Grant, Validator
from rf_middleware._challenge import respond
from rf_middleware._clock import now
from rf_middleware._models import Reason, Refusal, Verdict
from rf_middleware.issuers._background import background
from tests.core.servers import until

__all__ = ["Ahead", "Asker", "Way", "by_tasks", "by_threads", "files", "nothing_left", "reason", "retry_after"]

_PATIENCE = 60.0
_SHARED = ("rf-middleware-issuer", "asyncio_")
"""Threads that the package starts once and keeps: its loop, and those in which that loop looks names up."""


class Ahead:
    """The package's clock, some time ahead: what rests for a while is over it at once. It can be held, too."""

    def __init__(self) -> None:
        self._by = 0.0
        self._held: float | None = None

    def __call__(self) -> float:
        return now() + self._by if self._held is None else self._held

    def hold(self) -> None:
        """Let no time pass until it goes forward: no rest is over, however slow the machine is."""
        self._held = self()

    def forward(self, seconds: float) -> None:
        """Let time pass, now and from now on."""
        self._held = None
        self._by += seconds


class Asker(Protocol):
    """Asks about keys, all at once."""

    def __call__(self, keys: Iterable[str]) -> list[Verdict]:
        """Return the verdicts in the same order."""
        ...


class _Threads:
    """A thread for each key."""

    def __init__(self, validator: Validator) -> None:
        self._validator = validator

    def __call__(self, keys: Iterable[str]) -> list[Verdict]:
        """Ask."""
        wanted = list(keys)
        found: dict[int, Verdict] = {}

        def ask(place: int, key: str) -> None:
            found[place] = self._validator.resolve(key.encode())

        threads = [threading.Thread(target=ask, args=each, daemon=True) for each in enumerate(wanted)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(_PATIENCE)
        assert not any(thread.is_alive() for thread in threads), "somebody waits for ever"
        return [found[place] for place in range(len(wanted))]


class _Tasks:
    """A task for each key, on one loop."""

    def __init__(self, validator: Validator, runner: asyncio.Runner) -> None:
        self._validator, self._runner = validator, runner

    def __call__(self, keys: Iterable[str]) -> list[Verdict]:
        """Ask."""
        return self._runner.run(self._ask(list(keys)))

    async def _ask(self, keys: list[str]) -> list[Verdict]:
        async with asyncio.timeout(_PATIENCE):
            return await asyncio.gather(*(self._validator.aresolve(key.encode()) for key in keys))


@contextmanager
def by_threads(validator: Validator) -> Generator[Asker]:
    """Ask from threads."""
    with validator:
        yield _Threads(validator)


@contextmanager
def by_tasks(validator: Validator) -> Generator[Asker]:
    """Ask as tasks; none of them is left when the block ends."""

    async def others() -> bool:
        return len(asyncio.all_tasks()) > 1

    with asyncio.Runner() as runner:
        yield _Tasks(validator, runner)
        until(lambda: not runner.run(others()))
        runner.run(validator.aclose())


Way = Callable[[Validator], AbstractContextManager[Asker]]


def reason(verdict: Verdict) -> Reason | None:
    """Return why a verdict refuses, ``None`` for a grant."""
    return verdict.reason if isinstance(verdict, Refusal) else None


def retry_after(verdict: Verdict) -> int:
    """Return what the answer to a refused request says in ``Retry-After``."""
    assert not isinstance(verdict, Grant)
    answer = respond(verdict)
    assert answer.status == 503
    return int(dict(answer.headers)["retry-after"])


def files() -> int:
    """Return how many files this process has open."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - no paths are wanted


@contextmanager
def nothing_left() -> Generator[None]:
    """See that no thread that was started in the block is left after it, and no task on the shared loop."""
    before = set(threading.enumerate())
    yield

    def others() -> list[threading.Thread]:
        return [each for each in threading.enumerate() if each not in before and not each.name.startswith(_SHARED)]

    until(lambda: others() == [])
    loop = background.loop
    assert loop is not None
    until(lambda: asyncio.all_tasks(loop) == set())
