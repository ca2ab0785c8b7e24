"""What the store takes and gives back: frozen values, no behaviour."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

__all__ = [
    "ENDED",
    "Account",
    "Ended",
    "Held",
    "Key",
    "Life",
    "Lookup",
    "NewKey",
    "Receipt",
    "Sealed",
    "SlugTaken",
    "Token",
    "Workspace",
]

ENDED: Final = ("revoked", "rolled", "expired")
"""The states of a key that nothing leads out of."""


class SlugTaken(Exception):  # noqa: N818 - an answer, not a fault
    """A workspace with this slug is there already."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace as stored.

    Attributes:
        status: ``active``, ``suspended`` or ``deleted``; only an active one's keys are good.
    """

    id: str
    slug: str
    name: str
    status: str = "active"


@dataclass(frozen=True, slots=True)
class Key:
    """A key as stored: everything but the secret.

    Attributes:
        scopes: ``None`` for every scope.
        status: ``active``, ``disabled``, or one of the ends: ``revoked``, ``rolled``, ``expired``.
        created, expires: seconds since 1970; ``expires`` is ``None`` for never.
        owners: who answers for it; nobody in particular when it is empty.
        replaced_by: the id of the key that it was rolled to.
        last_used: seconds since 1970, to the minute; ``None`` for never.
        folders, metadata: kept and given back.
        protected: it is not disabled, rolled or revoked through the API until a person unprotects it.
        rotation_due: when it should be rolled, in seconds since 1970; ``None`` for no date.
        made_by: who made it, for people.
        sealed: whether its encrypted secret is kept.
    """

    id: str
    workspace: Workspace
    name: str
    prefix: str
    last_four: str
    scopes: frozenset[str] | None
    is_default: bool
    status: str
    created: float
    expires: float | None
    replaced_by: str | None
    owners: tuple[str, ...] = ()
    last_used: float | None = None
    folders: tuple[str, ...] = ()
    metadata: Mapping[str, object] = field(default_factory=dict[str, object])
    protected: bool = False
    rotation_due: float | None = None
    made_by: str = ""
    sealed: bool = False

    @property
    def ended(self) -> bool:
        """Whether it has ended for good."""
        return self.status in ENDED

    def left(self, now: float) -> float:
        """Return the seconds it has left; infinity where no end is set."""
        return math.inf if self.expires is None else self.expires - now


@dataclass(frozen=True, slots=True)
class Sealed:
    """An encrypted secret, and which key-encryption key opens it."""

    kek: str
    blob: bytes


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to be stored: the fingerprint and the shown ends of its secret, which itself is there encrypted or not."""

    id: str
    fingerprint: bytes
    prefix: str
    last_four: str
    name: str
    scopes: frozenset[str] | None
    expires: float | None = None
    owners: tuple[str, ...] = ()
    disabled: bool = False
    folders: tuple[str, ...] = ()
    metadata: Mapping[str, object] = field(default_factory=dict[str, object])
    protected: bool = False
    rotation_due: float | None = None
    made_by: str = ""
    sealed: Sealed | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """A validator token: everything but the secret.

    Attributes:
        created, ended: seconds since 1970; ``ended`` is ``None`` for a good one.
    """

    id: str
    name: str
    created: float
    ended: float | None


@dataclass(frozen=True, slots=True)
class Lookup:
    """The answer to "what is this key": where the history stood before it was read, and the key or a workspace."""

    epoch: str
    head: int
    key: Key | None = None
    publishable: Workspace | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of an event.

    Attributes:
        change: one of ``_wire.CHANGES``.
        key_id: ``None`` when it is about a whole workspace.
        done: ``None`` while it is not acknowledged.
    """

    seq: int
    change: str
    key_id: str | None
    workspace_id: str
    done: "Account | None"


@dataclass(frozen=True, slots=True)
class Account:
    """Which validators came to trust nothing old any more, and how.

    Attributes:
        took_ms: milliseconds from the question to the acknowledgement.
        report: for each validator its session, name, outcome (``confirmed`` or ``expired``) and ``after_ms``.
    """

    confirmed: int
    expired: int
    took_ms: float
    report: list[dict[str, object]]


@dataclass(frozen=True, slots=True)
class Held:
    """A change that holds everywhere, without the list of validators.

    Attributes:
        seq, change: see ``Receipt``.
        at: when it was committed, in seconds since 1970.
        took_ms, confirmed, expired: see ``Account``.
    """

    seq: int
    change: str
    at: float
    took_ms: float
    confirmed: int
    expired: int


@dataclass(frozen=True, slots=True)
class Ended:
    """What a change came to.

    Attributes:
        seq: the newest event that tells of it; 0 when there is none.
        before: it changed nothing that was not so before.
        missed: what it was to change was not there to be changed, or not as it was asked for.
    """

    seq: int
    before: bool
    missed: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Life:
    """What a server needs to know when it starts.

    Attributes:
        epoch: the history.
        head: the newest event.
        wait: seconds no acknowledgement may be given, because leases of an earlier life may run.
        unfinished: ``(seq, seconds ago)`` of events nobody acknowledged.
        put_back: another server than the last one had this database.
    """

    epoch: str
    head: int
    wait: float
    unfinished: tuple[tuple[int, float], ...]
    put_back: bool = False
