"""What an issuer says about the keys it makes, so that junk is refused without a question. Pure.

A format speaks only of keys with its prefix, and is for good: keys of another form get another prefix.
"""

import re
import string
from dataclasses import dataclass
from typing import Final, cast
from zlib import crc32

__all__ = ["CRC32", "KeyFormat", "base62", "checksum"]

CRC32: Final = "crc32-base62"
_CHECK: Final = 6
_ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_BASE62: Final = re.compile(rb"[0-9A-Za-z]+")
_PREFIX: Final = re.compile(r"[\x21-\x7e]{3,64}")
_LONGEST: Final = 512


def base62(number: int, width: int) -> str:
    """Write a number with so many digits."""
    digits: list[str] = []
    for _ in range(width):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def checksum(body: bytes) -> str:
    """Return what stands at the end of a key: the CRC-32 of the rest."""
    return base62(crc32(body), _CHECK)


@dataclass(frozen=True, slots=True)
class KeyFormat:
    """The form of the keys with one prefix.

    Attributes:
        prefix: 3 to 64 visible ASCII characters.
        length: of a whole key.
        checksum: ``"crc32-base62"``: after the prefix come digits and letters, and the last six are the CRC-32, in
            base 62 (0-9, A-Z, a-z), of all before.
    """

    prefix: str
    length: int
    checksum: str = CRC32

    @classmethod
    def parse(cls, value: object) -> "KeyFormat | None":
        """Read what the metadata of an issuer has; ``None`` for what is not understood: that rules nothing out."""
        if not isinstance(value, dict):
            return None
        said = cast("dict[str, object]", value)
        prefix, length = said.get("prefix"), said.get("length")
        if said.get("checksum") != CRC32 or not isinstance(prefix, str) or not _PREFIX.fullmatch(prefix):
            return None
        if isinstance(length, bool) or not isinstance(length, int):
            return None
        return cls(prefix, length) if len(prefix) + _CHECK < length <= _LONGEST else None

    def to_json(self) -> dict[str, object]:
        """Write what ``parse`` reads."""
        return {"prefix": self.prefix, "length": self.length, "checksum": self.checksum}

    def could_be(self, key: bytes) -> bool:
        """Tell whether the issuer can have made this key, or says nothing about its like."""
        prefix = self.prefix.encode()
        if not key.startswith(prefix):
            return True
        if len(key) != self.length or not _BASE62.fullmatch(key, len(prefix)):
            return False
        return key[-_CHECK:].decode() == checksum(key[:-_CHECK])
