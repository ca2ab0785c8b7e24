"""The issuer's commands ``serve`` and ``token``, and what all its commands share. Thin: options in, one answer out."""

import json
import logging
import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import click

from rf_middleware._fingerprint import fingerprint
from rf_middleware.issuer.audit import By
from rf_middleware.issuer.database import Database, DatabaseProblem, explained, locate
from rf_middleware.issuer.keys import TOKEN_PREFIX, mint
from rf_middleware.issuer.serve import LONGEST_LEASE, SHORTEST_LEASE, CannotListen, serve
from rf_middleware.issuer.store import Store

__all__ = [
    "Failed",
    "command",
    "database_option",
    "json_option",
    "name_option",
    "opened",
    "serve_command",
    "show",
    "token",
]

_LONGEST_NAME: Final = 200


class Failed(click.ClickException):
    """A refusal: one line on stderr, exit 1."""

    def show(self, file: object = None) -> None:  # noqa: ARG002 - the signature of click
        """Print the line."""
        click.echo(f"rf-middleware: {' '.join(self.message.split())}", err=True)


database_option = click.option(
    "--database",
    envvar="RF_DATABASE_URL",
    help="A path or an SQLAlchemy URL; a SQLite file in your data folder when omitted.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _lease(_context: click.Context, _option: click.Parameter, seconds: float) -> float:
    if not SHORTEST_LEASE <= seconds <= LONGEST_LEASE:
        message = f"the lease is {SHORTEST_LEASE:g} to {LONGEST_LEASE:g} seconds, not {seconds:g}"
        raise click.BadParameter(message)
    return seconds


def _name(_context: click.Context, _option: click.Parameter, name: str) -> str:
    if len(name) > _LONGEST_NAME or not name.isprintable():
        message = f"at most {_LONGEST_NAME} printable characters"
        raise click.BadParameter(message)
    return name


name_option = click.option("--name", default="", callback=_name, help="A name for people.")


def command() -> By:
    """Return who the audit log names for what a command does: the user of the system."""
    return By("command", str(os.getuid()), os.environ.get("USER", ""))


def show(text: str, otherwise: str) -> None:
    """Print what is shown only once; an error of the print says what to do about it."""
    try:
        click.echo(text)
    except OSError as error:
        error.add_note(otherwise)
        raise


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0 for any free one.")
@click.option(
    "--lease",
    default=10.0,
    show_default=True,
    callback=_lease,
    help="Seconds an app may trust its cache after it last heard from here.",
)
@database_option
def serve_command(host: str, port: int, lease: float, database: str | None) -> None:
    """Run the issuer."""
    logging.basicConfig(format="rf-middleware: %(levelname)s %(message)s", level=logging.WARNING)
    try:
        serve(locate(database), host, port, lease, click.echo)
    except (DatabaseProblem, CannotListen) as problem:
        raise Failed(str(problem)) from None


@contextmanager
def opened(given: str | None) -> Generator[Store]:
    """Yield the store of the database that was named.

    Raises:
        Failed: it can't be used; also for what goes wrong with it inside.
    """
    try:
        path = locate(given)
        database = Database(path)
        try:
            with explained(path):
                yield Store(database)
        finally:
            database.close()
    except DatabaseProblem as problem:
        raise Failed(str(problem)) from None


@click.group()
def token() -> None:
    """Add tokens by which apps ask the issuer, in the database itself."""


@token.command("create")
@name_option
@database_option
@json_option
def create_token(name: str, database: str | None, *, as_json: bool) -> None:
    """Add a validator token, which is shown once: RF_ISSUER_TOKEN of an app."""
    secret = mint(TOKEN_PREFIX)
    with opened(database) as store:
        store.create_token(fingerprint(secret.encode()), name, command())
    otherwise = "the token could not be shown; rf-middleware token create makes another"
    show(json.dumps({"token": secret}) if as_json else secret, otherwise)
