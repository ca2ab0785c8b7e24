"""What the issuer asks of its database, one function per question. Synchronous; plain SQL.

* Nothing here decides who may do what, and no secret comes in but by its fingerprint.
* Whatever ends or shrinks a key goes through ``end_or_shrink``: status and event in one transaction.
* ``look_up`` reads epoch and head *before* the key, as statements of their own, so that a revocation
  committed meanwhile is seen in the key, never missed.
"""

import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, RowMapping, Select, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from rf_middleware._wire import Event
from rf_middleware.issuer.database import Database
from rf_middleware.issuer.keys import new_id
from rf_middleware.issuer.records import Ended, Key, Life, Lookup, NewKey, Receipt, SlugTaken, Workspace
from rf_middleware.issuer.schema import events, keys, meta, tokens, workspaces

__all__ = ["Store"]


class Store:
    """The issuer's questions and changes. Safe to use from several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # Workspaces, tokens

    def create_workspace(self, slug: str, name: str, key: NewKey) -> str:
        """Add a workspace and its first key; return the key's id.

        Raises:
            SlugTaken: there is one with this slug.
        """
        workspace_id, key_id = new_id(), new_id()
        row = {"id": workspace_id, "slug": slug, "name": name, "created": time.time()}
        try:
            with self._database.writing() as connection:
                connection.execute(insert(workspaces).values(row))
                connection.execute(insert(keys).values(_key_values(key, key_id, workspace_id, is_default=True)))
        except IntegrityError:
            raise SlugTaken from None
        return key_id

    def list_workspaces(self) -> list[Workspace]:
        """Return all workspaces by slug."""
        with self._database.reading() as connection:
            rows = connection.execute(select(workspaces).order_by(workspaces.c.slug))
            return [_workspace(row) for row in rows.mappings()]

    def create_token(self, fingerprint: bytes, name: str) -> None:
        """Add a validator token."""
        row = {"id": new_id(), "fingerprint": fingerprint, "name": name, "created": time.time()}
        with self._database.writing() as connection:
            connection.execute(insert(tokens).values(row))

    def token_id(self, fingerprint: bytes) -> str | None:
        """Return the id of the validator token with this fingerprint."""
        with self._database.reading() as connection:
            return connection.execute(select(tokens.c.id).where(tokens.c.fingerprint == fingerprint)).scalar()

    # Keys

    def look_up(self, fingerprint: bytes | None, publishable: str | None = None) -> Lookup:
        """Find a key by fingerprint, or a workspace by its publishable id; an ended key is found too."""
        with self._database.reading() as connection:
            epoch = connection.execute(select(meta.c.epoch)).scalar_one()
            head = connection.execute(select(func.coalesce(func.max(events.c.seq), 0))).scalar_one()
            if publishable is not None:
                row = connection.execute(select(workspaces).where(workspaces.c.id == publishable)).mappings().first()
                return Lookup(epoch, head, publishable=None if row is None else _workspace(row))
            found = connection.execute(_select_keys().where(keys.c.fingerprint == fingerprint)).first()
            return Lookup(epoch, head, None if found is None else _key(found))

    def keys_of(self, workspace_id: str) -> list[Key]:
        """Return the keys of a workspace that are not revoked, oldest first."""
        query = _select_keys().where(keys.c.workspace_id == workspace_id, keys.c.status != "revoked")
        with self._database.reading() as connection:
            return [_key(row) for row in connection.execute(query.order_by(keys.c.created, keys.c.id))]

    def key_of(self, workspace_id: str, key_id: str) -> Key | None:
        """Return one key of a workspace, also a revoked one."""
        query = _select_keys().where(keys.c.workspace_id == workspace_id, keys.c.id == key_id)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
            return None if row is None else _key(row)

    def create_key(self, workspace_id: str, key: NewKey) -> str:
        """Add a key to a workspace; return its id."""
        key_id = new_id()
        with self._database.writing() as connection:
            connection.execute(insert(keys).values(_key_values(key, key_id, workspace_id, is_default=False)))
        return key_id

    # What ends or shrinks a key, and what came of it

    def end_or_shrink(self, key_id: str, change: str, values: Mapping[str, object]) -> Ended:
        """Change these columns of a key and write the event, in one transaction.

        A key that is revoked already stays as it is; its own event is returned.
        """
        with self._database.writing() as connection:
            ending = update(keys).where(keys.c.id == key_id, keys.c.status != "revoked").values(**values)
            if connection.execute(ending).rowcount:
                row = {"key_id": key_id, "change": change, "created": time.time()}
                added = connection.execute(insert(events).values(row).returning(events.c.seq))
                return Ended(added.scalar_one(), before=False)
            newest = select(func.max(events.c.seq)).where(events.c.key_id == key_id)
            return Ended(connection.execute(newest).scalar_one(), before=True)

    def events_after(self, seq: int) -> list[Event]:
        """Return the events after this one, in order."""
        query = select(events.c.seq, events.c.change, keys.c.fingerprint).join(keys).where(events.c.seq > seq)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(events.c.seq))
            return [Event(row.seq, row.change, fingerprint=row.fingerprint) for row in rows]

    def receipt(self, seq: int) -> Receipt | None:
        """Return what is known of an event; ``None`` when there is none of this number."""
        query = select(events.c.key_id, events.c.receipt, keys.c.workspace_id).join(keys).where(events.c.seq == seq)
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        done: dict[str, Any] = row.receipt or {}
        return Receipt(seq, row.key_id, row.workspace_id, done.get("validators"), done.get("took_ms", 0.0))

    def finish(self, seq: int, validators: dict[str, int], took_ms: float) -> None:
        """Keep the receipt with its event."""
        receipt = {"validators": validators, "took_ms": took_ms}
        with self._database.writing() as connection:
            connection.execute(update(events).where(events.c.seq == seq).values(receipt=receipt))

    # The life of a server

    def begin_life(self, lease: float) -> Life:
        """Note, before any lease is granted, that leases this long may be out from now on.

        The restart rule: unless the last server left with every lease ended, leases as long as the
        longest it may have granted can still run.
        """
        with self._database.writing() as connection:
            row = connection.execute(select(meta)).one()
            longest = max(lease, row.longest_lease) if row.outstanding else lease
            connection.execute(update(meta).values(longest_lease=longest, outstanding=True))
            head = connection.execute(select(func.coalesce(func.max(events.c.seq), 0))).scalar_one()
            pending = select(events.c.seq, events.c.created).where(events.c.receipt.is_(None)).order_by(events.c.seq)
            now = time.time()
            unfinished = tuple((each.seq, max(0.0, now - each.created)) for each in connection.execute(pending))
        return Life(row.epoch, head, row.longest_lease if row.outstanding else 0.0, unfinished)

    def end_life(self) -> None:
        """Note that no lease is out any more."""
        with self._database.writing() as connection:
            connection.execute(update(meta).values(outstanding=False))


def _select_keys() -> Select[Any]:
    columns = (workspaces.c.slug, workspaces.c.name.label("workspace_name"))
    return select(keys, *columns).join(workspaces)


def _workspace(row: RowMapping) -> Workspace:
    return Workspace(row["id"], row["slug"], row["name"])


def _key(row: Row[Any]) -> Key:
    return Key(
        id=row.id,
        workspace=Workspace(row.workspace_id, row.slug, row.workspace_name),
        name=row.name,
        prefix=row.prefix,
        last_four=row.last_four,
        scopes=None if row.scopes is None else frozenset(row.scopes),
        is_default=row.is_default,
        status=row.status,
        created=row.created,
    )


def _key_values(key: NewKey, key_id: str, workspace_id: str, *, is_default: bool) -> dict[str, object]:
    return {
        "id": key_id,
        "workspace_id": workspace_id,
        "fingerprint": key.fingerprint,
        "prefix": key.prefix,
        "last_four": key.last_four,
        "name": key.name,
        "scopes": None if key.scopes is None else sorted(key.scopes),
        "is_default": is_default,
        "status": "active",
        "created": time.time(),
    }
