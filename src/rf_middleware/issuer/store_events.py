"""Carries changes out, and keeps what came of them: events, receipts, audit rows.

Whatever ends, shrinks or restores keys is a ``Change`` that goes through ``apply``; its events and its audit rows are
in its transaction.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Final

from sqlalchemy import Connection, exists, func, select, update

from rf_middleware._wire import Event
from rf_middleware.issuer.audit import CLOCK, By, Note, append
from rf_middleware.issuer.changes import EDITED, Change, due
from rf_middleware.issuer.records import ENDED, Account, Ended, Held, Receipt
from rf_middleware.issuer.rights import hold
from rf_middleware.issuer.schema import events, keys, workspaces
from rf_middleware.issuer.store_base import StoreBase, head_of

__all__ = ["VERBS", "EventStore"]

VERBS: Final = {
    "revoked": "revoke",
    "rolled": "roll",
    "expired": "expire",
    "disabled": "disable",
    "enabled": "enable",
    "updated": "update",
    "suspended": "suspend",
}
"""Of the audit log, by the change that an event tells of."""


class EventStore(StoreBase):
    """Changes and the history of keys."""

    def apply(self, change: Change, by: By) -> Ended:
        """Carry out a change, once what is over has ended; events and audit rows come with it or not at all.

        Raises:
            NotTheirs: whoever does it may not, any more.
        """
        with self._database.writing() as connection:
            hold(connection, by.right)
            start = head_of(connection)
            connection.execute(due(time.time()))
            before = _audit(connection, start, CLOCK, None)
            made = change.first is None or connection.execute(change.first).rowcount > 0
            if made:
                for statement in change.rest:
                    connection.execute(statement)
            after = _audit(connection, before, by, change.note if made else None)
            for note in change.also if made else ():
                append(connection, by, note)
            if after > before:
                return Ended(after, before=False)
            newest = select(func.coalesce(func.max(events.c.seq), 0)).where(change.about)
            return Ended(connection.execute(newest).scalar_one(), before=True, missed=not made)

    def note(self, by: By, note: Note) -> None:
        """Add to the audit log what changes nothing else.

        Raises:
            NotTheirs: whoever does it may not, any more.
        """
        with self._database.writing() as connection:
            hold(connection, by.right)
            append(connection, by, note)

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

    def newest_held(self, limit: int) -> list[Held]:
        """Return the newest changes that hold everywhere, newest first."""
        took = events.c.receipt["took_ms"].as_float()  # the list of validators may be long and stays in the database
        counts = (events.c.receipt[name].as_integer() for name in ("confirmed", "expired"))
        query = select(events.c.seq, events.c.change, events.c.created, took, *counts)
        query = query.where(events.c.receipt.is_not(None)).order_by(events.c.seq.desc()).limit(limit)
        with self._database.reading() as connection:
            return [Held(*row) for row in connection.execute(query)]

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


def _audit(connection: Connection, after: int, by: By, note: Note | None) -> int:
    """Add a row for each event after this one, or the note where no event tells of it; return the newest event."""
    news = connection.execute(select(events).where(events.c.seq > after).order_by(events.c.seq)).all()
    told = False
    for event in news:
        target = event.key_id or event.workspace_id
        own = note if note is not None and note.target == target else None
        told = told or own is not None
        action = f"{'key' if event.key_id else 'workspace'}.{VERBS[event.change]}"
        if own is not None and own.action != EDITED:
            action = own.action
        detail = {**({} if own is None else own.detail), "seq": event.seq}
        append(connection, by, Note(action, target, event.workspace_id, detail))
    if note is not None and not told:
        of_key = select(keys.c.workspace_id).where(keys.c.id == note.target)
        append(connection, by, replace(note, workspace_id=note.workspace_id or connection.execute(of_key).scalar()))
    return news[-1].seq if news else after
