"""Reads the fields of a body: what each may hold, and that no key gives what it does not have itself.

A field that is not good is a 400 that names it.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import Final, cast

from rf_middleware.issuer.access import Actor
from rf_middleware.issuer.answers import Problem
from rf_middleware.issuer.presets import MOST, PRESETS, SCOPE, expanded
from rf_middleware.issuer.texts import LONGEST, short

__all__ = [
    "read_expiry",
    "read_flag",
    "read_folders",
    "read_grace",
    "read_metadata",
    "read_name",
    "read_owners",
    "read_rotation",
    "read_scopes",
]

_LARGEST: Final = 2**53
_LONGEST_GRACE: Final = 30 * 86_400


def read_name(value: object) -> str:
    """Read the name of a key.

    Raises:
        Problem: 400, it is none.
    """
    if not isinstance(value, str) or not short(value):
        raise Problem(400, f"name is a text of at most {LONGEST} printable characters")
    return value


def read_owners(value: object) -> tuple[str, ...]:
    """Read who answers for a key; an empty list is everybody.

    Raises:
        Problem: 400, it is no list of names.
    """
    found = _texts(value, lambda each: bool(each) and each.isprintable())
    if found is None:
        raise Problem(400, f"owners is a list of at most {MOST} printable texts")
    return tuple(sorted(found))


def read_scopes(value: object, actor: Actor) -> frozenset[str] | None:
    """Read scopes that the acting key may give, presets spelled out; ``null`` is every scope.

    Raises:
        Problem: 400, they are none; 403, the acting key does not have them all itself.
    """
    named = None if value is None else _texts(value, lambda each: bool(SCOPE.fullmatch(each)))
    if named is None and value is not None:
        raise Problem(400, f"scopes is null or a list of at most {MOST} texts like noun:verb, in a-z, 0-9, _ and -")
    try:
        wanted = None if named is None else expanded(named)
    except KeyError:
        raise Problem(400, f"scopes names a preset that is not one of {', '.join(PRESETS)}") from None
    if not actor.covers(wanted):
        raise Problem(403, "A key can't give scopes that it does not have itself")
    return wanted


def read_expiry(value: object, actor: Actor) -> float | None:
    """Read when a key ends, in seconds since 1970, no later than the acting key itself; ``null`` is never.

    Raises:
        Problem: 400, it is no time in the future; 403, the acting key ends before.
    """
    ends = None if value is None else _time(value)
    if value is not None and ends is None:
        raise Problem(400, "expiresAt is null or a time in the future with its offset, like 2030-01-31T12:00:00Z")
    if actor.expires is not None and (ends is None or ends > actor.expires):
        raise Problem(403, "A key can't outlive the one that makes it")
    return ends


def read_folders(value: object, actor: Actor) -> tuple[str, ...]:
    """Read the folders of a key, none of which the acting key lacks; an empty list is all of them.

    Raises:
        Problem: 400, it is no list of ids; 403, the acting key is kept to other folders.
    """
    found = _texts(value, lambda each: bool(each) and each.isprintable())
    if found is None:
        raise Problem(400, f"folderIds is a list of at most {MOST} printable texts")
    folders = tuple(sorted(found))
    if not actor.within(folders):
        raise Problem(403, "A key can't give folders that it does not have itself")
    return folders


def read_metadata(value: object) -> dict[str, object]:
    """Read what is to be kept with a key; an empty object clears it.

    Raises:
        Problem: 400, it is no flat object of short values.
    """
    found = cast("dict[str, object]", value) if isinstance(value, dict) else None
    if found is None or len(found) > MOST or not all(map(short, found)) or not all(map(_plain, found.values())):
        what = f"at most {MOST} printable texts, numbers, true, false or null, each of at most {LONGEST} characters"
        raise Problem(400, f"customMetadata is an object of {what}")
    return found


def read_flag(name: str, value: object) -> bool:
    """Read a boolean.

    Raises:
        Problem: 400, it is none.
    """
    if not isinstance(value, bool):
        raise Problem(400, f"{name} is true or false")
    return value


def read_rotation(value: object) -> float | None:
    """Read when a key should be rolled, in seconds since 1970: a date or a time, UTC unless it says; ``null``: none.

    Raises:
        Problem: 400, it is neither, or not in the future.
    """
    when = None if value is None else _time(value, zone=UTC)
    if value is not None and when is None:
        raise Problem(400, "rotationDueAt is null or a date or time in the future, like 2030-01-31")
    return when


def read_grace(value: object) -> float:
    """Read for how many seconds a rolled key stays good.

    Raises:
        Problem: 400, it is no such number.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LONGEST_GRACE:
        return float(value)
    raise Problem(400, f"graceSeconds is a number from 0 to {_LONGEST_GRACE}")


def _time(value: object, zone: tzinfo | None = None) -> float | None:
    """Return a time in the future in seconds since 1970; ``None`` for anything else.

    Args:
        value: what is read, like ``2030-01-31T12:00:00Z``.
        zone: of a time that does not say; without it such a one is none.
    """
    try:
        when = datetime.fromisoformat(value) if isinstance(value, str) else None
        when = when.replace(tzinfo=when.tzinfo or zone) if when else None
        seconds = None if when is None or when.tzinfo is None else when.timestamp()
        datetime.fromtimestamp(seconds or 0.0, UTC)  # in the year 10000 it could not be shown
    except (ValueError, OverflowError):
        seconds = None
    return seconds if seconds is not None and seconds > time.time() else None


def _plain(value: object) -> bool:
    if isinstance(value, str):
        return short(value)
    if isinstance(value, int | float):
        return abs(value) <= _LARGEST  # also false for what JSON can't say: infinity, and what is no number
    return value is None


def _texts(value: object, good: Callable[[str], bool]) -> frozenset[str] | None:
    """Return a list of not too many, not too long, good texts as a set; ``None`` for anything else."""
    listed = cast("list[object]", value) if isinstance(value, list) else None
    if listed is None or len(listed) > MOST:
        return None
    found = [each for each in listed if isinstance(each, str) and len(each) <= LONGEST and good(each)]
    return frozenset(found) if len(found) == len(listed) else None
