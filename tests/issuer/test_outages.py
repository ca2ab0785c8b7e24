"""What happens to the database of a real server: its disk is full, somebody else has locked it. Both pass."""

import resource
import signal
import sqlite3
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Connection, event

from tests.core.servers import until
from tests.issuer.rig import Rig, running
from tests.issuer.test_serve import Served, printed, run, served

KEYS = "/acme/api-keys"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A file that is not there yet."""
    return tmp_path / "issuer.db"


@contextmanager
def full_disk(issuer: Served) -> Generator[None]:
    """Let nothing be written any more: to the process that is what a full disk is."""
    limit, most = resource.prlimit(issuer.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(issuer.process.pid, resource.RLIMIT_FSIZE, (0, most))
    try:
        yield
    finally:
        resource.prlimit(issuer.process.pid, resource.RLIMIT_FSIZE, (limit, most))


@contextmanager
def locked(database: Path) -> Generator[None]:
    """Hold the database as another program does that writes and is stopped in the middle of it."""
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


class Shop:
    """A running issuer with a few keys and somebody who asks about them."""

    def __init__(self, issuer: Served, database: Path) -> None:
        self.issuer, self.database = issuer, database
        self.key = printed("workspace", "create", "acme", "--database", str(database))["key"]
        self.token = printed("token", "create", "--database", str(database))["token"]
        self.ended, self.spare, self.third = (self.call("POST", KEYS).json() for _ in range(3))
        assert self.call("DELETE", f"{KEYS}/{self.ended['keyId']}").json()["revoked"] is True

    def call(self, method: str, path: str) -> httpx.Response:
        """Send a request with the first key."""
        return self.issuer.call(method, path, self.key)

    def active(self) -> list[bool]:
        """Ask about the key that ended and those that did not."""
        secrets = [each["key"] for each in (self.ended, self.spare, self.third)] + [self.key]
        asked = (self.issuer.call("POST", "/introspect", self.token, data={"token": each}) for each in secrets)
        return [each.json()["active"] for each in asked]

    def changes(self) -> list[httpx.Response]:
        """Try to make, revoke and roll keys, all at once."""
        tried = [
            ("POST", KEYS),
            ("DELETE", f"{KEYS}/{self.spare['keyId']}"),
            ("DELETE", f"{KEYS}/{self.spare['keyId']}?wait=false"),
            ("POST", f"{KEYS}/{self.third['keyId']}/roll"),
        ]
        with ThreadPoolExecutor(len(tried)) as pool:
            return list(pool.map(self.call, *zip(*tried, strict=True)))

    def ready(self) -> dict[str, str]:
        """Ask whether it can do all it should."""
        answer = self.issuer.call("GET", "/readyz", self.key)
        assert answer.status_code == 200
        found: dict[str, str] = answer.json()
        return found

    def refuses_changes(self, why: str) -> None:
        """See that nothing is changed or acknowledged, and that all else goes on."""
        for answer in self.changes():
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1"), answer.text
            assert why in answer.json()["error"]
        assert self.active() == [False, True, True, True]
        assert self.issuer.poll(self.token).json()["lease"] == 1.0
        assert self.ready()["status"] == "read-only"
        assert why in self.ready()["why"]
        metrics = self.issuer.call("GET", "/metrics", self.token).text
        assert "rf_issuer_read_only 1.0\n" in metrics

    def is_well_again(self) -> int:
        """See that it came back by itself, and that nothing half done is left; return how many ends of keys are."""
        until(lambda: self.ready() == {"status": "ok"}, 60)
        assert self.active() == [False, True, True, True]
        assert [each["keyId"] for each in self.call("GET", KEYS).json()["apiKeys"]][1:] == [
            self.spare["keyId"],
            self.third["keyId"],
        ]
        made, deleted, again, rolled = self.changes()
        assert made.status_code == 200
        assert {deleted.status_code, again.status_code} <= {200, 202, 404}
        assert rolled.status_code == 200
        assert self.active() == [False, False, False, True]
        code, errors = self.issuer.end(signal.SIGTERM)
        assert code == 0
        assert "Traceback" not in errors
        assert errors.count("looking for changes failed") <= 1
        checked = run("audit", "verify", "--database", str(self.database))
        assert checked.returncode == 0, checked.stdout
        with closing(sqlite3.connect(self.database)) as file:
            assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            ends = "SELECT count(*) FROM events WHERE change IN ('revoked', 'rolled')"
            [(count,)] = file.execute(ends).fetchall()
        return int(count)


def test_a_full_disk_refuses_changes_and_nothing_else(database: Path) -> None:
    """While nothing can be written every change is a 503, keys stay what they are, and with room it goes on."""
    with served(database) as issuer:
        shop = Shop(issuer, database)
        with full_disk(issuer):
            shop.refuses_changes("can't be used: disk I/O error")
        assert shop.is_well_again() == 3


def test_a_locked_database_refuses_changes_and_holds_nobody_up(database: Path) -> None:
    """Changes wait for another program, all as long as one of them, and are refused; without the lock it goes on."""
    with served(database) as issuer:
        shop = Shop(issuer, database)
        with locked(database):
            shop.refuses_changes("is locked by another program")
        assert shop.is_well_again() == 3


@running
async def test_what_sqlite_calls_a_full_disk_is_said(rig: Rig) -> None:
    """A database that may not grow refuses what needs room with a plain text, and can still be read and be written."""

    def no_more(connection: Connection) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    event.listen(rig.store._database._writers, "begin", no_more)
    answers = [await rig.call("POST", KEYS, json={"name": "x" * 200, "owners": ["o" * 200]}) for _ in range(60)]
    answer = answers[-1]
    assert answer.json()["error"] == "The database can't be written, the disk is full"
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert rig.store.trouble == "can't be written, the disk is full"
    made = sum(each.status_code == 200 for each in answers)
    assert len((await rig.call("GET", KEYS)).json()["apiKeys"]) == 1 + made
    assert (await rig.introspect(rig.key))["active"]
    assert rig.store.verify_audit().broken is None
