"""Keeps a second server off a database file, and tells whether there is a first.

The lock is on a file beside it, and goes with the process, however that ends.
"""

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rf_middleware.issuer.database import DatabaseProblem, explained

__all__ = ["being_served", "only_server"]

_LOOKS: Final = 1000
"""How often, a hundredth of a second apart, a lock is tried that somebody is only looking at."""


def being_served(path: Path) -> bool:
    """Say whether a server has this file."""
    real = path.resolve()
    try:
        lock = os.open(real.with_name(real.name + ".lock"), os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        return not _got(lock, fcntl.LOCK_SH)
    finally:
        os.close(lock)


def _locked(lock: int, looks: int = _LOOKS) -> bool:
    """Take the lock; somebody who only looks shares it, for no time at all unless the machine stalls."""
    for _ in range(looks):
        if _got(lock, fcntl.LOCK_EX):
            return True
        if not _got(lock, fcntl.LOCK_SH):
            return False  # a server has it
        fcntl.flock(lock, fcntl.LOCK_UN)
        time.sleep(0.01)
    return False


def _got(lock: int, kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def only_server(path: Path) -> Generator[None]:
    """Hold the right to serve from this file, through whichever symbolic link it was named.

    A file with a second hard link is refused: SQLite's own files beside it would be two sets.

    Raises:
        DatabaseProblem: another process has it, or the lock file can't be made.
    """
    real = path.resolve()
    with explained(path):
        if real.is_file() and real.stat().st_nlink > 1:
            message = f"{path} has another name (a hard link), under which it could be served too; remove one"
            raise DatabaseProblem(message)
        lock = os.open(real.with_name(real.name + ".lock"), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        if not _locked(lock):
            holder = os.read(lock, 32).decode("ascii", "replace").strip() or "unknown"
            message = f"{path} is already served by another process (pid {holder})"
            raise DatabaseProblem(message) from None
        os.truncate(lock, 0)
        os.write(lock, b"%d\n" % os.getpid())
        yield
    finally:
        os.close(lock)
