"""What the store takes and gives back about people: frozen values, no behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from rf_middleware.issuer.records import Workspace

__all__ = [
    "ROLES",
    "TAKEN_AWAY",
    "Added",
    "AlreadyMember",
    "EmailTaken",
    "Known",
    "LinkOver",
    "Member",
    "Membership",
    "Person",
    "Session",
]

ROLES: Final = ("admin", "developer", "viewer")

TAKEN_AWAY: Final = ""
"""What is kept in place of a password that was taken away. No password fits; one link sets a new one."""


class EmailTaken(Exception):  # noqa: N818 - an answer, not a fault
    """Somebody with this e-mail address is there already."""


class AlreadyMember(Exception):  # noqa: N818 - an answer, not a fault
    """Somebody belongs to this workspace already."""


class LinkOver(Exception):  # noqa: N818 - an answer, not a fault
    """A one-time link was used, has ended, or never was."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can sign in.

    Attributes:
        email: in lower case.
        admin: whether they see every workspace, as its admin.
        password: its argon2 hash; ``None`` without one.
        active: whether they may sign in.
    """

    id: str
    email: str
    name: str
    admin: bool = False
    password: str | None = None
    active: bool = True

    def __repr__(self) -> str:
        return f"Person(id={self.id!r})"


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in, in one browser.

    Attributes:
        seen, proved, ends: seconds since 1970; ``proved`` is when they last showed who they are.
        leads: whether they are admin of a workspace.
    """

    person: Person
    seen: float
    proved: float
    ends: float
    leads: bool = False


@dataclass(frozen=True, slots=True)
class Membership:
    """A workspace and what somebody is in it: ``admin``, ``developer`` or ``viewer``."""

    workspace: Workspace
    role: str


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a workspace.

    Attributes:
        active: whether they may sign in.
        invited: whether they never did: there is neither a password nor an account of elsewhere.
    """

    id: str
    email: str
    name: str
    role: str
    active: bool
    invited: bool


@dataclass(frozen=True, slots=True)
class Added:
    """Somebody who was added to a workspace.

    Attributes:
        new: whether nobody knew them before.
        link: whether the link that came along is theirs now.
    """

    new: bool
    link: bool


@dataclass(frozen=True, slots=True)
class Known:
    """A person, as the command line lists them.

    Attributes:
        status: ``active``, ``invited`` (never signed in) or ``disabled``.
        roles: by the slug of the workspace.
    """

    person: Person
    status: str
    roles: Mapping[str, str]
