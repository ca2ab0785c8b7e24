"""The issuer's tables: keys and what happens to them. People and their sign-ins are in ``schema_people.py``.

* Keys and tokens are known by their SHA-256; ``secrets`` holds keys encrypted, under a key that is not in here.
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
    false,
    true,
)

__all__ = ["VERSION", "audit", "events", "keys", "meta", "owners", "secrets", "tables", "tokens", "uses", "workspaces"]

VERSION: Final = 3

tables = MetaData()

meta = Table(
    "meta",
    tables,
    Column("id", Integer, CheckConstraint("id = 1", name="one_row"), primary_key=True),
    Column("schema_version", Integer, nullable=False),
    Column("epoch", String(36), nullable=False),
    Column("longest_lease", Float, nullable=False),
    Column("outstanding", Boolean, nullable=False),
    Column("write_once", Boolean, nullable=False, server_default=false()),  # no secret is kept, even encrypted
    Column("start", String(64)),  # of the last server (serving.py); NULL: there was none
    Column("orderly", Boolean, nullable=False, server_default=true()),  # that server ended in order
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
    Column("folders", JSON, nullable=False, server_default="[]"),
    Column("metadata", JSON, nullable=False, server_default="{}"),
    Column("protected", Boolean, nullable=False, server_default=false()),
    Column("rotation_due", Float),  # NULL: no date is set
    Column("made_by", String(200), nullable=False, server_default=""),
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

secrets = Table(
    "secrets",
    tables,
    Column("key_id", String(32), ForeignKey("keys.id"), primary_key=True),
    Column("kek", String(64), nullable=False),  # which key-encryption key it was sealed with
    Column("sealed", LargeBinary, nullable=False),
)

tokens = Table(
    "tokens",
    tables,
    Column("id", String(32), primary_key=True),
    Column("fingerprint", LargeBinary(32), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("created", Float, nullable=False),
    Column("ended", Float),  # NULL: good
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

audit = Table(
    "audit",
    tables,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False),
    Column("actor_kind", String(10), nullable=False),
    Column("actor_id", String(200), nullable=False),
    Column("actor_name", String(320), nullable=False),
    Column("address", String(64), nullable=False),
    Column("action", String(40), nullable=False),
    Column("target", String(320), nullable=False),
    Column("workspace_id", String(32), index=True),  # NULL: of no workspace
    Column("detail", JSON, nullable=False),
    Column("chain", LargeBinary(32), nullable=False),
    sqlite_autoincrement=True,
)
