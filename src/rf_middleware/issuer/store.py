"""What the issuer asks of its database, one function per question. Synchronous; plain SQL.

* Nothing here decides who may do what, and no secret comes in but by its fingerprint.
* Whatever ends, shrinks or restores keys is a ``Change`` that goes through ``apply``; its event is in its transaction.
* ``look_up`` reads epoch and head *before* the key, as statements of their own, so that a revocation
  committed meanwhile is seen in the key, never missed.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, RowMapping, Select, exists, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import IntegrityError

from rf_middleware._wire import Event
from rf_middleware.issuer.changes import Change, due, owned_by
from rf_middleware.issuer.database import Database
from rf_middleware.issuer.keys import new_id
from rf_middleware.issuer.records import (
    ENDED,
    Account,
    Ended,
    Key,
    Life,
    Lookup,
    NewKey,
    Receipt,
    SlugTaken,
    Workspace,
)
from rf_middleware.issuer.schema import events, keys, meta, owners, tokens, uses, workspaces

__all__ = ["Store", "key_row"]


class Store:
    """The issuer's questions and changes. Safe to use from several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.path = database.path

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
                connection.execute(insert(keys).values(key_row(key, key_id, workspace_id, is_default=True)))
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
            head = _head(connection)
            if publishable is not None:
                row = connection.execute(select(workspaces).where(workspaces.c.id == publishable)).mappings().first()
                return Lookup(epoch, head, publishable=None if row is None else _workspace(row))
            found = connection.execute(_select_keys().where(keys.c.fingerprint == fingerprint)).first()
            return Lookup(epoch, head, None if found is None else _key(found))

    def keys_of(self, workspace_id: str) -> list[Key]:
        """Return the keys of a workspace that have not ended, oldest first."""
        return self._keys(keys.c.workspace_id == workspace_id, keys.c.status.not_in(ENDED))

    def key_of(self, workspace_id: str, key_id: str) -> Key | None:
        """Return one key of a workspace, also one that has ended."""
        return next(iter(self._keys(keys.c.workspace_id == workspace_id, keys.c.id == key_id)), None)

    def _keys(self, *conditions: ColumnElement[bool]) -> list[Key]:
        query = _select_keys().where(*conditions).order_by(keys.c.created, keys.c.id)
        named = select(owners).where(owners.c.key_id.in_(select(keys.c.id).where(*conditions)))
        with self._database.reading() as connection:
            found = [_key(row) for row in connection.execute(query)]
            rows = connection.execute(named.order_by(owners.c.owner)).all()
        return [replace(key, owners=tuple(row.owner for row in rows if row.key_id == key.id)) for key in found]

    def create_key(self, workspace_id: str, key: NewKey) -> str:
        """Add a key to a workspace; return its id."""
        key_id = new_id()
        with self._database.writing() as connection:
            connection.execute(insert(keys).values(key_row(key, key_id, workspace_id)))
            for statement in owned_by(key_id, key.owners):
                connection.execute(statement)
        return key_id

    def used(self, times: Mapping[str, float]) -> None:
        """Note when keys were last used: in a table of its own, which nothing about a key's status is in."""
        row = upsert(uses)
        row = row.on_conflict_do_update(index_elements=[uses.c.key_id], set_={"last_used": row.excluded.last_used})
        with self._database.writing() as connection:
            connection.execute(row, [{"key_id": key_id, "last_used": when} for key_id, when in times.items()])

    # What ends, shrinks or restores keys, and what came of it

    def apply(self, change: Change) -> Ended:
        """Carry out a change, once what is over has ended; the database writes the events in the same transaction."""
        with self._database.writing() as connection:
            connection.execute(due(time.time()))
            before = _head(connection)
            if change.first is None or connection.execute(change.first).rowcount:
                for statement in change.rest:
                    connection.execute(statement)
            after = _head(connection)
            if after > before:
                return Ended(after, before=False)
            newest = select(func.coalesce(func.max(events.c.seq), 0)).where(change.about)
            return Ended(connection.execute(newest).scalar_one(), before=True)

    def events_after(self, seq: int) -> list[Event]:
        """Return the events after this one, in order."""
        columns = (events.c.seq, events.c.change, keys.c.fingerprint, workspaces.c.slug)
        query = select(*columns).join_from(events, workspaces).outerjoin(keys, keys.c.id == events.c.key_id)
        with self._database.reading() as connection:
            rows = connection.execute(query.where(events.c.seq > seq).order_by(events.c.seq))
            return [
                Event(row.seq, row.change, fingerprint=row.fingerprint)
                if row.fingerprint is not None
                else Event(row.seq, row.change, workspace=row.slug)
                for row in rows
            ]

    def astir(self, head: int, now: float) -> bool:
        """Say whether there is something to do that nobody asked for: a newer event, or a key whose time has come."""
        over = exists().where(keys.c.status.not_in(ENDED), keys.c.expires <= now)
        newer = exists().where(events.c.seq > head)
        with self._database.reading() as connection:
            return bool(connection.execute(select(over | newer)).scalar_one())

    def receipt(self, seq: int) -> Receipt | None:
        """Return what is known of an event; ``None`` when there is none of this number."""
        with self._database.reading() as connection:
            row = connection.execute(select(events).where(events.c.seq == seq)).first()
        if row is None:
            return None
        done = None if row.receipt is None else Account(**row.receipt)
        return Receipt(seq, row.change, row.key_id, row.workspace_id, done)

    def finish(self, seq: int, done: Account, also: Sequence[int] = ()) -> None:
        """Keep the receipt with its events; the newest of each workspace lists the validators, the others say which."""
        query = select(events.c.seq, events.c.workspace_id).where(events.c.seq.between(min((*also, seq)), seq))
        with self._database.writing() as connection:
            rows = connection.execute(query.order_by(events.c.seq)).all()
            newest = {row.workspace_id: row.seq for row in rows}
            for row in rows:
                there = newest[row.workspace_id]
                said = done if row.seq == there else replace(done, report=[{"receipt": f"/revocations/{there}"}])
                connection.execute(update(events).where(events.c.seq == row.seq).values(receipt=asdict(said)))

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
            head = _head(connection)
            pending = select(events.c.seq, events.c.created).where(events.c.receipt.is_(None)).order_by(events.c.seq)
            now = time.time()
            unfinished = tuple((each.seq, max(0.0, now - each.created)) for each in connection.execute(pending))
        return Life(row.epoch, head, row.longest_lease if row.outstanding else 0.0, unfinished)

    def longest_wait(self) -> float:
        """Return for how many seconds from now leases of servers that have ended may still run."""
        with self._database.reading() as connection:
            row = connection.execute(select(meta)).one()
            return float(row.longest_lease) if row.outstanding else 0.0

    def end_life(self) -> None:
        """Note that no lease is out any more."""
        with self._database.writing() as connection:
            connection.execute(update(meta).values(outstanding=False))


def _head(connection: Connection) -> int:
    head: int = connection.execute(select(func.coalesce(func.max(events.c.seq), 0))).scalar_one()
    return head


def _select_keys() -> Select[Any]:
    columns = (workspaces.c.slug, workspaces.c.name.label("workspace_name"), workspaces.c.status.label("open"))
    return select(keys, *columns, uses.c.last_used).join(workspaces).outerjoin(uses, uses.c.key_id == keys.c.id)


def _workspace(row: RowMapping) -> Workspace:
    return Workspace(row["id"], row["slug"], row["name"], row["status"])


def _key(row: Row[Any]) -> Key:
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
    )


def key_row(key: NewKey, key_id: str, workspace_id: str, *, is_default: bool = False) -> dict[str, object]:
    """Return a key as the row that is stored of it."""
    return {
        "id": key_id,
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
    }
