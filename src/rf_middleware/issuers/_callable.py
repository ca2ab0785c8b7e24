"""A function as an issuer: for keys that live in your own database, and for tests."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from rf_middleware._flight import Answer
from rf_middleware._models import Grant
from rf_middleware._secret import Secret
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
        secret = Secret(key)
        del key  # not in the locals of a traceback, nor of those below a log line
        outcome = self._outcome(secret)
        if isinstance(outcome, Answer):
            return outcome
        return background.run(partial(self._awaited, outcome), timeout)

    async def acheck(self, key: str, timeout: float) -> Answer:  # noqa: ARG002 - the driver bounds it
        """See ``Issuer.acheck``."""
        secret = Secret(key)
        del key  # not in the locals of a traceback, nor of those below a log line
        if self._is_async:
            outcome = self._outcome(secret)
        else:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(_THREADS, "rf-middleware-issuer")
            outcome = await asyncio.get_running_loop().run_in_executor(self._threads, self._outcome, secret)
        return outcome if isinstance(outcome, Answer) else await self._awaited(outcome)

    def _outcome(self, key: Secret) -> Answer | Awaitable[object]:
        """Return what the function's result or exception means, or the result itself when it is to be awaited."""
        try:
            result: object = self._fn(key.reveal())
        except Exception:  # noqa: BLE001 - any exception of theirs means: can't be asked
            return raised(self)
        if inspect.isawaitable(result):
            return result
        given = [result]
        del result  # it may be anything, the key itself too: see ``_results``
        return returned(self, given.pop())

    async def _awaited(self, result: Awaitable[object]) -> Answer:
        try:
            return returned(self, await result)
        except Exception:  # noqa: BLE001 - any exception of theirs means: can't be asked
            return raised(self)

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
