"""What of a kind lives in this process: told when it forks, closed when it ends."""

import atexit
import os
from threading import RLock
from typing import Generic, Protocol, TypeVar
from weakref import WeakSet

from rf_middleware._logger import logger

__all__ = ["Registry"]


class _Member(Protocol):
    def forked(self) -> None: ...
    def close(self) -> None: ...


Member = TypeVar("Member", bound=_Member)


class Registry(Generic[Member]):
    """Holds its members weakly.

    The lock is held while the process forks, so that the child finds neither it nor the set half-changed.
    """

    def __init__(self) -> None:
        self._members: WeakSet[Member] = WeakSet()
        self._lock = RLock()
        if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
            os.register_at_fork(
                before=self._lock.acquire, after_in_parent=self._lock.release, after_in_child=self._in_child
            )
        atexit.register(self._at_exit)

    def add(self, member: Member) -> None:
        """Add a member, until nobody else holds it."""
        with self._lock:
            self._members.add(member)

    def members(self) -> list[Member]:
        """Return who is there."""
        with self._lock:
            return list(self._members)

    def _in_child(self) -> None:
        self._lock.release()
        for each in self.members():
            try:
                each.forked()
            except Exception:  # noqa: BLE001 - one that fails must not leave the others with their parent's state
                logger().exception("%r did not begin anew after a fork", each)

    def _at_exit(self) -> None:
        for each in self.members():
            try:
                each.close()
            except Exception:  # noqa: BLE001 - the same
                logger().exception("%r could not be closed", each)
