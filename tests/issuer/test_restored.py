"""A backup is put back: real servers, a real validator with a lease, files that are copied over."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from rf_middleware.issuer.serving import last_start, new_start
from tests.core.servers import until
from tests.issuer.test_serve import Served, printed, served

LEASE = 3.0
SHORT = 1.5
KEYS = "/acme/api-keys"
VALIDATOR = """
import sys
from rf_middleware import Denied, IssuerUnavailable, Validator

validator = Validator()
for line in sys.stdin:
    try:
        print(validator.check(line.strip()).workspace.slug, validator.staleness.kind, flush=True)
    except (Denied, IssuerUnavailable) as refused:
        print(type(refused).__name__, "", flush=True)
"""


class Validator:
    """A process that checks keys."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def check(self, key: str) -> list[str]:
        """Return the workspace and how stale that may be, or why it is refused."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{key}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip().split(" ")


@contextmanager
def validating(issuer: Served, token: str) -> Generator[Validator]:
    """Run a validator that outlives its issuer."""
    env = {**os.environ, "RF_ISSUER_URL": issuer.url, "RF_ISSUER_TOKEN": token}
    pipe, command = subprocess.PIPE, [sys.executable, "-c", VALIDATOR]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, env=env) as process:
        yield Validator(process)
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A file that is not there yet, in a folder of its own."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder / "issuer.db"


def backed_up(database: Path, copy: Path) -> None:
    """Do what `sqlite3 issuer.db ".backup copy"` does."""
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


def put_back(copy: Path, database: Path) -> None:
    """Put a copy in the place of a database."""
    for side in ("-wal", "-shm"):
        database.with_name(database.name + side).unlink(missing_ok=True)
    shutil.copy2(copy, database)


def epoch(issuer: Served, token: str) -> str:
    """Return the history that answers are given from."""
    found: str = issuer.call("POST", "/introspect", token, data={"token": "no key"}).json()["epoch"]
    return found


def port(issuer: Served) -> int:
    """Return where it listens."""
    found = httpx.URL(issuer.url).port
    assert found is not None
    return found


def test_a_backup_that_is_put_back_is_another_history(database: Path, tmp_path: Path) -> None:
    """Validators drop everything, no old receipt can be claimed, what is lost is said, and no lease is forgotten."""
    key = printed("workspace", "create", "acme", "--database", str(database))["key"]
    token = printed("token", "create", "--database", str(database))["token"]
    copy = tmp_path / "copy.db"
    with served(database, LEASE) as issuer, validating(issuer, token) as validator:
        ended, other = (issuer.call("POST", KEYS, key).json() for _ in range(2))
        until(lambda: validator.check(ended["key"]) == ["acme", "lease"], 60)
        backed_up(database, copy)
        receipt = issuer.call("DELETE", f"{KEYS}/{ended['keyId']}", key).json()
        assert (receipt["seq"], receipt["validators"]) == (1, {"confirmed": 1, "expired": 0})
        assert validator.check(ended["key"]) == ["Denied"]
        assert validator.check(other["key"])[0] == "acme"
        before = epoch(issuer, token)
        issuer.end(signal.SIGKILL)
        put_back(copy, database)
        begun = time.monotonic()
        with served(database, LEASE, port=port(issuer)) as heir:
            assert epoch(heir, token) != before
            assert heir.call("GET", "/revocations/1", token).status_code == 404
            lost = "rf_issuer_lost_changes 1.0\n"
            until(lambda: lost in heir.call("GET", "/metrics", token).text, 60)
            until(lambda: validator.check(ended["key"])[0] == "acme", 60)  # it is what the database says
            again = heir.call("DELETE", f"{KEYS}/{ended['keyId']}", key).json()
            assert (again["revoked"], again["seq"]) == (True, 1)
            assert time.monotonic() - begun >= LEASE
            assert validator.check(ended["key"]) == ["Denied"]
            assert validator.check(other["key"])[0] == "acme"
            _, errors = heir.end(signal.SIGTERM)
    assert f"{database} lacks at least 1 of the changes that a validator had been told of" in errors


@pytest.mark.parametrize("whole", [False, True], ids=["the file", "the whole folder"])
def test_a_copy_of_a_quiet_time_does_not_hide_leases(database: Path, tmp_path: Path, *, whole: bool) -> None:
    """A copy says that no lease is out, as was so when it was made: it is not believed, whatever was copied with it."""
    key = printed("workspace", "create", "acme", "--database", str(database))["key"]
    token = printed("token", "create", "--database", str(database))["token"]
    copies = tmp_path / "copies"
    with served(database, 0.5) as issuer:
        key_id = issuer.call("POST", KEYS, key).json()["keyId"]
        assert issuer.end(signal.SIGTERM)[0] == 0
    shutil.copytree(database.parent, copies)
    with served(database, SHORT) as issuer:
        issuer.poll(token)
        issuer.end(signal.SIGKILL)
    begun = time.monotonic()
    for each in copies.iterdir() if whole else ():
        shutil.copy2(each, database.parent)
    put_back(copies / database.name, database)
    with served(database, SHORT) as heir:
        assert heir.call("DELETE", f"{KEYS}/{key_id}", key).json()["revoked"] is True
        assert time.monotonic() - begun >= SHORT
        _, errors = heir.end(signal.SIGTERM)
    assert f"{database} is not as the last server left it" in errors


def test_an_ordinary_restart_is_none(database: Path) -> None:
    """A server that ended in order and without leases is followed at once, in the same history, without a word."""
    key = printed("workspace", "create", "acme", "--database", str(database))["key"]
    token = printed("token", "create", "--database", str(database))["token"]
    seen: list[str] = []
    for _ in range(2):
        with served(database, 3600.0) as issuer:
            seen.append(epoch(issuer, token))
            key_id = issuer.call("POST", KEYS, key).json()["keyId"]
            assert issuer.call("DELETE", f"{KEYS}/{key_id}", key).json()["revoked"] is True
            assert issuer.end(signal.SIGTERM) == (0, "")
    assert seen[0] == seen[1]


def test_each_start_is_known_by_what_nobody_can_copy(tmp_path: Path) -> None:
    """Another start, and a file that was copied or put back, are told from the one before."""
    path, copy = tmp_path / "issuer.db", tmp_path / "copy"
    assert last_start(path) is None
    first = new_start(path)
    assert last_start(path) == last_start(path) == first
    shutil.copy2(tmp_path / "issuer.db.start", copy)
    second = new_start(path)
    assert second not in {first, None}
    shutil.copy2(copy, tmp_path / "issuer.db.start")
    assert last_start(path) not in {first, second, None}
