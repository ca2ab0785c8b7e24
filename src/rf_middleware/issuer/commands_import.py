"""``workspace import-keys``: keys that were made elsewhere, by their fingerprints. All of a file or nothing. Thin."""

import json
from typing import Final, TextIO

import click

from rf_middleware._terminal import Failed
from rf_middleware.issuer.commands import command, database_option, json_option, maker, opened, workspace_of
from rf_middleware.issuer.importing import Entry, read_entries

__all__ = ["import_keys"]

_SHOWN: Final = 20


@click.command("import-keys")
@click.argument("slug")
@click.argument("file", type=click.File(encoding="utf-8-sig"))
@database_option
@json_option
def import_keys(slug: str, file: TextIO, database: str | None, *, as_json: bool) -> None:
    """Add keys that were made elsewhere, by the SHA-256 of each.

    A line of FILE (- for standard input) is a fingerprint and a name as sha256sum prints them, or a JSON object with
    "fingerprint" and, if you like, "name", "scopes" (every scope when it is left out), "prefix", "lastFour" and the
    other fields of a key. Nothing is added when a line is not good.
    """
    try:
        text = file.read()
    except UnicodeDecodeError:
        message = "the file is not UTF-8"
        raise Failed(message) from None
    with opened(database) as store:
        found = workspace_of(store, slug, deleted_too=False)
        entries = read_entries(text, found, maker())
        keys = [each.key for each in entries if each.key is not None]
        problems = [each for each in entries if each.key is None]
        if not problems:
            there = store.import_keys(found.id, keys, command())
            problems = [
                Entry(each.place, None, "there is such a key already")
                for each in entries
                if each.key is not None and each.key.fingerprint in there
            ]
    if problems:
        _complain(problems, len(entries))
    if as_json:
        shown = [{"keyId": key.id, "name": key.name, "fingerprint": key.fingerprint.hex()} for key in keys]
        click.echo(json.dumps({"workspace": slug, "imported": shown}))
        return
    click.echo(f"{len(keys)} keys were added to {slug}")


def _complain(problems: list[Entry], entries: int) -> None:
    for each in problems[:_SHOWN]:
        click.echo(f"rf-middleware: {each.place}: {each.problem}", err=True)
    message = f"{len(problems)} of {entries} keys are not good, so none was added"
    raise Failed(message)
