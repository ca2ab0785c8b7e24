"""Creating, changing and rolling keys over HTTP: what is read, what is refused, and that nothing is half done."""

import asyncio
import json
from pathlib import Path

import pytest

from rf_middleware.issuer.records import Key
from tests.issuer.rig import Rig, in_loop, opened, running
from tests.issuer.test_api import refused

KEY, ROLL, KEYS = "/acme/api-keys/{}", "/acme/api-keys/{}/roll", "/acme/api-keys"
LATER, SOONER = "2990-01-01T00:00:00+00:00", "2980-01-01T00:00:00+00:00"

NAMES: list[object] = [None, 1, [], "x" * 201, "a\nb", "\x1b[2J", "\u202e"]
SCOPES: list[object] = [
    "a:b",
    {},
    1,
    ["a"],
    ["A:b"],
    ["a:b:c"],
    ["a:"],
    ["a:b\n"],
    [1],
    [None],
    ["role:owner"],
    ["a:b"] * 101,
]
OWNERS: list[object] = [None, "ann", {}, [""], [1], ["a\nb"], ["x" * 201], ["ann"] * 101]
ENDS: list[object] = [
    *(1, True, "", "soon", "2990-01-01", "2990-01-01T00:00:00", "2990-13-01T00:00:00Z", ["2990-01-01T00:00:00Z"]),
    *("1990-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00+23:59"),
]
METADATA: list[object] = [
    *(None, [], "a", 1, {"a": []}, {"a": {}}, {"a\nb": 1}, {"x" * 201: 1}, {"a": "x" * 201}, {"a": "\udc80"}),
    *({"a": float("nan")}, {"a": float("inf")}, {"a": 10**400}, {"a": "b\nc"}, {str(n): n for n in range(101)}),
]
BAD: dict[str, list[object]] = {
    "name": NAMES,
    "scopes": SCOPES,
    "owners": OWNERS,
    "expiresAt": ENDS,
    "disabled": [None, 0, 1, "true", [], "false"],
    "graceSeconds": [None, -1, True, "5", [], 30 * 86_400 + 1, 10**400, float("nan"), float("inf")],
    "folderIds": OWNERS,
    "customMetadata": METADATA,
    "rotationDueAt": [*ENDS[:4], *ENDS[6:], "1990-01-01", "2990-13-01"],
    "protected": [None, 0, 1, "true", []],
    "colour": ["red"],
    "\udc80" * 3: [1],
}
KEPT = ("customMetadata", "protected", "rotationDueAt")
TAKES = {
    ("POST", KEYS): {"name", "scopes", "owners", "expiresAt", *KEPT, "folderIds"},
    ("PATCH", KEY): {"name", "scopes", "owners", "expiresAt", "disabled", *KEPT},
    ("POST", ROLL): {"owners", "graceSeconds", "rotationDueAt"},
}


def everything(rig: Rig) -> tuple[list[Key], list[str]]:
    """Return all that could have changed: keys and events."""
    return rig.store.keys_of(rig.store.list_workspaces()[0].id), rig.told()


@pytest.mark.parametrize("field", BAD)
@pytest.mark.parametrize(("method", "path"), TAKES)
@in_loop
async def test_a_bad_value_is_named_and_nothing_is_done(field: str, method: str, path: str, tmp_path: Path) -> None:
    """A field that is unknown or has no good value is a 400 that names it, with good fields beside it too."""
    async with opened(tmp_path / "issuer.db") as rig:
        _, key_id = await rig.new_key()
        before = everything(rig)
        known = field in TAKES[method, path]
        for value in BAD[field]:
            body = {"owners": ["ann"], field: value}
            answer = await rig.call(method, path.format(key_id), content=json.dumps(body))
            text = refused(answer, 400)
            assert (field if known else f"Unknown field: {field.encode('ascii', 'backslashreplace').decode()}") in text
            assert everything(rig) == before


