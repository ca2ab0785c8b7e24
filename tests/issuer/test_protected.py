"""Protected keys, folders and what is kept with a key over HTTP; and what the audit log says of refusals."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from rf_middleware.issuer.changes import edit, revoke
from rf_middleware.issuer.database import Database
from rf_middleware.issuer.records import Key
from rf_middleware.issuer.schema import audit
from tests.issuer.rig import BY, Rig, in_loop, new_key, opened, running
from tests.issuer.test_api import refused

KEY, ROLL, KEYS = "/acme/api-keys/{}", "/acme/api-keys/{}/roll", "/acme/api-keys"
SOONER, LATER = "2980-01-01T00:00:00+00:00", "2990-01-01T00:00:00+00:00"


async def made(rig: Rig, key: str | None = None, **body: object) -> dict[str, Any]:
    """Create a key; return the answer."""
    answer = await rig.call("POST", KEYS, key, json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def stored(rig: Rig, key_id: str) -> Key:
    """Return a key as it is in the database."""
    found = rig.store.key_of(rig.store.list_workspaces()[0].id, key_id)
    assert found is not None
    return found


def noted(path: Path) -> list[tuple[str, str, dict[str, Any]]]:
    """Return who was refused what, as the audit log has it: actor, target, detail."""
    database = Database(path)
    try:
        with database.reading() as connection:
            query = select(audit).where(audit.c.action == "key.refuse").order_by(audit.c.seq)
            return [(row.actor_id, row.target, row.detail) for row in connection.execute(query)]
    finally:
        database.close()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", KEY, None),
        ("POST", ROLL, {}),
        ("POST", ROLL, {"graceSeconds": 600}),
        ("PATCH", KEY, {"disabled": True, "name": "not this either"}),
        ("PATCH", KEY, {"scopes": []}),
        ("PATCH", KEY, {"expiresAt": SOONER}),
    ],
)
@in_loop
async def test_a_protected_key_loses_nothing(method: str, path: str, body: object, tmp_path: Path) -> None:
    """What would end, disable or shrink it is a 409 that changes nothing and that the audit log tells of."""
    async with opened(tmp_path / "issuer.db") as rig:
        key_id = (await made(rig, name="p", protected=True, expiresAt=LATER))["keyId"]
        before = stored(rig, key_id)
        assert "protected" in refused(await rig.call(method, path.format(key_id), json=body), 409)
        assert (stored(rig, key_id), rig.told()) == (before, [])
        ((actor, target, detail),) = noted(tmp_path / "issuer.db")
        assert (actor, target, detail["status"]) == (rig.key_id, key_id, 409)
        assert detail["tried"] == {"DELETE": "key.revoke", "POST": "key.roll", "PATCH": "key.update"}[method]


@running
async def test_a_protected_key_can_be_renamed_and_enabled(rig: Rig) -> None:
    """What takes nothing from it is done, and protecting it again changes nothing."""
    key_id = (await made(rig))["keyId"]
    await rig.call("PATCH", KEY.format(key_id), json={"disabled": True, "protected": True})
    body = {"disabled": False, "name": "new", "owners": ["ann"], "protected": True, "customMetadata": {"a": "b"}}
    answer = await rig.call("PATCH", KEY.format(key_id), json=body)
    assert answer.status_code == 200
    assert answer.json()["apiKey"].items() >= body.items()


@in_loop
async def test_only_a_person_takes_the_protection_off(tmp_path: Path) -> None:
    """``protected: false`` is a 403 whatever the key is, also for one with every scope; the log tells of it."""
    async with opened(tmp_path / "issuer.db") as rig:
        for protected in (True, False):
            key_id = (await made(rig, protected=protected))["keyId"]
            answer = await rig.call("PATCH", KEY.format(key_id), json={"protected": False, "name": "new"})
            assert "person" in refused(answer, 403)
            assert (stored(rig, key_id).protected, stored(rig, key_id).name) == (protected, "")
        assert len(noted(tmp_path / "issuer.db")) == 2
        rig.store.apply(edit(key_id, {"protected": False}), BY)
        assert (await rig.call("DELETE", KEY.format(key_id))).status_code == 200


@running
async def test_protection_is_decided_where_the_change_is_made(rig: Rig) -> None:
    """Protecting and revoking at the same time leaves a key that is protected and good, or one that is gone."""
    for _ in range(20):
        key_id = (await made(rig))["keyId"]
        path = KEY.format(key_id)
        guarded, gone = await asyncio.gather(
            rig.call("PATCH", path, json={"protected": True}), rig.call("DELETE", path)
        )
        assert (guarded.status_code, gone.status_code) in {(200, 409), (404, 200), (200, 200)}
        key = stored(rig, key_id)
        assert key.status == ("active" if gone.status_code == 409 else "revoked")


def test_a_change_says_that_it_found_nothing_to_change(tmp_path: Path) -> None:
    """A protected or ended key is missed by what is only for others, and by nothing else."""

    async def main() -> None:
        async with opened(tmp_path / "issuer.db") as rig:
            key_id = (await made(rig, protected=True))["keyId"]
            assert rig.store.apply(edit(key_id, {"status": "disabled"}, unless_protected=True), BY).missed
            assert not rig.store.apply(edit(key_id, {"name": "new"}), BY).missed
            assert not rig.store.apply(revoke(key_id), BY).missed
            assert rig.store.apply(revoke(key_id), BY).missed

    asyncio.run(main())


@running
async def test_a_roll_keeps_what_is_kept_with_a_key(rig: Rig) -> None:
    """Folders, metadata and the due date go on to the replacement, unless a new date is given or none."""
    body: dict[str, Any] = {"folderIds": ["f1", "f2"], "customMetadata": {"team": "sight"}, "rotationDueAt": LATER}
    first = await made(rig, name="it", **body)
    second = (await rig.call("POST", ROLL.format(first["keyId"]))).json()
    assert second.items() >= {**body, "name": "it", "protected": False}.items()
    third = (await rig.call("POST", ROLL.format(second["keyId"]), json={"rotationDueAt": "2980-01-01"})).json()
    assert third["rotationDueAt"] == SOONER
    last = (await rig.call("POST", ROLL.format(third["keyId"]), json={"rotationDueAt": None})).json()
    assert last.items() >= {**body, "rotationDueAt": None}.items()


@running
async def test_folders_are_listed_when_asked_for(rig: Rig) -> None:
    """The list has them with ``includeFolders``, a key's own page always."""
    key_id = (await made(rig, folderIds=["f1"]))["keyId"]
    bare = (await rig.call("GET", KEYS)).json()["apiKeys"]
    full = (await rig.call("GET", KEYS, params={"includeFolders": "true"})).json()["apiKeys"]
    assert not any("folderIds" in each for each in bare)
    assert [each["folderIds"] for each in full] == [[], ["f1"]]
    assert (await rig.call("GET", KEY.format(key_id))).json()["apiKey"]["folderIds"] == ["f1"]
    refused(await rig.call("GET", KEYS, params={"includeFolders": "1"}), 400)


