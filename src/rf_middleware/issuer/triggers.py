"""What holds in the database itself, whatever code or person writes to it.

* Each change that ends, shrinks or restores keys writes its event, in the same transaction: no path can forget it.
* A key that was revoked, rolled or has expired stays that for ever, from the moment its time is over;
  a deleted workspace too.
* Keys, workspaces and events are never deleted, and never become those of somebody else.
* The encrypted copy of a key goes when the key ends.
* The audit log only grows; an ended token stays ended, a used link or one-time token used, a decided login decided.

SQLite's dialect. ``IS NOT`` compares NULLs too.
"""

from typing import Final

from sqlalchemy import DDL, MetaData, event

from rf_middleware.issuer.records import ENDED

__all__ = ["install"]

_ENDED: Final = f"({', '.join(map(repr, ENDED))})"
_NOW: Final = "(julianday('now') - 2440587.5) * 86400.0"
_KEY_CHANGED: Final = (
    "NEW.status IS NOT OLD.status OR NEW.scopes IS NOT OLD.scopes OR NEW.expires IS NOT OLD.expires"
    " OR NEW.replaced_by IS NOT OLD.replaced_by"
)
_CHANGE_OF_KEY: Final = (
    "CASE WHEN NEW.status IS OLD.status THEN 'updated' WHEN NEW.status = 'active' THEN 'enabled' ELSE NEW.status END"
)

_FORBIDDEN: Final = {
    "ended_stays_ended": f"BEFORE UPDATE ON keys WHEN OLD.status IN {_ENDED} AND ({_KEY_CHANGED})",
    "over_stays_over": f"BEFORE UPDATE ON keys WHEN OLD.expires <= {_NOW} AND NEW.expires IS NOT OLD.expires",
    "keys_stay_what_they_are": (
        "BEFORE UPDATE ON keys WHEN NEW.fingerprint IS NOT OLD.fingerprint OR NEW.id IS NOT OLD.id"
        " OR NEW.workspace_id IS NOT OLD.workspace_id"
    ),
    "keys_are_kept": "BEFORE DELETE ON keys",
    # INSERT OR REPLACE deletes the old row without running delete triggers.
    "keys_are_not_replaced": (
        "BEFORE INSERT ON keys WHEN EXISTS (SELECT 1 FROM keys WHERE id = NEW.id OR fingerprint = NEW.fingerprint)"
    ),
    "keys_begin_active": f"BEFORE INSERT ON keys WHEN NEW.status IN {_ENDED}",
    "deleted_stays_deleted": "BEFORE UPDATE ON workspaces WHEN OLD.status = 'deleted' AND NEW.status <> 'deleted'",
    "workspaces_stay_what_they_are": (
        "BEFORE UPDATE ON workspaces WHEN NEW.slug IS NOT OLD.slug OR NEW.id IS NOT OLD.id"
    ),
    "workspaces_are_kept": "BEFORE DELETE ON workspaces",
    "workspaces_are_not_replaced": (
        "BEFORE INSERT ON workspaces WHEN EXISTS (SELECT 1 FROM workspaces WHERE id = NEW.id OR slug = NEW.slug)"
    ),
    "events_are_kept": "BEFORE DELETE ON events",
    "events_are_not_replaced": "BEFORE INSERT ON events WHEN EXISTS (SELECT 1 FROM events WHERE seq = NEW.seq)",
    "events_are_history": (
        "BEFORE UPDATE ON events WHEN NEW.seq IS NOT OLD.seq OR NEW.key_id IS NOT OLD.key_id"
        " OR NEW.workspace_id IS NOT OLD.workspace_id OR NEW.change IS NOT OLD.change"
    ),
    "audit_is_kept": "BEFORE DELETE ON audit",
    "audit_is_history": "BEFORE UPDATE ON audit",
    "audit_is_not_replaced": "BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq)",
    "tokens_are_kept": "BEFORE DELETE ON tokens",
    "ended_tokens_stay_ended": "BEFORE UPDATE ON tokens WHEN OLD.ended IS NOT NULL AND NEW.ended IS NOT OLD.ended",
    "tokens_are_not_replaced": (
        "BEFORE INSERT ON tokens WHEN EXISTS (SELECT 1 FROM tokens WHERE id = NEW.id OR fingerprint = NEW.fingerprint)"
    ),
    "links_are_used_once": "BEFORE UPDATE ON links WHEN OLD.used IS NOT NULL",
    "pastes_are_used_once": "BEFORE UPDATE ON pastes WHEN OLD.used IS NOT NULL",
    "devices_are_decided_once": (
        "BEFORE UPDATE ON devices WHEN NEW.state IS NOT OLD.state"
        " AND NOT (OLD.state = 'pending' OR (OLD.state = 'approved' AND NEW.state = 'done'))"
    ),
}
_TOLD: Final = {
    "key_changes_are_told": (
        f"AFTER UPDATE ON keys WHEN {_KEY_CHANGED}",
        f"SELECT NEW.id, NEW.workspace_id, {_CHANGE_OF_KEY}, {_NOW}",
    ),
    "workspace_changes_are_told": (
        "AFTER UPDATE ON workspaces WHEN NEW.status IS NOT OLD.status",
        f"SELECT NULL, NEW.id, CASE NEW.status WHEN 'active' THEN 'enabled' ELSE 'suspended' END, {_NOW}",
    ),
}


def install(tables: MetaData) -> None:
    """Have the triggers made with the tables."""
    bodies = {name: (when, f"SELECT RAISE(ABORT, '{name}')") for name, when in _FORBIDDEN.items()}
    insert = "INSERT INTO events (key_id, workspace_id, change, created)"
    bodies |= {name: (when, f"{insert} {values}") for name, (when, values) in _TOLD.items()}
    bodies["secrets_end_with_their_key"] = (
        f"AFTER UPDATE ON keys WHEN NEW.status IN {_ENDED}",
        "DELETE FROM secrets WHERE key_id = NEW.id",
    )
    for name, (when, body) in bodies.items():
        text = DDL(f"CREATE TRIGGER {name} {when} BEGIN {body}; END")  # type: ignore[no-untyped-call]  # SQLAlchemy left it untyped
        event.listen(tables, "after_create", text.execute_if(dialect="sqlite"))
