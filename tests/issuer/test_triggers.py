"""What the database keeps whoever writes to it: here a stranger with the sqlite3 module, who knows none of our code."""

import sqlite3
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rf_middleware.issuer.database import Database

KEY = (
    "INSERT{} INTO keys (id, workspace_id, fingerprint, prefix, last_four, name, scopes, is_default, status, created,"
    " expires) VALUES ('{}', 'open', '{}', '', '', '', '[\"a:b\"]', 0, '{}', 0.0, {})"
)
WORKSPACE = "INSERT{} INTO workspaces (id, slug, name, status, created) VALUES ('{}', '{}', '', '{}', 0.0)"
SET = "UPDATE keys SET {} = ? WHERE id = ?"
ENDED = ("revoked", "rolled", "expired")
STATES = ("active", "disabled", *ENDED)
PAST, FUTURE = "1.0", "99999999999.0"


@pytest.fixture
def stranger(tmp_path: Path) -> Generator[sqlite3.Connection]:
    """A connection to a database with a workspace and a key in every state, which are named after it.

    The key ``over`` is one whose time has come while nobody has looked; ``due`` has time to go.
    """
    Database(tmp_path / "issuer.db").close()
    with closing(sqlite3.connect(tmp_path / "issuer.db", isolation_level=None)) as file:
        for slug, status in (("open", "active"), ("shut", "suspended"), ("gone", "deleted")):
            file.execute(WORKSPACE.format("", slug, slug, "active"))
            file.execute("UPDATE workspaces SET status = ? WHERE id = ?", (status, slug))
        for status in STATES:
            file.execute(KEY.format("", status, f"of {status}", "active", FUTURE if status in ENDED else "NULL"))
            file.execute("UPDATE keys SET status = ? WHERE id = ?", (status, status))
        file.execute(KEY.format("", "over", "of over", "active", PAST))
        file.execute(KEY.format("", "due", "of due", "active", FUTURE))
        yield file


def rows(file: sqlite3.Connection, query: str, *values: object) -> list[Any]:
    """Return the first column of what a query finds."""
    return [row[0] for row in file.execute(query, values)]


@pytest.mark.parametrize(
    ("table", "statement", "told"),
    [
        ("keys", "UPDATE keys SET status = 'revoked' WHERE id = 'active'", ["revoked"]),
        ("keys", "UPDATE keys SET status = 'rolled' WHERE id = 'active'", ["rolled"]),
        ("keys", "UPDATE keys SET status = 'expired' WHERE id = 'over'", ["expired"]),
        ("keys", "UPDATE keys SET status = 'revoked' WHERE id = 'over'", ["revoked"]),
        ("keys", "UPDATE keys SET status = 'disabled' WHERE id = 'active'", ["disabled"]),
        ("keys", "UPDATE keys SET status = 'active' WHERE id = 'disabled'", ["enabled"]),
        ("keys", "UPDATE keys SET scopes = '[]' WHERE id = 'active'", ["updated"]),
        ("keys", "UPDATE keys SET scopes = NULL WHERE id = 'active'", ["updated"]),
        ("keys", "UPDATE keys SET expires = 1.0 WHERE id = 'active'", ["updated"]),
        ("keys", "UPDATE keys SET expires = NULL WHERE id = 'due'", ["updated"]),
        ("keys", "UPDATE keys SET replaced_by = 'due' WHERE id = 'active'", ["updated"]),
        ("keys", "UPDATE keys SET status = 'disabled', scopes = NULL WHERE id = 'active'", ["disabled"]),
        ("keys", "UPDATE keys SET status = 'revoked' WHERE status IN ('active', 'disabled')", ["revoked"] * 4),
        ("keys", "UPDATE keys SET status = status, scopes = scopes, expires = expires", []),
        ("keys", "UPDATE keys SET name = 'x', prefix = 'p', is_default = 1", []),
        ("keys", "INSERT INTO owners VALUES ('active', 'ann'), ('revoked', 'ann')", []),
        ("keys", "INSERT INTO uses VALUES ('active', 1.0), ('revoked', 1.0)", []),
        ("keys", KEY.format("", "new", "of new", "active", "NULL"), []),
        ("workspaces", "UPDATE workspaces SET status = 'suspended' WHERE id = 'open'", ["suspended"]),
        ("workspaces", "UPDATE workspaces SET status = 'active' WHERE id = 'shut'", ["enabled"]),
        ("workspaces", "UPDATE workspaces SET status = 'deleted' WHERE id <> 'gone'", ["suspended", "suspended"]),
        ("workspaces", "UPDATE workspaces SET name = 'x', status = status", []),
        ("workspaces", WORKSPACE.format("", "new", "new", "active"), []),
    ],
)
def test_each_change_writes_its_event_and_nothing_else_does(
    table: str, statement: str, told: list[str], stranger: sqlite3.Connection
) -> None:
    """A statement writes one event for each key or workspace that it ends, shrinks or restores, in its transaction."""
    before = rows(stranger, "SELECT max(seq) FROM events")[0]
    stranger.execute("BEGIN")
    stranger.execute(statement)
    stranger.execute("ROLLBACK")
    assert rows(stranger, "SELECT max(seq) FROM events") == [before]
    stranger.execute(statement)
    assert rows(stranger, "SELECT change FROM events WHERE seq > ?", before) == told
    about = rows(stranger, "SELECT count(*) FROM events WHERE seq > ? AND key_id IS NOT NULL", before)
    assert about == [len(told) if table == "keys" else 0]


