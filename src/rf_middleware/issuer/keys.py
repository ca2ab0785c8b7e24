"""What a secret of the issuer looks like, and how to tell junk from it without a look-up. Pure but for randomness.

* A key is ``rfk_``, 160 random bits in base62 (27 characters), and the CRC-32 of all that in base62 (6 characters).
* A validator token is the same with ``rfv_``.
* The lower-case prefix also keeps the public client from taking a key for a dummy.
* ``rf_<workspaceId>`` is the publishable key of a workspace: not a secret, so nothing of it is checked here.
"""

import secrets
from typing import Final

from rf_middleware._keyformat import KeyFormat, base62, checksum

__all__ = [
    "KEY_FORMAT",
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

_BITS: Final = 160
_BODY: Final = 27
_CHECK: Final = 6
_LONGEST: Final = 512

KEY_FORMAT: Final = KeyFormat(KEY_PREFIX, len(KEY_PREFIX) + _BODY + _CHECK)
"""Announced to validators, who then ask about nothing else that begins with the prefix."""


def mint(prefix: str) -> str:
    """Return a new secret with this prefix."""
    body = prefix + base62(secrets.randbits(_BITS), _BODY)
    return body + checksum(body.encode())


def new_id() -> str:
    """Return a new public id (of a key or a workspace): 16 characters of base62."""
    return base62(secrets.randbelow(62**16), 16)


def well_formed(secret: str, prefix: str) -> bool:
    """Say whether this could have been minted with this prefix: shape and CRC-32, no look-up."""
    form = KeyFormat(prefix, len(prefix) + _BODY + _CHECK)
    return secret.isascii() and secret.startswith(prefix) and form.could_be(secret.encode())


def could_be_key(presented: str) -> bool:
    """Say whether a look-up makes sense: 1 to 512 visible ASCII characters, and no failed checksum.

    A key without our prefix may be one that was imported from elsewhere: only its fingerprint can tell.
    """
    if not 1 <= len(presented) <= _LONGEST or not all("\x21" <= char <= "\x7e" for char in presented):
        return False
    return KEY_FORMAT.could_be(presented.encode())


def publishable_workspace(presented: str) -> str | None:
    """Return the workspace id a publishable key names, ``None`` if it is not one."""
    return presented.removeprefix(PUBLISHABLE_PREFIX) if presented.startswith(PUBLISHABLE_PREFIX) else None
