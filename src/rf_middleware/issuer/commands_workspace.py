"""The commands about workspaces, on the database itself, also while ``serve`` runs on it. Thin.

What ends keys here waits like a DELETE: until the server has had it confirmed everywhere, or, where none runs, until no
lease of an earlier one can be left.
"""

import json
import re
import time
from typing import Final

import click

from rf_middleware._clock import now
from rf_middleware._models import SLUG
from rf_middleware.issuer.changes import Change, remove_owner, set_workspace
from rf_middleware.issuer.commands import (
    Failed,
    command,
    database_option,
    json_option,
    maker,
    name_option,
    opened,
    show,
    workspace_of,
)
from rf_middleware.issuer.commands_import import import_keys
from rf_middleware.issuer.fields import receipt_body
from rf_middleware.issuer.metadata import DRIFT
from rf_middleware.issuer.minting import Minting, sealing
from rf_middleware.issuer.records import Receipt, SlugTaken
from rf_middleware.issuer.serving import being_served
from rf_middleware.issuer.store import Store
from rf_middleware.issuer.vault_of import vault_of

__all__ = ["workspace"]

_LOOK: Final = 0.05

_RESERVED: Final = frozenset(
    {"api", "audit", "auth-cli", "device", "device_authorization", "feed", "healthz", "introspect", "login", "logout"}
    | {"metrics", "query", "readyz", "revocations", "revoke", "settings", "static", "token", "validators"}
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
    with opened(database) as store:
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


wait_option = click.option("--wait/--no-wait", default=True, show_default=True, help="Wait until it holds everywhere.")


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
        theirs = [key.owners for key in store.keys_of(found.id) if owner in key.owners]
        ended = f"{owner} is off {len(theirs)} keys of {slug}, {theirs.count((owner,))} of them revoked"
        said, changed = _carry_out(store, remove_owner(found.id, owner), ended, wait=wait, as_json=as_json)
    if not theirs and not changed:  # said after an earlier removal holds
        message = f"{owner} owns no key of {slug}"
        raise Failed(message)
    click.echo(said)


def _set(slug: str, status: str, database: str | None, *, wait: bool, as_json: bool) -> None:
    with opened(database) as store:
        found = workspace_of(store, slug, deleted_too=status == "deleted")
        said, _ = _carry_out(store, set_workspace(found.id, status), f"{slug} is {status}", wait=wait, as_json=as_json)
    click.echo(said)


def _carry_out(store: Store, change: Change, done: str, *, wait: bool, as_json: bool) -> tuple[str, bool]:
    """Make a change, wait until it holds if wanted; return what is said about it, and whether it was news."""
    ended = store.apply(change, command())
    return _said(store, ended.seq, done, wait=wait, as_json=as_json), not ended.before


def _said(store: Store, seq: int, done: str, *, wait: bool, as_json: bool) -> str:
    receipt = _held(store, seq) if wait and seq else None
    if as_json:
        said = {} if receipt is None else receipt_body(receipt)
        return json.dumps(said or ({"receipt": f"/revocations/{seq}"} if seq and not wait else {"seq": seq}))
    if receipt is not None and receipt.done is not None:
        counts = f"{receipt.done.confirmed} confirmed, {receipt.done.expired} expired"
        return f"{done}; every validator knows ({counts}, {receipt.done.took_ms:g} ms)"
    if not seq:  # it was never otherwise
        return done
    return f"{done}; no validator holds a lease" if wait else f"{done}; see /revocations/{seq}"


def _held(store: Store, seq: int) -> Receipt | None:
    """Wait until a change holds everywhere; ``None`` when that is so because no lease can be left."""
    since = None  # when no server was seen to run: the last may have granted leases until then
    while True:
        receipt = store.receipt(seq)
        if receipt is not None and receipt.done is not None:
            return receipt
        if being_served(store.path):
            since = None
        else:
            longest = store.longest_wait() * (1 + DRIFT)
            if since is None:
                since = now()
                if longest:
                    click.echo(f"no server is running: waiting {longest:.1f} s for leases of the last one", err=True)
            if now() - since >= longest:
                return None
        time.sleep(_LOOK)
