"""What a secret of the issuer looks like, and how to tell junk from it without a look-up. Pure but for randomness.

* A key is ``rfk_``, 160 random bits in base62 (27 characters), and the CRC-32 of all that in base62 (6 characters).
* A validator token is the same with ``rfv_``.
* The lower-case prefix also keeps the public client from taking a key for a dummy.
* ``rf_<workspaceId>`` is the publishable key of a workspace: not a secret, so nothing of it is checked here.
"""

import secrets
import string
from typing import Final
from zlib import crc32

__all__ = [
    "KEY_PREFIX",
    "PUBLISHABLE_PREFIX",
    "TOKEN_PREFIX",
    "could_be_key",
    "mint",
    "new_id",
    "publishable_workspace",
    "well_formed",
]

KEY_PREFIX: Final = "rfk_"
TOKEN_PREFIX: Final = "rfv_"  # noqa: S105 - a prefix, not a secret
PUBLISHABLE_PREFIX: Final = "rf_"

_ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_BITS: Final = 160
_BODY: Final = 27
_CHECK: Final = 6
_LONGEST: Final = 512


def mint(prefix: str) -> str:
    """Return a new secret with this prefix."""
    body = prefix + _base62(secrets.randbits(_BITS), _BODY)
    return body + _check(body)


def new_id() -> str:
    """Return a new public id (of a key or a workspace): 16 characters of base62."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(16))


def well_formed(secret: str, prefix: str) -> bool:
    """Say whether this could have been minted with this prefix: shape and CRC-32, no look-up."""
    body, check = secret[:-_CHECK], secret[-_CHECK:]
    if not body.startswith(prefix) or len(body) != len(prefix) + _BODY:
        return False
    return set(body[len(prefix) :]) <= set(_ALPHABET) and check == _check(body)


def could_be_key(presented: str) -> bool:
    """Say whether a look-up makes sense: 1 to 512 visible ASCII characters, and no failed checksum.

    A key without our prefix may be one that was imported from elsewhere: only its fingerprint can tell.
    """
    if not 1 <= len(presented) <= _LONGEST or not all("\x21" <= char <= "\x7e" for char in presented):
        return False
    return well_formed(presented, KEY_PREFIX) if presented.startswith(KEY_PREFIX) else True


def publishable_workspace(presented: str) -> str | None:
    """Return the workspace id a publishable key names, ``None`` if it is not one."""
    return presented.removeprefix(PUBLISHABLE_PREFIX) if presented.startswith(PUBLISHABLE_PREFIX) else None


def _check(body: str) -> str:
    return _base62(crc32(body.encode("ascii", "replace")), _CHECK)


def _base62(number: int, width: int) -> str:
    digits: list[str] = []
    for _ in range(width):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
