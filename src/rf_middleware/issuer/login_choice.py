"""What the pages of logins have in common: the workspaces that keys can be had for, and which of them are ticked."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from rf_middleware.issuer.forms import Form
from rf_middleware.issuer.pages import Pages
from rf_middleware.issuer.parts import Parts
from rf_middleware.issuer.records import Workspace
from rf_middleware.issuer.visitors import SeeOther, Visitor, Visitors

__all__ = ["Choice", "LoginPages", "called"]


@dataclass(frozen=True, slots=True)
class Choice:
    """Workspaces, the ids of those that are ticked, and the slug of the one that was asked for."""

    offered: Sequence[Workspace]
    ticked: frozenset[str] = frozenset()
    wish: str = ""

    @property
    def rows(self) -> list[tuple[str, str, bool]]:
        """What a page lists: id, name, whether it is ticked."""
        return [(each.id, called(each), each.id in self.ticked) for each in self.offered]

    @property
    def chosen(self) -> list[Workspace]:
        """Those that are ticked, the one that was asked for first."""
        chosen = [each for each in self.offered if each.id in self.ticked]
        return sorted(chosen, key=lambda each: each.slug != self.wish)

    @property
    def missing(self) -> str:
        """What is said where the one that was asked for can't be had."""
        known = not self.wish or any(each.slug == self.wish for each in self.offered)
        return "" if known else f"It asks for {self.wish}, which is none of your workspaces."

    def at_first(self, wish: str) -> "Choice":
        """Tick the one that was asked for; where none was, the only one."""
        fits = [each for each in self.offered if each.slug == wish or (not wish and len(self.offered) == 1)]
        return Choice(self.offered, frozenset(each.id for each in fits), wish)

    def as_sent(self, form: Form, wish: str) -> "Choice":
        """Tick those that a form ticks."""
        return Choice(self.offered, frozenset(each.id for each in self.offered if form[f"workspace-{each.id}"]), wish)


class LoginPages:
    """What the pages of logins have in common."""

    def __init__(self, parts: Parts, visitors: Visitors, pages: Pages) -> None:
        self._store, self._revocations = parts.store, parts.revocations
        self._visitors, self._pages = visitors, pages

    async def _sender(self, request: Request, back: str) -> Visitor:
        """Return who sent a form.

        Args:
            request: the form came with this.
            back: where they go on once they are signed in again.

        Raises:
            SeeOther: nobody is signed in.
        """
        visitor = await self._visitors.visitor(request)
        if visitor is None:
            place = f"/login?next={quote(back, safe='')}"
            raise SeeOther(place)
        return visitor

    async def _choice(self, visitor: Visitor) -> Choice:
        """Return the workspaces that somebody can have keys for."""
        found = await self._revocations.read(self._store.memberships, visitor.person)
        return Choice([each.workspace for each in found if each.workspace.status == "active"])

    def _nowhere(self, request: Request, visitor: Visitor) -> Response:
        """Say that there is nothing to have a key for."""
        text = (
            "A key is for one workspace, and you are in none that is in use. Ask an administrator to add you to one;"
            " then open this page again."
        )
        return self._message(request, visitor, 403, "You have no workspace yet", text)

    def _message(self, request: Request, visitor: Visitor, status: int, heading: str, text: str) -> Response:
        return self._pages.show(request, "message.html", status, visitor=visitor, heading=heading, text=text)


def called(workspace: Workspace) -> str:
    """Return what people call a workspace, with its slug where that says more."""
    if workspace.name in {"", workspace.slug}:
        return workspace.slug
    return f"{workspace.name} ({workspace.slug})"
