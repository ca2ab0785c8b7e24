"""How keys and what became of them are printed. A secret is shown once, on stdout."""

import json
from typing import Final, cast

import click

from rf_middleware._commands.shared import in_words, objects, print_json, table
from rf_middleware._login.values import plain
from rf_middleware._terminal import show

__all__ = ["called", "described", "listed", "say", "show_secret", "shown"]

_STATES: Final = ("default", "protected", "disabled")

Body = dict[str, object]


def say(body: Body, text: str, *, as_json: bool) -> None:
    """Print an answer for programs, or what it says for people."""
    if as_json:
        print_json(body)
    else:
        click.echo(text)


def shown(key: Body) -> str:
    """Return what is shown of the secret of a key."""
    return f"{in_words(key.get('prefix'))}...{in_words(key.get('lastFour'))}"


def called(target: Body, key_id: str) -> str:
    """Return what people call a key; its id if nothing else is known."""
    return plain(f"{in_words(target.get('name') or key_id)} ({shown(target)})" if target else key_id)


def _more(key: Body) -> tuple[str, str, str]:
    """Return scopes, state and last use of a key in words."""
    scopes = key.get("scopes")
    states = [state for state in _STATES if key.get(state)]
    states += [f"until {key['expiresAt']}"] if key.get("expiresAt") else []
    return "every scope" if scopes is None else in_words(scopes), in_words(states), in_words(key.get("lastUsed"))


def listed(body: Body) -> str:
    """Return keys as a table."""
    keys = objects(body.get("apiKeys"))
    rows = [(in_words(each.get("keyId")), in_words(each.get("name")), shown(each), *_more(each)) for each in keys]
    return table([("KEY ID", "NAME", "KEY", "SCOPES", "STATE", "LAST USED"), *rows])


def described(body: Body) -> str:
    """Return all that is shown of a key."""
    found = body.get("apiKey")
    key = cast("Body", found) if isinstance(found, dict) else {}
    return table([(name, in_words(value)) for name, value in key.items()] or [("", "")])


def show_secret(body: Body, *, as_json: bool) -> None:
    """Print a key that was just made."""
    key_id = plain(in_words(body.get("keyId")))
    lost = f"the key could not be shown; rf-middleware keys roll {key_id} makes another"
    if as_json:
        show(json.dumps(body), lost)
        return
    name = plain(in_words(body.get("name")))
    show(f"key id  {key_id}\nname    {name}\nkey     {plain(in_words(body.get('key')), 512)}   (shown only now)", lost)


def receipt_line(body: Body, held: str) -> str:
    """Return a receipt in words, nothing if there is none.

    Args:
        body: the answer.
        held: what is so everywhere now, in the words of the user.
    """
    counts = body.get("validators")
    if isinstance(counts, dict):
        told = cast("Body", counts)
        confirmed, expired = _count(told.get("confirmed")), _count(told.get("expired"))
        if not confirmed + expired:
            return f"{held} everywhere: no validator holds a lease"
        out = f", the leases of {expired} ran out" if expired else ""
        took = _count(body.get("took_ms"))
        return f"{held} everywhere: {confirmed} of {confirmed + expired} validators confirmed{out} in {took:.4g} ms"
    place = body.get("receipt")
    if isinstance(place, str):
        return (
            f"accepted, but not confirmed everywhere yet: rf-middleware keys receipt {plain(place).rpartition('/')[2]}"
        )
    return ""


def _count(value: object) -> float:
    return value if isinstance(value, int | float) else 0
