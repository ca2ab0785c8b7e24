"""The Roboflow routes about a workspace and its keys."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx

from rf_middleware.issuer.changes import edit
from tests.issuer.rig import BY, Rig, Turned, in_loop, new_key, opened, running, until

BAD_WORDS = ("require", "enterprise", "unauthorized", "over_quota", "growth plan")


def refused(answer: httpx.Response, status: int) -> str:
    """Assert that this is a JSON refusal without a word the public client reacts to; return its text."""
    assert answer.status_code == status, answer.text
    text = answer.json()["error"]
    assert not any(word in answer.text.lower() for word in BAD_WORDS)
    assert answer.headers["cache-control"] == "no-store"
    return str(text)


@running
async def test_a_good_key_is_welcome(rig: Rig) -> None:
    """The key check names the workspace, by query or Bearer, GET or POST."""
    for method in ("GET", "POST"):
        for answer in (
            await rig.http.request(method, "/", params={"api_key": rig.key, "nocache": "true"}),
            await rig.call(method, "/"),
        ):
            assert answer.status_code == 200
            assert answer.json().keys() == {"welcome", "instructions", "docs", "workspace"}
            assert answer.json()["workspace"] == "acme"
            assert answer.headers["cache-control"] == "no-store"


@running
async def test_a_bad_key_has_one_answer(rig: Rig) -> None:
    """Unknown, malformed, revoked and over-long keys can't be told apart."""
    dead, key_id = await rig.new_key()
    await rig.call("DELETE", f"/acme/api-keys/{key_id}")
    answers = [await rig.call("GET", "/", key) for key in (dead, "rfk_junk", "unknown", "x" * 600, "rf_nobody")]
    assert {refused(answer, 401) for answer in answers} == {"This API key is not valid"}
    assert {answer.headers["www-authenticate"] for answer in answers} == {
        'Bearer realm="rf-middleware", error="invalid_token"'
    }


@running
async def test_the_key_is_in_one_place(rig: Rig) -> None:
    """Two different keys, one place twice and two Authorization headers are refused, the same key twice is not."""
    both = await rig.call("GET", "/", params={"api_key": "another"})
    twice = await rig.http.get("/", params={"api_key": [rig.key, rig.key]})
    headers = [("Authorization", f"Bearer {rig.key}")] * 2
    for answer in (both, twice, await rig.http.get("/", headers=headers)):
        refused(answer, 400)
    assert (await rig.call("GET", "/", params={"api_key": rig.key})).status_code == 200


@running
async def test_a_publishable_key_is_good_for_a_check_alone(rig: Rig) -> None:
    """It names its workspace, and reads or changes nothing."""
    shown = (await rig.call("GET", "/acme/api-keys/publishable")).json()["publishableKey"]
    assert (await rig.call("GET", "/", shown)).json()["workspace"] == "acme"
    refused(await rig.call("GET", "/acme/api-keys", shown), 404)


@running
async def test_the_workspace_answer_is_exact(rig: Rig) -> None:
    """The public client reads these members and no others are there."""
    answer = await rig.call("GET", "/acme")
    assert answer.json() == {"workspace": {"name": "Acme & Sons", "url": "acme", "members": 0, "projects": []}}


@running
async def test_another_workspace_looks_like_none(rig: Rig) -> None:
    """A foreign workspace and an unknown one give the same 404, as does an unknown path."""
    secret, stored = new_key("k", None)
    rig.store.create_workspace("other", "", stored, BY)
    assert (await rig.call("GET", "/other", secret)).status_code == 200
    paths = ["/other", "/nowhere", "/other/api-keys", "/nowhere/api-keys", "/acme/nothing", "/introspect/", "/a/b/c/d"]
    assert {refused(await rig.call("GET", path), 404) for path in paths} == {"Not Found"}


@running
async def test_no_key_is_401_and_a_wrong_method_405(rig: Rig) -> None:
    """Every refusal is JSON, the ones of the router too."""
    for path in ("/", "/acme", "/acme/api-keys", "/revocations/1"):
        answer = await rig.http.get(path)
        refused(answer, 401)
        assert answer.headers["www-authenticate"] == 'Bearer realm="rf-middleware"'
    refused(await rig.http.put("/acme"), 405)