@in_loop
async def test_a_key_gives_no_folder_that_it_lacks(tmp_path: Path) -> None:
    """One that is kept to folders makes keys for these, and gives nothing to, or rolls, one that has more."""
    async with opened(tmp_path / "issuer.db") as rig:
        kept = await made(rig, folderIds=["f1", "f2"])
        everywhere = await made(rig)
        assert (await made(rig, kept["key"]))["folderIds"] == ["f1", "f2"]
        fewer = await made(rig, kept["key"], folderIds=["f1"])
        for folders in ([], ["f3"], ["f1", "f3"]):
            refused(await rig.call("POST", KEYS, kept["key"], json={"folderIds": folders}), 403)
        for method, path, body in (
            ("PATCH", KEY, {"scopes": ["a:b"]}),
            ("PATCH", KEY, {"disabled": False}),
            ("POST", ROLL, {}),
        ):
            refused(await rig.call(method, path.format(everywhere["keyId"]), kept["key"], json=body), 403)
            answer = await rig.call(method, path.format(fewer["keyId"]), kept["key"], json=body)
            assert answer.status_code == 200
        assert [detail["status"] for _, _, detail in noted(tmp_path / "issuer.db")] == [403] * 3


@running
async def test_a_key_says_who_made_it(rig: Rig) -> None:
    """The name of the acting key, or its id where it has none; for a replacement the one that rolled."""
    named = await made(rig)
    assert named["createdBy"] == "key Default key"
    nameless = await made(rig, named["key"])
    assert nameless["createdBy"] == f"key {named['keyId']}"
    assert (await rig.call("POST", ROLL.format(nameless["keyId"]))).json()["createdBy"] == "key Default key"
    long = await made(rig, name="x" * 200)
    assert (await made(rig, long["key"]))["createdBy"] == "key " + "x" * 196


@in_loop
async def test_no_refusal_is_noted_about_a_key_that_is_not_there(tmp_path: Path) -> None:
    """A foreign or unknown id is a 404 whatever is asked of it, and leaves nothing in the log."""
    async with opened(tmp_path / "issuer.db") as rig:
        for body in ({"protected": False}, {"disabled": True}, {"name": "x"}):
            refused(await rig.call("PATCH", KEY.format("nobody"), json=body), 404)
        refused(await rig.call("DELETE", KEY.format("nobody")), 404)
        weak = await made(rig, scopes=["api-key:update"])
        refused(await rig.call("PATCH", KEY.format("nobody"), weak["key"], json={"scopes": None}), 404)
        refused(await rig.call("PATCH", KEY.format(weak["keyId"]), weak["key"], json={"name": 1}), 400)
        assert noted(tmp_path / "issuer.db") == []


@running
async def test_members_are_counted(rig: Rig) -> None:
    """The workspace says how many people belong to it, and those of others don't count."""
    database = Database(rig.store.path)
    try:
        with database.writing() as connection:
            for number, workspace in enumerate([rig.store.list_workspaces()[0].id] * 2):
                person = f"p{number}"
                row = (person, f"{person}@x", "", None, 0, "active", 0.0)
                connection.exec_driver_sql("INSERT INTO people VALUES (?, ?, ?, ?, ?, ?, ?)", row)
                connection.exec_driver_sql("INSERT INTO members VALUES (?, ?, ?)", (workspace, person, "viewer"))
    finally:
        database.close()
    secret, key = new_key("k", None)
    rig.store.create_workspace("other", "", key, BY)
    assert (await rig.call("GET", "/acme")).json()["workspace"]["members"] == 2
    assert (await rig.call("GET", "/other", secret)).json()["workspace"]["members"] == 0
