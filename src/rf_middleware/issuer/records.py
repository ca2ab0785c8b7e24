"""What the store takes and gives back: frozen values, no behaviour."""

from dataclasses import dataclass

__all__ = ["Ended", "Key", "Life", "Lookup", "NewKey", "Receipt", "SlugTaken", "Workspace"]


class SlugTaken(Exception):  # noqa: N818 - an answer, not a fault
    """A workspace with this slug is there already."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace as stored."""

    id: str
    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class Key:
    """A key as stored: everything but the secret.

    Attributes:
        scopes: ``None`` for every scope.
        status: ``active``, ``disabled`` or ``revoked``.
        created: seconds since 1970.
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


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to be stored: the fingerprint and the shown ends of its secret."""

    fingerprint: bytes
    prefix: str
    last_four: str
    name: str
    scopes: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Lookup:
    """The answer to "what is this key": where the history stood before it was read, and the key or a workspace."""

    epoch: str
    head: int
    key: Key | None = None
    publishable: Workspace | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of a revocation. ``validators`` is ``None`` while it is not acknowledged."""

    seq: int
    key_id: str
    workspace_id: str
    validators: dict[str, int] | None
    took_ms: float


@dataclass(frozen=True, slots=True)
class Ended:
    """A key that ended: the event that did it, and whether it had ended before."""

    seq: int
    before: bool


@dataclass(frozen=True, slots=True)
class Life:
    """What a server needs to know when it starts.

    Attributes:
        epoch: the history.
        head: the newest event.
        wait: seconds no acknowledgement may be given, because leases of an earlier life may run.
        unfinished: ``(seq, seconds ago)`` of events nobody acknowledged.
    """

    epoch: str
    head: int
    wait: float
    unfinished: tuple[tuple[int, float], ...]