@running
async def test_the_list_shows_no_secret(rig: Rig) -> None:
    """A key is listed by its ends, its name and its scopes."""
    secret, key_id = await rig.new_key(["model:infer"])
    answer = await rig.call("GET", "/acme/api-keys", params={"includeDisabled": "true", "includeFolders": "true"})
    default, made = answer.json()["apiKeys"]
    assert secret not in answer.text
    assert rig.key not in answer.text
    assert (default["default"], default["scopes"], default["disabled"], default["protected"]) == (
        True,
        None,
        False,
        False,
    )
    assert made["keyId"] == key_id
    assert made["prefix"] == secret[:8]
    assert made["lastFour"] == secret[-4:]
    assert made["scopes"] == ["model:infer"]
    assert answer.json()["publishableKey"].startswith("rf_")
    assert (await rig.call("GET", f"/acme/api-keys/{key_id}")).json() == {"apiKey": made}


@running
async def test_a_disabled_key_is_listed_on_request_and_accepted_never(rig: Rig) -> None:
    """Disabling goes through the same choke point as revoking, and is no end."""
    secret, key_id = await rig.new_key()
    await rig.revocations.apply(edit(key_id, {"status": "disabled"}), BY)
    listed = (await rig.call("GET", "/acme/api-keys")).json()["apiKeys"]
    assert key_id not in {each["keyId"] for each in listed}
    every = (await rig.call("GET", "/acme/api-keys?includeDisabled=true")).json()["apiKeys"]
    assert {each["keyId"]: each["disabled"] for each in every}[key_id] is True
    refused(await rig.call("GET", "/", secret), 401)
    refused(await rig.call("GET", "/acme/api-keys?includeDisabled=yes"), 400)


@running
async def test_scopes_of_a_new_key(rig: Rig) -> None:
    """Omitted means the caller's own, null everything, an empty list nothing."""
    scoped, _ = await rig.new_key(["api-key:create", "model:infer"])
    own = await rig.call("POST", "/acme/api-keys", scoped, json={})
    assert own.json()["scopes"] == ["api-key:create", "model:infer"]
    assert (await rig.call("POST", "/acme/api-keys", scoped, json={"scopes": []})).json()["scopes"] == []
    assert (await rig.call("POST", "/acme/api-keys", content=b"")).json()["scopes"] is None
    for more in (None, ["model:train"], ["model:infer", "model:train"]):
        refused(await rig.call("POST", "/acme/api-keys", scoped, json={"scopes": more}), 403)


@running
async def test_a_missing_scope_looks_like_a_missing_route(rig: Rig) -> None:
    """A scoped key gets 404 for what it may not do, and can do what it may."""
    weak, key_id = await rig.new_key(["model:infer"])
    tries = [("GET", ""), ("POST", ""), ("GET", "/publishable"), ("GET", f"/{key_id}"), ("DELETE", f"/{key_id}")]
    for method, path in tries:
        refused(await rig.call(method, f"/acme/api-keys{path}", weak), 404)
    reader, _ = await rig.new_key(["api-key:read", "workspace:read"])
    assert (await rig.call("GET", "/acme/api-keys/publishable", reader)).status_code == 200
    assert (await rig.call("GET", "/acme", weak)).status_code == 200


@running
async def test_a_bad_body_is_named(rig: Rig) -> None:
    """Unknown fields are named, wrong types are told, nothing is created."""
    cases: list[tuple[object, str]] = [
        ({"name": "x", "colour": 1}, "colour"),
        ({"\ud800": 1}, "\\ud800"),
        ({"name": 1}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"scopes": "model:infer"}, "scopes"),
        ({"scopes": ["noun"]}, "noun:verb"),
        ({"scopes": ["Model:infer"]}, "noun:verb"),
        ({"scopes": [1, {}]}, "noun:verb"),
        ({"scopes": ["role:owner"]}, "role:admin, role:developer, role:viewer, role:inference"),
        ({"scopes": ["a:b"] * 101}, "at most 100"),
        ([], "object"),
    ]
    for body, named in cases:
        assert named in refused(await rig.call("POST", "/acme/api-keys", content=json.dumps(body)), 400)
    for content in (b"{", b"[" * 60_000, b"\xff"):
        refused(await rig.call("POST", "/acme/api-keys", content=content), 400)
    refused(await rig.call("POST", "/acme/api-keys", content=b" " * 70_000), 413)
    assert len((await rig.call("GET", "/acme/api-keys")).json()["apiKeys"]) == 1


