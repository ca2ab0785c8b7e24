"""How times are put into words on pages. Pure."""

from datetime import UTC, datetime
from typing import Final

__all__ = ["ago", "date", "moment"]

_SIZES: Final = ((86_400, "day"), (3600, "hour"), (60, "minute"))


def ago(at: float | None, now: float) -> str:
    """Say how long ago something was, or in how long it will be; both in seconds since 1970."""
    if at is None:
        return "never"
    passed = now - at
    for size, name in _SIZES:
        count = int(abs(passed) // size)
        if count:
            told = f"{count} {name}{'' if count == 1 else 's'}"
            return f"{told} ago" if passed > 0 else f"in {told}"
    return "just now" if passed >= 0 else "in less than a minute"


def date(at: float) -> str:
    """Return a day as people read it, like ``25 Nov 2026``."""
    return f"{datetime.fromtimestamp(at, UTC):%d %b %Y}".removeprefix("0")


def moment(at: float) -> str:
    """Return a time as machines read it, to the second and in UTC (RFC 3339)."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
