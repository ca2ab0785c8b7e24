"""How many questions about unknown keys the issuer is sent: junk must not become load on it. Pure.

Only failures count: a question that ends in a grant, or in no answer, is given back. A key that was good before is
asked about whatever the budget says.
"""

from typing import Final

__all__ = ["Bucket", "Budget"]

_SHARE: Final = 4
"""What part of the whole one client may use: a quarter. So it takes four to use up what the others need."""

_CLIENTS: Final = 10_000
"""Clients that are remembered; beyond these the one that asked least lately begins anew."""


class Bucket:
    """A token bucket.

    Args:
        rate: tokens per second.
        burst: tokens at most.
    """

    __slots__ = ("_burst", "_level", "_rate", "_since")

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._level = self._burst
        self._since: float | None = None

    def take(self, now: float) -> float:
        """Take a token and return 0.0, or return the seconds until there is one."""
        if self._since is not None:
            self._level = min(self._burst, self._level + (now - self._since) * self._rate)
        self._since = now
        if self._level >= 1.0:
            self._level -= 1.0
            return 0.0
        return (1.0 - self._level) / self._rate

    def give_back(self) -> None:
        """Return a token: what it was taken for cost nothing."""
        self._level = min(self._burst, self._level + 1.0)


class Budget:
    """A bucket for the process, and a smaller one for each client whose address is told.

    Args:
        rate: questions per second that may end in a denial.
        burst: such questions at once.
    """

    __slots__ = ("_all", "_burst", "_by_client", "_rate")

    def __init__(self, rate: float, burst: int) -> None:
        self._all = Bucket(rate, burst)
        self._rate, self._burst = rate / _SHARE, max(1, burst // _SHARE)
        from cachetools import LRUCache  # noqa: PLC0415 - an import of the package loads no more than a hit needs

        self._by_client: LRUCache[str, Bucket] = LRUCache(_CLIENTS)

    def take(self, now: float, client: str) -> float:
        """Pay for a question and return 0.0, or return the seconds until it may be asked.

        Args:
            now: on the package's clock.
            client: who sent the key; empty when that is not told.
        """
        theirs = self._of(client)
        shortage = 0.0 if theirs is None else theirs.take(now)
        if shortage > 0:
            return shortage
        shortage = self._all.take(now)
        if shortage > 0 and theirs is not None:
            theirs.give_back()
        return shortage

    def give_back(self, client: str) -> None:
        """Take back what a question cost: it did not end in a denial."""
        self._all.give_back()
        theirs = self._of(client)
        if theirs is not None:
            theirs.give_back()

    def _of(self, client: str) -> Bucket | None:
        if not client:
            return None
        try:
            return self._by_client[client]
        except KeyError:
            bucket = self._by_client[client] = Bucket(self._rate, self._burst)
            return bucket
