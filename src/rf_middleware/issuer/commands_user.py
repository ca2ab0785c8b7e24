"""The commands about people, on the database itself, also while ``serve`` runs on it. Thin.

* Nobody's password passes through here: a person sets it by a one-time link, which is printed once.
* Who is disabled is off every key too, in one transaction; it waits like a DELETE (``commands_waiting.py``).
"""

import json
import secrets
import time
from datetime import UTC, datetime

import click

from rf_middleware._fingerprint import fingerprint
from rf_middleware._terminal import Failed, show
from rf_middleware.issuer.changes_people import disable_person
from rf_middleware.issuer.commands import (
    command,
    database_option,
    json_option,
    name_option,
    opened,
    public_url,
    workspace_of,
)
from rf_middleware.issuer.commands_waiting import carry_out, wait_option
from rf_middleware.issuer.people import ROLES, EmailTaken, Known, Person
from rf_middleware.issuer.rows_people import new_person
from rf_middleware.issuer.settings_members import INVITED_FOR
from rf_middleware.issuer.store import Store
from rf_middleware.issuer.texts import is_email, plain

__all__ = ["user"]


def _email(_context: click.Context, _argument: click.Parameter, given: str) -> str:
    email = given.strip().lower()
    if not is_email(email):
        message = "an e-mail address like ann@example.com"
        raise click.BadParameter(message)
    return email


email_argument = click.argument("email", callback=_email)
url_option = click.option(
    "--url",
    default="http://127.0.0.1:8080",
    show_default=True,
    callback=public_url,
    help="Where the person reaches the server: the --public-url of serve.",
)


@click.group()
def user() -> None:
    """Add people, list, disable, enable and reset them, in the database itself."""


@user.command("create")
@email_argument
@click.option("--admin", is_flag=True, help="An administrator of the issuer: sees every workspace, later ones too.")
@click.option("--workspace", "slug", help="Make them a member of this workspace.")
@click.option("--role", type=click.Choice(ROLES), help="What they are there; developer when omitted.")
@name_option
@url_option
@database_option
@json_option
def create(
    *,
    email: str,
    admin: bool,
    slug: str | None,
    role: str | None,
    name: str,
    url: str,
    database: str | None,
    as_json: bool,
) -> None:
    """Add a person, and print the one-time link by which they choose a password; it is good for 7 days."""
    if role is not None and slug is None:
        message = "--role needs --workspace"
        raise click.UsageError(message)
    link, ends = secrets.token_urlsafe(32), time.time() + INVITED_FOR
    with opened(database, new=slug is None) as store:
        workspace = None if slug is None else workspace_of(store, slug, deleted_too=False).id
        person = new_person(email, name, None, admin=admin)
        try:
            store.create_person(person, command(), workspace, role or "developer", (fingerprint(link.encode()), ends))
        except EmailTaken:
            message = f"there is somebody with the address {email} already"
            raise Failed(message) from None
    _show_link(email, f"{url}/invite/{link}", ends, as_json=as_json)


@user.command("reset")
@email_argument
@url_option
@database_option
@json_option
def reset(email: str, url: str, database: str | None, *, as_json: bool) -> None:
    """Take the password of a person away, sign them out, and print a one-time link that sets another."""
    link, ends = secrets.token_urlsafe(32), time.time() + INVITED_FOR
    with opened(database) as store:
        person = _person(store, email)
        if not person.active:
            message = f"{email} is disabled; rf-middleware user enable {email}"
            raise Failed(message)
        store.reset_person(person, fingerprint(link.encode()), ends, command())
    _show_link(email, f"{url}/invite/{link}", ends, as_json=as_json)


def _show_link(email: str, link: str, ends: float, *, as_json: bool) -> None:
    until = datetime.fromtimestamp(ends, UTC).isoformat(timespec="seconds")
    text = f"person  {email}\nlink    {link}   (shown only now; works once, until {until})"
    if as_json:
        text = json.dumps({"email": email, "link": link, "linkEnds": until})
    show(text, f"the link could not be shown; rf-middleware user reset {email} makes another")


@user.command("list")
@database_option
@json_option
def list_people(database: str | None, *, as_json: bool) -> None:
    """List everybody, with the workspaces they belong to."""
    with opened(database) as store:
        found = store.known()
    if as_json:
        click.echo(json.dumps([_row(each) for each in found]))
        return
    for each in found:
        click.echo(_line(each))


def _row(known: Known) -> dict[str, object]:
    person = known.person
    return {
        "email": person.email,
        "name": person.name,
        "admin": person.admin,
        "status": known.status,
        "workspaces": dict(known.roles),
    }


def _line(known: Known) -> str:
    person = known.person
    roles = ", ".join(f"{slug}: {role}" for slug, role in known.roles.items())
    status = "" if known.status == "active" else f"({known.status})"
    parts = (person.email, person.name, "administrator" if person.admin else "", roles, status)
    return plain("  ".join(part for part in parts if part))


@user.command("disable")
@email_argument
@wait_option
@database_option
@json_option
def disable(email: str, database: str | None, *, wait: bool, as_json: bool) -> None:
    """Sign a person out everywhere and take them off every key; a key that nobody else owns is revoked."""
    with opened(database) as store:
        person = _person(store, email)
        change = disable_person(person.id, email)
        done = f"{email} is disabled"
        said, news = carry_out(store, change, done, wait=wait, as_json=as_json)
        left = [f"{key.name or key.id} in {key.workspace.slug}" for key in store.keys_made_by(email)]
        led = any(each.person.admin and each.status == "active" for each in store.known())
    if not news:  # waited for, but the receipt is of somebody else's keys
        said = json.dumps({"seq": 0}) if as_json else f"{done}; no key ended by that"
    click.echo(said)
    if person.admin and not led:
        click.echo(
            f"Nobody is left who sees everything: rf-middleware user enable {email}, or create --admin", err=True
        )
    if left:
        click.echo(f"Made by them, and still good: {plain(', '.join(left))}", err=True)


@user.command("enable")
@email_argument
@database_option
@json_option
def enable(email: str, database: str | None, *, as_json: bool) -> None:
    """Let a person sign in again; the keys that were revoked stay revoked."""
    with opened(database) as store:
        store.enable_person(_person(store, email), command())
    click.echo(json.dumps({"email": email, "status": "active"}) if as_json else f"{email} can sign in again")


def _person(store: Store, email: str) -> Person:
    found = store.person(email)
    if found is None:
        message = f"there is nobody with the address {email}"
        raise Failed(message)
    return found
