"""Brings a database that an earlier version of this program made to the tables of this one, in one transaction."""

from typing import Final

from sqlalchemy import Connection, update
from sqlalchemy.schema import CreateColumn

from rf_middleware.issuer.schema import VERSION, keys, meta, tokens
from rf_middleware.issuer.schema_people import tables

__all__ = ["OLDEST", "OLDEST_TABLES", "migrate"]

OLDEST: Final = 1
OLDEST_TABLES: Final = frozenset({"events", "keys", "meta", "owners", "tokens", "uses", "workspaces"})
_ADDED: Final = {
    2: (
        meta.c.write_once,
        keys.c.folders,
        keys.c.metadata,
        keys.c.protected,
        keys.c.rotation_due,
        keys.c.made_by,
        tokens.c.ended,
    ),
    3: (meta.c.start, meta.c.orderly),
}
"""What each version added to tables that were there before."""


def migrate(connection: Connection, version: int) -> None:
    """Add what this version lacks; the triggers are made anew."""
    for column in (each for newer, added in _ADDED.items() if newer > version for each in added):
        shape = CreateColumn(column).compile(connection.engine)
        connection.exec_driver_sql(f"ALTER TABLE {column.table.name} ADD COLUMN {shape}")
    for (name,) in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").all():
        connection.exec_driver_sql(f"DROP TRIGGER {name}")
    tables.create_all(connection)
    connection.execute(update(meta).values(schema_version=VERSION))
