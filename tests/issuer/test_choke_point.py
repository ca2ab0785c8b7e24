"""Every way over HTTP in which a key ends, shrinks or comes back: one event, told, waited for and receipted."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.issuer.rig import Rig, Turned, in_loop, opened, until

LEASE = 10.0
END = datetime.fromtimestamp(99_999_999_999, UTC).isoformat()
SOONER = datetime.fromtimestamp(99_999_999_998, UTC).isoformat()


@dataclass(frozen=True)
class Way:
    """A request about a key, and what comes of it.

    Attributes:
        change: what its event says.
        good: whether the key is good afterwards.
        method, path, body: the request; ``{}`` in the path is the key's id, a body of text is a form with the key.
        before: what the key is changed to first.
    """

    change: str
    good: bool
    method: str
    path: str
    body: dict[str, Any] | None = None
    before: tuple[dict[str, Any], ...] = ()

    async def ask(self, rig: Rig, secret: str, key_id: str, query: str = "") -> httpx.Response:
        """Send the request."""
        if self.path == "/revoke":
            return await rig.http.post("/revoke", data={"token": secret})
        return await rig.call(self.method, self.path.format(key_id) + query, json=self.body)


GONE = {200, 404}
"""What a second DELETE is answered when the first holds: its receipt, or 404 if it came in just after."""
KEY, ROLL = "/acme/api-keys/{}", "/acme/api-keys/{}/roll"
WAYS = {
    "delete": Way("revoked", False, "DELETE", KEY),
    "revoke": Way("revoked", False, "POST", "/revoke"),
    "disable": Way("disabled", False, "PATCH", KEY, {"disabled": True}),
    "enable": Way("enabled", True, "PATCH", KEY, {"disabled": False}, ({"disabled": True},)),
    "fewer scopes": Way("updated", True, "PATCH", KEY, {"scopes": ["a:b"]}),
    "more scopes": Way("updated", True, "PATCH", KEY, {"scopes": ["a:b"]}, ({"scopes": []},)),
    "an end": Way("updated", True, "PATCH", KEY, {"expiresAt": END}),
    "a sooner end": Way("updated", True, "PATCH", KEY, {"expiresAt": SOONER}, ({"expiresAt": END},)),
    "no end": Way("updated", True, "PATCH", KEY, {"expiresAt": None}, ({"expiresAt": END},)),
    "all at once": Way("disabled", False, "PATCH", KEY, {"disabled": True, "scopes": [], "expiresAt": END}),
    "roll": Way("rolled", False, "POST", ROLL),
    "roll, disabled": Way("rolled", False, "POST", ROLL, {}, ({"disabled": True},)),
    "roll with time to go": Way("updated", True, "POST", ROLL, {"graceSeconds": 60}),
}


@dataclass
class Told:
    """What was published when one of the ways was asked, and the request that is not answered yet."""

    seq: int
    secret: str
    key_id: str
    asked: "asyncio.Task[httpx.Response]"

    async def not_yet(self, rig: Rig, *more: "asyncio.Task[httpx.Response]") -> None:
        """Assert that nothing is answered, giving the loop all it needs to answer."""
        for _ in range(5):
            pending = (await rig.call("GET", f"/revocations/{self.seq}", rig.token)).json()
            assert pending == {"state": "pending", "seq": self.seq, "waiting_for": 1}
        assert not any(task.done() for task in (self.asked, *more))


async def begin(rig: Rig, way: Way) -> Told:
    """Make a key, have a validator that is silent from then on, and ask."""
    secret, key_id = await rig.new_key(None)
    for body in way.before:
        assert (await rig.call("PATCH", KEY.format(key_id), json=body)).status_code == 200
    assert (await rig.poll(session="a-silent-validator", name="web-1")).json()["lease"] == LEASE
    seq = rig.revocations.head + 1
    asked = asyncio.create_task(way.ask(rig, secret, key_id))
    await until(lambda: rig.revocations.head == seq)
    return Told(seq, secret, key_id, asked)


@pytest.mark.parametrize("name", WAYS)
@in_loop
async def test_the_answer_waits_for_a_silent_validator_and_so_do_repeats(name: str, tmp_path: Path) -> None:
    """The change is one event, holds here at once, and nobody is told that it does before the lease is over."""
    way, clock = WAYS[name], Turned()
    async with opened(tmp_path / "issuer.db", LEASE, clock) as rig:
        told = await begin(rig, way)
        repeat = asyncio.create_task(way.ask(rig, told.secret, told.key_id))
        early = await way.ask(rig, told.secret, told.key_id, "?wait=false") if way.path != "/revoke" else None
        assert (await rig.introspect(told.secret))["active"] is way.good
        clock.time += LEASE - 0.1
        rig.revocations._tick()
        await told.not_yet(rig, repeat)
        clock.time += 0.1
        rig.revocations._tick()
        first, again = await told.asked, await repeat
        assert first.status_code == 200
        assert (first.json()["seq"], first.json()["validators"]) == (told.seq, {"confirmed": 0, "expired": 1})
        assert first.json()["took_ms"] == LEASE * 1000
        assert again.status_code in ({409} if way.path == ROLL else GONE if way.method == "DELETE" else {200})
        assert again.status_code != 200 or again.json()["seq"] == told.seq
        if early is not None:
            assert (early.status_code, early.json()["receipt"]) == (202, f"/revocations/{told.seq}")
            assert "key" not in early.json()
        assert rig.told()[told.seq - 1 :] == [way.change]
        (each,) = (await rig.call("GET", f"/revocations/{told.seq}")).json()["report"]
        assert each == {"session": "a-silent", "validator": "web-1", "outcome": "expired", "after_ms": 10_000.0}


@pytest.mark.parametrize("name", WAYS)
@in_loop
async def test_who_listens_is_told_and_confirms(name: str, tmp_path: Path) -> None:
    """A parked poll is answered with the event; its acknowledgement ends the wait, long before the lease does."""
    async with opened(tmp_path / "issuer.db", 60.0, Turned()) as rig:
        secret, key_id = await rig.new_key(None)
        for body in WAYS[name].before:
            await rig.call("PATCH", KEY.format(key_id), json=body)
        reply = (await rig.poll()).json()
        parked = asyncio.create_task(rig.poll(reply["head"], reply["epoch"], wait=20.0))
        await until(lambda: rig.revocations._leases._parked)
        asked = asyncio.create_task(WAYS[name].ask(rig, secret, key_id))
        (event,) = (await parked).json()["events"]
        found = rig.store.look_up(bytes.fromhex(event["fingerprint"])).key
        assert found is not None
        assert (event["seq"], event["change"], found.id) == (reply["head"] + 1, WAYS[name].change, key_id)
        assert not asked.done()
        await rig.poll(event["seq"], reply["epoch"])
        assert (await asked).json()["validators"] == {"confirmed": 1, "expired": 0}


@pytest.mark.parametrize("name", [name for name, way in WAYS.items() if way.path != "/revoke"])
@in_loop
async def test_without_waiting_the_place_of_the_receipt_is_the_answer(name: str, tmp_path: Path) -> None:
    """``wait=false`` answers 202 while a lease runs; another word than true and false is 400 and changes nothing."""
    way, clock = WAYS[name], Turned()
    async with opened(tmp_path / "issuer.db", LEASE, clock) as rig:
        secret, key_id = await rig.new_key(None)
        for body in way.before:
            await rig.call("PATCH", KEY.format(key_id), json=body)
        before, head = rig.store.keys_of((await rig.introspect(rig.key))["workspace_id"]), rig.revocations.head
        await rig.poll()
        for word in ("no", "", "1", "True"):
            bad = await way.ask(rig, secret, key_id, f"?wait={word}")
            assert (bad.status_code, bad.json()["error"]) == (400, "wait is true or false")
        assert (rig.store.keys_of(before[0].workspace.id), rig.revocations.head) == (before, head)
        early = await way.ask(rig, secret, key_id, "?wait=false")
        assert (early.status_code, early.json()["receipt"]) == (202, f"/revocations/{head + 1}")
        assert (await rig.call("GET", early.json()["receipt"])).json()["state"] == "pending"
        clock.time += LEASE
        rig.revocations._tick()
        done = (await rig.call("GET", early.json()["receipt"])).json()
        assert (done["state"], done["change"], done["keyId"]) == ("done", way.change, key_id)
        assert ("revoked" in done) is (way.change in {"revoked", "rolled"})


async def hold(rig: Rig, clock: Turned, told: Told, repeat: Coroutine[Any, Any, httpx.Response]) -> httpx.Response:
    """Return the answer of a request that is not answered before the change that is on its way holds."""
    task = asyncio.create_task(repeat)
    await told.not_yet(rig, task)
    clock.time += LEASE
    rig.revocations._tick()
    assert (await told.asked).status_code == 200
    return await task


@pytest.mark.parametrize(
    ("first", "method", "path", "body", "by_itself", "status"),
    [
        ("delete", "DELETE", KEY, None, True, 401),
        ("delete", "PATCH", KEY, {"name": "x"}, False, 404),
        ("delete", "PATCH", KEY, {"disabled": True}, True, 401),
        ("delete", "POST", ROLL, {}, False, 409),
        ("delete", "POST", ROLL, {}, True, 401),
        ("revoke", "DELETE", KEY, None, False, 404),
        ("disable", "PATCH", KEY, {"disabled": True}, True, 401),
        ("disable", "DELETE", KEY, None, True, 401),
        ("roll", "DELETE", KEY, None, False, 404),
        ("roll", "POST", ROLL, {}, True, 401),
        ("roll", "PATCH", KEY, {}, False, 404),
        ("roll with time to go", "POST", ROLL, {"graceSeconds": 5}, False, 409),
    ],
)
@in_loop
async def test_gone_is_said_when_it_holds(
    *, first: str, method: str, path: str, body: dict[str, Any] | None, by_itself: bool, status: int, tmp_path: Path
) -> None:
    """What a key can't do any more because of a change on its way is refused after that holds, to itself as well."""
    clock = Turned()
    async with opened(tmp_path / "issuer.db", LEASE, clock) as rig:
        told = await begin(rig, WAYS[first])
        secret = told.secret if by_itself else rig.key
        repeat = rig.call(method, path.format(told.key_id), secret, json=body)
        answer = await hold(rig, clock, told, repeat)
        assert answer.status_code in (GONE if method == "DELETE" and status == 404 else {status})
        assert rig.revocations.head == told.seq
        assert "key" not in answer.json()
