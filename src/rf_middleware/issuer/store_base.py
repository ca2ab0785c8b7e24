"""What every part of the store has: the database, and how far the history goes."""

from sqlalchemy import Connection, func, select

from rf_middleware.issuer.database import Database
from rf_middleware.issuer.schema import events

__all__ = ["StoreBase", "head_of"]


class StoreBase:
    """Questions and changes of a database. Synchronous; safe to use from several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.path = database.path


def head_of(connection: Connection) -> int:
    """Return the newest event."""
    head: int = connection.execute(select(func.coalesce(func.max(events.c.seq), 0))).scalar_one()
    return head
