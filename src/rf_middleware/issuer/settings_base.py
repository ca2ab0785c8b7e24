"""Where a visitor of ``/settings/api`` is and what they may do there; what the pages about keys have in common.

* A viewer looks. A developer makes keys with what their role may do, and ends any. An admin does everything.
* What is not theirs is not there: a plain 404.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from rf_middleware.issuer.answers import not_found
from rf_middleware.issuer.audit import By
from rf_middleware.issuer.pages import Pages
from rf_middleware.issuer.parts import Parts
from rf_middleware.issuer.people import Membership
from rf_middleware.issuer.presets import PRESETS, within_role
from rf_middleware.issuer.records import Ended, Key
from rf_middleware.issuer.rights import Right
from rf_middleware.issuer.visitors import Visitor, Visitors, by_person

__all__ = ["MANAGERS", "SETTINGS", "Place", "SettingsBase", "may_hold", "named"]

SETTINGS = "/settings/api"
MANAGERS = ("admin", "developer")
"""Who makes and ends keys."""

_QUESTIONS = ("/revoke", "/roll", "/remove")
_LONGEST_QUERY = 4000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a visitor is: who they are, their workspaces, and the one that is shown."""

    visitor: Visitor
    all: list[Membership]
    here: Membership

    @property
    def manages(self) -> bool:
        """Whether they may make and end keys here."""
        return self.here.role != "viewer"

    @property
    def presets(self) -> list[str]:
        """The presets they may give."""
        return [name for name, scopes in PRESETS.items() if self.may(scopes)]

    def may(self, scopes: frozenset[str] | None) -> bool:
        """Say whether they may hold a key with these scopes."""
        return self.manages and within_role(self.here.role, scopes)


def may_hold(scopes: frozenset[str] | None) -> tuple[str, ...]:
    """Return the roles whose people may make and change keys with these scopes."""
    return tuple(role for role in MANAGERS if within_role(role, scopes))


class SettingsBase:
    """What the pages about keys have in common."""

    def __init__(self, parts: Parts, visitors: Visitors, pages: Pages) -> None:
        self._store, self._revocations, self._minting = parts.store, parts.revocations, parts.minting()
        self._visitors, self._pages = visitors, pages

    async def _place(self, request: Request, typed: Mapping[str, str] | None = None) -> Place:
        """Return where the visitor is.

        Args:
            request: of a path below that of a workspace.
            typed: what a form says: kept for whoever has to sign in first.

        Raises:
            Problem: 404, it is not theirs.
            SeeOther: nobody is signed in.
        """
        visitor = await self._visitors.needed(request, _back(request, typed or {}))
        found = await self._revocations.read(self._store.memberships, visitor.person)
        here = [each for each in found if each.workspace.slug == request.path_params["workspace"]]
        if not here:
            raise not_found()
        return Place(visitor, found, here[0])

    def _by(self, request: Request, place: Place, *roles: str) -> By:
        """Return who the audit log names, who has to have one of these roles still when it is written."""
        person = place.visitor.person
        # Beyond any role the page let an administrator of the issuer do it: that they have to be, still.
        right = Right(person.id, place.here.workspace.id, () if person.admin else roles)
        return replace(by_person(request, person), right=right)

    async def _own_key(self, request: Request) -> tuple[Place, Key]:
        """Return a key that the visitor may change.

        Raises:
            Problem: 404, there is none; of one that has ended it is said when that holds everywhere.
            SeeOther: nobody is signed in.
        """
        place = await self._place(request)
        key = await self._revocations.read(self._store.key_of, place.here.workspace.id, request.path_params["key_id"])
        if key is not None and key.ended and place.manages and request.method != "GET":
            await self._revocations.last_holds(key.id)
        if key is None or key.ended or not place.manages:
            raise not_found()
        return place, key

    async def _shown(self, request: Request, place: Place, status: int = 200, **more: object) -> Response:
        """Return the page of the workspace with what is said on top of it."""
        keys = await self._revocations.read(self._store.keys_of, place.here.workspace.id)
        nothing = {"name": "", "access": "", "scopes": ""}
        context = {"typed": nothing, "errors": nothing, "secret": "", "kept": False, "said": "", "problem": "", **more}
        return self._pages.show(
            request, "settings.html", status, visitor=place.visitor, place=place, keys=keys, **context
        )

    async def _receipt(self, ended: Ended, done: str, *, lives: bool = False) -> str:
        """Say what was done and who confirmed it."""
        receipt = await self._revocations.settled(ended.seq)
        if receipt is None or receipt.done is None:
            return f"{done} The server is shutting down: /revocations/{ended.seq} will say who confirmed it."
        told = receipt.done
        count = told.confirmed + told.expired
        where = "Known everywhere; the old key still works for the time you chose" if lives else "Refused everywhere"
        if not count:
            return f"{done} {where}: no validator held a lease."
        validators = "validator" if count == 1 else "validators"
        return f"{done} {where}: {told.confirmed} of {count} {validators} confirmed in {told.took_ms:.0f} ms."


def _back(request: Request, typed: Mapping[str, str]) -> str:
    """Return the page that a form was on: its own, of the question it answers, or of the workspace."""
    path = request.url.path
    asked = path.endswith(_QUESTIONS)
    page = path if typed or asked else f"{SETTINGS}/{request.path_params['workspace']}"
    query = urlencode({name: text for name, text in typed.items() if text})
    return f"{page}?{query}" if query and len(query) <= _LONGEST_QUERY else page


def named(key: Key) -> str:
    """Return what people call a key."""
    return f"{key.name or 'The key'} ({key.prefix}…{key.last_four})"
