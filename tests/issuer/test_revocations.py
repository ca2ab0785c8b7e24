"""What drives the leases: the choke point, restarts, receipts, the order of things."""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from rf_middleware.issuer import schema
from rf_middleware.issuer.audit import By
from rf_middleware.issuer.changes import Change, expire, remove_owner, revoke, set_workspace
from rf_middleware.issuer.database import Database
from rf_middleware.issuer.records import Account, Ended
from rf_middleware.issuer.revocations import Revocations
from rf_middleware.issuer.store import Store
from tests.issuer.rig import BY, SESSION, Turned, in_loop, new_key, opened, until


def leave_leases(path: Path, longest: float) -> None:
    """Write into the file what a server that died leaves behind."""
    database = Database(path)
    with database.writing() as connection:
        connection.execute(update(schema.meta).values(outstanding=True, longest_lease=longest))
    database.close()


@in_loop
async def test_after_a_crash_acknowledgements_wait_for_the_longest_lease(tmp_path: Path) -> None:
    """Leases of the life before may run, as long as the longest ever granted, not the one configured now."""
    path, clock = tmp_path / "issuer.db", Turned()
    Database(path).close()
    leave_leases(path, 50.0)
    async with opened(path, 1.0, clock) as rig:
        await rig.revocations.apply(revoke(rig.key_id), BY)
        clock.time += 49.9
        rig.revocations._tick()
        assert not await rig.revocations.is_done(1)
        clock.time += 0.1
        rig.revocations._tick()
        receipt = await rig.revocations.settled(1)
        assert receipt is not None
        assert receipt.done == Account(0, 0, 50_000.0, [])


@in_loop
async def test_a_clean_restart_with_every_lease_ended_acknowledges_at_once(tmp_path: Path) -> None:
    """Where nobody can hold a lease there is nobody to wait for."""
    path = tmp_path / "issuer.db"
    async with opened(path, 50.0) as rig:
        await rig.poll()
        await rig.call("DELETE", f"/feed/{SESSION}", rig.token)
        key_id = rig.key_id
    async with opened(path, 50.0) as again:
        ended = await again.revocations.apply(revoke(key_id), BY)
        assert await again.revocations.is_done(ended.seq)


@in_loop
async def test_a_clean_restart_with_a_lease_out_waits(tmp_path: Path) -> None:
    """A validator that was cut off kept its lease: a clean exit of the issuer does not end it."""
    path, clock = tmp_path / "issuer.db", Turned()
    async with opened(path, 10.0, clock) as rig:
        await rig.poll()
        key_id = rig.key_id
    async with opened(path, 10.0, clock) as again:
        ended = await again.revocations.apply(revoke(key_id), BY)
        assert not await again.revocations.is_done(ended.seq)
        clock.time += 10.0
        again.revocations._tick()
        assert await again.revocations.is_done(ended.seq)


@in_loop
async def test_the_longest_lease_is_written_before_any_is_granted(tmp_path: Path) -> None:
    """A shorter setting does not shorten what an unclean life may have left, a clean one forgets it."""
    path = tmp_path / "issuer.db"
    database = Database(path)
    store = Store(database)
    assert store.begin_life(20.0).wait == 0.0
    assert store.begin_life(5.0).wait == 20.0
    assert store.begin_life(30.0).wait == 20.0
    assert store.begin_life(1.0).wait == 30.0
    store.end_life(outstanding=False)
    assert store.begin_life(1.0).wait == 0.0
    assert store.begin_life(1.0).wait == 1.0
    database.close()


@in_loop
async def test_an_unfinished_revocation_is_finished_by_the_next_life(tmp_path: Path) -> None:
    """What was committed and not acknowledged gets its receipt after a restart."""
    path, clock = tmp_path / "issuer.db", Turned()
    async with opened(path, 10.0, clock) as rig:
        await rig.poll()
        ended = await rig.revocations.apply(revoke(rig.key_id), BY)
        assert not await rig.revocations.is_done(ended.seq)
    async with opened(path, 10.0, clock) as again:
        waiting = asyncio.create_task(again.revocations.settled(ended.seq))
        again.revocations._tick()
        assert not await again.revocations.is_done(ended.seq)
        clock.time += 10.0
        again.revocations._tick()
        receipt = await waiting
        assert receipt is not None
        assert receipt.done is not None
        assert (receipt.done.confirmed, receipt.done.expired, receipt.done.report) == (0, 0, [])
        assert receipt.done.took_ms >= 10_000


