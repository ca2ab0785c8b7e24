"""What the issuer asks about keys, one function per question. Plain SQL.

* Nothing here decides who may do what, and no secret comes in but by its fingerprint.
* ``look_up`` reads epoch and head *before* the key, in a statement of their own, so that a revocation
  committed meanwhile is seen in the key, never missed. Both statements are made once, at import: making them for
  each look-up was three quarters of its cost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import ColumnElement, bindparam, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from rf_middleware.issuer.audit import By, Note, append
from rf_middleware.issuer.records import ENDED, Key, Lookup, NewKey, Sealed
from rf_middleware.issuer.rights import hold
from rf_middleware.issuer.rows import adding, key_of_row, select_keys, workspace_of_row
from rf_middleware.issuer.schema import keys, meta, owners, secrets, uses, workspaces
from rf_middleware.issuer.store_base import HEAD, StoreBase

__all__ = ["KeyStore", "created"]

_HISTORY: Final = select(meta.c.epoch, HEAD.scalar_subquery())
_KEY: Final = select_keys().where(keys.c.fingerprint == bindparam("presented"))


class KeyStore(StoreBase):
    """Questions about keys."""

    def look_up(self, fingerprint: bytes | None, publishable: str | None = None) -> Lookup:
        """Find a key by fingerprint, or a workspace by its publishable id; an ended key is found too."""
        with self._database.reading() as connection:
            epoch, head = connection.execute(_HISTORY).one()
            if publishable is not None:
                row = connection.execute(select(workspaces).where(workspaces.c.id == publishable)).mappings().first()
                return Lookup(epoch, head, publishable=None if row is None else workspace_of_row(row))
            found = connection.execute(_KEY, {"presented": fingerprint}).first()
            return Lookup(epoch, head, None if found is None else key_of_row(found))

    def keys_of(self, workspace_id: str) -> list[Key]:
        """Return the keys of a workspace that have not ended, oldest first."""
        return self._keys(keys.c.workspace_id == workspace_id, keys.c.status.not_in(ENDED))

    def keys_made_by(self, email: str) -> list[Key]:
        """Return the keys of every workspace that somebody made and that have not ended, oldest first."""
        return self._keys(keys.c.made_by == email, keys.c.status.not_in(ENDED))

    def key_of(self, workspace_id: str, key_id: str) -> Key | None:
        """Return one key of a workspace, also one that has ended."""
        return next(iter(self._keys(keys.c.workspace_id == workspace_id, keys.c.id == key_id)), None)

    def _keys(self, *conditions: ColumnElement[bool]) -> list[Key]:
        query = select_keys().where(*conditions).order_by(keys.c.created, keys.c.id)
        named = select(owners).where(owners.c.key_id.in_(select(keys.c.id).where(*conditions)))
        with self._database.reading() as connection:
            found = [key_of_row(row) for row in connection.execute(query)]
            rows = connection.execute(named.order_by(owners.c.owner)).all()
        return [replace(key, owners=tuple(row.owner for row in rows if row.key_id == key.id)) for key in found]

    def create_key(self, workspace_id: str, key: NewKey, by: By) -> str:
        """Add a key to a workspace; return its id.

        Raises:
            NotTheirs: whoever makes it may not, any more.
        """
        with self._database.writing() as connection:
            hold(connection, by.right)
            for statement in adding(key, workspace_id):
                connection.execute(statement)
            append(connection, by, created(key, workspace_id))
        return key.id

    def import_keys(self, workspace_id: str, new: Sequence[NewKey], by: By) -> set[bytes]:
        """Add keys that were made elsewhere, unless one is there already; return the fingerprints of those that are."""
        with self._database.writing() as connection:
            known = select(keys.c.fingerprint)
            there = {
                key.fingerprint
                for key in new
                if connection.execute(known.where(keys.c.fingerprint == key.fingerprint)).first()
            }
            for key in () if there else new:
                for statement in adding(key, workspace_id):
                    connection.execute(statement)
                append(connection, by, replace(created(key, workspace_id), action="key.import"))
        return there

    def sealed_secret(self, key_id: str) -> Sealed | None:
        """Return the encrypted secret of a key that has not ended; ``None`` where none is kept."""
        with self._database.reading() as connection:
            row = connection.execute(select(secrets).where(secrets.c.key_id == key_id)).first()
        return None if row is None else Sealed(row.kek, row.sealed)

    def sealed_with(self) -> dict[str, int]:
        """Return how many secrets are kept for each key-encryption key."""
        counted = select(secrets.c.kek, func.count().label("sealed")).group_by(secrets.c.kek)
        with self._database.reading() as connection:
            return {row.kek: row.sealed for row in connection.execute(counted)}

    def write_once(self) -> bool:
        """Say whether secrets are not kept at all."""
        with self._database.reading() as connection:
            return bool(connection.execute(select(meta.c.write_once)).scalar_one())

    def set_write_once(self, *, on: bool) -> None:
        """Keep no secrets from now on, nor those that are there; or keep those of new keys again."""
        with self._database.writing() as connection:
            connection.execute(update(meta).values(write_once=on))
            if on:
                connection.execute(delete(secrets))

    def used(self, times: Mapping[str, float]) -> None:
        """Note when keys were last used: in a table of its own, which nothing about a key's status is in."""
        row = upsert(uses)
        row = row.on_conflict_do_update(index_elements=[uses.c.key_id], set_={"last_used": row.excluded.last_used})
        with self._database.writing() as connection:
            connection.execute(row, [{"key_id": key_id, "last_used": when} for key_id, when in times.items()])


def created(key: NewKey, workspace_id: str) -> Note:
    """Return what the audit log says of a new key."""
    scopes = None if key.scopes is None else sorted(key.scopes)
    return Note("key.create", key.id, workspace_id, {"name": key.name, "scopes": scopes})
