"""The audit log read: the chain is walked, rows are found, and the two commands say so."""

import json
import sqlite3
import tempfile
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from rf_middleware import cli
from rf_middleware.issuer.audit import NOBODY, START, By, Note, Query, Verdict
from rf_middleware.issuer.database import Database
from rf_middleware.issuer.schema import audit
from rf_middleware.issuer.store import Store
from tests.issuer.rig import new_key, store_of

ANN = By("person", "p1", "ann@example.com", "203.0.113.9")
BOB = By("key", "k9", "bob's 100% key_1", "::1")
TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
NOTES = st.builds(
    Note,
    st.sampled_from(["key.show", "key.update", "session.fail"]),
    TEXTS,
    st.none() | st.sampled_from(["w1", "w2"]),
    st.dictionaries(TEXTS, TEXTS | st.integers() | st.floats() | st.lists(st.booleans(), max_size=2), max_size=2),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a database with the workspaces w1 and w2, and five rows of notes after those of the workspaces."""
    path = tmp_path / "issuer.db"
    database = Database(path)
    store = Store(database)
    for slug in ("w1", "w2"):
        store.create_workspace(slug, "", new_key("Default key", None)[1], ANN)
    store.note(ANN, Note("key.show", "k1", "w1"))
    store.note(BOB, Note("key.update", "k2", "w2", {"fields": ["name"], "said": 'a "quote" and é'}))
    store.note(NOBODY, Note("session.fail", "Eve@Example.com\x1b[2J"))
    store.note(BOB, Note("keyring.open", "k1", "w1"))
    store.note(ANN, Note("key.show", "k2", "w2"))
    database.close()
    return path


@pytest.fixture
def store(path: Path) -> Generator[Store]:
    """The store of that database."""
    with store_of(path) as store:
        yield store


def tamper(path: Path, *statements: str) -> None:
    """Change the file as somebody does who has it, and no respect for its triggers."""
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            file.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            file.execute(statement)


def invoke(path: Path, *arguments: str) -> Result:
    """Run an audit command on a file."""
    return CliRunner(env={"RF_DATABASE_URL": str(path)}).invoke(cli.group, ["audit", *arguments])


def seqs(store: Store, **asked: Any) -> list[int]:
    """Return the places of the rows that are found, counted from the first of the notes."""
    return [entry.seq - 4 for entry in store.search_audit(Query(**asked)) if entry.seq > 4]


# The chain


@pytest.mark.parametrize("batch", [1, 2, 3, 9, 10, 1000])
def test_an_untouched_log_fits_whatever_the_batch(store: Store, batch: int) -> None:
    """Every row is counted once, and the head is the chain of the last."""
    (newest,) = store.search_audit(Query(limit=1))
    assert store.verify_audit(batch) == Verdict(9, newest.chain, None)
    assert store.audit_head() == 9


def test_an_empty_log_fits(tmp_path: Path) -> None:
    """Nothing is chained to the start."""
    database = Database(tmp_path / "issuer.db")
    assert Store(database).verify_audit() == Verdict(0, START, None)
    assert Store(database).audit_head() == 0
    database.close()


@settings(max_examples=25)  # each makes a database
@given(notes=st.lists(NOTES, min_size=1, max_size=6), batch=st.integers(1, 4))
def test_whatever_is_noted_fits_when_it_is_read_back(notes: list[Note], batch: int) -> None:
    """No text, number or nesting is stored other than it was chained."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder) / "issuer.db")
        try:
            store = Store(database)
            for note in notes:
                store.note(By("person", note.target, note.target), note)
            assert store.verify_audit(batch).broken is None
            assert [entry.action for entry in store.search_audit(Query())] == [note.action for note in notes][::-1]
        finally:
            database.close()


@pytest.mark.parametrize(
    ("statement", "broken", "fit"),
    [
        ("UPDATE audit SET actor_name = 'eve' WHERE seq = 6", 6, 5),
        ("UPDATE audit SET detail = '{}' WHERE seq = 6", 6, 5),
        ("UPDATE audit SET detail = 'no JSON' WHERE seq = 6", 6, 5),
        ("UPDATE audit SET at = at + 1 WHERE seq = 6", 6, 5),
        ("UPDATE audit SET at = 'noon' WHERE seq = 6", 6, 5),
        ("UPDATE audit SET workspace_id = NULL WHERE seq = 6", 6, 5),
        ("UPDATE audit SET target = x'00ff' WHERE seq = 6", 6, 5),
        ("UPDATE audit SET chain = 'text' WHERE seq = 6", 6, 5),
        ("UPDATE audit SET chain = zeroblob(32) WHERE seq = 9", 9, 8),
        ("UPDATE audit SET detail = '" + "[" * 100_000 + "' WHERE seq = 6", 6, 5),
        ("UPDATE audit SET target = CAST(x'ff' AS TEXT) WHERE seq = 6", 6, 5),
        ("DELETE FROM audit WHERE seq = 6", 7, 5),
        ("DELETE FROM audit WHERE seq <= 6", 7, 0),
        ("INSERT INTO audit SELECT 0, at, '', '', '', '', action, target, NULL, '{}', chain FROM audit LIMIT 1", 0, 0),
        (
            "INSERT INTO audit SELECT -7, at, '', '', '', '', action, target, NULL, '{}', chain FROM audit LIMIT 1",
            -7,
            0,
        ),
        (
            "INSERT INTO audit SELECT 20, at, '', '', '', '', action, target, NULL, '{}', chain FROM audit LIMIT 1",
            20,
            9,
        ),
        ("UPDATE audit SET seq = 10 WHERE seq = 9", 10, 8),
    ],
)
@pytest.mark.parametrize("batch", [2, 1000])
def test_a_log_that_was_tampered_with_is_found_out(
    path: Path, statement: str, broken: int, fit: int, batch: int
) -> None:
    """The first row that does not fit is named, whatever was done to it or to those before it."""
    tamper(path, statement)
    database = Database(path)
    found = Store(database).verify_audit(batch)
    database.close()
    assert (found.broken, found.count) == (broken, fit)


def test_a_log_that_was_cut_off_has_another_head(path: Path) -> None:
    """What is left fits, so the count and the head that were noted before are what tells."""
    before = json.loads(invoke(path, "verify", "--json").stdout)
    tamper(path, "DELETE FROM audit WHERE seq > 7")
    after = json.loads(invoke(path, "verify", "--json").stdout)
    assert (before["rows"], after["rows"], before["broken"], after["broken"]) == (9, 7, None, None)
    assert before["head"] != after["head"]


# The search


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, [5, 4, 3, 2, 1]),
        ({"limit": 2}, [5, 4]),
        ({"before": 8, "limit": 2}, [3, 2]),
        ({"before": 2**70}, [5, 4, 3, 2, 1]),
        ({"before": -(2**80)}, []),
        ({"action": "key"}, [5, 2, 1]),
        ({"action": "key.show"}, [5, 1]),
        ({"action": "k%"}, []),
        ({"actor": "p1"}, [5, 1]),
        ({"actor": "bob's 100% key_1"}, [4, 2]),
        ({"actor": "nobody"}, [3]),
        ({"actor": "bob"}, []),
        ({"workspaces": ["w1"]}, [4, 1]),
        ({"workspaces": ["w1", "w2"], "actor": "p1"}, [5, 1]),
        ({"workspaces": []}, []),
        ({"text": "100% key_1"}, [4, 2]),
        ({"text": "1__%"}, []),
        ({"text": "%"}, [4, 2]),
        ({"text": "eve@EXAMPLE"}, [3]),
        ({"text": "' OR 1=1 --"}, []),
        ({"text": 'a "quote"'}, [2]),
        ({"text": "and é"}, [2]),
        ({"text": "::1"}, [4, 2]),
        ({"text": "show"}, [5, 1]),
        ({"text": "k2"}, [5, 2]),
        ({"text": "\udc80"}, []),
        ({"action": "\udc80", "actor": "\udc80"}, []),
    ],
    ids=str,
)
def test_rows_are_found_newest_first(store: Store, asked: dict[str, Any], found: list[int]) -> None:
    """Each part of a query narrows, and no letter of it is taken for a pattern or for SQL."""
    assert seqs(store, **asked) == found


