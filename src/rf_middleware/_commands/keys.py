"""``keys``: the keys of a workspace, over HTTP, with the key one is logged in with. Thin.

* A secret is shown once, on stdout; all else that is said while it is made goes to stderr.
* What ends or shrinks a key is printed with its receipt.
* When the key one acts with is rolled or revoked, the login file follows.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar, cast
from urllib.parse import quote

import click

from rf_middleware._commands.acting import Acting, acting
from rf_middleware._commands.fields import Fields, fields, key_argument, when
from rf_middleware._commands.keys_shown import called, described, listed, receipt_line, say, show_secret, shown
from rf_middleware._commands.shared import FINITE, TEXT, explained, in_words, json_option, url_option, workspace_option
from rf_middleware._login import the_world
from rf_middleware._login.values import masked
from rf_middleware._secret import Secret
from rf_middleware._terminal import Failed

__all__ = ["keys"]

Body = dict[str, object]
Command = TypeVar("Command", bound=Callable[..., Any])


@click.group()
def keys() -> None:
    """List, create, change, roll and revoke the keys of a workspace, with the key you are logged in with."""


def _common(command: Command) -> Command:
    return url_option(workspace_option(json_option(command)))


_wait_option = click.option("--wait/--no-wait", default=True, show_default=True, help="Wait until it holds everywhere.")
_yes_option = click.option("--yes", "-y", is_flag=True, help="Do not ask.")


@keys.command("list")
@click.option("--all", "everything", is_flag=True, help="Disabled ones too.")
@_common
def list_keys(url: str, workspace: str, *, everything: bool, as_json: bool) -> None:
    """List the keys."""
    body = _who(workspace, url).keys("GET", "?includeDisabled=true" if everything else "")
    say(body, listed(body), as_json=as_json)


@keys.command("get")
@key_argument
@_common
def get_key(key_id: str, url: str, workspace: str, *, as_json: bool) -> None:
    """Show one key; never the secret."""
    body = _who(workspace, url).keys("GET", _one(key_id))
    say(body, described(body), as_json=as_json)


@keys.command("create")
@fields
@click.option("--folder", type=TEXT, multiple=True, help="Only for this folder; may be repeated.")
@_common
def create_key(url: str, workspace: str, *, as_json: bool, given: Fields) -> None:
    """Create a key, which is shown once. Without scopes and an end it gets those of the key you are logged in with."""
    body = given.body(datetime.now(UTC))
    show_secret(_who(workspace, url).keys("POST", "", body), as_json=as_json)


@keys.command("update")
@key_argument
@fields
@_wait_option
@_common
def update_key(key_id: str, url: str, workspace: str, *, wait: bool, as_json: bool, given: Fields) -> None:
    """Change a key."""
    body = given.body(datetime.now(UTC))
    if not body:
        message = "nothing to change was given"
        raise click.UsageError(message)
    _change(key_id, url, workspace, body, "changed", wait=wait, as_json=as_json)


@keys.command("disable")
@key_argument
@_wait_option
@_common
def disable_key(key_id: str, url: str, workspace: str, *, wait: bool, as_json: bool) -> None:
    """Refuse a key everywhere until it is enabled again."""
    _change(key_id, url, workspace, {"disabled": True}, "refused", wait=wait, as_json=as_json)


@keys.command("enable")
@key_argument
@_wait_option
@_common
def enable_key(key_id: str, url: str, workspace: str, *, wait: bool, as_json: bool) -> None:
    """Accept a disabled key again."""
    _change(key_id, url, workspace, {"disabled": False}, "accepted", wait=wait, as_json=as_json)


@keys.command("revoke")
@key_argument
@_wait_option
@_yes_option
@_common
def revoke_key(key_id: str, url: str, workspace: str, *, wait: bool, yes: bool, as_json: bool) -> None:
    """Refuse a key everywhere, for good."""
    who = _who(workspace, url)
    target = _look(who, key_id)
    if not yes:
        question = f"Revoke {called(target, key_id)} of {who.login.slug}? It is refused everywhere, for good."
        click.confirm(question, abort=True, err=True)
    body = who.keys("DELETE", _one(key_id, wait=wait), waits=wait)
    say(body, receipt_line(body, "refused") or "revoked", as_json=as_json)
    if _is_own(who, target):
        with explained():
            who.file.change(lambda content: content.without(who.login.key))
        click.echo("That was the key you were logged in with.", err=True)


@keys.command("roll")
@key_argument
@click.option("--grace", type=FINITE, metavar="SECONDS", help="The old key stays good so long.")
@click.option("--owner", type=TEXT, multiple=True, help="Who answers for the new one; may be repeated.")
@click.option("--rotation-due", type=TEXT, metavar="WHEN", help="When the new one should be rolled.")
@_wait_option
@_yes_option
@_common
def roll_key(
    key_id: str,
    url: str,
    workspace: str,
    *,
    grace: float | None,
    owner: tuple[str, ...],
    rotation_due: str | None,
    wait: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Replace a key by a new one that may do the same, and is shown once."""
    body: Body = {} if grace is None else {"graceSeconds": grace}
    if owner:
        body["owners"] = list(owner)
    if rotation_due is not None:
        body["rotationDueAt"] = when(rotation_due, datetime.now(UTC))
    who = _who(workspace, url)
    target = _look(who, key_id)
    if not yes:
        end = f"after {grace:g} s" if grace else "at once"
        question = f"Roll {called(target, key_id)} of {who.login.slug}? The old key is refused everywhere {end}."
        click.confirm(question, abort=True, err=True)
    made = who.keys("POST", _one(key_id, "/roll", wait=wait), body, waits=wait)
    secret = made.get("key")
    show_secret(made, as_json=as_json)
    if not as_json:
        left = f"the old key is good for {grace:g} s more; " if grace else ""
        click.echo(left + receipt_line(made, "that is known" if left else "the old key is refused"))
    if _is_own(who, target) and isinstance(secret, str):
        new = Secret(secret)
        with explained():
            who.file.change(lambda content: content.with_key(who.login.key, new))
        click.echo("That was the key you are logged in with: the login file has the new one.", err=True)


