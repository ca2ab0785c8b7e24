"""``/audit``: who did what. An administrator of the issuer sees every row, an admin of workspaces the rows of those.

* Nobody else is told that there is such a page.
* A row that somebody tampered with is shown as that. The whole chain is walked on demand, one walk at a time.
"""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from typing import Final, cast
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rf_middleware.issuer.answers import not_found
from rf_middleware.issuer.audit import ACTIONS, Query, Verdict
from rf_middleware.issuer.pages import Pages
from rf_middleware.issuer.parts import Parts
from rf_middleware.issuer.records import Workspace
from rf_middleware.issuer.visitors import Visitor, Visitors

__all__ = ["AuditPage", "asked"]

_ROWS: Final = 50
_LONGEST: Final = 200
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,17}")


class AuditPage:
    """The page of the audit log."""

    def __init__(self, parts: Parts, visitors: Visitors, pages: Pages) -> None:
        self._store, self._revocations = parts.store, parts.revocations
        self._visitors, self._pages, self._one_walk = visitors, pages, asyncio.Lock()

    def routes(self) -> Sequence[Route]:
        """Return the route."""
        return [self._pages.route("GET", "/audit", self.show)]

    async def show(self, request: Request) -> Response:
        """Show the rows that are asked for, newest first."""
        visitor = await self._visitors.needed(request)
        theirs = await self._theirs(visitor)
        if not visitor.audits:
            raise not_found()
        wanted = asked(request.query_params, theirs)
        query = _query(wanted, theirs, everything=visitor.person.admin)
        found = await self._revocations.read(self._store.search_audit, query)
        rows, more = found[:_ROWS], found[_ROWS:]
        filters = {name: value for name, value in wanted.items() if value and name != "before"}
        older = _path({**filters, "before": str(rows[-1].seq)}) if more else ""
        newest = _path(filters) if wanted["before"] else ""
        chain, broken = "", False
        if visitor.person.admin and request.query_params.get("check") == "1":
            async with self._one_walk:
                verdict = await self._revocations.read(self._store.verify_audit)
            chain, broken = _told(verdict), verdict.broken is not None
        slugs = {each.id: each.slug for each in theirs}
        context = {
            "rows": [(row, slugs.get(row.workspace_id or "", ""), _detail(row.detail)) for row in rows],
            "search": wanted,
            "actions": ACTIONS,
            "workspaces": sorted(slugs.values()),
            "older": older,
            "newest": newest,
            "chain": chain,
            "broken": broken,
            "damaged": any(row.damaged for row in rows),
        }
        return self._pages.show(request, "audit.html", 200, visitor=visitor, **context)

    async def _theirs(self, visitor: Visitor) -> list[Workspace]:
        """Return the workspaces whose rows somebody may see."""
        if visitor.person.admin:
            return await self._revocations.read(self._store.list_workspaces)
        found = await self._revocations.read(self._store.memberships, visitor.person)
        return [each.workspace for each in found if each.role == "admin"]


def asked(given: QueryParams, workspaces: Sequence[Workspace]) -> dict[str, str]:
    """Return what is searched for, as the form shows it again; what can't be chosen is not. Pure."""
    action, workspace, before = (given.get(name, "") for name in ("action", "workspace", "before"))
    return {
        "text": given.get("text", "").strip()[:_LONGEST],
        "action": action if action in ACTIONS else "",
        "workspace": workspace if workspace in {each.slug for each in workspaces} else "",
        "before": before if _NUMBER.fullmatch(before) else "",
    }


def _query(wanted: Mapping[str, str], theirs: Sequence[Workspace], *, everything: bool) -> Query:
    ids = [each.id for each in theirs if wanted["workspace"] in {"", each.slug}]
    return Query(
        text=wanted["text"],
        action=wanted["action"],
        workspaces=None if everything and not wanted["workspace"] else ids,
        before=int(wanted["before"]) if wanted["before"] else None,
        limit=_ROWS + 1,
    )


def _path(query: Mapping[str, str]) -> str:
    return f"/audit?{urlencode(query)}" if query else "/audit"


def _detail(detail: Mapping[str, object]) -> str:
    told = ", ".join(f"{name}: {_word(value)}" for name, value in detail.items())
    return told.encode("utf-8", "replace").decode()


def _word(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(_word, cast("list[object]", value))) or "none"
    return value if isinstance(value, str) else json.dumps(value)


def _told(verdict: Verdict) -> str:
    if verdict.broken is None:
        return f"All {verdict.count} rows fit, each to the one before. The head is {verdict.head.hex()}."
    return (
        f"Row {verdict.broken} does not fit to those before it: the log was tampered with. {verdict.count} rows do fit."
    )
