"""The commands about workspaces, on the database itself, also while ``serve`` runs on it. Thin.

What ends keys here waits like a DELETE (``commands_waiting.py``).
"""

import json
import re
from typing import Final

import click

from rf_middleware._models import SLUG
from rf_middleware._terminal import Failed, show
from rf_middleware.issuer.changes import remove_owner, revoke, set_workspace
from rf_middleware.issuer.commands import (
    command,
    database_option,
    json_option,
    maker,
    name_option,
    opened,
    workspace_of,
)
from rf_middleware.issuer.commands_import import import_keys
from rf_middleware.issuer.commands_waiting import carry_out, wait_option
from rf_middleware.issuer.minting import Minting, sealing
from rf_middleware.issuer.records import SlugTaken
from rf_middleware.issuer.store import Store
from rf_middleware.issuer.vault_of import vault_of

__all__ = ["workspace"]

_RESERVED: Final = frozenset(
    {"account", "api", "audit", "auth-cli", "device", "device_authorization", "feed", "first", "healthz"}
    | {"introspect", "invite", "login", "logout", "metrics", "query", "readyz", "revocations", "revoke"}
    | {"settings", "static", "token", "validators"}
)
"""First segments of the issuer's own paths, now and soon: a workspace of this name could not be reached."""

_LONGEST_SLUG: Final = 64


def _slug(_context: click.Context, _argument: click.Parameter, slug: str) -> str:
    if not re.fullmatch(SLUG, slug) or len(slug) > _LONGEST_SLUG:
        message = f"letters, digits, _ and -, a letter or digit first, at most {_LONGEST_SLUG}"
        raise click.BadParameter(message)
    if slug.lower() in _RESERVED:
        message = f"{slug} is a path of the issuer itself"
        raise click.BadParameter(message)
    return slug


@click.group()
def workspace() -> None:
    """Add, list, suspend and delete workspaces, in the database itself."""


workspace.add_command(import_keys)


@workspace.command("create")
@click.argument("slug", callback=_slug)
@name_option
@database_option
@json_option
def create_workspace(slug: str, name: str, database: str | None, *, as_json: bool) -> None:
    """Add a workspace and its first key, which is shown once."""
    with opened(database, new=True) as store:
        secret, key = _minting(store).new("Default key", None, made_by=maker())
        try:
            store.create_workspace(slug, name, key, command())
        except SlugTaken:
            message = f"there is a workspace {slug} already"
            raise Failed(message) from None
    _show_key(slug, key.id, secret, as_json=as_json)


@workspace.command("key")
@click.argument("slug", callback=_slug)
@name_option
@database_option
@json_option
def add_key(slug: str, name: str, database: str | None, *, as_json: bool) -> None:
    """Add a key with full access to a workspace: when its last one was revoked or lost."""
    with opened(database) as store:
        secret, key = _minting(store).new(name or "Default key", None, made_by=maker())
        store.create_key(workspace_of(store, slug, deleted_too=False).id, key, command())
    _show_key(slug, key.id, secret, as_json=as_json)


def _minting(store: Store) -> Minting:
    return Minting(sealing(vault_of(store, lambda text: click.echo(f"rf-middleware: {text}", err=True))))


def _show_key(slug: str, key_id: str, secret: str, *, as_json: bool) -> None:
    text = f"workspace  {slug}\nkey id     {key_id}\nkey        {secret}   (shown only now)"
    if as_json:
        text = json.dumps({"workspace": slug, "keyId": key_id, "key": secret})
    show(text, f"the key could not be shown; rf-middleware workspace key {slug} makes another")


@workspace.command("list")
@database_option
@json_option
def list_workspaces(database: str | None, *, as_json: bool) -> None:
    """List the workspaces."""
    with opened(database) as store:
        found = store.list_workspaces()
    if as_json:
        rows = [
            {"workspace": each.slug, "name": each.name, "workspaceId": each.id, "status": each.status} for each in found
        ]
        click.echo(json.dumps(rows))
        return
    for each in found:
        closed = "" if each.status == "active" else f"({each.status})"
        click.echo("  ".join(part for part in (each.slug, each.name, closed) if part))


@workspace.command("suspend")
@click.argument("slug", callback=_slug)
@wait_option
@database_option
@json_option
def suspend(slug: str, database: str | None, *, wait: bool, as_json: bool) -> None:
    """Refuse every key of a workspace until it is resumed."""
    _set(slug, "suspended", database, wait=wait, as_json=as_json)


@workspace.command("resume")
@click.argument("slug", callback=_slug)
@wait_option
@database_option
@json_option
def resume(slug: str, database: str | None, *, wait: bool, as_json: bool) -> None:
    """Accept the keys of a suspended workspace again."""
    _set(slug, "active", database, wait=wait, as_json=as_json)


@workspace.command("delete")
@click.argument("slug", callback=_slug)
@click.option("--yes", is_flag=True, help="Do not ask.")
@wait_option
@database_option
@json_option
def delete(slug: str, database: str | None, *, yes: bool, wait: bool, as_json: bool) -> None:
    """Refuse every key of a workspace for good; its name is not given away again."""
    with opened(database) as store:
        closed = workspace_of(store, slug, deleted_too=True).status == "deleted"
    if not yes and not closed:
        click.confirm(f"The keys of {slug} end for good. Go on?", abort=True, err=True)
    _set(slug, "deleted", database, wait=wait, as_json=as_json)


@workspace.command("revoke-key")
@click.argument("slug", callback=_slug)
@click.argument("key_ids", metavar="KEY_ID...", nargs=-1, required=True)
@wait_option
@database_option
@json_option
def revoke_keys(slug: str, key_ids: tuple[str, ...], database: str | None, *, wait: bool, as_json: bool) -> None:
    """End keys for good, protected ones too; all of them, or where one is not there none."""
    with opened(database) as store:
        found = workspace_of(store, slug, deleted_too=True)
        for key_id in key_ids:
            if store.key_of(found.id, key_id) is None:
                message = f"{slug} has no key {key_id}; nothing was done"
                raise Failed(message)
        for place, key_id in enumerate(key_ids, 1):
            last = place == len(key_ids)  # once that holds, so do those before it
            said, _ = carry_out(store, revoke(key_id), f"{key_id} is revoked", wait=wait and last, as_json=as_json)
            click.echo(said)


@workspace.command("remove-owner")
@click.argument("slug", callback=_slug)
@click.argument("owner")
@wait_option
@database_option
@json_option
def remove_owner_command(slug: str, owner: str, database: str | None, *, wait: bool, as_json: bool) -> None:
    """Take somebody off the keys of a workspace; a key that nobody else owns is revoked."""
    with opened(database) as store:
        found = workspace_of(store, slug, deleted_too=True)
        named = [{each.lower() for each in key.owners} for key in store.keys_of(found.id)]
        theirs = [each for each in named if owner.lower() in each]
        ended = f"{owner} is off {len(theirs)} keys of {slug}, {theirs.count({owner.lower()})} of them revoked"
        said, changed = carry_out(store, remove_owner(found.id, owner), ended, wait=wait, as_json=as_json)
    if not theirs and not changed:  # said after an earlier removal holds
        message = f"{owner} owns no key of {slug}"
        raise Failed(message)
    click.echo(said)


def _set(slug: str, status: str, database: str | None, *, wait: bool, as_json: bool) -> None:
    with opened(database) as store:
        found = workspace_of(store, slug, deleted_too=status == "deleted")
        said, _ = carry_out(store, set_workspace(found.id, status), f"{slug} is {status}", wait=wait, as_json=as_json)
    click.echo(said)