@running
async def test_a_revocation_carries_its_receipt(rig: Rig) -> None:
    """With no validator it is acknowledged at once; after that the id is gone."""
    _, key_id = await rig.new_key()
    answer = await rig.call("DELETE", f"/acme/api-keys/{key_id}")
    body = answer.json()
    assert body.pop("took_ms") >= 0
    assert body == {"revoked": True, "keyId": key_id, "seq": 1, "validators": {"confirmed": 0, "expired": 0}}
    for method in ("GET", "DELETE"):
        refused(await rig.call(method, f"/acme/api-keys/{key_id}"), 404)
    refused(await rig.call("DELETE", "/acme/api-keys/nobody"), 404)
    stored = await rig.call("GET", "/revocations/1")
    assert stored.json() == {"state": "done", "change": "revoked", **answer.json(), "report": []}


@in_loop
async def test_a_revocation_waits_for_a_lease_and_so_do_its_repeats(tmp_path: Path) -> None:
    """While one validator is silent nobody is told that the key is dead, however it is asked."""
    clock = Turned()
    async with opened(tmp_path / "issuer.db", 2.0, clock) as rig:
        await rig.poll()
        secret, key_id = await rig.new_key()
        path = f"/acme/api-keys/{key_id}"
        first = asyncio.create_task(rig.call("DELETE", path))
        await until(lambda: rig.revocations.waiting_for(1))
        repeats = [
            asyncio.create_task(rig.call("DELETE", path)),
            asyncio.create_task(rig.http.post("/revoke", data={"token": secret})),
            asyncio.create_task(rig.call("DELETE", path, secret)),
        ]
        pending = await rig.call("GET", "/revocations/1")
        assert pending.json() == {"state": "pending", "seq": 1, "waiting_for": 1}
        early = await rig.call("DELETE", path, params={"wait": "false"})
        assert (early.status_code, early.json()) == (202, {"receipt": "/revocations/1"})
        clock.time += 1.9
        rig.revocations._tick()
        held: Any = rig.revocations._settled[1]
        await until(lambda: len(held._waiters) == 4)
        assert not any(task.done() for task in (first, *repeats))
        clock.time += 0.1
        rig.revocations._tick()
        receipt = (await first).json()
        assert receipt["validators"] == {"confirmed": 0, "expired": 1}
        assert receipt["took_ms"] == 2000
        again, revoked, by_itself = [await task for task in repeats]
        assert again.json() == receipt
        assert revoked.json() == receipt
        assert by_itself.status_code == 401


@in_loop
async def test_an_ack_ends_the_wait(tmp_path: Path) -> None:
    """A validator that answers makes a revocation quick, whatever its lease."""
    async with opened(tmp_path / "issuer.db", lease=60.0) as rig:
        epoch = (await rig.poll()).json()["epoch"]
        _, key_id = await rig.new_key()
        parked = asyncio.create_task(rig.poll(0, epoch, wait=20.0))
        deleted = asyncio.create_task(rig.call("DELETE", f"/acme/api-keys/{key_id}"))
        told = (await parked).json()
        assert [event["seq"] for event in told["events"]] == [1]
        await rig.poll(told["head"], epoch)
        assert (await deleted).json()["validators"] == {"confirmed": 1, "expired": 0}


@running
async def test_wait_is_true_or_false(rig: Rig) -> None:
    """A misspelt wait changes nothing."""
    refused(await rig.call("DELETE", f"/acme/api-keys/{rig.key_id}", params={"wait": "no"}), 400)
    assert (await rig.call("GET", "/")).status_code == 200


@running
async def test_receipts_are_for_their_workspace_and_for_validators(rig: Rig) -> None:
    """Others, weak keys and unknown numbers get 404."""
    weak, _ = await rig.new_key(["model:infer"])
    _, key_id = await rig.new_key()
    await rig.call("DELETE", f"/acme/api-keys/{key_id}")
    assert (await rig.call("GET", "/revocations/1", rig.token)).json()["state"] == "done"
    refused(await rig.call("GET", "/revocations/1", weak), 404)
    for seq in (0, 2, 10**30):
        refused(await rig.call("GET", f"/revocations/{seq}"), 404)
        refused(await rig.call("GET", f"/revocations/{seq}", rig.token), 404)
