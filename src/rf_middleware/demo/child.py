"""A process of the demo: a server, found by the address it prints, or a command that prints JSON.

* Each leads a process group of its own: a Ctrl-C reaches the demo alone, which then ends them by id.
* What is frozen is woken before it is told to end.
* What a server prints is kept in memory, to be quoted when it fails. What a command prints is a secret, never quoted.
"""

import json
import os
import re
import signal
import subprocess
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from threading import Event, Thread
from typing import Final, TextIO, cast

from rf_middleware.demo.failed import Failed, Silent
from rf_middleware.demo.line import Line

__all__ = ["Child", "Command", "Server"]

_START: Final = 30.0
"""Seconds a process may take to start: far more than it needs, on a slow machine too."""

_END: Final = 5.0
_REST: Final = 0.02
_ADDRESS: Final = re.compile(r"http://127\.0\.0\.1:\d+")
_TELLING: Final = re.compile(r"\w(Error|Exception): |^rf-middleware: ")


class Child:
    """One process, just started.

    Args:
        name: for people.
        process: the leader of its own group.
    """

    def __init__(self, name: str, process: "subprocess.Popen[str]") -> None:
        self.name, self.process = name, process

    def end(self, patience: float = _END) -> None:
        """End it and whatever it has started.

        Args:
            patience: seconds it may take to end by itself.
        """
        self._tell_group(signal.SIGCONT)
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(patience)
        self._tell_group(signal.SIGKILL)
        self.process.wait()

    def failed(self, lines: Iterable[str]) -> Failed:
        """Return what to raise, with the line of its output that tells most."""
        said = [line.strip() for line in lines if line.strip()]
        telling = [line for line in said if _TELLING.search(line)] or said or ["it said nothing"]
        return Failed(f"the {self.name} did not start: {telling[-1]}")

    def _tell_group(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):  # all of them have ended
            os.killpg(self.process.pid, number)


class Command(Child):
    """A command that prints a JSON object and ends. Its two outputs are pipes of their own."""

    def answer(self, patience: float = _START) -> dict[str, str]:
        """Return what it printed.

        Raises:
            Failed: it did not do what it should.
        """
        try:
            printed, complaint = self.process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            raise self.failed(["it takes too long"]) from None
        try:
            return cast("dict[str, str]", json.loads(printed))
        except ValueError:
            raise self.failed(complaint.splitlines()) from None

    def end(self, patience: float = _END) -> None:
        """End it."""
        with self.process:  # closes the pipes
            super().end(patience)


class Server(Child):
    """A server that prints its address and goes on. Both its outputs are one pipe."""

    def __init__(self, name: str, process: "subprocess.Popen[str]") -> None:
        super().__init__(name, process)
        self._lines = deque[str](maxlen=200)
        self._address = ""
        self._said = Event()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    def address(self, patience: float = _START) -> str:
        """Wait until it answers, and return where.

        Raises:
            Failed: it does not.
        """
        end = time.monotonic() + patience
        self._said.wait(patience)
        while self._address and self.process.poll() is None and time.monotonic() < end:
            if _is_healthy(self._address):
                return self._address
            time.sleep(_REST)
        self.end()  # so that it has said everything
        raise self.failed(self._lines)

    def end(self, patience: float = _END) -> None:
        """End it and whatever it has started."""
        super().end(patience)
        self._reader.join(patience)

    def freeze(self) -> None:
        """Stop it where it is."""
        self.process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def _read(self) -> None:
        with cast("TextIO", self.process.stdout) as stream:
            for line in stream:
                self._lines.append(line)
                found = _ADDRESS.search(line)
                if found and not self._address:
                    self._address = found.group()
                    self._said.set()
        self._said.set()


def _is_healthy(address: str) -> bool:
    try:
        line = Line(address)
    except Silent:
        return False
    try:
        return line.ask("/healthz").status == 200
    except Silent:
        return False
    finally:
        line.close()
