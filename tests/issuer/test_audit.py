"""The audit log: every change has its row, in its own transaction, chained to the one before."""

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError

from rf_middleware import cli
from rf_middleware.issuer.audit import CLOCK, START, By, Note, link
from rf_middleware.issuer.changes import Change, edit, expire, remove_owner, revoke, roll, set_workspace
from rf_middleware.issuer.database import Database
from rf_middleware.issuer.records import SlugTaken
from rf_middleware.issuer.schema import audit, keys
from rf_middleware.issuer.schema_people import devices, links, pastes, people
from rf_middleware.issuer.store import Store
from tests.issuer.rig import new_key

ANN = By("person", "p1", "ann@example.com", "203.0.113.9")


@pytest.fixture
def database(tmp_path: Path) -> Generator[Database]:
    """An opened database with the workspace acme."""
    opened = Database(tmp_path / "issuer.db")
    Store(opened).create_workspace("acme", "", new_key("Default key", None)[1], ANN)
    yield opened
    opened.close()


def rows(database: Database) -> list[dict[str, Any]]:
    """Return the whole log."""
    with database.reading() as connection:
        found = connection.execute(select(audit).order_by(audit.c.seq))
        return [dict(row._mapping) for row in found]


def told(database: Database, after: int = 2) -> list[tuple[str, str, str]]:
    """Return who did what to what, after so many rows."""
    return [(row["actor_kind"], row["action"], row["target"]) for row in rows(database)[after:]]


def chained(found: list[dict[str, Any]]) -> bool:
    """Say whether each row fits to the one before."""
    before = [START, *(row["chain"] for row in found)]
    return all(row["chain"] == link(last, row) for last, row in zip(before, found, strict=False))


def add(store: Store, **more: Any) -> str:
    """Add a key."""
    return store.create_key(store.list_workspaces()[0].id, new_key("k", frozenset({"a:b"}), **more)[1], ANN)


def test_what_adds_something_has_a_row(database: Database) -> None:
    """Workspaces, keys and tokens come with who made them, and where from."""
    store = Store(database)
    workspace = store.list_workspaces()[0].id
    key = add(store)
    token = store.create_token(bytes(32), "t", ANN)
    assert (store.end_token(token, ANN), store.end_token(token, ANN), store.end_token("x", ANN)) == (True, False, False)
    assert [row["action"] for row in rows(database)] == [
        "workspace.create",
        "key.create",
        "key.create",
        "token.create",
        "token.revoke",
    ]
    assert [row["seq"] for row in rows(database)] == [1, 2, 3, 4, 5], "a gap is a row that was taken away"
    row = rows(database)[2]
    assert (row["actor_id"], row["actor_name"], row["address"]) == ("p1", "ann@example.com", "203.0.113.9")
    assert (row["target"], row["workspace_id"], row["detail"]) == (key, workspace, {"name": "k", "scopes": ["a:b"]})
    assert store.token_id(bytes(32)) is None
    assert chained(rows(database))


def test_each_change_of_a_key_has_a_row(database: Database) -> None:
    """The row says what the event says, and the number of the event."""
    store = Store(database)
    key = add(store)
    for change in (
        edit(key, {"name": "new"}),
        edit(key, {"status": "disabled", "name": "newer"}),
        edit(key, {"status": "active"}),
        edit(key, {}, ["ann"]),
        edit(key, {}),
        revoke(key),
        revoke(key),
    ):
        store.apply(change, ANN)
    assert told(database, 3) == [
        ("person", "key.update", key),
        ("person", "key.disable", key),
        ("person", "key.enable", key),
        ("person", "key.update", key),
        ("person", "key.revoke", key),
    ]
    assert [row["detail"] for row in rows(database)[3:]] == [
        {"fields": ["name"]},
        {"fields": ["name", "status"], "seq": 1},
        {"fields": ["status"], "seq": 2},
        {"fields": ["owners"]},
        {"fields": ["status"], "seq": 3},
    ]
    assert {row["workspace_id"] for row in rows(database)} == {store.list_workspaces()[0].id}
    assert chained(rows(database))


def test_a_roll_tells_of_both_keys(database: Database) -> None:
    """The old key says what took its place, the new one what it replaces."""
    store = Store(database)
    old = store.key_of(store.list_workspaces()[0].id, add(store))
    assert old is not None
    _, new = new_key("k", old.scopes)
    store.apply(roll(old, new, None), ANN)
    assert told(database, 3) == [("person", "key.roll", old.id), ("person", "key.create", new.id)]
    assert rows(database)[3]["detail"] == {"replaced_by": new.id, "seq": 1}
    assert rows(database)[4]["detail"] == {"name": "k", "replaces": old.id}


def test_a_workspace_and_an_owner_have_their_rows(database: Database) -> None:
    """What ends many keys at once tells of each."""
    store = Store(database)
    workspace = store.list_workspaces()[0].id
    key = add(store, owners=("bob",))
    for change in (
        remove_owner(workspace, "bob"),
        set_workspace(workspace, "suspended"),
        set_workspace(workspace, "active"),
        set_workspace(workspace, "deleted"),
    ):
        store.apply(change, ANN)
    assert told(database, 3) == [
        ("person", "key.revoke", key),
        ("person", "owner.remove", "bob"),
        ("person", "workspace.suspend", workspace),
        ("person", "workspace.resume", workspace),
        ("person", "workspace.delete", workspace),
    ]


