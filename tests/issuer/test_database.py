"""The file: what is opened, what is refused, what the schema itself keeps."""

import os
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, update
from sqlalchemy.exc import IntegrityError

from rf_middleware.issuer import schema
from rf_middleware.issuer.changes import edit, revoke
from rf_middleware.issuer.database import Database, DatabaseProblem, locate
from rf_middleware.issuer.records import SlugTaken
from rf_middleware.issuer.serving import only_server
from rf_middleware.issuer.store import Store
from tests.issuer.rig import BY, new_key


def revoked_key(path: Path) -> tuple[Database, str, bytes]:
    """Return a database with one key, which is revoked, its id and its fingerprint."""
    database = Database(path)
    _, key = new_key("k", None)
    store = Store(database)
    store.create_workspace("acme", "", key, BY)
    store.apply(revoke(key.id), BY)
    return database, key.id, key.fingerprint


@pytest.mark.parametrize(
    ("given", "path"), [("a/b.db", "a/b.db"), ("sqlite:///a/b.db", "a/b.db"), ("sqlite+pysqlite:////a.db", "/a.db")]
)
def test_a_database_is_a_path_or_a_url(given: str, path: str) -> None:
    """Both name a file."""
    assert locate(given) == Path(path)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("postgresql+psycopg://me:secret@host/db", "only SQLite is supported now, not postgresql"),
        ("", "plain file"),
        (":memory:", "plain file"),
        ("sqlite://", "plain file"),
        ("sqlite:///:memory:", "plain file"),
        ("sqlite:///file:x?mode=ro&uri=true", "plain file"),
        ("sqlite:///x.db?cache=shared", "plain file"),
        ("://", "neither a path nor"),
        ("nonsense://[", "not nonsense|neither"),
    ],
)
def test_another_database_is_refused_without_repeating_its_password(given: str, why: str) -> None:
    """The line says what is supported, and no part of the URL but its kind."""
    with pytest.raises(DatabaseProblem, match=why) as refused:
        locate(given)
    assert "secret" not in str(refused.value)


def test_the_default_is_in_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an option the file is in the user's data folder, which is made; a folder that can't be made is said."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    found = locate(None)
    assert found.parent.is_dir()
    assert tmp_path in found.parents
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    with pytest.raises(DatabaseProblem, match=rf"data folder {tmp_path}/file/.* can't be made: "):
        locate(None)