@keys.command("receipt")
@click.argument("seq", type=click.IntRange(0))
@_common
def show_receipt(seq: int, url: str, workspace: str, *, as_json: bool) -> None:
    """Say whether a change holds everywhere yet."""
    body = _who(workspace, url).ask("GET", f"/revocations/{seq}")
    waiting = f"not confirmed yet: waiting for {in_words(body.get('waiting_for'))} validators"
    say(body, receipt_line(body, f"{in_words(body.get('change'))}; holds") or waiting, as_json=as_json)


def _who(workspace: str, url: str) -> Acting:
    return acting(the_world(browser=False), workspace, url).located()


def _one(key_id: str, more: str = "", *, wait: bool = True) -> str:
    return f"/{quote(key_id, safe='')}{more}{'' if wait else '?wait=false'}"


def _change(key_id: str, url: str, workspace: str, change: Body, held: str, *, wait: bool, as_json: bool) -> None:
    body = _who(workspace, url).keys("PATCH", _one(key_id, wait=wait), change, waits=wait)
    say(body, receipt_line(body, held) or "done", as_json=as_json)


def _look(who: Acting, key_id: str) -> Body:
    """Return what the issuer shows of a key; nothing if the key one acts with may not see it."""
    try:
        found = who.keys("GET", _one(key_id)).get("apiKey")
    except Failed:
        return {}
    return cast("Body", found) if isinstance(found, dict) else {}


def _is_own(who: Acting, target: Body) -> bool:
    """Say whether a key is the one from the login file."""
    return who.stored and bool(target) and shown(target) == masked(who.login.key)
