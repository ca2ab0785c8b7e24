"""The login file on disk: the one of Roboflow's client, ``~/.config/roboflow/config.json``.

* It is replaced as a whole or not at all: written beside, flushed, renamed. A symbolic link stays one.
* It has mode 0600, and a folder that has to be made 0700.
* One that can't be read, or is not as it should be, is never written to.
* Two logins at once lose nothing: a lock is held from reading to writing. Where the system has no such locks (Windows)
  there is none.
* Errors are made where nothing of the content is in reach: a traceback with locals shows no key.
"""

import os
import stat
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from rf_middleware._login.content import Content
from rf_middleware.exceptions import LoginError

__all__ = ["LoginFile", "path_of"]

VARIABLE: Final = "ROBOFLOW_CONFIG_DIR"
_ADVICE: Final = f"nothing was changed; mend it, move it away, or name another with {VARIABLE}"


def path_of(environ: Mapping[str, str], home: Callable[[], Path], *, windows: bool) -> Path:
    """Return where the file is: ROBOFLOW_CONFIG_DIR names the file itself, in spite of what it is called.

    Raises:
        LoginError: there is no home folder.
    """
    if named := environ.get(VARIABLE):
        return Path(named)
    with suppress(RuntimeError):
        return home() / ("roboflow" if windows else ".config/roboflow") / "config.json"
    message = f"there is no home folder; {VARIABLE} can name the file that keeps the login"
    raise LoginError(message)


class LoginFile:
    """The file, whether it is there yet or not."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Content:
        """Return what it holds, nothing if it is not there.

        Raises:
            LoginError: it can't be read or is not as it should be.
        """
        return self._good(self._load())

    def ready(self) -> Content:
        """Return what it holds, once it is sure that it can be written to.

        Raises:
            LoginError: it can't.
        """
        return self._good(self._under_lock(self._load))

    def change(self, change: Callable[[Content], Content]) -> None:
        """Replace what it holds.

        Raises:
            LoginError: it can't be read or written; nothing is changed.
        """
        self._good(self._under_lock(lambda: self._changed(change)))

    def _good(self, found: Content | str) -> Content:
        if isinstance(found, str):
            message = f"the login file {self.path} {found}; {_ADVICE}"
            raise LoginError(message)
        return found

    def _load(self) -> Content | str:
        try:
            kind = self.path.stat().st_mode
            if stat.S_ISDIR(kind):
                return f"is a folder ({VARIABLE} names the file itself, as for Roboflow's client)"
            if not stat.S_ISREG(kind):
                return "is not a file"
            return Content.parsed(self.path.read_bytes())
        except FileNotFoundError:
            return Content()
        except (OSError, ValueError) as error:  # ValueError: a path with a NUL in it
            return f"can't be read: {_why(error)}"

    def _under_lock(self, work: Callable[[], Content | str]) -> Content | str:
        try:
            real = Path(os.path.realpath(self.path))
            _make_folder(real.parent)
            with _locked(real.with_name(f"{real.name}.lock")):
                return work()
        except (OSError, ValueError) as error:
            return f"can't be written: {_why(error)}"

    def _changed(self, change: Callable[[Content], Content]) -> Content | str:
        found = self._load()
        if isinstance(found, str):
            return found
        changed = change(found)
        _replace(Path(os.path.realpath(self.path)), changed)
        return changed


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        _make_folder(folder.parent)
        with suppress(FileExistsError):  # another login was faster
            folder.mkdir()
            folder.chmod(0o700)  # whatever the umask


def _replace(path: Path, content: Content) -> None:
    """Put the content in the place of a file. Whoever calls this has the lock."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)  # of one that was killed
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            new.chmod(0o600)  # whatever the umask
            file.write(content.text())
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    with suppress(OSError):  # not every system can flush a folder
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


@contextmanager
def _locked(name: Path) -> Generator[None]:
    """Hold a lock file, which is gone afterwards."""
    lock = _lock(name)
    try:
        yield
    finally:
        with suppress(OSError):  # Windows: it is open
            name.unlink()
        os.close(lock)


def _lock(name: Path) -> int:
    while True:
        lock = os.open(name, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            _wait_for(lock)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(lock), name.stat()):
                    return lock
        except BaseException:  # Ctrl-C while waiting
            os.close(lock)
            raise
        os.close(lock)  # whoever had it has taken it away: it locks nothing


def _wait_for(lock: int) -> None:
    """Wait for the lock; systems and file systems without such locks have none."""
    with suppress(ModuleNotFoundError, OSError):
        import fcntl  # noqa: PLC0415 - not on Windows

        fcntl.flock(lock, fcntl.LOCK_EX)
