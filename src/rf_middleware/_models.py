"""What the rest of the package talks about: workspaces, grants, refusals. Frozen values, no behaviour."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

__all__ = ["SLUG", "Grant", "Reason", "Refusal", "Staleness", "Verdict", "Workspace"]

SLUG: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
"""What a workspace slug looks like; matched whole."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """The workspace a key belongs to.

    Attributes:
        slug: its name in URLs, ``[A-Za-z0-9][A-Za-z0-9_-]*``.
        name: its name for people; may be empty.
        id: the issuer's id; may be empty.
    """

    slug: str
    name: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """What the issuer says of a good key.

    Attributes:
        workspace: the one workspace the key is scoped to.
        key_id: the issuer's id of the key, never the key; may be empty.
        scopes: what the key may do; ``None`` means every scope, an empty set none.
        publishable: whether the key is one that is not secret.
        expires_in: seconds the key has left, counted from before the issuer was asked
            (RFC 7662 section 4: a cache never outlives it); ``None`` means no end.
        stale_for: seconds since its time was over, where it is given because the issuer can't be asked
            (``stale_if_error``); ``None`` where somebody vouches for it.

    Raises:
        TypeError: ``scopes`` is a bare string.
    """

    workspace: Workspace
    key_id: str = ""
    scopes: frozenset[str] | None = None
    publishable: bool = False
    expires_in: float | None = None
    stale_for: float | None = None

    def __post_init__(self) -> None:
        scopes: Iterable[str] | None = self.scopes
        if isinstance(scopes, str):
            message = "Grant.scopes is a set of strings or None, not a bare string"
            raise TypeError(message)
        if scopes is not None and not isinstance(scopes, frozenset):
            object.__setattr__(self, "scopes", frozenset(scopes))


class Reason(Enum):
    """Why a request is refused: the HTTP status, the end of the problem type, the title."""

    MISSING_KEY = (401, "missing-key", "An API key is needed")
    INVALID_KEY = (401, "invalid-key", "The API key is not valid")
    AMBIGUOUS_KEY = (400, "ambiguous-key", "More than one API key was given")
    FORBIDDEN = (403, "forbidden", "The API key does not allow this")
    PAYMENT_REQUIRED = (402, "payment-required", "The workspace has no credits left")
    PAUSED = (423, "paused", "The workspace is paused")
    TOO_MANY_UNKNOWN_KEYS = (429, "too-many-unknown-keys", "Too many unknown API keys just now")
    ISSUER_UNAVAILABLE = (503, "issuer-unavailable", "The issuer of API keys can't be asked just now")

    def __init__(self, status: int, suffix: str, title: str) -> None:
        self.status = status
        self.suffix = suffix
        self.title = title


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal as a value, so that it can be cached and shared; exceptions are made from it where they are raised.

    Attributes:
        reason: which row of the answer table.
        detail: a text for people, never a key.
        retry_after: seconds after which asking again makes sense.
    """

    reason: Reason
    detail: str = ""
    retry_after: float | None = None


Verdict = Grant | Refusal
"""What is known of a key: the issuer's grant, or why not."""


@dataclass(frozen=True, slots=True)
class Staleness:
    """What a validator promises at this moment about a key that was revoked.

    Attributes:
        kind: ``"lease"``: none once the revocation is acknowledged, at cache speed;
            ``"strict"``: none, the issuer is asked for each request;
            ``"bounded"``: at most ``seconds``.
        seconds: the bound, 0.0 for the other two.
        lease_left: seconds until the lease must be renewed, 0.0 without one.
        if_error: by how many seconds more an old grant is given while the issuer can't be asked (``stale_if_error``).
    """

    kind: str
    seconds: float = 0.0
    lease_left: float = 0.0
    if_error: float = 0.0

    def __str__(self) -> str:
        beyond = f"; {self.if_error:g} s more while the issuer can't be asked" if self.if_error else ""
        if self.kind == "lease":
            return f"lease: a revoked key is refused at once (lease good for {self.lease_left:.1f} s more){beyond}"
        if self.kind == "strict":
            return f"strict: the issuer is asked about each request{beyond}"
        return f"bounded: a revoked key is accepted for {self.seconds:g} s at most{beyond}"
