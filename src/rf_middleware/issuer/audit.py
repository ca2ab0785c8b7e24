"""The audit log: who did what, when and from where. It only grows; each row is chained to the one before by SHA-256.

A row is written in the transaction of the change it tells of: there is none without the other.
"""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, insert, select

from rf_middleware.issuer.rights import Right
from rf_middleware.issuer.schema import audit

__all__ = ["ACTIONS", "CLOCK", "NOBODY", "START", "By", "Entry", "Note", "Query", "Verdict", "append", "link"]

ACTIONS: Final = (
    *("key.create", "key.import", "key.update", "key.disable", "key.enable", "key.roll", "key.revoke", "key.expire"),
    *("key.show", "key.refuse", "owner.remove"),
    *("workspace.create", "workspace.suspend", "workspace.resume", "workspace.delete"),
    *("member.add", "member.role", "member.remove"),
    *("person.create", "person.disable", "person.enable", "password.change", "password.reset"),
    *("link.create", "link.use", "session.begin", "session.fail", "session.end"),
    *("login.ask", "login.approve", "login.deny", "login.paste", "login.exchange", "login.fail"),
    *("identity.link", "identity.unlink"),
    *("token.create", "token.revoke"),
)
"""Everything that is written to the log, in the order in which a search offers it."""

START: Final = bytes(32)
"""What the first row is chained to."""


@dataclass(frozen=True, slots=True)
class By:
    """Who does something.

    Attributes:
        kind: ``person``, ``key``, ``command`` (the command line), ``holder`` (of the key concerned), ``clock`` or
            ``nobody`` (not known, like one whose sign-in fails).
        id: the id of the person or key.
        name: for people who read the log.
        address: where the request came from; empty for commands.
        right: what they have to be for it, still, when it is done.
    """

    kind: str
    id: str = ""
    name: str = ""
    address: str = ""
    right: Right | None = field(default=None, repr=False)


CLOCK: Final = By("clock")
NOBODY: Final = By("nobody")


@dataclass(frozen=True, slots=True)
class Note:
    """What is done.

    Attributes:
        action: one of ``ACTIONS``: ``noun.verb``, like ``key.revoke``.
        target: the id or name of what it was done to.
        workspace_id: where; ``None`` for nowhere in particular.
        detail: more, never a secret.
    """

    action: str
    target: str = ""
    workspace_id: str | None = None
    detail: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the log.

    Attributes:
        seq: its place, from 1 without a gap.
        at: when, in seconds since 1970.
        by: who.
        action, target, workspace_id, detail: see ``Note``.
        chain: SHA-256 over this row and all before it.
        damaged: whether it does not fit to the row before: somebody tampered with the log here.
    """

    seq: int
    at: float
    by: By
    action: str
    target: str
    workspace_id: str | None
    detail: Mapping[str, object]
    chain: bytes
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """Which rows are wanted; what is empty or ``None`` excludes none.

    Attributes:
        text: somewhere in the actor, the address, the action, the target or the detail; small and capital letters of
            ASCII are the same.
        action: a whole one like ``key.revoke``, or what comes before the dot.
        actor: the id, the whole name or the kind of who did it.
        workspaces: the ids of those to look in; rows of no workspace are in none.
        before: rows older than this ``seq``.
        limit: so many at most.
    """

    text: str = ""
    action: str = ""
    actor: str = ""
    workspaces: Sequence[str] | None = None
    before: int | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of walking the chain.

    Attributes:
        count: rows that fit, from the first.
        head: the chain of the last of them.
        broken: ``seq`` of the first row that does not fit; ``None`` when all do.
    """

    count: int
    head: bytes
    broken: int | None


def append(connection: Connection, by: By, note: Note) -> None:
    """Add a row, in the transaction of the connection, which is alone in writing."""
    last = connection.execute(select(audit.c.seq, audit.c.chain).order_by(audit.c.seq.desc()).limit(1)).first()
    row: dict[str, object] = {
        "seq": 1 if last is None else last.seq + 1,
        "at": round(time.time(), 6),
        "actor_kind": by.kind,
        "actor_id": by.id,
        "actor_name": by.name,
        "address": by.address,
        "action": note.action,
        "target": note.target,
        "workspace_id": note.workspace_id,
        "detail": dict(note.detail),
    }
    connection.execute(insert(audit).values(**row, chain=link(START if last is None else last.chain, row)))


def link(before: bytes, row: Mapping[str, object]) -> bytes:
    """Return the chain of a row: SHA-256 of the chain before it and the row as canonical JSON."""
    told = {name: value for name, value in row.items() if name != "chain"}
    text = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(before + text.encode()).digest()
