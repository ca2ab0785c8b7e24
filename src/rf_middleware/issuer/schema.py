"""The issuer's tables.

* Secrets are not in here: keys and validator tokens are known by their SHA-256.
* ``events.seq`` only grows and is never reused (SQLite needs AUTOINCREMENT for that).
* ``keys.status`` is written by the changes of ``changes.py``; when a key was last used lives in a table of its own.
* What no code may do is kept by the triggers of ``triggers.py``; they also write every event.
"""

from typing import Final

from sqlalchemy import (
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
)

from rf_middleware.issuer import triggers

__all__ = ["VERSION", "events", "keys", "meta", "owners", "tables", "tokens", "uses", "workspaces"]

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
    Column("status", String(10), nullable=False, default="active"),
    Column("created", Float, nullable=False),
    CheckConstraint("status IN ('active', 'suspended', 'deleted')", name="workspace_status_is_known"),
    sqlite_with_rowid=False,  # a hidden second key, by which a row could be replaced
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
    Column("expires", Float, index=True),  # NULL: never
    Column("replaced_by", String(32)),  # set by a roll, also while the old key has time to go
    CheckConstraint("status IN ('active', 'disabled', 'revoked', 'rolled', 'expired')", name="status_is_known"),
    sqlite_with_rowid=False,  # as above
)

owners = Table(
    "owners",
    tables,
    Column("key_id", String(32), ForeignKey("keys.id"), primary_key=True),
    Column("owner", String(200), primary_key=True),
)

uses = Table(
    "uses",
    tables,
    Column("key_id", String(32), ForeignKey("keys.id"), primary_key=True),
    Column("last_used", Float, nullable=False),
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
    Column("key_id", String(32), ForeignKey("keys.id"), index=True),  # NULL: of a whole workspace
    Column("workspace_id", String(32), ForeignKey("workspaces.id"), nullable=False, index=True),
    Column("change", String(10), nullable=False),
    Column("created", Float, nullable=False),
    Column("receipt", JSON(none_as_null=True)),  # NULL: not acknowledged yet
    sqlite_autoincrement=True,
)
Index(
    "events_pending", events.c.seq, sqlite_where=events.c.receipt.is_(None), postgresql_where=events.c.receipt.is_(None)
)

triggers.install(tables)
