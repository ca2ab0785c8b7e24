"""Receipts: which validators there were, what they are called, how each came to trust nothing old, and when."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from rf_middleware.issuer.changes import set_workspace
from tests.issuer.browsing import add_person, beside, signed_in
from tests.issuer.rig import BY, SESSION, Rig, Turned, in_loop, opened, running, until
from tests.issuer.test_api import refused

LEASE = 10.0
KEY = "/acme/api-keys/{}"


def workspace(rig: Rig) -> str:
    """Return the id of the workspace."""
    return rig.store.list_workspaces()[0].id


async def receipt(rig: Rig, seq: int, key: str | None = None) -> dict[str, Any]:
    """Return what is answered about an event, to a validator unless told."""
    found: dict[str, Any] = (await rig.call("GET", f"/revocations/{seq}", key or rig.token)).json()
    return found


@in_loop
async def test_each_validator_is_in_the_report_with_its_name_its_outcome_and_its_time(tmp_path: Path) -> None:
    """One confirms, one gives its lease back, one is silent: all are told apart, by the start of their session."""
    clock = Turned()
    async with opened(tmp_path / "issuer.db", LEASE, clock) as rig:
        epoch = (await rig.poll(session="confirms-session", name="web-1 (gunicorn)")).json()["epoch"]
        await rig.poll(session="leaves-session-1", name="web-0")
        await rig.poll(session="leaves-session-1", name="web-2")
        clock.time += 1.0
        await rig.poll(session="silent-session-1")
        ended = await rig.revocations.apply(set_workspace(workspace(rig), "suspended"), BY)
        assert await receipt(rig, 1) == {"state": "pending", "seq": 1, "waiting_for": 3}
        clock.time += 0.25
        await rig.poll(ended.seq, epoch, session="confirms-session", name="web-1, renamed")
        clock.time += 0.25
        await rig.call("DELETE", "/feed/leaves-session-1", rig.token)
        assert await receipt(rig, 1) == {"state": "pending", "seq": 1, "waiting_for": 1}
        await rig.poll(ended.seq, epoch, session="a-late-newcomer")
        clock.time += LEASE
        rig.revocations._tick()
        assert await rig.revocations.settled(1) is not None
        assert await receipt(rig, 1) == {
            "state": "done",
            "change": "suspended",
            "seq": 1,
            "validators": {"confirmed": 2, "expired": 1},
            "took_ms": 10_500.0,
            "report": [
                {"session": "confirms", "validator": "web-1 (gunicorn)", "outcome": "confirmed", "after_ms": 250.0},
                {"session": "leaves-s", "validator": "web-2", "outcome": "confirmed", "after_ms": 500.0},
                {"session": "silent-s", "validator": "", "outcome": "expired", "after_ms": 10_000.0},
            ],
        }


@in_loop
async def test_a_receipt_outlives_the_server(tmp_path: Path) -> None:
    """What was stored is told by the next life in the same words."""
    path = tmp_path / "issuer.db"
    async with opened(path, 60.0) as rig:
        await rig.poll(name="web-1")
        await rig.call("DELETE", f"/feed/{SESSION}", rig.token)
        _, key_id = await rig.new_key()
        await rig.call("DELETE", KEY.format(key_id))
        before, secret = await receipt(rig, 1), rig.key
    async with opened(path, 60.0) as again:
        assert await receipt(again, 1) == await receipt(again, 1, secret) == before
        assert before["state"] == "done"


@pytest.mark.parametrize(
    ("body", "change", "revoked"),
    [({"disabled": True}, "disabled", False), ({"scopes": []}, "updated", False), (None, "revoked", True)],
)
@in_loop
async def test_a_receipt_says_revoked_of_an_end_alone(
    *, body: dict[str, object] | None, change: str, revoked: bool, tmp_path: Path
) -> None:
    """Whoever reads ``revoked`` need not know the kinds of changes; the key is named in each."""
    async with opened(tmp_path / "issuer.db") as rig:
        _, key_id = await rig.new_key()
        answer = await rig.call("DELETE" if body is None else "PATCH", KEY.format(key_id), json=body)
        stored = await receipt(rig, 1, rig.key)
        for each in (answer.json(), stored):
            assert (each.get("revoked", False), each["keyId"], each["seq"]) == (revoked, key_id, 1)
        assert stored["change"] == change


@running
async def test_receipts_of_a_workspace_are_for_its_keys_and_for_validators(rig: Rig) -> None:
    """While it is suspended a validator reads them; once it is resumed its own keys do, and no other's."""
    secret, stored = (await rig.new_key(["api-key:read"]))[0], await rig.new_key([])
    for status in ("suspended", "active"):
        await rig.revocations.apply(set_workspace(workspace(rig), status), BY)
        if status == "suspended":
            refused(await rig.call("GET", "/revocations/1", secret), 401)
        else:
            assert (await receipt(rig, 1, secret))["change"] == "suspended"
            assert (await receipt(rig, 2, secret))["change"] == "enabled"
            assert "keyId" not in await receipt(rig, 2)
        assert (await receipt(rig, 1))["state"] == "done"
    refused(await rig.call("GET", "/revocations/2", stored[0]), 404)


@in_loop
async def test_a_receipt_is_for_members_who_are_signed_in(tmp_path: Path) -> None:
    """Also when the page could not wait for it; people of another workspace and strangers see none."""
    async with signed_in(tmp_path, "viewer") as browser, beside(browser.rig) as other:
        rig = browser.rig
        _, key_id = await rig.new_key()
        await rig.call("DELETE", f"/acme/api-keys/{key_id}")
        assert (await browser.get("/revocations/1")).json()["state"] == "done"
        add_person(rig, "bob@example.com")
        assert (await other.get("/revocations/1")).status_code == 401
        await other.sign_in("bob@example.com")
        assert (await other.get("/revocations/1")).status_code == 404


@pytest.mark.parametrize("name", ["", "x" * 101, "a\nb", "\u202e", 5, None, ["web"], {}, True])
@in_loop
async def test_a_bad_name_is_a_bad_poll(name: object, tmp_path: Path) -> None:
    """A name that could not be shown as it is is refused, and no lease is granted."""
    async with opened(tmp_path / "issuer.db") as rig:
        answer = await rig.poll(name=name)
        assert "name" in refused(answer, 400)
        assert not rig.revocations._leases.outstanding(rig.revocations._clock())


@in_loop
async def test_a_name_of_any_language_is_kept(tmp_path: Path) -> None:
    """A hundred printable characters are a name."""
    name = "Überwacher-" + "é" * 89
    async with opened(tmp_path / "issuer.db", lease=60.0) as rig:
        epoch = (await rig.poll(name=name)).json()["epoch"]
        deleted = asyncio.create_task(rig.call("DELETE", KEY.format(rig.key_id)))
        await until(lambda: rig.revocations.head)
        await rig.poll(1, epoch, name=name)
        await deleted
        (each,) = (await receipt(rig, 1))["report"]
    assert each["validator"] == name
