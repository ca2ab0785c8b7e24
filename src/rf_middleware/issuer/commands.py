"""The issuer's commands: ``serve``, ``workspace``, ``token``. Thin: options in, one call, one answer out."""

import json
import logging
import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import click

from rf_middleware._fingerprint import fingerprint
from rf_middleware._models import SLUG
from rf_middleware.issuer.api import new_key
from rf_middleware.issuer.database import Database, DatabaseProblem, explained, locate
from rf_middleware.issuer.keys import TOKEN_PREFIX, mint
from rf_middleware.issuer.records import SlugTaken
from rf_middleware.issuer.serve import LONGEST_LEASE, SHORTEST_LEASE, CannotListen, serve
from rf_middleware.issuer.store import Store

__all__ = ["serve_command", "token", "workspace"]

_RESERVED: Final = frozenset(
    {"api", "audit", "auth-cli", "device", "device_authorization", "feed", "healthz", "introspect", "login", "logout"}
    | {"metrics", "query", "readyz", "revocations", "revoke", "settings", "static", "token", "validators"}
)
"""First segments of the issuer's own paths, now and soon: a workspace of this name could not be reached."""

_LONGEST_SLUG: Final = 64
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
        raise Failed(message)
    return seconds


def _slug(_context: click.Context, _argument: click.Parameter, slug: str) -> str:
    if not re.fullmatch(SLUG, slug) or len(slug) > _LONGEST_SLUG:
        message = f"letters, digits, _ and -, a letter or digit first, at most {_LONGEST_SLUG}"
        raise click.BadParameter(message)
    if slug.lower() in _RESERVED:
        message = f"{slug} is a path of the issuer itself"
        raise click.BadParameter(message)
    return slug


def _name(_context: click.Context, _option: click.Parameter, name: str) -> str:
    if len(name) > _LONGEST_NAME or not name.isprintable():
        message = f"at most {_LONGEST_NAME} printable characters"
        raise click.BadParameter(message)
    return name


name_option = click.option("--name", default="", callback=_name, help="A name for people.")


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
def _opened(given: str | None) -> Generator[Store]:
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
def workspace() -> None:
    """Add and list workspaces, in the database itself."""


@workspace.command("create")
@click.argument("slug", callback=_slug)
@name_option
@database_option
@json_option
def create_workspace(slug: str, name: str, database: str | None, *, as_json: bool) -> None:
    """Add a workspace and its first key, which is shown once."""
    secret, key = new_key("Default key", None)
    with _opened(database) as store:
        try:
            key_id = store.create_workspace(slug, name, key)
        except SlugTaken:
            message = f"there is a workspace {slug} already"
            raise Failed(message) from None
    _show_key(slug, key_id, secret, as_json=as_json)


@workspace.command("key")
@click.argument("slug", callback=_slug)
@name_option
@database_option
@json_option
def add_key(slug: str, name: str, database: str | None, *, as_json: bool) -> None:
    """Add a key with full access to a workspace: when its last one was revoked or lost."""
    secret, key = new_key(name or "Default key", None)
    with _opened(database) as store:
        found = next((each for each in store.list_workspaces() if each.slug == slug), None)
        if found is None:
            message = f"there is no workspace {slug}"
            raise Failed(message)
        key_id = store.create_key(found.id, key)
    _show_key(slug, key_id, secret, as_json=as_json)


def _show_key(slug: str, key_id: str, secret: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"workspace": slug, "keyId": key_id, "key": secret}))
    else:
        click.echo(f"workspace  {slug}\nkey id     {key_id}\nkey        {secret}   (shown only now)")


@workspace.command("list")
@database_option
@json_option
def list_workspaces(database: str | None, *, as_json: bool) -> None:
    """List the workspaces."""
    with _opened(database) as store:
        found = store.list_workspaces()
    if as_json:
        click.echo(json.dumps([{"workspace": each.slug, "name": each.name, "workspaceId": each.id} for each in found]))
        return
    for each in found:
        click.echo(f"{each.slug}  {each.name}".rstrip())


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
    with _opened(database) as store:
        store.create_token(fingerprint(secret.encode()), name)
    click.echo(json.dumps({"token": secret}) if as_json else secret)