def test_an_event_says_what_it_is_about_and_when(stranger: sqlite3.Connection) -> None:
    """Key, workspace and a time in seconds since 1970 are in the row, and no receipt yet."""
    stranger.execute("UPDATE keys SET status = 'revoked' WHERE id = 'active'")
    row = stranger.execute("SELECT * FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    (now,) = rows(stranger, "SELECT unixepoch()")
    assert (*row[1:4], row[5]) == ("active", "open", "revoked", None)
    assert abs(row[4] - now) < 60


@pytest.mark.parametrize("state", [*ENDED, "over"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE keys SET expires = NULL WHERE id = '{0}'",
        "UPDATE keys SET expires = expires + 1e12 WHERE id = '{0}'",
        "UPDATE OR REPLACE keys SET expires = 2e12 WHERE id = '{0}'",
        "UPDATE keys SET fingerprint = 'else' WHERE id = '{0}'",
        "UPDATE keys SET fingerprint = 'of {0}' WHERE id = 'active'",
        "UPDATE OR REPLACE keys SET fingerprint = 'of {0}' WHERE id = 'active'",
        "UPDATE OR REPLACE keys SET id = '{0}' WHERE id = 'active'",
        "UPDATE OR REPLACE keys SET rowid = (SELECT rowid FROM keys WHERE id = '{0}') WHERE id = 'active'",
        "UPDATE keys SET id = 'else' WHERE id = '{0}'",
        "UPDATE keys SET workspace_id = 'shut' WHERE id = '{0}'",
        "DELETE FROM keys WHERE id = '{0}'",
        KEY.format(" OR REPLACE", "{0}", "of {0}", "active", "NULL"),
        KEY.format(" OR REPLACE", "{0}", "another", "active", "NULL"),
        KEY.format(" OR REPLACE", "another", "of {0}", "active", "NULL"),
        KEY.format("", "{0}", "of {0}", "active", "NULL") + " ON CONFLICT DO UPDATE SET expires = NULL",
    ],
)
def test_a_key_that_has_ended_is_not_brought_back(state: str, statement: str, stranger: sqlite3.Connection) -> None:
    """No statement gives a key that ended, or whose time has come, more time, another name or another row."""
    before = list(stranger.iterdump())
    with pytest.raises(sqlite3.DatabaseError):
        stranger.execute(statement.format(state))
    assert list(stranger.iterdump()) == before


@pytest.mark.parametrize("state", ENDED)
@pytest.mark.parametrize(
    ("column", "value"), [*(("status", state) for state in STATES), ("scopes", None), ("replaced_by", "active")]
)
def test_an_end_is_an_end(state: str, column: str, value: str | None, stranger: sqlite3.Connection) -> None:
    """The end of a key is never changed into a beginning, another end or other rights."""
    statement = SET.format(column)
    if value == state:
        stranger.execute(statement, (value, state))
    else:
        with pytest.raises(sqlite3.IntegrityError, match="ended_stays_ended"):
            stranger.execute(statement, (value, state))
    assert rows(stranger, "SELECT status FROM keys WHERE id = ?", state) == [state]


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE workspaces SET status = 'active' WHERE id = 'gone'", "deleted_stays_deleted"),
        ("UPDATE workspaces SET status = 'suspended' WHERE id = 'gone'", "deleted_stays_deleted"),
        ("UPDATE workspaces SET slug = 'other' WHERE id = 'gone'", "workspaces_stay_what_they_are"),
        ("UPDATE OR REPLACE workspaces SET slug = 'gone' WHERE id = 'open'", "workspaces_stay_what_they_are"),
        ("UPDATE OR REPLACE workspaces SET id = 'gone' WHERE id = 'open'", "workspaces_stay_what_they_are"),
        ("DELETE FROM workspaces WHERE id = 'gone'", "workspaces_are_kept"),
        (WORKSPACE.format(" OR REPLACE", "gone", "gone", "active"), "workspaces_are_not_replaced"),
        (WORKSPACE.format(" OR REPLACE", "gone", "other", "active"), "workspaces_are_not_replaced"),
        (WORKSPACE.format(" OR REPLACE", "other", "gone", "active"), "workspaces_are_not_replaced"),
        (WORKSPACE.format(" OR REPLACE", "shut", "shut", "active"), "workspaces_are_not_replaced"),
        (KEY.format("", "new", "of new", "revoked", "NULL"), "keys_begin_active"),
        ("DELETE FROM events", "events_are_kept"),
        ("UPDATE events SET change = 'enabled'", "events_are_history"),
        ("UPDATE events SET seq = seq + 100", "events_are_history"),
        ("UPDATE events SET key_id = NULL WHERE key_id = 'revoked'", "events_are_history"),
        (
            "INSERT OR REPLACE INTO events (seq, workspace_id, change, created) VALUES (1, 'open', 'enabled', 0.0)",
            "events_are_not_replaced",
        ),
    ],
)
def test_workspaces_and_history_stay(statement: str, why: str, stranger: sqlite3.Connection) -> None:
    """A deleted workspace stays deleted, nobody takes its place, and what was told stays in the log as it was told."""
    before = list(stranger.iterdump())
    with pytest.raises(sqlite3.IntegrityError, match=why):
        stranger.execute(statement)
    assert list(stranger.iterdump()) == before


def test_a_row_has_no_second_name(stranger: sqlite3.Connection) -> None:
    """Keys and workspaces have no hidden row number, by which another row could take their place."""
    for query in ("SELECT rowid FROM keys", "SELECT rowid FROM workspaces"):
        with pytest.raises(sqlite3.OperationalError, match="no such column: rowid"):
            stranger.execute(query)
