"""Keeps a second server off a database file, and tells whether there is a first.

* The lock is on a file beside it, and goes with the process, however that ends.
* Another file beside it is written at each start and never else. The database keeps what the system says of that file:
  its number and when it was last changed, which nobody can set. So a database that was put back, alone or with all that
  is beside it, is known by what it keeps: it is not what the system says now.
"""

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rf_middleware.issuer.database import DatabaseProblem, explained

__all__ = ["DEFAULT_LEASE", "being_served", "last_start", "new_start", "only_server"]

DEFAULT_LEASE: Final = 10.0
_TEXT: Final = b"By this file `rf-middleware serve` knows the database beside it. Never change it, never copy it.\n"

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


def last_start(path: Path) -> str | None:
    """Return by what the last start of a server on this database is known; ``None`` where there was none."""
    try:
        return _known_by(_start_of(path).stat())
    except FileNotFoundError:
        return None


def new_start(path: Path) -> str:
    """Begin another; return by what it is known.

    Raises:
        DatabaseProblem: the file can't be written.
    """
    with explained(path):
        file = os.open(_start_of(path), os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        try:
            os.write(file, _TEXT)
            os.fsync(file)
            return _known_by(os.fstat(file))
        finally:
            os.close(file)


def _start_of(path: Path) -> Path:
    real = path.resolve()
    return real.with_name(real.name + ".start")


def _known_by(found: os.stat_result) -> str:
    return f"{found.st_ino}:{found.st_ctime_ns}"