def test_a_new_file_is_private_durable_and_the_same_when_opened_again(tmp_path: Path) -> None:
    """Only its owner reads it, commits survive a power cut, and the epoch stays."""
    path = tmp_path / "issuer.db"
    seen: list[object] = []
    for _ in range(2):
        database = Database(path, check=True)
        with database.reading() as connection:
            pragmas = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")
            ]
            foreign = connection.exec_driver_sql("PRAGMA foreign_keys").scalar()
            seen.append((connection.execute(schema.meta.select()).one(), *pragmas, foreign))
        database.close()
    assert seen[0] == seen[1]
    assert seen[0][1:] == ("wal", 2, 1)  # type: ignore[index]  # a tuple of odd things
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_many_may_create_the_same_file_at_once(tmp_path: Path) -> None:
    """Commands that start together do not trip over one another."""
    path = tmp_path / "issuer.db"

    def create(number: int) -> None:
        database = Database(path)
        Store(database).create_workspace(f"w{number}", "", new_key("k", None)[1], BY)
        database.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(create, range(16)))
    database = Database(path, check=True)
    assert len(Store(database).list_workspaces()) == 16
    database.close()


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    """Nothing is written into what is not ours."""
    path = tmp_path / "notes.txt"
    path.write_bytes(b"dear diary " * 100)
    with pytest.raises(DatabaseProblem, match=r"notes.txt is not a SQLite database"):
        Database(path, check=True)
    assert path.read_bytes() == b"dear diary " * 100
    assert [each.name for each in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("name", ["notes", "meta"])
def test_a_database_of_another_program_is_refused_and_kept(name: str, tmp_path: Path) -> None:
    """A SQLite file with other tables stays as it is, to the byte."""
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute(f"CREATE TABLE {name} (x)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(DatabaseProblem, match="not of this program"):
        Database(path)
    assert path.read_bytes() == before


def test_a_database_without_its_first_row_is_refused(tmp_path: Path) -> None:
    """Our tables alone don't make it ours."""
    path = tmp_path / "issuer.db"
    database = Database(path)
    with database.writing() as connection:
        connection.execute(delete(schema.meta))
    database.close()
    with pytest.raises(DatabaseProblem, match="not of this program"):
        Database(path)


def test_a_damaged_database_is_refused_and_kept(tmp_path: Path) -> None:
    """Damage inside the file is found before anything is served from it."""
    path = tmp_path / "issuer.db"
    database = Database(path)
    store = Store(database)
    for number in range(200):
        store.create_workspace(f"w{number}", "x" * 100, new_key("k", None)[1], BY)
    database.close()
    with path.open("r+b") as file:
        for page in range(5, 20):
            file.seek(page * 4096)
            file.write(os.urandom(2048))
    before = path.read_bytes()
    with pytest.raises(DatabaseProblem, match="is damaged"):
        Database(path, check=True)
    assert path.read_bytes() == before


def test_damage_that_sqlite_reports_as_a_finding_is_refused(tmp_path: Path) -> None:
    """The check is read, not only survived."""
    path = tmp_path / "issuer.db"
    Database(path).close()
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA writable_schema=ON")
        other.execute("INSERT INTO workspaces VALUES ('i', 's', 'n', 'active', 1.0)")
        other.execute(
            "UPDATE sqlite_master SET sql = replace(sql, 'name VARCHAR(200) NOT NULL', 'name VARCHAR(200) CHECK (0)')"
            " WHERE name = 'workspaces'"
        )
    other.close()
    with sqlite3.connect(path) as other:
        found = other.execute("PRAGMA quick_check(1)").fetchone()
    other.close()
    assert found != ("ok",)
    with pytest.raises(DatabaseProblem, match="is damaged"):
        Database(path, check=True)


def test_a_newer_schema_is_refused_and_kept(tmp_path: Path) -> None:
    """An older program does not touch what a newer one made."""
    path = tmp_path / "issuer.db"
    database = Database(path)
    with database.writing() as connection:
        connection.execute(update(schema.meta).values(schema_version=99))
    database.close()
    with pytest.raises(DatabaseProblem, match=r"another version of this program \(schema 99, not 3\)"):
        Database(path)


def test_a_file_that_can_not_be_made_is_one_line(tmp_path: Path) -> None:
    """Folders that are missing or are files are named by the system's reason."""
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseProblem, match="No such file"):
        Database(tmp_path / "missing" / "issuer.db")
    with pytest.raises(DatabaseProblem, match="Not a directory"):
        Database(tmp_path / "file" / "issuer.db")
    with pytest.raises(DatabaseProblem, match="can't be opened"):
        Database(tmp_path)
    with pytest.raises(DatabaseProblem, match="can't be opened"), only_server(tmp_path / "missing" / "issuer.db"):
        pass  # never entered


def test_only_one_serves_a_file_through_whichever_name(tmp_path: Path) -> None:
    """A symbolic link leads to the same lock, and the refusal names the process."""
    path, link = tmp_path / "issuer.db", tmp_path / "link.db"
    link.symlink_to(path)
    with (
        only_server(path),
        pytest.raises(DatabaseProblem, match=rf"already served .*pid {os.getpid()}"),
        only_server(link),
    ):
        pass  # never entered
    with only_server(link):
        assert path.with_name("issuer.db.lock").exists()


def test_a_slug_is_taken_once(tmp_path: Path) -> None:
    """A second workspace of the same slug is refused, and no key is left behind."""
    database = Database(tmp_path / "issuer.db")
    store = Store(database)
    store.create_workspace("acme", "", new_key("k", None)[1], BY)
    with pytest.raises(SlugTaken):
        store.create_workspace("acme", "", new_key("k", None)[1], BY)
    with database.reading() as connection:
        assert len(connection.execute(schema.keys.select()).all()) == 1
    database.close()


@pytest.mark.parametrize("status", ["active", "disabled"])
def test_revoked_is_terminal_in_the_schema(status: str, tmp_path: Path) -> None:
    """No statement makes a revoked key anything else, whatever code sends it."""
    database, key_id, _ = revoked_key(tmp_path / "issuer.db")
    with pytest.raises(IntegrityError, match="ended_stays_ended"), database.writing() as connection:
        connection.execute(update(schema.keys).where(schema.keys.c.id == key_id).values(status=status))
    database.close()


def test_a_revoked_key_can_not_be_removed_or_replaced(tmp_path: Path) -> None:
    """Its row stays, its fingerprint stays taken, and its events are history."""
    database, key_id, fingerprint = revoked_key(tmp_path / "issuer.db")
    moved = update(schema.keys).where(schema.keys.c.id == key_id).values(fingerprint=b"0" * 32)
    again = {
        "id": "new",
        "workspace_id": "w",
        "fingerprint": fingerprint,
        "prefix": "",
        "last_four": "",
        "name": "",
        "is_default": False,
        "status": "active",
        "created": 0.0,
    }
    for statement in (
        delete(schema.keys),
        moved,
        insert(schema.keys).prefix_with("OR REPLACE").values(again),
        delete(schema.events),
        update(schema.events).values(seq=7),
    ):
        with pytest.raises(IntegrityError, match=r"ended_|keys_|events_"), database.writing() as connection:
            connection.execute(statement)
    database.close()


def test_a_second_ending_returns_the_first_event(tmp_path: Path) -> None:
    """A key ends once: the repeat is told the event that did it, and nothing is written."""
    database, key_id, _ = revoked_key(tmp_path / "issuer.db")
    store = Store(database)
    again = store.apply(edit(key_id, {"status": "disabled"}), BY)
    assert (again.seq, again.before) == (1, True)
    assert [event.seq for event in store.events_after(0)] == [1]
    database.close()
