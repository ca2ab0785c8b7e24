"""The lock under which a core decides. Pure but for the lock.

The garbage collector may end an abandoned request at any moment, also in the middle of a decision of the same thread:
what that request still has to say is put off until the decision is made, else it would wait for itself.
"""

from collections import deque
from collections.abc import Callable
from threading import RLock

__all__ = ["Turn"]


class Turn:
    """One thread's turn to decide: ``with turn:``."""

    __slots__ = ("_depth", "_last", "_lock")

    def __init__(self) -> None:
        self._lock = RLock()
        self._depth = 0
        self._last = deque[Callable[[], object]]()

    def __enter__(self) -> None:
        self._lock.acquire()
        self._depth += 1

    def __exit__(self, *_failure: object) -> None:
        try:
            while self._depth == 1 and self._last:
                self._last.popleft()()
        finally:
            self._depth -= 1
            self._lock.release()

    def locked(self) -> bool:
        """Tell whether somebody has it."""
        return self._depth > 0

    def last(self, work: Callable[[], object]) -> None:
        """Do something in a turn of this thread: now, or at the end of the one that it is having."""
        with self:
            self._last.append(work)