@in_loop
async def test_a_client_that_hangs_up_does_not_undo_its_revocation(tmp_path: Path) -> None:
    """Cancelled at any moment, the change goes through and its receipt is written."""
    path = tmp_path / "issuer.db"
    async with opened(path, 0.2) as rig:
        await rig.poll()
        for rounds in range(6):
            secret, key_id = await rig.new_key()
            asked = asyncio.create_task(rig.call("DELETE", f"/acme/api-keys/{key_id}"))
            while (await rig.introspect(secret))["active"] and rounds > 3:
                pass
            for _ in range(rounds * 10):
                await asyncio.sleep(0)
            asked.cancel()
            await asyncio.wait([asked])
        listed = rig.store.keys_of((await rig.introspect(rig.key))["workspace_id"])
        ended = 7 - len(listed)
        assert ended >= 2
        for seq in range(1, ended + 1):
            assert await rig.revocations.settled(seq) is not None
    database = Database(path)
    for seq in range(1, ended + 1):
        stored = Store(database).receipt(seq)
        assert stored is not None
        assert stored.done is not None
    database.close()


@in_loop
async def test_many_revocations_at_once_are_published_in_order(tmp_path: Path) -> None:
    """Whoever follows the feed is told every event before one with a higher number."""
    async with opened(tmp_path / "issuer.db", 60.0) as rig:
        epoch = (await rig.poll()).json()["epoch"]
        made = [await rig.new_key() for _ in range(20)]
        asked = [asyncio.create_task(rig.call("DELETE", f"/acme/api-keys/{key_id}")) for _, key_id in made]
        applied: list[int] = []
        while len(applied) < len(made):
            reply = (await rig.poll(applied[-1] if applied else 0, epoch, wait=5.0)).json()
            applied += [event["seq"] for event in reply["events"]]
            assert reply["head"] == applied[-1]
        await rig.poll(applied[-1], epoch)
        assert applied == list(range(1, 21))
        assert {(await task).json()["validators"]["confirmed"] for task in asked} == {1}


class DoubtfulCommit(Store):
    """A store whose commit goes through while the caller is told that it did not."""

    def apply(self, change: Change, by: By) -> Ended:
        """Commit, and fail all the same."""
        super().apply(change, by)
        raise OperationalError("COMMIT", {}, Exception("disk I/O error"))


@in_loop
async def test_what_was_committed_is_published_even_if_the_commit_reported_an_error(tmp_path: Path) -> None:
    """An event that is in the log reaches the validators, whatever the change's caller was told."""
    path = tmp_path / "issuer.db"
    async with opened(path) as rig:
        key_id = rig.key_id
    database = Database(path)
    revocations = Revocations(DoubtfulCommit(database), 60.0)
    with pytest.raises(OperationalError):
        await revocations.apply(revoke(key_id), BY)
    assert revocations._leases.head == 1
    assert await revocations.is_done(1)
    await revocations.close()
    database.close()


class LosesReceipts(Store):
    """A store that can't store receipts."""

    full = True

    def finish(self, seq: int, done: Account, also: Sequence[int] = ()) -> None:
        """Fail while the disk is full."""
        if self.full:
            raise OperationalError("UPDATE", {}, Exception("disk is full"))
        super().finish(seq, done, also)


@in_loop
async def test_a_receipt_that_can_not_be_stored_is_kept_in_memory_and_made_again(tmp_path: Path) -> None:
    """Storing the receipt holds nobody up, and its loss is repaired by the next life."""
    path = tmp_path / "issuer.db"
    async with opened(path) as rig:
        key_id = rig.key_id
    database = Database(path)
    revocations = Revocations(LosesReceipts(database), 60.0)
    ended = await revocations.apply(revoke(key_id), BY)
    assert await revocations.settled(ended.seq) is not None
    await revocations.close()
    database.close()
    async with opened(path) as again:
        assert await again.revocations.settled(ended.seq) is not None


class EndsUnnoted(Store):
    """A store that can't note the end of a server."""

    def end_life(self, *, outstanding: bool) -> None:
        """Fail."""
        raise OperationalError("UPDATE", {}, Exception(f"database is locked, {outstanding}"))


