"""How many threads of the server that this process belongs to may wait for the issuer."""

import math
import sys
from typing import Any

from rf_middleware._values import number

__all__ = ["Seats"]


class Seats:
    """The option ``max_waiting``, or what the server says.

    Args:
        told: how many; ``None`` for one less than the server has for requests, where that is known.

    Raises:
        ConfigurationError: it is no whole number from 1.
    """

    def __init__(self, told: int | None) -> None:
        self._told = None if told is None else number({"max_waiting": told}, "max_waiting", 1, least=1, whole=True)
        self.forked()

    def forked(self) -> None:
        """Ask the server again: a preloaded app was made in its master, which serves nothing."""
        self._number: float | None = self._told

    @property
    def number(self) -> float:
        """How many threads; infinity for any number."""
        if self._number is None:
            threads = _request_threads()
            self._number = math.inf if threads is None or threads < 2 else threads - 1  # greenlets are no threads
        return self._number


def _request_threads() -> int | None:
    import signal  # noqa: PLC0415 - not before the first miss

    # A gunicorn worker, and not its master, handles this signal by a method of its own: the only public way to it.
    worker: Any = getattr(signal.getsignal(signal.SIGABRT), "__self__", None)
    uwsgi: Any = sys.modules.get("uwsgi")
    threads = worker.cfg.threads if hasattr(worker, "tpool") else None  # other workers pass over that setting
    told: Any = threads or getattr(uwsgi, "opt", {}).get("threads")
    try:
        return None if told is None else int(told)
    except (TypeError, ValueError):
        return None
