"""The issuer of the contract tests: a table of keys that counts how often it is asked."""

from collections.abc import Mapping
from types import MappingProxyType

from rf_middleware import Denied, Grant, Workspace

__all__ = ["GOOD", "Keys", "bearer"]

GOOD = "good-key-of-acme"

ACME = Workspace("acme", "Acme, Inc.", "w1")
NAN = float("nan")

GRANTS: Mapping[str, Grant | Exception | None] = MappingProxyType(
    {
        GOOD: Grant(ACME, key_id="k1"),
        "other-good-key-of-acme": Grant(ACME, key_id="k2"),
        "key-of-initech": Grant(Workspace("initech"), key_id="k3"),
        "reader": Grant(ACME, key_id="k4", scopes=frozenset({"model:read"})),
        "reader-and-inferrer": Grant(ACME, key_id="k5", scopes=frozenset({"model:read", "model:infer"})),
        "scopeless": Grant(ACME, key_id="k6", scopes=frozenset()),
        "rf_workspace1": Grant(ACME, key_id="k7", publishable=True),
        "marked-publishable": Grant(ACME, key_id="k8", publishable=True),
        "revoked": Denied(401, "It was revoked yesterday."),
        "unpaid": Denied(402, "No credits are left."),
        "forbidden": Denied(403),
        "paused": Denied(423),
        "expired": Grant(ACME, expires_in=0.0),
        "long-expired": Grant(ACME, expires_in=-5.0),
        "expires-never-nonsense": Grant(ACME, expires_in=NAN),
        "no-workspace": Grant(Workspace("")),
        "odd-workspace": Grant(Workspace("../etc")),
        "broken": RuntimeError("the database is on fire"),
    }
)


class Keys:
    """A function for ``CallableIssuer``.

    Attributes:
        asked: the keys it was asked about, in order.
    """

    def __init__(self, more: Mapping[str, Grant | Exception | None] | None = None) -> None:
        self.asked: list[str] = []
        self.table = dict(GRANTS) | dict(more or {})

    def __call__(self, key: str) -> Grant | None:
        """Answer for one key."""
        self.asked.append(key)
        known = self.table.get(key)
        if isinstance(known, Exception):
            raise known
        return known


def bearer(key: str = GOOD) -> tuple[str, str]:
    """Return the header that presents a key."""
    return ("Authorization", f"Bearer {key}")
