"""A function as an issuer: for keys that live in your own database, and for tests."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from rf_middleware._flight import Answer
from rf_middleware._models import Grant
from rf_middleware.exceptions import ConfigurationError
from rf_middleware.issuers._background import background
from rf_middleware.issuers._results import raised, returned

__all__ = ["CallableIssuer"]

_THREADS: Final = 32


class CallableIssuer:
    """Asks ``fn(key) -> Grant | None``, sync or async.

    ``None`` means that there is no such key; ``Denied(status=401 | 402 | 403 | 423)`` raised means that;
    any other exception, or another result, means that the issuer can't be asked.

    A synchronous ``fn`` runs in the calling thread under ``check()``, where nothing can bound its time,
    and in a thread of its own under ``acheck()``. An async ``fn`` runs on the caller's loop, or, under
    ``check()``, on one loop that all threads share.

    Raises:
        ConfigurationError: ``fn`` can't be called.
    """

    def __init__(self, fn: Callable[[str], Grant | None] | Callable[[str], Awaitable[Grant | None]]) -> None:
        if not callable(fn):  # pyright: ignore[reportUnnecessaryComparison] - users without types
            message = "issuer: allowed is a function of the key that returns a Grant or None"
            raise ConfigurationError(message)
        self._fn = fn
        self._is_async = inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(getattr(fn, "__call__", None))  # noqa: B004 - the method of an object is asked for, not whether there is one
        self._threads: ThreadPoolExecutor | None = None

    def __repr__(self) -> str:
        return f"CallableIssuer({getattr(self._fn, '__qualname__', type(self._fn).__qualname__)})"

    def check(self, key: str, timeout: float) -> Answer:
        """See ``Issuer.check``."""
        result = self._outcome(key)
        del key  # not in the locals of a traceback
        if inspect.isawaitable(result):
            return background.run(partial(self._awaited, result), timeout)
        return returned(self, result)

    async def acheck(self, key: str, timeout: float) -> Answer:  # noqa: ARG002 - the driver bounds it
        """See ``Issuer.acheck``."""
        if self._is_async:
            result = self._outcome(key)
            del key  # not in the locals of a traceback
        else:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(_THREADS, "rf-middleware-issuer")
            working = asyncio.get_running_loop().run_in_executor(self._threads, self._outcome, key)
            del key
            result = await working
        return await self._awaited(result) if inspect.isawaitable(result) else returned(self, result)

    def _outcome(self, key: str) -> object:
        """Return what the function returned, an awaitable perhaps, or the answer that its exception means."""
        try:
            return self._fn(key)
        except Exception as error:  # noqa: BLE001 - any exception of theirs means: can't be asked
            return raised(self, error)

    async def _awaited(self, result: Awaitable[object]) -> Answer:
        try:
            return returned(self, await result)
        except Exception as error:  # noqa: BLE001 - any exception of theirs means: can't be asked
            return raised(self, error)

    def forked(self) -> None:
        """Let go of the parent's threads."""
        self._threads = None

    def close(self) -> None:
        """Let go of the threads."""
        if self._threads is not None:
            self._threads.shutdown(wait=False)
        self._threads = None

    async def aclose(self) -> None:
        """Let go of the threads."""
        self.close()
