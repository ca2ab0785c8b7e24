"""What the store takes and gives back about people: frozen values, no behaviour."""

from dataclasses import dataclass

from rf_middleware.issuer.records import Workspace

__all__ = ["EmailTaken", "LinkOver", "Membership", "Person", "Session"]


class EmailTaken(Exception):  # noqa: N818 - an answer, not a fault
    """Somebody with this e-mail address is there already."""


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
    """

    person: Person
    seen: float
    proved: float
    ends: float


@dataclass(frozen=True, slots=True)
class Membership:
    """A workspace and what somebody is in it: ``admin``, ``developer`` or ``viewer``."""

    workspace: Workspace
    role: str
