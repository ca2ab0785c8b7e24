"""Logs in again and again, killed each time at the next thing that it asks of the system.

    python -m tests.leaks.crashing FOLDER

It prints a JSON list: for each time the files in the folder that hold a key, with their modes, and whether all were as
they should be once another login was through.
"""

import json
import os
import signal
import stat
import sys
from pathlib import Path

from rf_middleware._login.file import LoginFile
from rf_middleware._login.values import Login
from rf_middleware._secret import Secret
from tests.leaks.canary import grep, made

__all__ = ["AFTER", "BEFORE"]

BEFORE, AFTER = made("login before"), made("login after")


def log_in(path: Path, key: str) -> None:
    """Keep a key."""
    login = Login("id", "acme", "Acme", Secret(key))
    LoginFile(path).change(lambda content: content.with_logins([login], "acme", "us"))


def killed(path: Path, after: int) -> bool:
    """Log in, in a process of its own that is killed after so many steps; tell whether it was."""
    child = os.fork()
    if child == 0:
        left = after

        def step(event: str, _arguments: object) -> None:
            nonlocal left
            if event != "os.kill" and (event.startswith(("os.", "fcntl.")) or event == "open"):
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(step)
        log_in(path, AFTER)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def holding(folder: Path) -> dict[str, str]:
    """Return the files that hold a key, with their modes."""
    return {
        each.name: oct(stat.S_IMODE(each.stat().st_mode))
        for each in folder.iterdir()
        if grep(each.read_bytes(), [BEFORE, AFTER])
    }


def main(folder: Path) -> None:
    """Be killed at each step, until there are no more."""
    os.umask(0)
    told: list[object] = []
    path = folder / "config.json"
    log_in(path, BEFORE)
    while killed(path, len(told)):
        left = holding(folder)
        log_in(path, BEFORE)
        told.append([left, holding(folder) == {"config.json": "0o600"} and len(list(folder.iterdir())) == 1])
    print(json.dumps(told))  # noqa: T201 - its one answer


if __name__ == "__main__":
    main(Path(sys.argv[1]))
