"""``/settings/api/{workspace}/members``: who is in a workspace; its admins add people, change roles, remove.

* Every member sees the list; what only admins do is a plain 404 for others.
* Who was never here before gets a one-time link, which the admin hands over; it is shown once.
* Removing somebody takes them off the keys, in the same transaction; it is answered when that holds everywhere.
* The last admin who can sign in stays, and stays admin, unless an administrator of the issuer says otherwise.
"""

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rf_middleware._fingerprint import fingerprint
from rf_middleware.issuer.answers import not_found
from rf_middleware.issuer.changes_people import remove_member
from rf_middleware.issuer.metadata import base_url
from rf_middleware.issuer.people import ROLES, AlreadyMember, Member
from rf_middleware.issuer.presets import within_role
from rf_middleware.issuer.records import Key
from rf_middleware.issuer.settings_base import SETTINGS, Place, SettingsBase, named
from rf_middleware.issuer.store_members import Invitation
from rf_middleware.issuer.texts import EMAIL_FAULT, is_email

__all__ = ["INVITED_FOR", "SettingsMembers"]

INVITED_FOR: Final = 7 * 86_400.0
"""Seconds for which an invitation is good."""

_HERE: Final = SETTINGS + "/{workspace}/members"
_ONE: Final = _HERE + "/{person_id}"
_LAST: Final = "{} is the last admin who can sign in here. Make somebody else an admin first."


