"""Who serves a file, and who only looks whether somebody does."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest

from rf_middleware.issuer.database import Database, DatabaseProblem
from rf_middleware.issuer.serving import _locked, being_served, only_server
from tests.core.servers import until

LOOK = """
import sys
from pathlib import Path
from rf_middleware.issuer.serving import being_served
print("looking", flush=True)
while not Path(sys.argv[2]).exists():
    being_served(Path(sys.argv[1]))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The name of a database; only the lock beside it matters."""
    return tmp_path / "issuer.db"


@contextmanager
def looked_at(path: Path) -> Generator[int]:
    """Hold the lock as somebody does who looks and is stopped in the middle of it."""
    lock = os.open(path.with_name(path.name + ".lock"), os.O_CREAT | os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield lock
    finally:
        os.close(lock)


def test_it_is_served_while_somebody_has_it(path: Path) -> None:
    """Before the first server, between two and after the last it is not; a symbolic link is the same file."""
    link = path.with_name("link.db")
    link.symlink_to(path)
    assert not being_served(path)
    for _ in range(2):
        with only_server(path):
            assert being_served(path)
            assert being_served(link)
        assert not being_served(path)


def test_looking_makes_no_file(path: Path) -> None:
    """A file that nobody ever served has no lock beside it, before and after."""
    assert not being_served(path)
    assert list(path.parent.iterdir()) == []


def test_a_start_waits_for_somebody_who_only_looks(path: Path) -> None:
    """A look that takes long, on a machine that stalls, delays a start and does not refuse it."""
    begun = Event()

    def start() -> str:
        begun.set()
        with only_server(path):
            return path.with_name("issuer.db.lock").read_text()

    with ThreadPoolExecutor(1) as pool:
        with looked_at(path):
            started = pool.submit(start)
            assert begun.wait(20)
            assert not being_served(path)
            with pytest.raises(TimeoutError):
                started.result(0.3)
        assert started.result(20) == f"{os.getpid()}\n"


def test_a_look_without_an_end_is_a_refusal(path: Path) -> None:
    """A start gives up after a while, and a second server is refused at the first try."""
    lock = os.open(path.with_name("issuer.db.lock"), os.O_CREAT | os.O_RDWR)
    try:
        with looked_at(path):
            assert not _locked(lock, looks=3)
        with only_server(path):
            assert not _locked(lock, looks=1_000_000)
        assert _locked(lock, looks=1)
    finally:
        os.close(lock)


def test_looking_never_refuses_a_start(path: Path) -> None:
    """Processes that look all the time keep no server from starting, many times over."""
    stop = path.with_name("stop")
    lookers = [
        subprocess.Popen([sys.executable, "-c", LOOK, str(path), str(stop)], stdout=subprocess.PIPE) for _ in range(3)
    ]
    try:
        for looker in lookers:
            assert looker.stdout is not None
            assert looker.stdout.readline() == b"looking\n"
        for _ in range(100):
            with only_server(path):
                assert being_served(path)
    finally:
        stop.touch()
        for looker in lookers:
            looker.communicate(timeout=60)
    assert [looker.returncode for looker in lookers] == [0, 0, 0]


def test_of_many_starts_at_once_one_serves(path: Path) -> None:
    """Starts that meet do not refuse each other all, nor does more than one have the file."""
    inside: list[int] = []
    most: list[int] = []
    refusals: list[str] = []
    release = Event()

    def start(number: int) -> None:
        try:
            with only_server(path):
                inside.append(number)
                most.append(len(inside))
                release.wait(20)
                inside.remove(number)
        except DatabaseProblem as refused:
            refusals.append(str(refused))

    with ThreadPoolExecutor(8) as pool:
        starts = [pool.submit(start, number) for number in range(8)]
        until(lambda: len(refusals) == 7)
        release.set()
        for each in starts:
            each.result(20)
    assert most == [1]
    assert all("already served" in refusal for refusal in refusals)


def test_a_file_with_two_names_is_not_served(path: Path) -> None:
    """A hard link would be a second way to serve the same file, past the lock."""
    Database(path).close()
    path.with_name("again.db").hardlink_to(path)
    with pytest.raises(DatabaseProblem, match="another name"), only_server(path):
        pass
