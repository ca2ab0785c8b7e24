"""What a name may be, wherever somebody gives one. Pure."""

from typing import Final

__all__ = ["LONGEST", "short"]

LONGEST: Final = 200


def short(text: str) -> bool:
    """Say whether a text is not too long, and of printable characters only."""
    return len(text) <= LONGEST and text.isprintable()