def test_a_found_row_is_whole(store: Store) -> None:
    """It says everything that was noted."""
    entry = store.search_audit(Query(text="quote"))[0]
    assert (entry.by, entry.action, entry.target, entry.workspace_id) == (BOB, "key.update", "k2", "w2")
    assert entry.detail == {"fields": ["name"], "said": 'a "quote" and é'}
    with store._database.reading() as connection:
        row = connection.execute(select(audit).where(audit.c.seq == entry.seq)).one()
    assert (entry.at, entry.chain) == (row.at, row.chain)


# The commands


def test_verify_says_count_and_head(path: Path) -> None:
    """Exit 0 and one line."""
    head = json.loads(invoke(path, "verify", "--json").stdout)["head"]
    done = invoke(path, "verify")
    assert (done.exit_code, done.stdout) == (0, f"9 rows, each fits to the one before; head {head}\n")
    assert len(bytes.fromhex(head)) == 32


def test_verify_fails_on_a_row_that_does_not_fit(path: Path) -> None:
    """Exit 1 and the row, in words and as JSON."""
    tamper(path, "UPDATE audit SET target = 'other' WHERE seq = 7")
    complaint = "rf-middleware: row 7 of the audit log does not fit to those before it; 6 rows do\n"
    done = invoke(path, "verify")
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", complaint)
    done = invoke(path, "verify", "--json")
    assert (done.exit_code, json.loads(done.stdout)["broken"], done.stderr) == (1, 7, complaint)


