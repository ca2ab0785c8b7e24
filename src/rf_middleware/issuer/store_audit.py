"""Reads the audit log: whether the chain holds, what is in it.

* Both read the columns as they are stored, down to bytes that are no UTF-8: whatever somebody put there is a row that
  does not fit, or is shown as damaged, and never an accident.
* A log whose newest rows were cut off fits too: compare the head with one that was noted before.
"""

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final, cast

from sqlalchemy import ColumnElement, Connection, RowMapping, String, or_, select, type_coerce

from rf_middleware.issuer.audit import START, By, Entry, Query, Verdict, link
from rf_middleware.issuer.schema import audit
from rf_middleware.issuer.store_base import StoreBase

__all__ = ["AuditStore"]

_BATCH: Final = 1000
_NAMES: Final = tuple(column.name for column in audit.c)
_RAW: Final = tuple(type_coerce(column, String).label(column.name) for column in audit.c)
_DETAIL: Final = type_coerce(audit.c.detail, String)
_PREVIOUS: Final = audit.alias("previous")
_BEFORE: Final = select(type_coerce(_PREVIOUS.c.chain, String)).where(_PREVIOUS.c.seq == audit.c.seq - 1)
_LAST: Final = 2**63 - 1
_YEAR_10000: Final = 253_402_300_800.0


class AuditStore(StoreBase):
    """Questions about the audit log."""

    def verify_audit(self, batch: int = _BATCH) -> Verdict:
        """Walk the chain from its start, so many rows at a time; stop at the first row that does not fit."""
        count, head = 0, START
        with self._as_stored() as connection:
            while True:
                query = select(*_RAW).order_by(audit.c.seq).limit(batch)
                query = query.where(audit.c.seq > count) if count else query  # at first also numbers below 1
                rows = connection.execute(query).mappings().all()
                for row in rows:
                    if not _fits(head, row, count + 1):
                        return Verdict(count, head, broken=row["seq"])
                    count, head = row["seq"], row["chain"]
                if len(rows) < batch:
                    return Verdict(count, head, broken=None)

    def search_audit(self, query: Query) -> list[Entry]:
        """Return the rows that fit a query, newest first; each is checked against the row before it."""
        found = (
            select(*_RAW, _BEFORE.scalar_subquery().label("before"))
            .where(*_conditions(query))
            .order_by(audit.c.seq.desc())
            .limit(query.limit)
        )
        with self._as_stored() as connection:
            return [_entry(row) for row in connection.execute(found).mappings()]

    def audit_head(self) -> int:
        """Return the number of the newest row."""
        newest = select(audit.c.seq).order_by(audit.c.seq.desc()).limit(1)
        with self._database.reading() as connection:
            return connection.execute(newest).scalar() or 0

    @contextmanager
    def _as_stored(self) -> Generator[Connection]:
        """Yield a connection that reads a text which is no UTF-8 too, as one with surrogates in it."""
        with self._database.reading() as connection:
            file: Any = connection.connection.driver_connection
            file.text_factory = _decoded
            try:
                yield connection
            finally:
                file.text_factory = str


def _decoded(stored: bytes) -> str:
    return stored.decode("utf-8", "surrogateescape")


def _fits(before: bytes, row: RowMapping, seq: int) -> bool:
    try:
        told = {name: json.loads(row[name]) if name == "detail" else row[name] for name in _NAMES}
        return bool(row["seq"] == seq and row["chain"] == link(before, told))
    except (ValueError, TypeError, RecursionError):  # no JSON, or bytes where a text should be
        return False


def _conditions(query: Query) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if query.text:
        named = (audit.c.actor_name, audit.c.actor_id, audit.c.address, audit.c.action, audit.c.target)
        text = _storable(query.text)
        # The detail is stored as JSON, in which quotes and letters beyond ASCII look different.
        in_detail = _DETAIL.contains(json.dumps(text)[1:-1], autoescape=True)
        conditions.append(or_(in_detail, *(column.contains(text, autoescape=True) for column in named)))
    if query.action:
        action = _storable(query.action)
        conditions.append(or_(audit.c.action == action, audit.c.action.startswith(f"{action}.", autoescape=True)))
    if query.actor:
        actor = _storable(query.actor)
        conditions.append(or_(audit.c.actor_id == actor, audit.c.actor_name == actor, audit.c.actor_kind == actor))
    if query.workspaces is not None:
        conditions.append(audit.c.workspace_id.in_(query.workspaces))
    if query.before is not None:
        conditions.append(audit.c.seq < max(0, min(query.before, _LAST)))
    return conditions


def _storable(text: str) -> str:
    """Return a text without what has no place in UTF-8, so in no row either."""
    return text.encode("utf-8", "replace").decode()


def _entry(row: RowMapping) -> Entry:
    texts = {name: _storable(str(row[name])) for name in _NAMES}
    seq, chain = row["seq"], row["chain"]
    return Entry(
        seq=seq,
        at=_time(row["at"]),
        by=By(texts["actor_kind"], texts["actor_id"], texts["actor_name"], texts["address"]),
        action=texts["action"],
        target=texts["target"],
        workspace_id=None if row["workspace_id"] is None else texts["workspace_id"],
        detail=_object(row["detail"]),
        chain=chain if isinstance(chain, bytes) else b"",
        damaged=not _fits(START if seq == 1 else row["before"], row, seq),
    )


def _time(stored: object) -> float:
    return float(stored) if isinstance(stored, float | int) and 0 <= stored < _YEAR_10000 else 0.0


def _object(stored: object) -> Mapping[str, object]:
    try:
        found: object = json.loads(stored) if isinstance(stored, str) else None
    except (ValueError, RecursionError):
        found = None
    return cast("dict[str, object]", found) if isinstance(found, dict) else {}
