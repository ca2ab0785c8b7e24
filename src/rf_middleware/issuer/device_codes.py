"""The codes of logins. Pure but for randomness.

* A device code, and a one-time token for pasting, look like a key (``keys.py``) with a prefix of their own: junk is
  known without a look-up, and both may stand in a URL.
* A user code is for people: eight letters and digits that can't be taken for one another, ``ABCD-EFGH``.
"""

import secrets
from typing import Final

from rf_middleware.issuer.keys import mint

__all__ = ["DEVICE_PREFIX", "PASTE_PREFIX", "device_code", "paste_token", "read_user_code", "user_code"]

DEVICE_PREFIX: Final = "rfd_"
PASTE_PREFIX: Final = "rfp_"

_LETTERS: Final = "BCDFGHJKLMNPQRTVWX23479"
"""No vowels, so no words; no 0, 1, 5, 6, 8, S and Z, which look like O, I, S, G, B, 5 and 2."""

_LENGTH: Final = 8
_LONGEST: Final = 64


def device_code() -> str:
    """Return a new device code."""
    return mint(DEVICE_PREFIX)


def paste_token() -> str:
    """Return a new one-time token."""
    return mint(PASTE_PREFIX)


def user_code() -> str:
    """Return a new user code: 36 random bits."""
    return _spelled("".join(secrets.choice(_LETTERS) for _ in range(_LENGTH)))


def read_user_code(typed: str) -> str:
    """Return the user code that somebody typed: small letters, blanks and dashes are fine; empty if it is none."""
    plain = "".join(char for char in typed[:_LONGEST].upper() if not char.isspace() and char not in "-–—_.")
    return _spelled(plain) if len(plain) == _LENGTH and set(plain) <= set(_LETTERS) else ""


def _spelled(plain: str) -> str:
    return f"{plain[:4]}-{plain[4:]}"
