"""What a name and an e-mail address may be, wherever somebody gives one; how a text is put on a terminal. Pure."""

import re
from typing import Final

__all__ = ["EMAIL_FAULT", "LONGEST", "NAME_FAULT", "is_email", "plain", "short"]

LONGEST: Final = 200
NAME_FAULT: Final = f"Use at most {LONGEST} printable characters."
EMAIL_FAULT: Final = "Enter an e-mail address like ann@example.com."
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,250}")


def short(text: str) -> bool:
    """Say whether a text is not too long, and of printable characters only."""
    return len(text) <= LONGEST and text.isprintable()


def is_email(text: str) -> bool:
    """Say whether a text has the form of an e-mail address, in small letters."""
    return _EMAIL.fullmatch(text) is not None and text.isprintable() and text == text.lower()


def plain(text: str) -> str:
    """Return a text without what would move the cursor of a terminal."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