@in_loop
async def test_an_end_that_can_not_be_noted_is_a_crash_to_the_next_life(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The server ends all the same, in a word, and the next one waits for leases and begins another history."""
    path = tmp_path / "issuer.db"
    async with opened(path) as rig:
        before = rig.store.look_up(None).epoch
    database = Database(path)
    revocations = Revocations(EndsUnnoted(database), 60.0)
    await revocations.close()
    assert "the end of this server is not noted: OperationalError" in caplog.text
    life = Store(database).begin_life(1.0)
    assert (life.wait, life.epoch == before) == (60.0, False)
    database.close()


@in_loop
async def test_what_validators_know_and_the_database_does_not_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An ack of another history beyond where this one began is lost changes, said again when there are more of them."""
    async with opened(tmp_path / "issuer.db") as rig:
        epoch = (await rig.poll()).json()["epoch"]
        await rig.revocations.apply(revoke(rig.key_id), BY)
        for ack, followed, session in ((1, epoch, "one"), (0, "another", "two"), (0, None, "three")):
            await rig.poll(ack, followed, session=f"session-{session}")
        assert "lacks" not in caplog.text
        for ack in (2, 1, 5):
            assert (await rig.poll(ack, "another", session=f"session-{ack}-of-another")).json()["reset"] is True
    said = [record.getMessage() for record in caplog.records]
    assert [line.partition("lacks at least ")[2][:5] for line in said] == ["2 of ", "5 of "]


@in_loop
async def test_a_receipt_that_could_not_be_stored_is_tried_again(tmp_path: Path) -> None:
    """Once there is room again the receipt is stored, and nothing of it stays in memory."""
    path = tmp_path / "issuer.db"
    async with opened(path) as rig:
        key_id = rig.key_id
    database = Database(path)
    store = LosesReceipts(database)
    revocations = Revocations(store, 60.0)
    ended = await revocations.apply(revoke(key_id), BY)
    await until(lambda: revocations.receipts._unstored)
    store.full = False
    await revocations.receipts.keep_again()
    stored = store.receipt(ended.seq)
    assert stored is not None
    assert stored.done is not None
    assert (revocations.receipts._unstored, revocations.receipts._done) == ([], {})
    await revocations.close()
    database.close()


@in_loop
async def test_many_ends_of_one_go_are_one_wait(tmp_path: Path) -> None:
    """Keys that end together are waited for together: one snapshot, and a receipt for each that says where to look."""
    async with opened(tmp_path / "issuer.db", 60.0) as rig:
        epoch = (await rig.poll()).json()["epoch"]
        for _ in range(5):
            await rig.call("POST", "/acme/api-keys", json={"owners": ["eve"]})
        workspace = rig.store.list_workspaces()[0]
        ended = await rig.revocations.apply(remove_owner(workspace.id, "eve"), BY)
        assert ended.seq == 5
        assert len(rig.revocations._leases._waiting._pending) == 1
        assert [rig.revocations.waiting_for(seq) for seq in (1, 5, 6)] == [1, 1, 0]
        told = (await rig.poll(0, epoch)).json()
        assert [event["seq"] for event in told["events"]] == [1, 2, 3, 4, 5]
        await rig.poll(5, epoch)
        receipts = [await rig.revocations.settled(seq) for seq in range(1, 6)]
        assert [each.done.confirmed for each in receipts if each is not None and each.done is not None] == [1] * 5
        await until(lambda: not rig.revocations.receipts._done)
        stored = [rig.store.receipt(seq) for seq in (1, 5)]
        reports = [each.done.report for each in stored if each is not None and each.done is not None]
        assert reports[0] == [{"receipt": "/revocations/5"}]
        assert reports[1][0]["outcome"] == "confirmed"


@in_loop
async def test_who_has_ended_with_others_reads_of_their_own(tmp_path: Path) -> None:
    """Of what happened in one go each workspace's newest receipt lists the validators: no other one is pointed at."""
    async with opened(tmp_path / "issuer.db", 60.0) as rig:
        epoch = (await rig.poll()).json()["epoch"]
        _, stored = new_key("other", None)
        rig.store.create_workspace("other", "", stored, BY)
        first, second = rig.store.list_workspaces()
        store = rig.store
        before = [store.apply(set_workspace(each.id, "suspended"), BY).seq for each in (first, second, first)]
        store.apply(set_workspace(first.id, "active"), BY)
        await rig.revocations.apply(expire(0.0), BY)  # which publishes what others have written
        assert before == [1, 2, 1]
        await rig.poll(3, epoch)
        await until(lambda: not rig.revocations.receipts._done)
        reports = [done.report for each in map(store.receipt, (1, 2, 3)) if each is not None and (done := each.done)]
        assert reports[0] == [{"receipt": "/revocations/3"}]
        assert [report[0]["outcome"] for report in reports[1:]] == ["confirmed"] * 2


@in_loop
async def test_an_outage_of_the_disk_is_said_once(tmp_path: Path) -> None:
    """Receipts that wait to be stored are tried one at a time, and the first failure alone is logged."""
    path = tmp_path / "issuer.db"
    async with opened(path) as rig:
        key_id = rig.key_id
        second = rig.store.create_key(rig.store.list_workspaces()[0].id, new_key("k", None)[1], BY)
    database = Database(path)
    store = LosesReceipts(database)
    revocations = Revocations(store, 60.0)
    for each in (key_id, second):
        await revocations.apply(revoke(each), BY)
    await until(lambda: len(revocations.receipts._unstored) == 2)
    await revocations.receipts.keep_again()
    assert [each.seq for each in revocations.receipts._unstored] == [1, 2]
    store.full = False
    await revocations.receipts.keep_again()
    assert revocations.receipts._unstored == []
    await revocations.close()
    database.close()


def test_failures_are_logged_without_their_texts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A log line names what failed, never what was sent."""
    test_a_receipt_that_can_not_be_stored_is_kept_in_memory_and_made_again(tmp_path)
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [
        "receipt 1 not stored: OperationalError"
    ]


@in_loop
async def test_idle_the_issuer_sets_no_timer(tmp_path: Path) -> None:
    """With nobody there, nothing wakes up."""
    async with opened(tmp_path / "issuer.db") as rig:
        assert rig.revocations._alarm._timer is None
