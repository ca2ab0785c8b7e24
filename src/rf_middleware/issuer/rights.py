"""What somebody has to be for what they do on a page, looked at again in the transaction that does it.

A page reads what its visitor may do; by the time it writes they may have been removed. One connection writes at a time:
what holds here holds until the change is committed.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, or_, select

from rf_middleware.issuer.schema import workspaces
from rf_middleware.issuer.schema_people import members, people

__all__ = ["NotTheirs", "Right", "hold"]


class NotTheirs(Exception):  # noqa: N818 - an answer, not a fault
    """Whoever does this may not, any more; nothing was done."""


@dataclass(frozen=True, slots=True)
class Right:
    """A person with one of these roles in a workspace, or an administrator of the issuer."""

    person_id: str
    workspace_id: str
    roles: tuple[str, ...]


def hold(connection: Connection, right: Right | None) -> None:
    """See that a right is there; ``None`` is for those whose right was looked at otherwise.

    Raises:
        NotTheirs: it is not.
    """
    if right is None:
        return
    here = (members.c.person_id == right.person_id, members.c.workspace_id == right.workspace_id)
    member = select(members.c.role).where(*here, members.c.role.in_(right.roles)).exists()
    there = select(workspaces.c.id).where(workspaces.c.id == right.workspace_id, workspaces.c.status != "deleted")
    person = select(people.c.id).where(people.c.id == right.person_id, people.c.status == "active")
    if connection.execute(person.where(or_(people.c.admin, member), there.exists())).first() is None:
        raise NotTheirs
