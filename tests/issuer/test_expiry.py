"""Keys that end by themselves: seconds in the answer, refused on time whoever looks, ended and told by the watch."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rf_middleware.issuer.access import actor_of
from rf_middleware.issuer.records import Key, Lookup, Workspace
from rf_middleware.issuer.watch import watch
from tests.issuer.rig import BY, Rig, Turned, in_loop, new_key, opened, running, until
from tests.issuer.test_api import refused

KEY, ROLL = "/acme/api-keys/{}", "/acme/api-keys/{}/roll"


def add(rig: Rig, ahead: float, *, disabled: bool = False) -> tuple[str, str]:
    """Add a key that ends so many seconds from now; return secret and id."""
    secret, stored = new_key("ends", None, expires=time.time() + ahead, disabled=disabled)
    return secret, rig.store.create_key(rig.store.list_workspaces()[0].id, stored, BY)


@asynccontextmanager
async def watched(rig: Rig) -> AsyncGenerator[None]:
    """Have the database watched, all the time."""
    watching = asyncio.create_task(watch(rig.store, rig.revocations, rig.uses, every=0.0))
    yield
    watching.cancel()
    await asyncio.wait([watching])


@running
async def test_an_answer_tells_the_seconds_that_are_left(rig: Rig) -> None:
    """A validator counts them on its own clock; a key without an end has none."""
    secret, _ = add(rig, 1000.0)
    found = await rig.introspect(secret)
    assert 900 < found["expires_in"] <= 1000
    assert found["expires_in"] == round(found["expires_in"], 3)
    assert "expires_in" not in await rig.introspect(rig.key)


@pytest.mark.parametrize(("ahead", "good"), [(-0.001, False), (0.0, False), (1000.0, True)])
def test_the_end_itself_is_too_late(ahead: float, good: bool) -> None:
    """A key is good before its end, not at it."""
    ends = time.time() + ahead
    key = Key("i", Workspace("w", "acme", ""), "", "", "", None, False, "active", 0.0, ends, None)
    assert (actor_of(Lookup("e", 0, key)) is not None) is good


@running
async def test_a_key_that_is_over_is_refused_before_anybody_ended_it(rig: Rig) -> None:
    """No route takes it, nobody can give it more time, and the first who asks about it ends it."""
    over, key_id = add(rig, -0.001)
    assert rig.told() == []
    assert (await rig.introspect(over))["active"] is False
    for method, path in (("GET", "/"), ("GET", "/acme"), ("POST", "/acme/api-keys"), ("GET", "/revocations/1")):
        refused(await rig.call(method, path, over), 401)
    assert rig.told() == []
    later = datetime.fromtimestamp(time.time() + 1000, UTC).isoformat()
    for body in ({"expiresAt": None}, {"expiresAt": later}, {"disabled": False}, {"name": "x"}):
        refused(await rig.call("PATCH", KEY.format(key_id), json=body), 404)
    refused(await rig.call("POST", ROLL.format(key_id)), 409)
    refused(await rig.call("DELETE", KEY.format(key_id)), 404)
    assert (await rig.http.post("/revoke", data={"token": over})).json()["seq"] == 1
    assert (await rig.introspect(over))["active"] is False
    assert rig.told() == ["expired"]


@in_loop
async def test_its_own_delete_waits_for_the_event_of_the_end(tmp_path: Path) -> None:
    """An answer that says that a key is over says so when that holds everywhere."""
    clock = Turned()
    async with opened(tmp_path / "issuer.db", 10.0, clock) as rig:
        over, key_id = add(rig, -0.001)
        await rig.poll()
        asked = [asyncio.create_task(rig.call("DELETE", KEY.format(key_id), each)) for each in (over, rig.key)]
        await until(lambda: rig.revocations.waiting_for(1))
        for _ in range(5):
            assert (await rig.introspect(over))["head"] == 1
        assert not any(task.done() for task in asked)
        clock.time += 10.0
        rig.revocations._tick()
        assert (await asked[0]).status_code == 401
        assert (await asked[1]).status_code in {200, 404}  # the receipt, if it came in before the lease was over


@in_loop
async def test_the_watch_ends_what_is_over_and_tells_it(tmp_path: Path) -> None:
    """Keys that are due at once are one event each, disabled ones too; a validator that listens gets them all."""
    async with opened(tmp_path / "issuer.db", 60.0) as rig:
        ids = [add(rig, 0.0)[1], add(rig, 0.0)[1], add(rig, 0.0, disabled=True)[1]]
        epoch = (await rig.poll()).json()["epoch"]
        parked = asyncio.create_task(rig.poll(0, epoch, wait=20.0))
        await until(lambda: rig.revocations._leases._parked)
        async with watched(rig):
            first = (await parked).json()
            told = first["events"] + (await rig.poll(first["head"], epoch)).json()["events"]
            await rig.poll(3, epoch)
            for seq in (1, 2, 3):
                done = await rig.revocations.settled(seq)
                assert done is not None
                assert done.done is not None
                assert (done.change, done.done.confirmed) == ("expired", 1)
        found = [rig.store.look_up(bytes.fromhex(event["fingerprint"])).key for event in told]
        assert {key.id for key in found if key is not None} == set(ids)
        assert [(event["seq"], event["change"]) for event in told] == [(1, "expired"), (2, "expired"), (3, "expired")]
        assert all(key is not None and key.status == "expired" for key in found)


@in_loop
async def test_a_key_is_good_until_its_time_and_not_after(tmp_path: Path) -> None:
    """Over HTTP alone: made with an end, good, then refused, told as expired, and gone."""
    async with opened(tmp_path / "issuer.db", 60.0) as rig, watched(rig):
        ends = time.time() + 3
        body = {"expiresAt": datetime.fromtimestamp(ends, UTC).isoformat()}
        made = (await rig.call("POST", "/acme/api-keys", json=body)).json()
        assert (await rig.introspect(made["key"]))["active"] or time.time() >= ends
        await until(lambda: rig.revocations.head)
        assert time.time() >= ends
        assert rig.told() == ["expired"]
        assert (await rig.introspect(made["key"]))["active"] is False
        refused(await rig.call("GET", KEY.format(made["keyId"])), 404)


@in_loop
async def test_a_roll_with_grace_ends_the_old_key_by_itself(tmp_path: Path) -> None:
    """When the grace is over the watch ends the old key; the new one stays."""
    async with opened(tmp_path / "issuer.db", 60.0) as rig, watched(rig):
        old, key_id = await rig.new_key()
        rolled = (await rig.call("POST", ROLL.format(key_id), json={"graceSeconds": 0.2})).json()
        await until(lambda: rig.revocations.head == 2)
        assert rig.told() == ["updated", "expired"]
        assert (await rig.introspect(old))["active"] is False
        assert (await rig.introspect(rolled["key"]))["active"] is True
