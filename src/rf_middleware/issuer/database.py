"""Opens the issuer's database: finds the file, refuses what is not ours, sets SQLite up.

* Nothing is written before the file is known to be new or ours.
* Every refusal is a ``DatabaseProblem`` with one line for the person at the terminal.
* The database file is never opened but by SQLite: closing another descriptor would drop its POSIX locks.
* Full durability: an acknowledgement is never sent for what a power cut could undo (``synchronous=FULL``).
"""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

import platformdirs
from sqlalchemy import Connection, Engine, create_engine, event, insert, inspect, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError

from rf_middleware.issuer import schema
from rf_middleware.issuer.migrations import OLDEST, OLDEST_TABLES, migrate

__all__ = ["Database", "DatabaseProblem", "explained", "locate", "meaning"]

_BUSY: Final = 10_000
"""Milliseconds to wait for another process that writes."""

_STILL_BUSY: Final = 100
"""The same while it could not be written before: those who wait are many, and take their turns."""

_PLAIN_FILE: Final = "a SQLite database needs a plain file: a path, or sqlite:///path"

_MEANINGS: Final = {
    "file is not a database": "is not a SQLite database",
    "malformed": "is damaged; restore it from a backup",
    "unable to open database file": "can't be opened",
    "readonly": "can't be written",
    "database is locked": "is locked by another program",
    "disk is full": "can't be written, the disk is full",
}


class DatabaseProblem(Exception):  # noqa: N818 - not an error of the program
    """The database can't be used; the text says why, in one line."""


def locate(given: str | None) -> Path:
    """Return the file of the database.

    Args:
        given: a path, an SQLAlchemy URL, or ``None`` for a file in the user's data folder (which is made).

    Raises:
        DatabaseProblem: a URL that is malformed or not of a SQLite file, or the folder can't be made.
    """
    if given is None:
        folder = platformdirs.user_data_path("rf-middleware")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"the data folder {folder} can't be made: {error.strerror}"
            raise DatabaseProblem(message) from None
        return folder / "issuer.sqlite3"
    if given in {"", ":memory:"}:
        raise DatabaseProblem(_PLAIN_FILE)
    if "://" not in given:
        return Path(given)
    try:
        url = make_url(given)
    except (ArgumentError, ValueError):
        message = "the database is neither a path nor an SQLAlchemy URL"
        raise DatabaseProblem(message) from None
    if url.get_backend_name() != "sqlite":
        message = f"only SQLite is supported now, not {url.get_backend_name()}"
        raise DatabaseProblem(message)
    if url.query or not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise DatabaseProblem(_PLAIN_FILE)
    return Path(url.database)


class Database:
    """An opened database: ``reading`` (each statement by itself) and ``writing`` (one transaction).

    Args:
        path: the file; it is created, with its tables, when it is not there.
        check: read the whole file for damage first.

    Raises:
        DatabaseProblem: not a database, not ours, damaged, of a newer version, not writable.

    Attributes:
        trouble: why it could not be written the last time; empty when it could.
    """

    def __init__(self, path: Path, *, check: bool = False) -> None:
        self.path, self.trouble = path, ""
        self._readers = _engine(path)
        self._writers = _engine(path)
        event.listen(self._writers, "begin", self._begin)
        with explained(path):
            self._make_private()
            try:
                self._prepare(check=check)
            except BaseException:
                self.close()
                raise

    def reading(self) -> Connection:
        """Return a connection on which each statement sees what is committed when it runs."""
        return self._readers.connect()

    @contextmanager
    def writing(self) -> Generator[Connection]:
        """Yield a connection in a transaction that is alone in writing; committed at the end, durably."""
        try:
            with self._writers.begin() as connection:
                yield connection
        except OperationalError as error:
            self.trouble = meaning(error)
            raise
        self.trouble = ""

    def _begin(self, connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA busy_timeout={_STILL_BUSY if self.trouble else _BUSY}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def close(self) -> None:
        """Close every connection."""
        self._readers.dispose()
        self._writers.dispose()

    def _make_private(self) -> None:
        """Create the file readable by its owner alone; SQLite gives its side files the same mode."""
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            return

    def _prepare(self, *, check: bool) -> None:
        with self.reading() as connection:
            if check:
                found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
                if found != "ok":
                    message = f"{self.path} is damaged; restore it from a backup"
                    raise DatabaseProblem(message)
            self._refuse_foreign(connection)
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        with self.writing() as connection:
            if not inspect(connection).has_table(schema.meta.name):
                schema.tables.create_all(connection)
                first = {"id": 1, "epoch": str(uuid4()), "longest_lease": 0.0, "outstanding": False}
                connection.execute(insert(schema.meta).values(schema_version=schema.VERSION, **first))
            elif (version := _version(connection)) < schema.VERSION:
                migrate(connection, version)

    def _refuse_foreign(self, connection: Connection) -> None:
        names = set(inspect(connection).get_table_names())
        if not names:
            return
        version = _version(connection) if names >= OLDEST_TABLES else 0
        if not names >= (OLDEST_TABLES if version <= OLDEST else set(schema.tables.tables)):  # later ones added none
            message = f"{self.path} is a SQLite database, but not of this program"
            raise DatabaseProblem(message)
        if not OLDEST <= version <= schema.VERSION:
            message = (
                f"{self.path} was made by another version of this program (schema {version}, not {schema.VERSION})"
            )
            raise DatabaseProblem(message)


@contextmanager
def explained(path: Path) -> Generator[None]:
    """Turn what SQLAlchemy and the system say about the file into one line.

    Raises:
        DatabaseProblem: instead of what was raised inside.
    """
    try:
        with understood(path):
            yield
    except OSError as error:
        message = f"{path} can't be opened: {error.strerror}"
        raise DatabaseProblem(message) from None


@contextmanager
def understood(path: Path) -> Generator[None]:
    """Turn what SQLAlchemy says about the file into one line.

    Raises:
        DatabaseProblem: instead of what was raised inside.
    """
    try:
        yield
    except DBAPIError as error:
        message = f"{path} {meaning(error)}"
        raise DatabaseProblem(message) from None
    except SQLAlchemyError:
        message = f"{path} is a SQLite database, but not of this program"
        raise DatabaseProblem(message) from None


def meaning(error: DBAPIError) -> str:
    """Return what is wrong with the file, as the end of a sentence."""
    text = str(error.orig)
    return next((meaning for sign, meaning in _MEANINGS.items() if sign in text), f"can't be used: {text}")


def _version(connection: Connection) -> int:
    found: int = connection.execute(select(schema.meta.c.schema_version)).scalar_one()
    return found


def _engine(path: Path) -> Engine:
    url = URL.create("sqlite+pysqlite", database=str(path))
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": _BUSY / 1000})
    event.listen(engine, "connect", _set_up)
    return engine


def _set_up(connection: DBAPIConnection, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where we say so
    cursor = connection.cursor()
    for pragma in (f"busy_timeout={_BUSY}", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
