"""What is done without being asked: events that another program wrote are published, uses written, errors survived."""

import asyncio
import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from rf_middleware.issuer.changes import revoke, set_workspace
from rf_middleware.issuer.database import Database
from rf_middleware.issuer.revocations import Revocations
from rf_middleware.issuer.store import Store
from rf_middleware.issuer.uses import Uses
from rf_middleware.issuer.watch import watch
from tests.issuer.rig import BY, Turned, in_loop, opened, until
from tests.issuer.test_expiry import watched


@in_loop
async def test_what_another_program_wrote_is_published_in_order(tmp_path: Path) -> None:
    """Its changes reach the validators like our own, and what is asked here about them waits and has a receipt."""
    path = tmp_path / "issuer.db"
    async with opened(path, 60.0) as rig, watched(rig):
        epoch = (await rig.poll(name="web-1")).json()["epoch"]
        parked = asyncio.create_task(rig.poll(0, epoch, wait=20.0))
        await until(lambda: rig.revocations._leases._parked)
        with closing(sqlite3.connect(path, isolation_level=None)) as stranger:
            stranger.execute("UPDATE keys SET scopes = '[]'")
            await parked
            stranger.execute("BEGIN")
            stranger.execute("UPDATE keys SET status = 'revoked'")
            stranger.execute("UPDATE workspaces SET status = 'suspended'")
            stranger.execute("COMMIT")
        await until(lambda: rig.revocations.head == 3)
        reply = (await rig.poll(0, epoch)).json()
        assert [event["change"] for event in reply["events"]] == ["updated", "revoked", "suspended"]
        assert reply["events"][2]["workspace"] == "acme"
        asked = asyncio.create_task(rig.http.post("/revoke", data={"token": rig.key}))
        for _ in range(5):
            assert (await rig.call("GET", "/revocations/2", rig.token)).json()["waiting_for"] == 1
        assert not asked.done()
        await rig.poll(3, epoch)
        assert (await asked).json()["validators"] == {"confirmed": 1, "expired": 0}


@in_loop
async def test_it_looks_only_while_there_is_something_to_do(tmp_path: Path) -> None:
    """With nothing new and nothing over it writes nothing."""

    class Counts(Store):
        looks = 0

        def astir(self, head: int, now: float) -> bool:
            self.looks += 1
            return super().astir(head, now)

    path = tmp_path / "issuer.db"
    async with opened(path) as rig:
        await rig.revocations.apply(revoke(rig.key_id), BY)
    database = Database(path)
    store, revocations = Counts(database), Revocations(Counts(database), 1.0)
    with closing(sqlite3.connect(path)) as other:
        before = other.execute("PRAGMA data_version").fetchone()
        watching = asyncio.create_task(watch(store, revocations, Uses(Turned()), every=0.0))
        await until(lambda: store.looks > 3)
        assert other.execute("PRAGMA data_version").fetchone() == before
    watching.cancel()
    await revocations.close()
    database.close()


class Fails(Store):
    """A store that can't be used at first."""

    looks = 0

    def astir(self, head: int, now: float) -> bool:
        """Fail twice."""
        self.looks += 1
        if self.looks <= 2:
            raise OperationalError("SELECT", {}, Exception("disk I/O error of rfk_secret"))
        return super().astir(head, now)


@in_loop
async def test_an_outage_is_logged_by_its_type_and_the_next_look_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing that goes wrong stops the watch, and each outage is said once, without the text of an error."""
    database = Database(tmp_path / "issuer.db")
    async with opened(tmp_path / "issuer.db") as rig:
        workspace = rig.store.list_workspaces()[0].id
    store = Fails(database)
    revocations = Revocations(store, 1.0)
    watching = asyncio.create_task(watch(store, revocations, Uses(Turned()), every=0.0))
    Store(database).apply(set_workspace(workspace, "suspended"), BY)
    await until(lambda: revocations.head == 1)
    watching.cancel()
    await asyncio.wait([watching])
    assert watching.cancelled()
    await revocations.close()
    database.close()
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert errors == ["looking for changes failed: OperationalError"]


@in_loop
async def test_uses_are_written_apart_from_what_says_whether_a_key_is_good(tmp_path: Path) -> None:
    """A key shows when it was last asked about, also one that ends at that moment, which stays ended."""
    async with opened(tmp_path / "issuer.db", 1.0, Turned()) as rig:
        _, other = await rig.new_key()
        assert (await rig.introspect(rig.key))["active"]
        dead, key_id = await rig.new_key()
        assert (await rig.introspect(dead))["active"]
        await rig.call("DELETE", f"/acme/api-keys/{key_id}")
        async with watched(rig):
            await until(lambda: not rig.uses._unwritten)
            listed = {each["keyId"]: each for each in (await rig.call("GET", "/acme/api-keys")).json()["apiKeys"]}
            while listed[rig.key_id]["lastUsed"] is None:
                listed = {each["keyId"]: each for each in (await rig.call("GET", "/acme/api-keys")).json()["apiKeys"]}
        assert listed[rig.key_id]["lastUsed"] >= listed[rig.key_id]["created_on"]
        assert listed[other]["lastUsed"] is None
        assert (await rig.introspect(dead))["active"] is False
        assert rig.told() == ["revoked"]
