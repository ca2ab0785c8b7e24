"""Presets: names for sets of scopes, written ``role:<name>`` where scopes are named. Pure.

A preset is expanded when it is given: a key keeps the scopes, not the name.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

__all__ = ["MOST", "PRESETS", "SCOPE", "expanded", "within_role"]

SCOPE: Final = re.compile(r"(?=.{1,200}\Z)[a-z0-9_-]+:[a-z0-9_-]+")
"""What a scope looks like, and a preset."""

MOST: Final = 100
"""Scopes of a key."""

_PREFIX: Final = "role:"

_VIEWER: Final = frozenset({"workspace:read", "api-key:read"})
_INFERENCE: Final = frozenset({"model:infer"})
_MANAGE: Final = frozenset({"api-key:create", "api-key:update", "api-key:revoke"})

PRESETS: Final[Mapping[str, frozenset[str] | None]] = {
    "role:admin": None,
    "role:developer": _VIEWER | _INFERENCE | _MANAGE,
    "role:viewer": _VIEWER,
    "role:inference": _INFERENCE,
}
"""What each stands for; ``None`` is every scope."""


def within_role(role: str, scopes: frozenset[str] | None) -> bool:
    """Say whether somebody of this role may hold a key with these scopes: those of the preset of its name."""
    own = PRESETS[f"{_PREFIX}{role}"]
    return own is None or (scopes is not None and scopes <= own)


def expanded(scopes: Iterable[str]) -> frozenset[str] | None:
    """Return scopes with the presets among them spelled out; ``None`` for every scope.

    Raises:
        KeyError: no such preset.
    """
    sets = [PRESETS[each] if each.startswith(_PREFIX) else frozenset({each}) for each in scopes]
    plain = [each for each in sets if each is not None]
    return frozenset[str]().union(*plain) if len(plain) == len(sets) else None