def test_what_ends_by_itself_was_the_clock(database: Database) -> None:
    """Whoever changes something next is not blamed for it."""
    store = Store(database)
    over = add(store, expires=1.0)
    key = add(store)
    store.apply(revoke(key), ANN)
    assert told(database, 4) == [("clock", "key.expire", over), ("person", "key.revoke", key)]
    store.apply(expire(2.0), CLOCK)
    assert told(database, 6) == []


def test_a_change_that_fails_leaves_no_row(database: Database) -> None:
    """There is no row without the change, and no change without the row."""
    store = Store(database)
    key = add(store)
    before = rows(database)
    with pytest.raises(SlugTaken):
        store.create_workspace("acme", "", new_key("k", None)[1], ANN)
    bad = edit(key, {"status": "revoked"})
    with pytest.raises(IntegrityError):
        store.apply(Change(bad.first, bad.about, (insert(keys).values(id=key),), bad.note), ANN)
    assert rows(database) == before
    assert store.events_after(0) == []


def test_a_note_of_its_own_is_kept(database: Database) -> None:
    """What changes nothing can be told too."""
    Store(database).note(ANN, Note("key.show", "k1", detail={"é": "\N{SNOWMAN}"}))
    assert told(database) == [("person", "key.show", "k1")]
    assert chained(rows(database))


def test_the_log_only_grows(database: Database) -> None:
    """No statement takes a row away, changes one or puts another in its place."""
    for statement in (
        "DELETE FROM audit",
        "UPDATE audit SET actor_name = 'somebody else'",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE seq = 1",
    ):
        with pytest.raises(IntegrityError, match="audit_is_"), database.writing() as connection:
            connection.execute(text(statement))


@given(
    name=st.sampled_from(["seq", "at", "actor_name", "address", "action", "target", "workspace_id", "detail"]),
    other=st.text() | st.integers(),
)
def test_a_row_that_was_changed_does_not_fit(name: str, other: str | int) -> None:
    """Each field is in the chain, and so is the row before."""
    row: dict[str, object] = {
        "seq": 1,
        "at": 1.5,
        "actor_kind": "person",
        "actor_id": "p",
        "actor_name": "n",
        "address": "a",
        "action": "key.show",
        "target": "t",
        "workspace_id": None,
        "detail": {"a": [1]},
    }
    assert len(link(START, row)) == 32
    assert row[name] == other or link(START, row) != link(START, {**row, name: other})
    assert link(START, row) != link(b"x" * 32, row)


def test_the_encrypted_copy_goes_with_its_key(database: Database) -> None:
    """However a key ends, its secret is not kept."""
    store = Store(database)
    ids = [add(store) for _ in range(3)]
    ids.append(add(store, expires=1.0))
    with database.writing() as connection:
        for key in ids:
            connection.execute(text("INSERT INTO secrets VALUES (:id, 'kek', x'00')"), {"id": key})
    assert store.sealed_with() == {"kek": 4}
    store.apply(revoke(ids[0]), ANN)
    with database.writing() as connection:
        connection.execute(text("UPDATE keys SET status = 'rolled' WHERE id = :id"), {"id": ids[1]})
    assert [store.sealed_secret(key) is None for key in ids] == [True, True, False, True]


@pytest.mark.parametrize(("user", "name"), [("ann", "ann"), (None, "")])
def test_a_command_is_done_by_the_user_of_the_system(tmp_path: Path, user: str | None, name: str) -> None:
    """The log has the number of the user, and the name where there is one."""
    path = tmp_path / "issuer.db"
    done = CliRunner(env={"USER": user}).invoke(cli.group, ["token", "create", "--database", str(path)])
    assert done.exit_code == 0
    opened = Database(path)
    (row,) = rows(opened)
    opened.close()
    assert (row["actor_kind"], row["actor_id"], row["actor_name"], row["address"]) == (
        "command",
        str(os.getuid()),
        name,
        "",
    )


def test_what_is_used_or_decided_once_stays_so(database: Database) -> None:
    """A used link or one-time token stays used, a decided login decided, an ended token ended."""
    with database.writing() as connection:
        person = {"id": "p", "email": "a@b.c", "name": "", "admin": False, "status": "active", "created": 0.0}
        connection.execute(insert(people).values(person))
        common = {"created": 0.0, "ends": 9.0}
        connection.execute(insert(links).values(fingerprint=b"l", purpose="first", used=1.0, **common))
        connection.execute(insert(pastes).values(fingerprint=b"p", person_id="p", workspaces=[], used=1.0, **common))
        device = {"client": "", "name": "", "address": "", "agent": "", "workspace": "", "interval": 5.0}
        device |= {"id": "d", "device_fingerprint": b"d", "user_fingerprint": b"u", "state": "denied"}
        connection.execute(insert(devices).values(workspaces=[], **device, **common))
    token = Store(database).create_token(bytes(32), "t", ANN)
    Store(database).end_token(token, ANN)
    for statement in (
        "UPDATE links SET used = NULL",
        "UPDATE pastes SET used = NULL",
        "UPDATE devices SET state = 'approved'",
        "UPDATE tokens SET ended = NULL",
        "DELETE FROM tokens",
        "INSERT OR REPLACE INTO tokens SELECT id, fingerprint, name, created, NULL FROM tokens",
    ):
        with pytest.raises(IntegrityError, match=r"once|tokens"), database.writing() as connection:
            connection.execute(text(statement))
