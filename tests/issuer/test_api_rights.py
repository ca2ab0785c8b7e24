"""Who may create, change and roll which keys over HTTP: a key gives only what it has, and no longer than it is good."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from starlette.types import Message

from rf_middleware.issuer.app import build_app
from tests.issuer.rig import BY, Rig, in_loop, new_key, opened, running, until
from tests.issuer.test_api import refused

KEY, ROLL, KEYS = "/acme/api-keys/{}", "/acme/api-keys/{}/roll", "/acme/api-keys"
MANAGER = ["api-key:create", "api-key:update", "api-key:revoke", "api-key:read", "model:infer"]
EARLY, LATER, LATEST = "2980-01-01T00:00:00+00:00", "2990-01-01T00:00:00+00:00", "2999-01-01T00:00:00+00:00"


async def manager(rig: Rig, scopes: list[str] | None = None, expires: str | None = None) -> tuple[str, str]:
    """Create a key that manages others; return secret and id."""
    body = {"scopes": MANAGER if scopes is None else scopes, "expiresAt": expires}
    made = (await rig.call("POST", KEYS, json=body)).json()
    return made["key"], made["keyId"]


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        (None, False),
        ([], True),
        (["model:infer"], True),
        (MANAGER, True),
        (["model:train"], False),
        (["model:infer", "model:train"], False),
        ([*MANAGER, "a:b"], False),
        (["role:inference"], True),
        (["role:viewer"], False),
        (["role:admin"], False),
    ],
)
@in_loop
async def test_a_key_gives_no_scope_that_it_lacks(scopes: list[str] | None, allowed: bool, tmp_path: Path) -> None:
    """Not to a new key, not to another, not to itself, not by rolling one that has more: 403, and nothing is done."""
    async with opened(tmp_path / "issuer.db") as rig:
        weak, weak_id = await manager(rig)
        _, with_them = await manager(rig)
        await rig.call("PATCH", KEY.format(with_them), json={"scopes": scopes})
        _, other = await manager(rig)
        before = (await rig.call("GET", KEYS)).json(), rig.told()
        for method, path, body in (
            ("POST", KEYS, {"scopes": scopes}),
            ("PATCH", KEY.format(other), {"scopes": scopes, "name": "x"}),
            ("POST", ROLL.format(with_them), {}),
            ("PATCH", KEY.format(weak_id), {"scopes": scopes}),
        ):
            answer = await rig.call(method, path, weak, json=body)
            if allowed:
                assert answer.status_code == 200
            else:
                assert refused(answer, 403).startswith("A key can't ")
        assert ((await rig.call("GET", KEYS)).json(), rig.told()) == before or allowed


@pytest.mark.parametrize(
    ("expires", "allowed"), [(None, False), (EARLY, True), (LATER, True), (LATEST, False), ("never given", True)]
)
@in_loop
async def test_a_key_gives_no_more_time_than_it_has(expires: str | None, allowed: bool, tmp_path: Path) -> None:
    """A new key ends with its maker unless told sooner; none is given a later end, and none that has one is rolled."""
    async with opened(tmp_path / "issuer.db") as rig:
        ending, ending_id = await manager(rig, expires=LATER)
        given = {} if expires == "never given" else {"expiresAt": expires}
        made = await rig.call("POST", KEYS, ending, json=given)
        changed = await rig.call("PATCH", KEY.format(ending_id), ending, json=given)
        _, other = await rig.new_key([])
        if given:
            await rig.call("PATCH", KEY.format(other), json=given)
        rolled = await rig.call("POST", ROLL.format(other), ending)
        if allowed:
            assert made.json()["expiresAt"] == (expires if given else LATER)
            assert changed.status_code == 200
        else:
            assert "outlive" in refused(made, 403) + refused(changed, 403)
        if allowed and given:
            assert rolled.json()["expiresAt"] == expires
        else:
            refused(rolled, 403)
        assert (await rig.introspect(ending))["active"]


@running
async def test_a_key_that_ends_can_roll_itself(rig: Rig) -> None:
    """It has all that it has, and its successor ends when it would have."""
    ending, ending_id = await manager(rig, expires=LATER)
    answer = await rig.call("POST", ROLL.format(ending_id), ending)
    assert (answer.status_code, answer.json()["expiresAt"]) == (200, LATER)
    assert not (await rig.introspect(ending))["active"]


@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    [
        ("POST", KEYS, {"api-key:create"}),
        ("PATCH", KEY, {"api-key:update"}),
        ("DELETE", KEY, {"api-key:revoke"}),
        ("POST", ROLL, {"api-key:create", "api-key:revoke"}),
    ],
)
@in_loop
async def test_a_route_is_there_for_keys_with_its_scopes(
    method: str, path: str, scopes: set[str], tmp_path: Path
) -> None:
    """Without one of them, in another workspace, or about a key that is not there, it is a plain 404."""
    async with opened(tmp_path / "issuer.db") as rig:
        secret, stored = new_key("k", None)
        foreign = rig.store.create_workspace("other", "", stored, BY)
        for missing in scopes:
            weak, _ = await manager(rig, [each for each in MANAGER if each != missing])
            answer = await rig.call(method, path.format(rig.key_id), weak)
            assert refused(answer, 404) == "Not Found"
        enough, own = await manager(rig, sorted(scopes))
        before = rig.told()
        assert refused(await rig.call(method, path.format(own), secret), 404) == "Not Found"
        assert refused(await rig.http.request(method, path.format(own)), 401) == "An API key is needed"
        if path != KEYS:
            for unknown in (foreign, "nobody", "publishable"):
                assert refused(await rig.call(method, path.format(unknown), enough), 404) == "Not Found"
        assert rig.told() == before
        assert (
            await rig.call(method, path.format(own), enough, json={} if method != "DELETE" else None)
        ).status_code == 200


@running
async def test_what_is_gone_can_not_be_changed_or_rolled(rig: Rig) -> None:
    """A revoked or rolled id is 404 to look at, change and revoke, 409 to roll; nothing is written."""
    _, revoked = await rig.new_key()
    _, rolled = await rig.new_key()
    await rig.call("DELETE", KEY.format(revoked))
    await rig.call("POST", ROLL.format(rolled))
    before = (await rig.call("GET", KEYS)).json(), rig.told()
    for key_id in (revoked, rolled):
        for method, body in (("GET", None), ("PATCH", {"disabled": False}), ("PATCH", {"name": "x"}), ("DELETE", None)):
            for query in ("", "?wait=false"):
                refused(await rig.call(method, KEY.format(key_id) + query, json=body), 404)
        for query in ("", "?wait=false"):
            assert "already" in refused(await rig.call("POST", ROLL.format(key_id) + query), 409)
    assert ((await rig.call("GET", KEYS)).json(), rig.told()) == before


@pytest.mark.parametrize(("method", "path"), [("POST", KEYS), ("PATCH", KEY), ("POST", ROLL)])
@in_loop
async def test_a_body_that_is_sent_slowly_does_not_outlive_its_key(method: str, path: str, tmp_path: Path) -> None:
    """A request that was begun with a good key and is finished after its end does nothing: no key is left behind."""
    async with opened(tmp_path / "issuer.db") as rig:
        secret, key_id = await rig.new_key()
        _, other = await rig.new_key()
        before = (await rig.call("GET", KEYS)).json()["apiKeys"]
        started, rest = asyncio.Event(), asyncio.Queue[Message]()
        sent: list[Message] = []

        async def receive() -> Message:
            started.set()
            return await rest.get()

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "path": path.format(other),
            "query_string": b"",
            "headers": [(b"authorization", f"Bearer {secret}".encode())],
        }
        app = build_app(rig.parts)
        asked = asyncio.ensure_future(app(scope, receive, send))
        await started.wait()
        assert (await rig.call("DELETE", KEY.format(key_id))).json()["revoked"] is True
        await rest.put({"type": "http.request", "body": json.dumps({"owners": []}).encode(), "more_body": False})
        await asked
        assert sent[0]["status"] == 401
        left = (await rig.call("GET", KEYS)).json()["apiKeys"]
        assert left == [each for each in before if each["keyId"] != key_id]


@in_loop
async def test_an_issuer_that_shuts_down_answers_with_the_place_of_the_receipt(tmp_path: Path) -> None:
    """What is asked while it goes is done, and the next life finishes it: 202, and /revoke says to ask again."""
    async with opened(tmp_path / "issuer.db", lease=3600.0) as rig:
        secret, key_id = await rig.new_key()
        _, other = await rig.new_key()
        await rig.poll()
        waiting = asyncio.create_task(rig.call("PATCH", KEY.format(key_id), json={"disabled": True}))
        await until(lambda: rig.revocations.head)
        rig.revocations.stop()
        first = await waiting
        assert (first.status_code, first.json()["receipt"]) == (202, "/revocations/1")
        rolled = await rig.call("POST", ROLL.format(other))
        assert (rolled.status_code, rolled.json()["receipt"]) == (202, "/revocations/2")
        assert (await rig.introspect(rolled.json()["key"]))["active"]
        assert refused(await rig.http.post("/revoke", data={"token": secret}), 503)


@running
async def test_times_are_shown_in_whole_seconds_and_never_too_late(rig: Rig) -> None:
    """What a key that ends reads of its own end it can give on."""
    ending, ending_id = await manager(rig, expires="2990-01-01T00:00:00.75Z")
    shown = (await rig.call("GET", KEY.format(ending_id))).json()["apiKey"]
    assert shown["expiresAt"] == LATER
    assert datetime.fromisoformat(shown["created_on"]).tzinfo == UTC
    assert (await rig.call("POST", KEYS, ending, json={"expiresAt": shown["expiresAt"]})).status_code == 200


@running
async def test_a_key_restores_none_that_may_do_more(rig: Rig) -> None:
    """A stronger key is neither enabled nor given more time, but it can be disabled, cut short and renamed."""
    weak, _ = await manager(rig)
    _, strong = await manager(rig, ["model:train"], LATER)
    fewer: list[dict[str, object]] = [{"disabled": True}, {"expiresAt": EARLY}, {"name": "still the same"}]
    more: list[dict[str, object]] = [{"disabled": False}, {"expiresAt": LATEST}, {"expiresAt": None}]
    for body in fewer:
        assert (await rig.call("PATCH", KEY.format(strong), weak, json=body)).status_code == 200
    for body in more:
        refused(await rig.call("PATCH", KEY.format(strong), weak, json=body), 403)
        assert (await rig.call("PATCH", KEY.format(strong), json=body)).status_code == 200
        await rig.call("PATCH", KEY.format(strong), json={"disabled": True, "expiresAt": EARLY})


@running
async def test_the_grace_of_a_rolled_key_is_not_extended(rig: Rig) -> None:
    """What is left to a rolled key can be cut short, and that is all."""
    _, old = await manager(rig)
    await rig.call("POST", ROLL.format(old), json={"graceSeconds": 1000})
    refused(await rig.call("PATCH", KEY.format(old), json={"expiresAt": LATEST}), 409)
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=500)
    assert (await rig.call("PATCH", KEY.format(old), json={"expiresAt": soon.isoformat()})).status_code == 200
