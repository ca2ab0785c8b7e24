"""How keys and workspaces are written to rows, and read from them."""

import time
from typing import Any

from sqlalchemy import Executable, Row, RowMapping, Select, insert, select

from rf_middleware.issuer.records import Key, NewKey, Workspace
from rf_middleware.issuer.schema import keys, owners, secrets, uses, workspaces

__all__ = ["adding", "key_of_row", "owned_by", "select_keys", "workspace_of_row"]


def adding(key: NewKey, workspace_id: str, *, is_default: bool = False) -> list[Executable]:
    """Return the statements that add a key, its owners and its encrypted secret."""
    row = {
        "id": key.id,
        "workspace_id": workspace_id,
        "fingerprint": key.fingerprint,
        "prefix": key.prefix,
        "last_four": key.last_four,
        "name": key.name,
        "scopes": None if key.scopes is None else sorted(key.scopes),
        "is_default": is_default,
        "status": "disabled" if key.disabled else "active",
        "created": time.time(),
        "expires": key.expires,
        "folders": list(key.folders),
        "metadata": dict(key.metadata),
        "protected": key.protected,
        "rotation_due": key.rotation_due,
        "made_by": key.made_by,
    }
    added: list[Executable] = [insert(keys).values(row), *owned_by(key.id, key.owners)]
    if key.sealed is not None:
        added.append(insert(secrets).values(key_id=key.id, kek=key.sealed.kek, sealed=key.sealed.blob))
    return added


def owned_by(key_id: str, named: tuple[str, ...]) -> list[Executable]:
    """Return the statements that name the owners of a key that has none."""
    return [insert(owners).values(key_id=key_id, owner=owner) for owner in sorted(set(named))]


def select_keys() -> Select[Any]:
    """Return the question for keys as ``key_of_row`` takes them."""
    columns = (
        workspaces.c.slug,
        workspaces.c.name.label("workspace_name"),
        workspaces.c.status.label("open"),
        secrets.c.kek,
        uses.c.last_used,
    )
    joined = select(keys, *columns).join(workspaces).outerjoin(uses, uses.c.key_id == keys.c.id)
    return joined.outerjoin(secrets, secrets.c.key_id == keys.c.id)


def workspace_of_row(row: RowMapping) -> Workspace:
    """Return a workspace."""
    return Workspace(row["id"], row["slug"], row["name"], row["status"])


def key_of_row(row: Row[Any]) -> Key:
    """Return a key, but for its owners."""
    return Key(
        id=row.id,
        workspace=Workspace(row.workspace_id, row.slug, row.workspace_name, row.open),
        name=row.name,
        prefix=row.prefix,
        last_four=row.last_four,
        scopes=None if row.scopes is None else frozenset(row.scopes),
        is_default=row.is_default,
        status=row.status,
        created=row.created,
        expires=row.expires,
        replaced_by=row.replaced_by,
        last_used=row.last_used,
        folders=tuple(row.folders),
        metadata=row.metadata,
        protected=row.protected,
        rotation_due=row.rotation_due,
        made_by=row.made_by,
        sealed=row.kek is not None,
    )
