"""The issuer's tables about people: who they are, where they belong, how they are signed in, what they are asked.

* A password is kept as its argon2 hash; every other secret (session, link, device and user code, one-time token) as its
  SHA-256.
* What grants nothing any more (an ended session, a used link) may be deleted: the audit log keeps what happened.
"""

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    LargeBinary,
    String,
    Table,
)

from rf_middleware.issuer import triggers
from rf_middleware.issuer.schema import tables

__all__ = ["devices", "identities", "links", "members", "pastes", "people", "sessions", "tables"]

people = Table(
    "people",
    tables,
    Column("id", String(32), primary_key=True),
    Column("email", String(320), nullable=False, unique=True),  # lower case
    Column("name", String(200), nullable=False),
    Column("password", String(200)),  # NULL: signs in elsewhere, or not yet
    Column("admin", Boolean, nullable=False),
    Column("status", String(10), nullable=False),
    Column("created", Float, nullable=False),
    CheckConstraint("status IN ('active', 'disabled')", name="person_status_is_known"),
    CheckConstraint("email = lower(email)", name="email_is_lower_case"),
)

identities = Table(
    "identities",
    tables,
    Column("issuer", String(500), primary_key=True),
    Column("subject", String(255), primary_key=True),
    Column("person_id", String(32), ForeignKey("people.id"), nullable=False, index=True),
)

members = Table(
    "members",
    tables,
    Column("workspace_id", String(32), ForeignKey("workspaces.id"), primary_key=True),
    Column("person_id", String(32), ForeignKey("people.id"), primary_key=True, index=True),
    Column("role", String(10), nullable=False),
    CheckConstraint("role IN ('admin', 'developer', 'viewer')", name="role_is_known"),
)

sessions = Table(
    "sessions",
    tables,
    Column("fingerprint", LargeBinary(32), primary_key=True),
    Column("person_id", String(32), ForeignKey("people.id"), nullable=False, index=True),
    Column("created", Float, nullable=False),
    Column("seen", Float, nullable=False),
    Column("ends", Float, nullable=False, index=True),
    Column("proved", Float, nullable=False),  # when they last showed who they are
    Column("agent", String(200), nullable=False),
)

links = Table(
    "links",
    tables,
    Column("fingerprint", LargeBinary(32), primary_key=True),
    Column("purpose", String(10), nullable=False),
    Column("person_id", String(32), ForeignKey("people.id"), index=True),  # NULL: somebody new
    Column("created", Float, nullable=False),
    Column("ends", Float, nullable=False),
    Column("used", Float),  # NULL: not yet
    CheckConstraint("purpose IN ('first', 'invite')", name="purpose_is_known"),
)

devices = Table(
    "devices",
    tables,
    Column("id", String(32), primary_key=True),
    Column("device_fingerprint", LargeBinary(32), nullable=False, unique=True),
    Column("user_fingerprint", LargeBinary(32), nullable=False, unique=True),
    Column("client", String(100), nullable=False),
    Column("name", String(200), nullable=False),  # what the device calls itself
    Column("address", String(64), nullable=False),
    Column("agent", String(200), nullable=False),
    Column("workspace", String(100), nullable=False),  # the slug it asked for, or empty
    Column("created", Float, nullable=False),
    Column("ends", Float, nullable=False, index=True),
    Column("interval", Float, nullable=False),
    Column("polled", Float),  # NULL: never
    Column("state", String(10), nullable=False),
    Column("person_id", String(32), ForeignKey("people.id"), index=True),  # NULL: nobody decided yet
    Column("workspaces", JSON, nullable=False),  # the ids that were granted
    CheckConstraint("state IN ('pending', 'approved', 'denied', 'done')", name="device_state_is_known"),
)

pastes = Table(
    "pastes",
    tables,
    Column("fingerprint", LargeBinary(32), primary_key=True),
    Column("person_id", String(32), ForeignKey("people.id"), nullable=False, index=True),
    Column("workspaces", JSON, nullable=False),
    Column("created", Float, nullable=False),
    Column("ends", Float, nullable=False, index=True),
    Column("used", Float),  # NULL: not yet
)

triggers.install(tables)
