"""What earlier versions of the program made is brought to the tables of this one, or left as it is."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from rf_middleware.issuer import schema
from rf_middleware.issuer.changes import revoke
from rf_middleware.issuer.database import Database, DatabaseProblem
from rf_middleware.issuer.store import Store
from tests.issuer.rig import BY, new_key

OLD = Path(__file__).with_name("schema_1.sql").read_text()


def made_by_version_1(path: Path, *more: str) -> None:
    """Make a database as version 1 left it."""
    with sqlite3.connect(path) as old:
        old.executescript(OLD)
        for statement in more:
            old.execute(statement)
    old.close()


def shape(path: Path) -> dict[tuple[str, str], set[str]]:
    """Return every table, index and trigger of a file, with the columns of tables."""
    with sqlite3.connect(path) as connection:
        listed = connection.execute("SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'").fetchall()
        found = {
            (kind, name): {column[1] for column in connection.execute(f"PRAGMA table_info({name})")}
            for kind, name in listed
        }
    connection.close()
    return found


def test_a_database_of_version_1_has_all_of_this_one_afterwards(tmp_path: Path) -> None:
    """Keys, ends and tokens are as they were; tables, indexes and triggers are those of a new file."""
    made_by_version_1(tmp_path / "old.db")
    Database(tmp_path / "new.db").close()
    database = Database(tmp_path / "old.db")
    store = Store(database)
    (workspace,) = store.list_workspaces()
    (key,) = store.keys_of(workspace.id)
    ended = store.key_of(workspace.id, "k2")
    assert (key.id, key.folders, key.metadata, key.protected, key.rotation_due, key.made_by) == (
        "k1",
        (),
        {},
        False,
        None,
        "",
    )
    assert ended is not None
    assert (ended.status, ended.scopes) == ("revoked", frozenset({"model:infer"}))
    assert [(token.id, token.ended) for token in store.list_tokens()] == [("t1", None)]
    assert store.apply(revoke(key.id), BY).seq == 2
    assert store.create_key(workspace.id, new_key("k", None)[1], BY)
    with database.reading() as connection:
        assert connection.execute(select(schema.meta.c.schema_version, schema.meta.c.epoch)).one() == (3, "an-epoch")
    database.close()
    assert shape(tmp_path / "old.db") == shape(tmp_path / "new.db")


def test_a_database_is_migrated_once(tmp_path: Path) -> None:
    """Opened again, it is as any other."""
    made_by_version_1(tmp_path / "old.db")
    Database(tmp_path / "old.db").close()
    before = shape(tmp_path / "old.db")
    Database(tmp_path / "old.db", check=True).close()
    assert shape(tmp_path / "old.db") == before


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """It is one transaction, and the trouble is said in one line."""
    made_by_version_1(tmp_path / "old.db", "CREATE VIEW audit AS SELECT 1")
    before = shape(tmp_path / "old.db")
    with pytest.raises(DatabaseProblem, match="can't be used"):
        Database(tmp_path / "old.db")
    assert shape(tmp_path / "old.db") == before


def test_a_database_of_version_2_gets_what_version_3_added(tmp_path: Path) -> None:
    """Its keys stay, and nothing is taken for granted of the servers that it had."""
    path = tmp_path / "old.db"
    database = Database(path)
    store = Store(database)
    store.create_workspace("acme", "", new_key("k", None)[1], BY)
    store.begin_life(20.0)
    database.close()
    new = shape(path)
    with sqlite3.connect(path) as old:
        old.execute("ALTER TABLE meta DROP COLUMN start")
        old.execute("ALTER TABLE meta DROP COLUMN orderly")
        old.execute("UPDATE meta SET schema_version = 2")
    old.close()
    database = Database(path)
    store = Store(database)
    assert shape(path) == new
    assert [workspace.slug for workspace in store.list_workspaces()] == ["acme"]
    assert store.begin_life(1.0).wait == 20.0
    database.close()


@pytest.mark.parametrize("version", [2, 3])
def test_half_a_database_of_a_version_is_not_of_this_program(version: int, tmp_path: Path) -> None:
    """A file that names a version but lacks a table of it is refused."""
    made_by_version_1(tmp_path / "old.db", f"UPDATE meta SET schema_version = {version}")  # noqa: S608 - our own number
    with pytest.raises(DatabaseProblem, match="not of this program"):
        Database(tmp_path / "old.db")


def test_the_triggers_of_the_new_version_hold_in_a_migrated_file(tmp_path: Path) -> None:
    """The audit log can't be cut there either."""
    made_by_version_1(tmp_path / "old.db")
    database = Database(tmp_path / "old.db")
    Store(database).create_token(bytes(32), "t", BY)
    for statement in (schema.audit.delete(), schema.audit.update().values(at=0.0)):
        with pytest.raises(IntegrityError, match="audit_is_"), database.writing() as connection:
            connection.execute(statement)
    with pytest.raises(IntegrityError, match="keys_begin_active"), database.writing() as connection:
        connection.execute(insert(schema.keys).values(id="k3", status="revoked"))
    database.close()