def test_the_list_is_for_people(path: Path) -> None:
    """One line for each row, and nothing in it moves a cursor."""
    lines = invoke(path, "list", "--limit", "3").stdout.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["9", "8", "7"]
    assert lines[0].split("  ")[2:] == ["person ann@example.com 203.0.113.9", "key.show", "k2"]
    assert lines[2].split("  ")[2:] == ["nobody", "session.fail", "Eve@Example.com\N{REPLACEMENT CHARACTER}[2J"]
    assert "\x1b" not in "".join(lines)
    assert '"fields": ["name"]' in invoke(path, "list", "--action", "key.update").stdout


def test_the_list_is_for_programs_too(path: Path) -> None:
    """The filters are those of the search; each row has its chain."""
    (first, *_) = listed = json.loads(invoke(path, "list", "--json", "--actor", "key", "--before", "9").stdout)
    assert [row["seq"] for row in listed] == [8, 6]
    assert first.keys() == {"seq", "at", "actor", "action", "target", "workspaceId", "detail", "chain"}
    assert first["actor"] == {"kind": "key", "id": "k9", "name": "bob's 100% key_1", "address": "::1"}
    assert first["at"].endswith("+00:00")
    assert json.loads(invoke(path, "list", "--json", "--text", "100%").stdout) == listed


def test_the_list_of_a_workspace_takes_its_slug(path: Path) -> None:
    """Rows of its own are found, and a slug that is none is a refusal."""
    listed = json.loads(invoke(path, "list", "--json", "--workspace", "w2").stdout)
    assert {(row["action"], row["target"]) for row in listed} >= {("workspace.create", listed[-1]["target"])}
    assert len(listed) == 2
    done = invoke(path, "list", "--workspace", "w3")
    assert (done.exit_code, done.stderr) == (1, "rf-middleware: there is no workspace w3\n")


@pytest.mark.parametrize(
    "change",
    [
        "detail = 'no JSON'",
        "detail = '" + "[" * 100_000 + "'",
        "detail = '[]'",
        "at = 'noon'",
        "at = 1e300",
        "target = x'00ff'",
        "target = CAST(x'ff1b' AS TEXT)",
        "target = 'other'",
        "chain = 'text'",
        "workspace_id = CAST(x'ff' AS TEXT)",
    ],
)
def test_a_list_of_a_log_that_was_tampered_with_says_so(path: Path, change: str) -> None:
    """Every row is listed, the one that does not fit is marked, in words and as JSON; verify names it."""
    tamper(path, f"UPDATE audit SET {change} WHERE seq = 9")  # noqa: S608 - our own
    plain = invoke(path, "list")
    assert (plain.exit_code, len(plain.stdout.splitlines())) == (0, 9)
    assert [line.split("  ")[0] for line in plain.stdout.splitlines() if line.endswith("(tampered with)")] == ["9"]
    assert plain.stderr == "rf-middleware: somebody tampered with the log; see rf-middleware audit verify\n"
    assert "\x1b" not in plain.stdout
    listed = invoke(path, "list", "--json")
    rows = json.loads(listed.stdout)
    assert [row["seq"] for row in rows if row.get("damaged")] == [9]
    assert (listed.exit_code, listed.stderr) == (0, plain.stderr)
    checked = invoke(path, "verify")
    assert (checked.exit_code, "row 9 of the audit log does not fit" in checked.stderr) == (1, True)


def test_a_list_without_the_rows_that_were_tampered_with_says_nothing(path: Path) -> None:
    """Where a row is missing, the one after it is marked."""
    tamper(path, "DELETE FROM audit WHERE seq = 6")
    assert invoke(path, "list", "--before", "6").stderr == ""
    marked = [line for line in invoke(path, "list").stdout.splitlines() if line.endswith("(tampered with)")]
    assert [line.split("  ")[0] for line in marked] == ["7"]


@pytest.mark.parametrize("command", ["verify", "list"])
def test_a_database_that_is_not_there_is_not_made(tmp_path: Path, command: str) -> None:
    """A log of no rows fits, so a wrong path must not become one."""
    path = tmp_path / "none.db"
    done = invoke(path, command)
    assert (done.exit_code, done.stderr) == (1, f"rf-middleware: there is no database {path}\n")
    assert list(tmp_path.iterdir()) == []
    done = CliRunner().invoke(cli.group, ["audit", command, "--database", "postgresql://x/y"])
    assert (done.exit_code, done.stderr) == (1, "rf-middleware: only SQLite is supported now, not postgresql\n")
