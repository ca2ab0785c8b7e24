"""What the store takes and gives back about logins of devices and by pasted tokens: frozen values, no behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rf_middleware.issuer.records import Workspace

__all__ = ["Handed", "LoginOver", "TooManyLogins", "Way"]


class TooManyLogins(Exception):  # noqa: N818 - an answer, not a fault
    """So many logins wait for somebody that no other one is taken in."""


class LoginOver(Exception):  # noqa: N818 - an answer, not a fault
    """A login was decided, or has ended, meanwhile."""


@dataclass(frozen=True, slots=True)
class Handed:
    """A key that a login made, with its secret, which is nowhere else."""

    workspace: Workspace
    scopes: frozenset[str] | None
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Way:
    """How keys come to be handed out.

    Attributes:
        target: what the audit log calls the login.
        name: of the keys.
        address: where they go.
        told: more for the audit log.
    """

    target: str
    name: str
    address: str
    told: Mapping[str, object]
