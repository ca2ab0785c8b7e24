"""What the issuer asks about the people of a workspace: who they are, who joins, what they may do.

Who leaves is a ``Change`` (``changes_people.py``): it ends keys.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, true, update
from sqlalchemy.exc import IntegrityError

from rf_middleware.issuer.audit import By, Note, append
from rf_middleware.issuer.changes_people import keeps_an_admin, never_signed_in
from rf_middleware.issuer.people import Added, AlreadyMember, Member, Person
from rf_middleware.issuer.rights import hold
from rf_middleware.issuer.rows_people import add_person, new_person, replace_link
from rf_middleware.issuer.schema_people import members, people
from rf_middleware.issuer.store_base import StoreBase

__all__ = ["Invitation", "MemberStore"]


@dataclass(frozen=True, slots=True)
class Invitation:
    """A one-time link that somebody makes for somebody else.

    Attributes:
        host: who makes it: an admin of the workspace.
        fingerprint: of the link.
        ends: until when it is good, in seconds since 1970.
    """

    host: Person
    fingerprint: bytes
    ends: float


class MemberStore(StoreBase):
    """Questions about members."""

    def members(self, workspace_id: str) -> list[Member]:
        """Return who is in a workspace, by e-mail address."""
        columns = (people.c.id, people.c.email, people.c.name, people.c.status, members.c.role)
        query = select(*columns, never_signed_in().label("invited")).join(members).order_by(people.c.email)
        with self._database.reading() as connection:
            return [
                Member(row.id, row.email, row.name, row.role, row.status == "active", bool(row.invited))
                for row in connection.execute(query.where(members.c.workspace_id == workspace_id))
            ]

    def add_member(self, workspace_id: str, email: str, role: str, invitation: Invitation, by: By) -> Added:
        """Add somebody to a workspace. Who never signed in is given the link, if the host may invite them.

        Raises:
            AlreadyMember: they belong to it.
            NotTheirs: whoever adds them may not, any more.
        """
        try:
            with self._database.writing() as connection:
                hold(connection, by.right)
                found = connection.execute(select(people.c.id).where(people.c.email == email)).scalar()
                person_id: str | None = found
                if person_id is None:
                    person = new_person(email, "", None, admin=False)
                    add_person(connection, person, by)
                    person_id = person.id
                link = _may_invite(connection, person_id, invitation.host)
                row = {"workspace_id": workspace_id, "person_id": person_id, "role": role}
                connection.execute(insert(members).values(row))
                append(connection, by, Note("member.add", email, workspace_id, {"role": role}))
                if link:
                    replace_link(connection, person_id, invitation.fingerprint, invitation.ends)
                    append(connection, by, Note("link.create", email, workspace_id))
        except IntegrityError:
            raise AlreadyMember from None
        return Added(new=found is None, link=link)

    def invite_again(self, workspace_id: str, person_id: str, invitation: Invitation, by: By) -> bool:
        """Give a member who never signed in a new link, in place of the one before; false where that may not be."""
        member = select(people.c.email).join(members).where(members.c.workspace_id == workspace_id)
        with self._database.writing() as connection:
            hold(connection, by.right)
            email: str | None = connection.execute(member.where(people.c.id == person_id)).scalar()
            may = email is not None and _may_invite(connection, person_id, invitation.host)
            if email is not None and may:
                replace_link(connection, person_id, invitation.fingerprint, invitation.ends)
                append(connection, by, Note("link.create", email, workspace_id))
        return may

    def set_role(self, workspace_id: str, member: Member, role: str, by: By, *, last_too: bool) -> bool:
        """Give a member another role; false where there is none, or they are the last admin and may not be changed."""
        here = (members.c.workspace_id == workspace_id, members.c.person_id == member.id)
        kept = true() if last_too or role == "admin" else keeps_an_admin(workspace_id, member.id)
        with self._database.writing() as connection:
            hold(connection, by.right)
            done = connection.execute(update(members).where(*here, kept).values(role=role)).rowcount == 1
            if done:
                append(connection, by, Note("member.role", member.email, workspace_id, {"role": role}))
        return done


def _may_invite(connection: Connection, person_id: str, host: Person) -> bool:
    """Say whether somebody may be handed a link to this account.

    Whoever has the link becomes that person, everywhere: so the host has to be admin wherever they belong already.
    """
    there = members.alias("there")
    led = select(there.c.workspace_id).where(there.c.person_id == host.id, there.c.role == "admin")
    beyond = select(members.c.role).where(members.c.person_id == person_id, members.c.workspace_id.not_in(led))
    idle = select(people.c.admin).where(people.c.id == person_id, people.c.status == "active", never_signed_in())
    admin: bool | None = connection.execute(idle).scalar()
    if admin is None or host.admin:
        return admin is not None
    return not admin and connection.execute(beyond.limit(1)).first() is None
