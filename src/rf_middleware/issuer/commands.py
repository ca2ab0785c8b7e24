"""The issuer's command ``token``, and what all its commands share. Thin: options in, one answer out."""

import json
import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime

import click

from rf_middleware._fingerprint import fingerprint
from rf_middleware._terminal import Failed, show
from rf_middleware.issuer.audit import By
from rf_middleware.issuer.database import Database, DatabaseProblem, explained, locate
from rf_middleware.issuer.keys import TOKEN_PREFIX, mint
from rf_middleware.issuer.records import Workspace
from rf_middleware.issuer.store import Store
from rf_middleware.issuer.texts import LONGEST, short

__all__ = [
    "command",
    "database_option",
    "json_option",
    "maker",
    "name_option",
    "opened",
    "public_url",
    "token",
    "workspace_of",
]


database_option = click.option(
    "--database",
    envvar="RF_DATABASE_URL",
    help="A path or an SQLAlchemy URL; a SQLite file in your data folder when omitted.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def public_url(_context: click.Context, _option: click.Parameter, url: str | None) -> str | None:
    """Return the address that was given, as browsers say it."""
    found = None if url is None else re.fullmatch(r"https?://([A-Za-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?", url)
    if url is not None and not (found and 0 < int((found[2] or ":1")[1:]) < 65536):
        message = "like https://keys.example.com, without a path"
        raise click.BadParameter(message)
    return url and re.sub(r"^(http://.*):80$|^(https://.*):443$", r"\1\2", url.lower())


def _name(_context: click.Context, _option: click.Parameter, name: str) -> str:
    if not short(name):
        message = f"at most {LONGEST} printable characters"
        raise click.BadParameter(message)
    return name


name_option = click.option("--name", default="", callback=_name, help="A name for people.")


def command() -> By:
    """Return who the audit log names for what a command does: the user of the system."""
    return By("command", str(os.getuid()), os.environ.get("USER", ""))


def maker() -> str:
    """Return what is said of a key that a command makes."""
    by = command()
    return f"command line, {by.name or f'user {by.id}'}"[:200]


@contextmanager
def opened(given: str | None, *, new: bool = False) -> Generator[Store]:
    """Yield the store of the database that was named.

    Args:
        given: the option.
        new: it may be made, by what adds to it. Any other command would take a mistyped path for an empty database.

    Raises:
        Failed: it is not there or can't be used; also for what goes wrong with it inside.
    """
    try:
        path = locate(given)
        with explained(path):
            there = new or path.exists()
        if not there:
            message = f"there is no database {path}"
            raise Failed(message)
        database = Database(path)
        try:
            with explained(path):
                yield Store(database)
        finally:
            database.close()
    except DatabaseProblem as problem:
        raise Failed(str(problem)) from None


def workspace_of(store: Store, slug: str, *, deleted_too: bool) -> Workspace:
    """Return the workspace with this slug.

    Raises:
        Failed: there is none, or it is deleted.
    """
    found = next((each for each in store.list_workspaces() if each.slug == slug), None)
    if found is None:
        message = f"there is no workspace {slug}"
        raise Failed(message)
    if found.status == "deleted" and not deleted_too:
        message = f"the workspace {slug} is deleted"
        raise Failed(message)
    return found


@click.group()
def token() -> None:
    """Add, list and withdraw tokens by which apps ask the issuer, in the database itself."""


@token.command("create")
@name_option
@database_option
@json_option
def create_token(name: str, database: str | None, *, as_json: bool) -> None:
    """Add a validator token, which is shown once: RF_ISSUER_TOKEN of an app."""
    secret = mint(TOKEN_PREFIX)
    with opened(database, new=True) as store:
        store.create_token(fingerprint(secret.encode()), name, command())
    otherwise = "the token could not be shown; rf-middleware token create makes another"
    show(json.dumps({"token": secret}) if as_json else secret, otherwise)


@token.command("list")
@database_option
@json_option
def list_tokens(database: str | None, *, as_json: bool) -> None:
    """List the validator tokens, also those that were withdrawn."""
    with opened(database) as store:
        found = store.list_tokens()
    if as_json:
        rows = [
            {"tokenId": each.id, "name": each.name, "created": _shown(each.created), "ended": _shown(each.ended)}
            for each in found
        ]
        click.echo(json.dumps(rows))
        return
    for each in found:
        ended = "" if each.ended is None else f"(ended {_shown(each.ended)})"
        click.echo("  ".join(part for part in (each.id, _shown(each.created), each.name, ended) if part))


@token.command("revoke")
@click.argument("token_id")
@database_option
@json_option
def revoke_token(token_id: str, database: str | None, *, as_json: bool) -> None:
    """Withdraw a validator token: apps that ask with it are refused from then on."""
    with opened(database) as store:
        if not store.end_token(token_id, command()):
            message = f"there is no good token {token_id}; rf-middleware token list shows their ids"
            raise Failed(message)
    click.echo(json.dumps({"revoked": True, "tokenId": token_id}) if as_json else f"the token {token_id} is withdrawn")


def _shown(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
