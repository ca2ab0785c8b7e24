"""A repeated roll says nothing before the first one holds everywhere."""

import asyncio
from pathlib import Path

import pytest

from tests.issuer.rig import Turned, in_loop, opened, until

LEASE = 60.0


@pytest.mark.parametrize("ending", ["DELETE", "roll"])
@in_loop
async def test_a_repeated_roll_waits_like_any_repeat(tmp_path: Path, ending: str) -> None:
    """While a validator is silent nobody hears that a key had ended before; ``wait=false`` gets 202."""
    clock = Turned()
    async with opened(tmp_path / "issuer.db", LEASE, clock) as rig:
        await rig.poll()
        _, key_id = await rig.new_key()
        path = f"/acme/api-keys/{key_id}"
        method, route = ("DELETE", path) if ending == "DELETE" else ("POST", f"{path}/roll")
        ended = asyncio.create_task(rig.call(method, route, json={}))
        await until(lambda: rig.revocations.waiting_for(1))
        repeat = asyncio.create_task(rig.call("POST", f"{path}/roll", json={}))
        early = await rig.call("POST", f"{path}/roll", params={"wait": "false"}, json={})
        assert (early.status_code, early.json()) == (202, {"receipt": "/revocations/1"})
        assert not repeat.done()
        clock.time += LEASE + 1.0
        rig.revocations._tick()
        assert (await repeat).status_code == 409
        assert (await rig.call("GET", "/revocations/1")).json()["state"] == "done"
        assert (await ended).status_code == 200


@in_loop
async def test_a_key_is_rolled_once(tmp_path: Path) -> None:
    """The second roll of a key is refused, also while the old key lives on for a while."""
    async with opened(tmp_path / "issuer.db") as rig:
        _, key_id = await rig.new_key()
        path = f"/acme/api-keys/{key_id}/roll"
        assert (await rig.call("POST", path, json={"graceSeconds": 60})).status_code == 200
        assert (await rig.call("POST", path, json={})).status_code == 409
