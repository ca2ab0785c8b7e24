"""Encrypts the copy of a key that a person may look at again. Pure but for randomness.

* AES-256-GCM under a key-encryption key, with a fresh random nonce of 96 bits: good for 2**32 secrets of one key.
* The id of the key is the associated data, so what was encrypted for one row opens in no other.
* Each secret is kept with a short id of its key-encryption key, from which that key can't be found: so a wrong
  key is told from a damaged secret.
* Nothing here shows a secret or a key-encryption key: no exception, no repr, no pickle.
"""

import hmac
import os
from typing import Final, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["KEK_BYTES", "CannotOpen", "Damaged", "Vault", "WrongKey"]

KEK_BYTES: Final = 32
_NONCE: Final = 12
_PURPOSE: Final = b"rf-middleware secret of a key\0"
_NAMING: Final = b"rf-middleware id of a key-encryption key"


class CannotOpen(Exception):  # noqa: N818 - not an error of the program
    """A secret can't be shown; the text says why, in one line."""


class WrongKey(CannotOpen):
    """It was encrypted with another key-encryption key."""

    def __init__(self, kek_id: str) -> None:
        super().__init__(f"encrypted with key-encryption key {kek_id}, which is not here")


class Damaged(CannotOpen):
    """The encrypted secret was changed, cut, or made for another key."""

    def __init__(self) -> None:
        super().__init__("the encrypted secret is damaged")


class Vault:
    """Seals secrets and opens them again.

    Args:
        kek: the key-encryption key, 32 random bytes.
        older: others, with which secrets are opened but not sealed any more.
    """

    __slots__ = ("_ciphers", "kek_id")

    def __init__(self, kek: bytes, *older: bytes) -> None:
        keks = (kek, *older)
        if any(len(each) != KEK_BYTES for each in keks):
            message = f"a key-encryption key has {KEK_BYTES} bytes"
            raise ValueError(message)
        self.kek_id = _id_of(kek)
        self._ciphers = {_id_of(each): AESGCM(each) for each in keks}

    def seal(self, key_id: str, secret: str) -> tuple[str, bytes]:
        """Return the id of the key-encryption key and the encrypted secret of a key."""
        nonce = os.urandom(_NONCE)
        sealed = self._ciphers[self.kek_id].encrypt(nonce, _encoded(secret), _PURPOSE + _encoded(key_id))
        return self.kek_id, nonce + sealed

    def open(self, key_id: str, kek_id: str, blob: bytes) -> str:
        """Return the secret of a key.

        Raises:
            WrongKey: it was encrypted with a key-encryption key that is not here.
            Damaged: it is not what was encrypted for this key.
        """
        if not self.opens(kek_id):
            raise WrongKey(kek_id)
        try:
            secret = self._ciphers[kek_id].decrypt(blob[:_NONCE], blob[_NONCE:], _PURPOSE + _encoded(key_id))
        except (InvalidTag, ValueError):
            raise Damaged from None
        return secret.decode("utf-8", "surrogatepass")

    def opens(self, kek_id: str) -> bool:
        """Say whether what was encrypted with this key-encryption key can be opened."""
        return kek_id in self._ciphers

    def __repr__(self) -> str:
        return "Vault(...)"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied to another process."""
        message = "a vault is not pickled"
        raise TypeError(message)


def _id_of(kek: bytes) -> str:
    return hmac.digest(kek, _NAMING, "sha256")[:6].hex()


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # an error of the codec would hold the text
