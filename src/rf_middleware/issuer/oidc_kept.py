"""Keeps what an OpenID provider said of itself: for an hour, and for a day when it can't be asked for it again.

A failure is kept for a few seconds: so many sign-ins do not all wait for a provider that hangs.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from rf_middleware._clock import Clock
from rf_middleware.issuer.oidc_failures import ProviderDown

__all__ = ["Kept"]

T = TypeVar("T")

_KEPT: Final = 3_600.0
_STALE: Final = 86_400.0
_PAUSE: Final = 5.0


@dataclass(frozen=True, slots=True)
class _Fetched(Generic[T]):
    value: T
    at: float


class Kept(Generic[T]):
    """What was fetched last; one fetches it, others wait for that. Used on one event loop.

    Args:
        fetch: gets it; fails with ``ProviderDown`` alone.
        clock: seconds.
    """

    def __init__(self, fetch: Callable[[], Awaitable[T]], clock: Clock) -> None:
        self._fetch, self._clock = fetch, clock
        self._lock = asyncio.Lock()
        self._last: _Fetched[T] | None = None
        self._failure: _Fetched[ProviderDown] | None = None

    async def get(self, *, anew: bool = False) -> T:
        """Return it, fetched anew if that is asked for.

        Raises:
            ProviderDown: it can't be fetched.
        """
        async with self._lock:
            last = self._last
            if last is not None and not anew and self._younger(last, _KEPT):
                return last.value
            try:
                return await self._fetched()
            except ProviderDown:
                if last is not None and not anew and self._younger(last, _STALE):
                    return last.value
                raise

    async def _fetched(self) -> T:
        if self._failure is not None and self._younger(self._failure, _PAUSE):
            raise ProviderDown(self._failure.value.reason, self._failure.value.detail)
        try:
            value = await self._fetch()
        except ProviderDown as problem:
            self._failure = _Fetched(problem.with_traceback(None), self._clock())
            raise
        self._last = _Fetched(value, self._clock())
        return value

    def _younger(self, fetched: _Fetched[Any], seconds: float) -> bool:
        return 0.0 <= self._clock() - fetched.at < seconds  # a clock that was set back makes it old
