"""Every way in which keys end, shrink or come back: each is one ``Change``, carried out by ``Store.apply``.

The events are written by the database itself (``triggers.py``), in the transaction of the change.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Delete, Executable, Select, Update, case, delete, func, literal, select, update

from rf_middleware.issuer.audit import Note
from rf_middleware.issuer.records import ENDED, Key, NewKey
from rf_middleware.issuer.rows import adding, owned_by
from rf_middleware.issuer.schema import events, keys, owners, workspaces

__all__ = ["EDITED", "Change", "due", "edit", "expire", "off_keys", "remove_owner", "revoke", "roll", "set_workspace"]

EDITED: Final = "key.update"
"""What the audit log calls a change that its event has no better word for."""

_VERBS: Final = {"active": "resume", "suspended": "suspend", "deleted": "delete"}
_LIVE: Final = keys.c.status.not_in(ENDED)


@dataclass(frozen=True)
class Change:
    """What is done in one transaction.

    Attributes:
        first: where it changes no row, nothing else is done.
        rest: done after it.
        about: which events tell of such a change, should it have been made before.
        note: what the audit log says of it, beside its events or where there are none; ``None``: the events alone.
        also: what else it says.
    """

    first: Update | Delete | None
    about: ColumnElement[bool]
    rest: tuple[Executable, ...] = ()
    note: Note | None = None
    also: tuple[Note, ...] = ()


def revoke(key_id: str, *, unless_protected: bool = False) -> Change:
    """End a key for good."""
    return edit(key_id, {"status": "revoked"}, unless_protected=unless_protected)


def edit(
    key_id: str, values: Mapping[str, object], named: Iterable[str] | None = None, *, unless_protected: bool = False
) -> Change:
    """Change columns of a key that has not ended, and its owners when they are named."""
    live = _live(key_id).where(keys.c.protected.is_(False)) if unless_protected else _live(key_id)
    changed = live.values(dict(values) or {"id": key_id})
    clear = delete(owners).where(owners.c.key_id == key_id)
    rest = () if named is None else (clear, *owned_by(key_id, tuple(named)))
    fields = sorted({*values, *(() if named is None else ("owners",))})
    note = Note(EDITED, key_id, detail={"fields": fields}) if fields else None
    return Change(changed, events.c.key_id == key_id, rest, note)


def roll(key: Key, new: NewKey, old_ends: float | None) -> Change:
    """Replace a key, once and as it was seen, by a new one.

    The old one ends at once, or at ``old_ends`` (seconds since 1970).
    """
    # The new key is a copy: of one that was shrunk meanwhile it would be more than the old one was.
    scopes = None if key.scopes is None else sorted(key.scopes)
    seen = (
        keys.c.status == key.status,
        keys.c.scopes.is_not_distinct_from(scopes),
        keys.c.expires.is_not_distinct_from(key.expires),
        keys.c.protected == key.protected,
    )
    ending: dict[str, object] = {"status": "rolled"} if old_ends is None else {"expires": old_ends}
    old = _live(key.id).where(keys.c.replaced_by.is_(None), *seen).values(replaced_by=new.id, **ending)
    made = tuple(adding(new, key.workspace.id, is_default=key.is_default))
    note = Note("key.roll", key.id, detail={"replaced_by": new.id})
    also = (Note("key.create", new.id, key.workspace.id, {"name": new.name, "replaces": key.id}),)
    return Change(old, events.c.key_id == key.id, made, note, also)


def expire(now: float) -> Change:
    """End every key whose time has come."""
    return Change(due(now), events.c.change == "expired")


def due(now: float) -> Update:
    """Return the statement that ends every key whose time has come."""
    return update(keys).where(_LIVE, keys.c.expires <= now).values(status="expired")


def set_workspace(workspace_id: str, status: str) -> Change:
    """Suspend (``suspended``), resume (``active``) or delete (``deleted``) a workspace that is not deleted."""
    live = (workspaces.c.id == workspace_id, workspaces.c.status.not_in(("deleted", status)))
    about = (events.c.workspace_id == workspace_id) & events.c.key_id.is_(None)
    note = Note(f"workspace.{_VERBS[status]}", workspace_id, workspace_id)
    return Change(update(workspaces).where(*live).values(status=status), about, note=note)


def remove_owner(workspace_id: str, owner: str) -> Change:
    """Take somebody off the keys of a workspace; a key that nobody else answers for is revoked."""
    about = (events.c.workspace_id == workspace_id) & (events.c.change == "revoked")
    off = off_keys(select(keys.c.id).where(keys.c.workspace_id == workspace_id), literal(owner))
    return Change(None, about, off, Note("owner.remove", owner, workspace_id))


def off_keys(here: Select[Any], owner: ColumnElement[str]) -> tuple[Executable, ...]:
    """Return the statements that take an owner off these keys, and revoke those that nobody else answers for.

    ``Ann@example.com`` is ``ann@example.com``.
    """
    theirs = func.lower(owners.c.owner) == func.lower(owner)
    alone = select(owners.c.key_id).group_by(owners.c.key_id)
    alone = alone.having(func.count() == func.sum(case((theirs, 1), else_=0)))
    ended = update(keys).where(keys.c.id.in_(here), keys.c.id.in_(alone), _LIVE).values(status="revoked")
    return ended, delete(owners).where(theirs, owners.c.key_id.in_(here))


def _live(key_id: str) -> Update:
    return update(keys).where(keys.c.id == key_id, _LIVE)