GOOD: list[tuple[str, object, object]] = [
    ("name", "Kraków 🔑 (new)", "Kraków 🔑 (new)"),
    ("name", "", ""),
    ("scopes", None, None),
    ("scopes", [], []),
    ("scopes", ["b:c", "a:b", "b:c"], ["a:b", "b:c"]),
    ("scopes", ["0-9_:_9-0", "roles:admin"], ["0-9_:_9-0", "roles:admin"]),
    ("scopes", ["role:admin", "a:b"], None),
    ("scopes", ["role:inference", "a:b"], ["a:b", "model:infer"]),
    ("scopes", ["role:viewer"], ["api-key:read", "workspace:read"]),
    ("owners", [], []),
    ("owners", ["bob", "ann", "bob"], ["ann", "bob"]),
    ("owners", ["x" * 200] * 100, ["x" * 200]),
    ("customMetadata", {}, {}),
    ("customMetadata", {"team": "sight", "": 1.5, "a b": None}, {"team": "sight", "": 1.5, "a b": None}),
    ("protected", True, True),
    ("rotationDueAt", None, None),
    ("rotationDueAt", "2990-01-01", LATER),
    ("rotationDueAt", "2990-01-01T00:00:00", LATER),
    ("rotationDueAt", "2990-01-01T02:00:00.9+02:00", LATER),
    ("expiresAt", None, None),
    ("expiresAt", "2990-01-01T02:00:00.9+02:00", LATER),
    ("expiresAt", "2990-01-01T00:00:00Z", LATER),
    ("expiresAt", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59+00:00"),
]


@pytest.mark.parametrize(("method", "path"), [each for each in TAKES if each[1] != ROLL])
@pytest.mark.parametrize(("field", "given", "shown"), GOOD)
@in_loop
async def test_a_good_value_is_kept_and_shown(
    *, field: str, given: object, shown: object, method: str, path: str, tmp_path: Path
) -> None:
    """What was given stands in the answer, in the key's own page and in the list alike."""
    async with opened(tmp_path / "issuer.db") as rig:
        key_id = (await rig.new_key())[1]
        answer = await rig.call(method, path.format(key_id), json={field: given})
        assert answer.status_code == 200, answer.text
        made = answer.json()["apiKey"] if method == "PATCH" else answer.json()
        assert made[field] == shown
        again = (await rig.call("GET", KEY.format(made["keyId"]))).json()["apiKey"]
        listed = (await rig.call("GET", KEYS, params={"includeFolders": "true"})).json()["apiKeys"]
        assert again in listed
        assert made.items() >= again.items()


@running
async def test_an_empty_change_changes_nothing(rig: Rig) -> None:
    """No field, or only what is so already, is answered with the key as it is and no receipt."""
    _, key_id = await rig.new_key(["a:b"])
    before = everything(rig)
    same: dict[str, object] = {"name": "made", "scopes": ["a:b"], "owners": [], "expiresAt": None, "disabled": False}
    for body in (dict[str, object](), same):
        answer = await rig.call("PATCH", KEY.format(key_id), json=body)
        assert (answer.status_code, answer.json().keys()) == (200, {"apiKey"})
    assert everything(rig) == before


@in_loop
async def test_a_name_does_not_wait(tmp_path: Path) -> None:
    """Name and owners change at once, also while something of the key is on its way."""
    async with opened(tmp_path / "issuer.db", lease=60.0) as rig:
        _, key_id = await rig.new_key()
        await rig.poll()
        assert (await rig.call("PATCH", KEY.format(key_id) + "?wait=false", json={"disabled": True})).status_code == 202
        answer = await rig.call("PATCH", KEY.format(key_id), json={"name": "new", "owners": ["ann"]})
        assert (answer.status_code, answer.json().keys()) == (200, {"apiKey"})
        assert (answer.json()["apiKey"]["name"], answer.json()["apiKey"]["owners"]) == ("new", ["ann"])


@running
async def test_a_secret_is_in_the_answer_that_makes_it_and_nowhere_else(rig: Rig) -> None:
    """A change, the list and the page of a key hold no secret; a roll has the new one only."""
    secret, key_id = await rig.new_key()
    rolled = await rig.call("POST", ROLL.format(key_id))
    new = rolled.json()["key"]
    assert (await rig.introspect(new))["key_id"] == rolled.json()["keyId"] != key_id
    assert secret not in rolled.text
    for method, path, body in (
        ("PATCH", KEY.format(rolled.json()["keyId"]), {"disabled": False, "scopes": None}),
        ("GET", KEY.format(rolled.json()["keyId"]), None),
        ("GET", KEYS, None),
        ("GET", "/revocations/1", None),
        ("DELETE", KEY.format(rolled.json()["keyId"]), None),
    ):
        answer = await rig.call(method, path, json=body)
        assert answer.status_code == 200
        assert not any(key in answer.text for key in (secret, new, rig.key))


@running
async def test_a_roll_copies_the_key(rig: Rig) -> None:
    """Name, scopes, end, owners and being disabled stay; owners can be named anew; the body may be empty."""
    body = {"name": "it", "scopes": ["a:b"], "owners": ["ann"], "expiresAt": LATER}
    key_id = (await rig.call("POST", KEYS, json=body)).json()["keyId"]
    await rig.call("PATCH", KEY.format(key_id), json={"disabled": True})
    first = (await rig.call("POST", ROLL.format(key_id), content=b"")).json()
    assert first.items() >= {**body, "disabled": True, "rolled": key_id, "revoked": True, "seq": 2}.items()
    second = (await rig.call("POST", ROLL.format(first["keyId"]), json={"owners": ["bob"]})).json()
    assert second.items() >= {**body, "owners": ["bob"], "rolled": first["keyId"]}.items()
    assert second["disabled"] is True
    assert refused(await rig.call("GET", KEY.format(key_id)), 404)


@running
async def test_a_roll_with_grace_keeps_the_old_key_for_that_long(rig: Rig) -> None:
    """Both are good, the old one with an end that is never later than the one it had; it is rolled once."""
    old, key_id = await rig.new_key()
    made = (await rig.call("POST", ROLL.format(key_id), json={"graceSeconds": 600})).json()
    assert 300 < (await rig.introspect(old))["expires_in"] <= 600
    assert "expires_in" not in await rig.introspect(made["key"])
    assert "rolled" in refused(await rig.call("POST", ROLL.format(key_id)), 409)
    await rig.call("PATCH", KEY.format(made["keyId"]), json={"expiresAt": SOONER})
    last = await rig.call("POST", ROLL.format(made["keyId"]), json={"graceSeconds": 0.5})
    assert last.json()["expiresAt"] == SOONER
    assert (await rig.introspect(last.json()["key"]))["active"]
    assert rig.told() == ["updated", "updated", "updated"]


@running
async def test_rolls_at_the_same_time_make_one_key(rig: Rig) -> None:
    """One of them has the secret; the others are told that it was done already."""
    _, key_id = await rig.new_key()
    answers = await asyncio.gather(*(rig.call("POST", ROLL.format(key_id)) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert sum("key" in answer.json() for answer in answers) == 1
    assert (len(everything(rig)[0]), rig.told()) == (2, ["rolled"])
