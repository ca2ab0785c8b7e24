"""Core dumps: a process of this package that is aborted leaves none, whatever its shell allows."""

import os
import re
import resource
import shlex
import signal
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.core.servers import serving, silent, until
from tests.issuer.test_serve import COMMAND

PLAIN = [sys.executable, "-c", "import signal; signal.pause()"]


def limits(pid: int) -> tuple[str, str]:
    """Return the limit of cores of a running process, and up to what it may be raised."""
    found = re.search(r"Max core file size +(\S+) +(\S+)", Path(f"/proc/{pid}/limits").read_text(encoding="ascii"))
    assert found
    return found[1], found[2]


@contextmanager
def allowed(command: Sequence[str], folder: Path) -> Generator[subprocess.Popen[bytes]]:
    """Run a command in a folder from a shell that allows cores of any size, as far as it may itself."""
    folder.mkdir()
    shell = f"ulimit -S -c $(ulimit -H -c); exec {shlex.join(command)}"
    env = {**os.environ, "HOME": str(folder.parent)}
    with subprocess.Popen(["sh", "-c", shell], cwd=folder, env=env, stdin=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


def commands(url: str, folder: Path) -> dict[str, list[str]]:
    """Return commands that hold keys and wait."""
    return {
        "serve": [*COMMAND, "serve", "--port", "0", "--database", str(folder / "issuer.db")],
        "login": [*COMMAND, "login", "--no-browser", "--url", url],
    }


@pytest.mark.parametrize("name", ["serve", "login"])
def test_what_is_aborted_leaves_no_core(name: str, tmp_path: Path) -> None:
    """The issuer and a login ask for no core as long as they live, and when they are aborted there is none."""
    with serving(silent) as server, allowed(commands(server.url, tmp_path)[name], tmp_path / "here") as process:
        until(lambda: limits(process.pid) == (asked_for(), hard()), 60)  # before, it is what the shell had or allowed
        if name == "login":
            until(lambda: server.accepted, 60)
        process.send_signal(signal.SIGABRT)
        assert process.wait(60) == -signal.SIGABRT
    assert list((tmp_path / "here").iterdir()) == []


def test_another_process_may_leave_one(tmp_path: Path) -> None:
    """It is this package that asks for none: the same shell gives another process all that there is."""
    with allowed(PLAIN, tmp_path / "here") as process:
        until(lambda: limits(process.pid)[0] == hard(), 60)
        assert limits(process.pid)[0] == hard()


def asked_for() -> str:
    """Return the limit that a process of this package has: see ``no_core_dumps``."""
    return "0" if hard() == "0" else "1"


def hard() -> str:
    """Return up to what the limit of cores may be raised here, as the system writes it."""
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    return "unlimited" if most == resource.RLIM_INFINITY else str(most)
