"""The issuer's tables, and the triggers that keep a revoked key revoked whatever code runs.

* Secrets are not in here: keys and validator tokens are known by their SHA-256.
* ``events.seq`` only grows and is never reused (SQLite needs AUTOINCREMENT for that).
* What only SQLite understands is in the DDL at the end and in ``database.py``, nowhere else.
"""

from typing import Final

from sqlalchemy import (
    DDL,
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    event,
)

__all__ = ["VERSION", "events", "keys", "meta", "tables", "tokens", "workspaces"]

VERSION: Final = 1

tables = MetaData()

meta = Table(
    "meta",
    tables,
    Column("id", Integer, CheckConstraint("id = 1", name="one_row"), primary_key=True),
    Column("schema_version", Integer, nullable=False),
    Column("epoch", String(36), nullable=False),
    Column("longest_lease", Float, nullable=False),
    Column("outstanding", Boolean, nullable=False),
)

workspaces = Table(
    "workspaces",
    tables,
    Column("id", String(32), primary_key=True),
    Column("slug", String(100), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("created", Float, nullable=False),
)

keys = Table(
    "keys",
    tables,
    Column("id", String(32), primary_key=True),
    Column("workspace_id", String(32), ForeignKey("workspaces.id"), nullable=False, index=True),
    Column("fingerprint", LargeBinary(32), nullable=False, unique=True),
    Column("prefix", String(16), nullable=False),
    Column("last_four", String(4), nullable=False),
    Column("name", String(200), nullable=False),
    Column("scopes", JSON(none_as_null=True)),  # NULL: every scope
    Column("is_default", Boolean, nullable=False),
    Column("status", String(10), nullable=False),
    Column("created", Float, nullable=False),
    CheckConstraint("status IN ('active', 'disabled', 'revoked')", name="status_is_known"),
)

tokens = Table(
    "tokens",
    tables,
    Column("id", String(32), primary_key=True),
    Column("fingerprint", LargeBinary(32), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("created", Float, nullable=False),
)

events = Table(
    "events",
    tables,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("key_id", String(32), ForeignKey("keys.id"), nullable=False, index=True),
    Column("change", String(10), nullable=False),
    Column("created", Float, nullable=False),
    Column("receipt", JSON(none_as_null=True)),  # NULL: not acknowledged yet
    sqlite_autoincrement=True,
)
Index(
    "events_pending", events.c.seq, sqlite_where=events.c.receipt.is_(None), postgresql_where=events.c.receipt.is_(None)
)

_TRIGGERS: Final = {
    # Also not by giving its fingerprint away, so that the same secret could be entered anew.
    "revoked_stays_revoked": (
        "BEFORE UPDATE ON keys WHEN OLD.status = 'revoked' AND (NEW.status IS NOT OLD.status"
        " OR NEW.fingerprint IS NOT OLD.fingerprint OR NEW.id IS NOT OLD.id"
        " OR NEW.workspace_id IS NOT OLD.workspace_id)"
    ),
    "revoked_is_kept": "BEFORE DELETE ON keys WHEN OLD.status = 'revoked'",
    # INSERT OR REPLACE deletes the old row without running delete triggers.
    "revoked_is_not_replaced": (
        "BEFORE INSERT ON keys WHEN EXISTS (SELECT 1 FROM keys WHERE status = 'revoked'"
        " AND (id = NEW.id OR fingerprint = NEW.fingerprint))"
    ),
    "events_are_kept": "BEFORE DELETE ON events",
    "events_are_history": (
        "BEFORE UPDATE ON events WHEN NEW.seq IS NOT OLD.seq OR NEW.key_id IS NOT OLD.key_id"
        " OR NEW.change IS NOT OLD.change"
    ),
}

for _name, _condition in _TRIGGERS.items():
    _text = f"CREATE TRIGGER {_name} {_condition} BEGIN SELECT RAISE(ABORT, '{_name}'); END"
    event.listen(tables, "after_create", DDL(_text).execute_if(dialect="sqlite"))  # type: ignore[no-untyped-call]  # SQLAlchemy left it untyped
