"""Which passwords are taken, and how they are kept: argon2id, at the low-memory setting of RFC 9106 at least.

* Length is the only rule, but for the person's own e-mail address and name (NIST SP 800-63B).
* Passwords are normalised (NFKC), so that two keyboards that write one character differently both get in.
* A check takes as long for somebody who is not there: a hash is computed either way.
* A hash costs 64 MiB for a twentieth of a second: run it in a few threads at most, never on the event loop.
* No password stands in an exception or a repr.
"""

import secrets
import unicodedata
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

__all__ = ["LONGEST", "SHORTEST", "Passwords", "fault"]

SHORTEST: Final = 10
LONGEST: Final = 200
_MOST_COMPOSED: Final = 4
"""Characters that NFKC makes into one, at most: what is longer by this factor is not even normalised."""


def fault(password: str, email: str, name: str) -> str | None:
    """Return what is wrong with a new password, as a form says it; ``None`` if nothing is."""
    chosen = _normalised(password)
    if chosen is None:
        return f"Use at most {LONGEST} characters."
    if len(chosen) < SHORTEST:
        return f"Use at least {SHORTEST} characters. A few words that do not belong together are good."
    if _plain(chosen) in {_plain(email), _plain(email).partition("@")[0], _plain(name)}:
        return "Use something other than your name or e-mail address."
    return None


class Passwords:
    """Hashes passwords and checks them.

    Args:
        hasher: says what a hash costs; other parameters are for tests.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
        self._nobody = self._hasher.hash(secrets.token_hex())

    def hash(self, password: str) -> str:
        """Return what is kept of a password in which there is no fault.

        Raises:
            ValueError: it is too long.
        """
        chosen = _normalised(password)
        if chosen is None:
            message = f"a password has at most {LONGEST} characters"
            raise ValueError(message)
        return self._hasher.hash(_encoded(chosen))

    def verify(self, kept: str | None, password: str) -> bool:
        """Say whether this is the password.

        Args:
            kept: the hash; ``None`` for somebody who is not there or has no password.
            password: what was typed.
        """
        given = _normalised(password)
        right = self._matches(kept or self._nobody, given or "")
        return right and kept is not None and given is not None

    def needs_rehash(self, kept: str) -> bool:
        """Say whether a password that was just given should be hashed again, because hashes cost more now."""
        return self._hasher.check_needs_rehash(kept)

    def _matches(self, kept: str, given: str) -> bool:
        try:
            return self._hasher.verify(kept, _encoded(given))
        except (VerificationError, ValueError):  # another password, or no hash at all
            return False


def _normalised(password: str) -> str | None:
    """Return a password as it is hashed; ``None`` if it is too long."""
    if len(password) > LONGEST * _MOST_COMPOSED:
        return None
    normalised = unicodedata.normalize("NFKC", password)
    return normalised if len(normalised) <= LONGEST else None


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # an error of the codec would hold the text
