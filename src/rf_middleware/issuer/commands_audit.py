"""The commands about the audit log, on the database itself, also while ``serve`` runs on it. Thin.

* They read a database that is there; they never make one, which would be a log without a fault.
* What others typed (a sign-in that failed names whoever they like) never reaches a terminal as control characters.
"""

import json
from datetime import UTC, datetime

import click

from rf_middleware._terminal import Failed
from rf_middleware.issuer.audit import Entry, Query
from rf_middleware.issuer.commands import database_option, json_option, opened, workspace_of
from rf_middleware.issuer.texts import plain

__all__ = ["audit"]


@click.group()
def audit() -> None:
    """Check and read the audit log, in the database itself."""


@audit.command("verify")
@database_option
@json_option
def verify(database: str | None, *, as_json: bool) -> None:
    """Check that no row of the log was changed, taken out or put in; exit 1 if one was.

    Note the head that is printed somewhere else: rows cut off at the end show only against it.
    """
    with opened(database) as store:
        found = store.verify_audit()
    if as_json:
        click.echo(json.dumps({"rows": found.count, "head": found.head.hex(), "broken": found.broken}))
    if found.broken is not None:
        message = f"row {found.broken} of the audit log does not fit to those before it; {found.count} rows do"
        raise Failed(message)
    if not as_json:
        click.echo(f"{found.count} rows, each fits to the one before; head {found.head.hex()}")


@audit.command("list")
@click.option("--text", default="", help="Somewhere in the actor, the address, the action, the target or the detail.")
@click.option("--action", default="", help="Like key.revoke; key for all about keys.")
@click.option("--actor", default="", help="The id, the name or the kind of who did it.")
@click.option("--workspace", "slug", help="Of this workspace only.")
@click.option("--before", type=click.IntRange(1), help="Rows older than the one of this number.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="So many at most.")
@database_option
@json_option
def list_rows(
    *,
    text: str,
    action: str,
    actor: str,
    slug: str | None,
    before: int | None,
    limit: int,
    database: str | None,
    as_json: bool,
) -> None:
    """List rows of the log, newest first."""
    with opened(database) as store:
        workspaces = None if slug is None else [workspace_of(store, slug, deleted_too=True).id]
        found = store.search_audit(Query(text, action, actor, workspaces, before, limit))
    if as_json:
        click.echo(json.dumps([_row(entry) for entry in found]))
    else:
        for entry in found:
            click.echo(_line(entry))
    if any(entry.damaged for entry in found):
        click.echo("rf-middleware: somebody tampered with the log; see rf-middleware audit verify", err=True)


def _row(entry: Entry) -> dict[str, object]:
    by = entry.by
    return {
        **({"damaged": True} if entry.damaged else {}),
        "seq": entry.seq,
        "at": datetime.fromtimestamp(entry.at, UTC).isoformat(timespec="microseconds"),
        "actor": {"kind": by.kind, "id": by.id, "name": by.name, "address": by.address},
        "action": entry.action,
        "target": entry.target,
        "workspaceId": entry.workspace_id,
        "detail": entry.detail,
        "chain": entry.chain.hex(),
    }


def _line(entry: Entry) -> str:
    at = datetime.fromtimestamp(entry.at, UTC).isoformat(timespec="seconds")
    who = " ".join(part for part in (entry.by.kind, entry.by.name or entry.by.id, entry.by.address) if part)
    detail = json.dumps(entry.detail) if entry.detail else ""
    damaged = "(tampered with)" if entry.damaged else ""
    return plain(
        "  ".join(part for part in (str(entry.seq), at, who, entry.action, entry.target, detail, damaged) if part)
    )
