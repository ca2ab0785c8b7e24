"""Tries a mutant: runs tests in a fork that loads its source in the place of the file. The tree stays as it is.

What the tests load beside the package is loaded once, before the forks, so that a run is a second. Processes that a
test starts have the file itself: tests that need them are not the ones to choose for a mutant.
"""

import contextlib
import gc
import importlib
import importlib.util
import json
import os
import resource
import select
import signal
import sys
import time
import types
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from typing import Final

import pytest

__all__ = ["module_name", "prepared", "tried"]

ROOT: Final = Path(__file__).resolve().parents[2]
QUIET: Final = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:schemathesis", "-o", "faulthandler_timeout=0"]
LOADED_EARLY: Final = ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
OURS: Final = ("rf_middleware", "tests", "scripts", "conftest", "__main__", "_pytest", "py", "examples")
MEMORY: Final = 4 << 30
NOT_RUN: Final = {pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED}


class Loader(SourceFileLoader):
    """Loads a module from a text that stands for its file."""

    def __init__(self, name: str, source: str) -> None:
        super().__init__(name, str(ROOT / "src" / (name.replace(".", "/") + ".py")))
        self._source = source

    def get_code(self, fullname: str) -> types.CodeType:
        """Compile the text; compiled files are not looked for."""
        del fullname
        return self.source_to_code(self._source.encode(), self.path)


class Finder(MetaPathFinder):
    """Finds the module under trial, and no other."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find it by its full name."""
        del path, target
        if fullname != self._loader.name:
            return None
        return importlib.util.spec_from_file_location(fullname, self._loader.path, loader=self._loader)


def module_name(short: str) -> str:
    """Return the full name of a module of the package."""
    return f"rf_middleware.{short}"


def prepared(tests: Sequence[str]) -> float:
    """See the tests pass as they are, load what they load of others, and return the seconds they take."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        code = _run(tests)
        # Not `_asyncio` and its like: they have to be loaded by the module whose half they are.
        others = sorted(name for name in sys.modules if name[0] != "_" and name.partition(".")[0] not in OURS)
        with os.fdopen(write, "w") as out:
            json.dump(others if code == 0 else [], out)
        os._exit(code)
    os.close(write)
    with os.fdopen(read) as out:
        told = out.read()
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
        message = f"without any mutant these fail: {' '.join(tests)}"
        raise SystemExit(message)
    for name in json.loads(told):
        with contextlib.suppress(Exception):  # a module that is made by another one
            importlib.import_module(name)
    gc.freeze()  # pytest collects at its end: what all runs share is not looked at again
    began = time.monotonic()
    if tried("", "", tests, 600.0) != "lived":
        message = f"without any mutant these fail in a fork: {' '.join(tests)}"
        raise SystemExit(message)
    return time.monotonic() - began


def tried(name: str, source: str, tests: Sequence[str], limit: float) -> str:
    """Return what became of a mutant: ``killed`` by a test, by ``time``, or it ``lived``."""
    pid = os.fork()
    if pid == 0:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        if name:
            sys.meta_path.insert(0, Finder(Loader(name, source)))
        os._exit(_run(tests))
    ended = os.pidfd_open(pid)
    try:
        done, _, _ = select.select([ended], [], [], limit)
    finally:
        os.close(ended)
    if not done:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if not done:
        return "time"
    if code in NOT_RUN:
        message = f"the tests could not be run: pytest ended with {code}"
        raise SystemExit(message)
    return "killed" if code else "lived"


def _run(tests: Sequence[str]) -> int:
    """Run tests in silence."""
    with Path(os.devnull).open("r+") as nowhere:
        for stream in (0, 1, 2):
            os.dup2(nowhere.fileno(), stream)
    try:
        return int(pytest.main([*QUIET, *LOADED_EARLY, *tests]))
    except BaseException:  # noqa: BLE001 - whatever a mutant does, it is not the end of the search
        return 1