class SettingsMembers(SettingsBase):
    """The page of members, and its forms."""

    def routes(self) -> Sequence[Route]:
        """Return the routes."""
        route = self._pages.route
        return [
            route("GET", _HERE, self.show),
            route("POST", _HERE, self.add),
            route("POST", _ONE + "/role", self.change_role),
            route("POST", _ONE + "/invite", self.invite),
            route("GET", _ONE + "/remove", self.ask),
            route("POST", _ONE + "/remove", self.remove),
        ]

    async def show(self, request: Request) -> Response:
        """Show who is in a workspace; a form that had to wait for a sign-in is filled in again."""
        typed = {name: request.query_params.get(name, "") for name in ("email", "role")}
        return await self._listed(request, await self._place(request), typed=typed)

    async def add(self, request: Request) -> Response:
        """Add somebody; who is new gets an invitation."""
        form = await self._visitors.form(request)
        typed = {"email": form.text("email").lower(), "role": form["role"]}
        place = await self._led(request, typed)
        errors = {
            "email": "" if is_email(typed["email"]) else EMAIL_FAULT,
            "role": "" if typed["role"] in ROLES else "Choose one of the list.",
        }
        if any(errors.values()):
            return await self._listed(request, place, 422, typed=typed, errors=errors)
        link, invitation = _invitation(place)
        by = self._by(request, place, "admin")
        args = (place.here.workspace.id, typed["email"], typed["role"], invitation, by)
        try:
            added = await self._revocations.write(self._store.add_member, *args)
        except AlreadyMember:
            errors["email"] = "They are a member already."
            return await self._listed(request, place, 422, typed=typed, errors=errors)
        said = f"{typed['email']} was added."
        if added.link:
            return await self._listed(request, place, 201, said=said, link=_address(request, link))
        return await self._listed(request, place, 201, said=said)

    async def invite(self, request: Request) -> Response:
        """Invite a member who never signed in again; the link before is over."""
        await self._visitors.form(request)
        place, member = await self._one(request)
        link, invitation = _invitation(place)
        args = (place.here.workspace.id, member.id, invitation, self._by(request, place, "admin"))
        if await self._revocations.write(self._store.invite_again, *args):
            return await self._listed(request, place, 201, link=_address(request, link))
        problem = f"{member.email} has signed in, or belongs to a workspace that you do not manage."
        return await self._listed(request, place, 409, problem=f"{problem} There is no new invitation.")

    async def change_role(self, request: Request) -> Response:
        """Give a member another role."""
        form = await self._visitors.form(request)
        place, member = await self._one(request)
        person, role = place.visitor.person, form["role"]
        if role not in ROLES:
            return await self._listed(request, place, 422, problem="There is no such role.")
        args = (place.here.workspace.id, member, role, self._by(request, place, "admin"))
        change = lambda: self._store.set_role(*args, last_too=person.admin)  # noqa: E731 - a keyword in a thread
        if not await self._revocations.write(change):
            return await self._listed(request, place, 409, problem=_LAST.format(member.email))
        keys = await self._revocations.read(self._store.keys_of, place.here.workspace.id)
        more = [named(key) for key in keys if _owners(key) == {member.email} and not within_role(role, key.scopes)]
        place = await self._place(request)  # it may have been their own role
        said = f"{member.email} is {role} now."
        if more:
            said = f"{said} Their keys that may do more stay good: {', '.join(more)}. Revoke those they should not use."
        return await self._listed(request, place, said=said)

    async def ask(self, request: Request) -> Response:
        """Ask whether somebody is to leave, and say what happens to the keys."""
        place, member = await self._one(request)
        keys = await self._revocations.read(self._store.keys_of, place.here.workspace.id)
        ended = [named(key) for key in keys if _owners(key) == {member.email}]
        shared = [named(key) for key in keys if _owners(key) > {member.email}]
        context = {"member": member, "here": place.here, "ended": ended, "shared": shared, "left": _left(keys, member)}
        return self._pages.show(request, "settings_remove.html", 200, visitor=place.visitor, **context)

    async def remove(self, request: Request) -> Response:
        """Take somebody out of the workspace and off its keys; answered when no validator trusts those that ended."""
        await self._visitors.form(request)
        place = await self._led(request)
        person, here = place.visitor.person, place.here.workspace
        member = await self._member(request, place)
        person_id, email = request.path_params["person_id"], "" if member is None else member.email
        change = remove_member(here.id, person_id, email, last_too=person.admin)
        ended = await self._revocations.apply(change, self._by(request, place, "admin"))
        await self._revocations.settled(ended.seq)  # also what somebody else ended here: said when all of it holds
        if ended.missed:
            member = await self._member(request, place)
        if member is None:
            raise not_found()
        if ended.missed:
            return await self._listed(request, place, 409, problem=_LAST.format(member.email))
        said = f"{member.email} was removed."
        if not ended.before:
            said = await self._receipt(ended, f"{said} Keys that nobody else answers for were revoked.")
        left = _left(await self._revocations.read(self._store.keys_of, here.id), member)
        if left:
            said = f"{said} Made by them, and still good: {', '.join(left)}. Roll what they should not know any more."
        if member.id == person.id and not person.admin:
            heading = f"You left {here.name or here.slug}"
            return self._pages.show(request, "message.html", visitor=place.visitor, heading=heading, text=said)
        return await self._listed(request, place, said=said)

    async def _led(self, request: Request, typed: Mapping[str, str] | None = None) -> Place:
        """Return where the visitor is, who is admin there.

        Raises:
            Problem: 404, they are not.
            SeeOther: nobody is signed in.
        """
        place = await self._place(request, typed)
        if place.here.role != "admin":
            raise not_found()
        return place

    async def _one(self, request: Request) -> tuple[Place, Member]:
        """Return where the visitor is admin, and the member that the path names.

        Raises:
            Problem: 404, they are not admin, or there is none.
            SeeOther: nobody is signed in.
        """
        place = await self._led(request)
        member = await self._member(request, place)
        if member is None:
            raise not_found()
        return place, member

    async def _member(self, request: Request, place: Place) -> Member | None:
        found = await self._revocations.read(self._store.members, place.here.workspace.id)
        return next((each for each in found if each.id == request.path_params["person_id"]), None)

    async def _listed(self, request: Request, place: Place, status: int = 200, **more: object) -> Response:
        """Return the page of members with what is said on top of it."""
        members = await self._revocations.read(self._store.members, place.here.workspace.id)
        nothing = {"email": "", "role": ""}
        context = {"typed": nothing, "errors": nothing, "link": "", "said": "", "problem": "", **more}
        return self._pages.show(
            request, "members.html", status, visitor=place.visitor, place=place, members=members, **context
        )


def _invitation(place: Place) -> tuple[str, Invitation]:
    """Return a new link, and what is kept of it."""
    link = secrets.token_urlsafe(32)
    return link, Invitation(place.visitor.person, fingerprint(link.encode()), time.time() + INVITED_FOR)


def _address(request: Request, link: str) -> str:
    return f"{base_url(request)}/invite/{link}"


def _owners(key: Key) -> set[str]:
    return {owner.lower() for owner in key.owners}


def _left(keys: list[Key], member: Member) -> list[str]:
    """Return what the keys are called that somebody made and that stay when they leave."""
    return [named(key) for key in keys if key.made_by == member.email and _owners(key) != {member.email}]
