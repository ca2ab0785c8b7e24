"""What every part of the store has: the database, and how far the history goes."""

from typing import Final

from sqlalchemy import Connection, func, select, update

from rf_middleware.issuer.database import Database
from rf_middleware.issuer.schema import events, meta

__all__ = ["HEAD", "StoreBase", "head_of"]

HEAD: Final = select(func.coalesce(func.max(events.c.seq), 0))
"""The newest event; 0 before the first."""


class StoreBase:
    """Questions and changes of a database. Synchronous; safe to use from several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.path = database.path

    @property
    def trouble(self) -> str:
        """Why the database could not be written the last time, as the end of a sentence; empty when it could."""
        return self._database.trouble

    def try_writing(self) -> None:
        """Write something that changes nothing, to learn whether the database can be written again."""
        with self._database.writing() as connection:
            connection.execute(update(meta).values(id=1))


def head_of(connection: Connection) -> int:
    """Return the newest event."""
    head: int = connection.execute(HEAD).scalar_one()
    return head
