"""The command about accounts of a company, on the database itself, also while ``serve`` runs on it. Thin."""

import json

import click

from rf_middleware._terminal import Failed
from rf_middleware.issuer.commands import command, database_option, json_option, opened

__all__ = ["identity"]


@click.group()
def identity() -> None:
    """Part people from their accounts at an OpenID provider, in the database itself."""


@identity.command("unlink")
@click.argument("email")
@database_option
@json_option
def unlink(email: str, database: str | None, *, as_json: bool) -> None:
    """Forget which account at the provider is a person's, and sign them out.

    The next account that comes with their verified e-mail address becomes theirs: for a provider that was replaced, or
    an account that was made anew there.
    """
    email = email.strip().lower()
    with opened(database) as store:
        count = store.unlink(email, command())
    if count is None:
        message = f"there is nobody with the address {email!r}"
        raise Failed(message)
    said = f"{email} is signed out, and linked at the next sign-in" if count else f"{email} was not linked"
    click.echo(json.dumps({"email": email, "unlinked": count}) if as_json else said)
