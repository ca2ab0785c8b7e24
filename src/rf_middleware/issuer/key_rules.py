"""What a key may do to keys over HTTP: bodies are read into values, and what is not allowed is refused.

* A key can only give what it has: its scopes, its folders, and no more time than it has left itself.
* A protected key loses nothing here: it is not disabled, rolled or revoked, its scopes and its end stay as they are,
  whatever they would be changed to. Only a person takes the protection off, on the page.
* What is refused because a key is protected is decided by the database, in the transaction of the change.
"""

import math
from collections.abc import Mapping
from typing import Final, cast

from rf_middleware.issuer.access import Actor
from rf_middleware.issuer.answers import Problem
from rf_middleware.issuer.fields import only
from rf_middleware.issuer.minting import KeyFields
from rf_middleware.issuer.reading import (
    read_expiry,
    read_flag,
    read_folders,
    read_grace,
    read_metadata,
    read_name,
    read_owners,
    read_rotation,
    read_scopes,
)
from rf_middleware.issuer.records import Key

__all__ = [
    "WAITED_FOR",
    "check_change",
    "check_roll",
    "protected",
    "read_change",
    "read_new",
    "read_roll",
    "takes_away",
]

WAITED_FOR: Final = frozenset({"scopes", "status", "expires"})
"""Columns that validators are told of."""

_NEW: Final = ("name", "scopes", "expiresAt", "owners", "folderIds", "customMetadata", "protected", "rotationDueAt")
_CHANGED: Final = ("name", "scopes", "disabled", "expiresAt", "owners", "customMetadata", "protected", "rotationDueAt")


def read_new(body: Mapping[str, object], actor: Actor) -> tuple[str, frozenset[str] | None, KeyFields]:
    """Return the name, the scopes and what else is said of a key to be created.

    Raises:
        Problem: 400 or 403.
    """
    only(body, *_NEW)
    more: KeyFields = {
        "expires": read_expiry(body["expiresAt"], actor) if "expiresAt" in body else actor.expires,
        "owners": read_owners(body.get("owners", [])),
        "folders": read_folders(body["folderIds"], actor) if "folderIds" in body else actor.folders,
        "metadata": read_metadata(body.get("customMetadata", {})),
        "protected": read_flag("protected", body.get("protected", False)),
        "rotation_due": read_rotation(body.get("rotationDueAt")),
        "made_by": _made_by(actor),
    }
    scopes = read_scopes(body["scopes"], actor) if "scopes" in body else actor.scopes
    return read_name(body.get("name", "")), scopes, more


def read_change(body: Mapping[str, object], actor: Actor) -> tuple[dict[str, object], tuple[str, ...] | None]:
    """Return the new values of columns, and the owners when they are given.

    Raises:
        Problem: 400 or 403.
    """
    only(body, *_CHANGED)
    values: dict[str, object] = {}
    if "name" in body:
        values["name"] = read_name(body["name"])
    if "scopes" in body:
        scopes = read_scopes(body["scopes"], actor)
        values["scopes"] = None if scopes is None else sorted(scopes)
    if "disabled" in body:
        values["status"] = "disabled" if read_flag("disabled", body["disabled"]) else "active"
    if "expiresAt" in body:
        values["expires"] = read_expiry(body["expiresAt"], actor)
    if "customMetadata" in body:
        values["metadata"] = read_metadata(body["customMetadata"])
    if "rotationDueAt" in body:
        values["rotation_due"] = read_rotation(body["rotationDueAt"])
    if "protected" in body:
        values["protected"] = read_flag("protected", body["protected"])
    return values, read_owners(body["owners"]) if "owners" in body else None


def read_roll(body: Mapping[str, object], actor: Actor) -> tuple[float, KeyFields]:
    """Return for how long the old key stays good, and what is to be different in its successor.

    Raises:
        Problem: 400.
    """
    only(body, "graceSeconds", "owners", "rotationDueAt")
    changed: KeyFields = {"made_by": _made_by(actor)}
    if "owners" in body:
        changed["owners"] = read_owners(body["owners"])
    if "rotationDueAt" in body:
        changed["rotation_due"] = read_rotation(body["rotationDueAt"])
    return read_grace(body.get("graceSeconds", 0)), changed


def check_change(key: Key, values: Mapping[str, object], actor: Actor) -> None:
    """Let a key be enabled, or live longer, only by one that may do as much; and a rolled one live no longer at all.

    Raises:
        Problem: 403 or 409.
    """
    if values.get("protected") is False:
        raise Problem(403, "Only a person can take the protection off a key, on the page with the keys")
    longer = "expires" in values and key.left(cast("float | None", values["expires"]) or math.inf) < 0
    restored = longer or values.get("status") == "active"
    if restored and not actor.covers(key.scopes):
        raise Problem(403, "A key can't restore one that may do more than it may itself")
    if (restored or "scopes" in values) and not actor.within(key.folders):
        raise Problem(403, "A key can't give anything to one with folders that it does not have itself")
    if longer and key.replaced_by is not None:
        raise Problem(409, "This key was rolled: its time can only be cut short")


def check_roll(old: Key, actor: Actor) -> None:
    """Let a key be rolled only by one that may do as much, for as long; and a protected one not at all.

    Raises:
        Problem: 403 or 409.
    """
    more = not actor.covers(old.scopes) or not actor.within(old.folders)
    if more or (actor.expires is not None and old.left(actor.expires) > 0):
        raise Problem(403, "A key can't roll one that may do more than it may itself")
    if old.protected and not old.ended:
        raise protected()


def takes_away(values: Mapping[str, object]) -> bool:
    """Say whether a change could take something from a key, so that it is not for protected ones."""
    return values.get("status") == "disabled" or bool(values.keys() & {"scopes", "expires"})


def protected() -> Problem:
    """Return the refusal to take something from a protected key."""
    return Problem(409, "This key is protected: only a person can change that, on the page with the keys")


def _made_by(actor: Actor) -> str:
    """Return what is said of a key that this one makes."""
    return f"key {actor.name or actor.key_id}"[:200]
