"""Finds the key-encryption key: ``RF_KEY_ENCRYPTION_KEY``, else a file beside the database. Never in the database.

* A wrong variable is refused: who set it is there to be told. What is wrong with the file is said, and then secrets
  can be neither kept nor shown; everything else works. So a server that restarts at night does restart.
* The file is made when it is not there, whole or not at all, and never changed or replaced after that: what looks
  damaged may be all that is left of the key.
* A lost key is said at each start for as long as there are secrets that only it opens. New secrets have a new key:
  each says which one it needs.
* Several keys may be given, separated by blanks or lines: the first encrypts, all decrypt. So a key that was lost and
  found is put back below the new one, and a key is changed without losing what it encrypted.
"""

import base64
import os
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from secrets import token_hex
from typing import Final

from rf_middleware.issuer.database import DatabaseProblem
from rf_middleware.issuer.vault import KEK_BYTES, Vault

__all__ = ["VARIABLE", "key_file", "open_vault", "read_keys"]

VARIABLE: Final = "RF_KEY_ENCRYPTION_KEY"
_FORM: Final = "32 random bytes as base64 or as 64 hexadecimal digits"
_HEX: Final = re.compile(r"[0-9A-Fa-f]{64}")
_BASE64: Final = re.compile(r"[0-9A-Za-z+/_-]{43}=?")
_LONGEST: Final = 10_000


class _Unusable(Exception):  # noqa: N818 - not an error of the program
    """The file can't be used; the text goes on after its name."""


def open_vault(
    database: Path | None, environ: Mapping[str, str], sealed: Mapping[str, int], say: Callable[[str], None]
) -> Vault | None:
    """Return the vault for the secrets of a database; ``None`` when secrets can be neither kept nor shown now.

    Args:
        database: the SQLite file; ``None`` where there is no file, so that only the variable counts.
        environ: the environment.
        sealed: how many secrets there are encrypted, by the id of their key-encryption key.
        say: is given each warning, in one line.

    Raises:
        DatabaseProblem: the variable holds no key, or is needed and not set.
    """
    given = environ.get(VARIABLE)
    if given is None and database is not None:
        place = key_file(database)
        try:
            keks = _from_file(place)
        except (_Unusable, OSError) as problem:
            why = problem if isinstance(problem, _Unusable) else f"can't be used: {problem.strerror}"
            say(f"{place} {why}; until then new keys are shown only once and old ones not again; everything else works")
            return None
        return _opened(keks, str(place), sealed, say)
    if given is None:
        message = f"{VARIABLE} is not set; it holds the key-encryption key, {_FORM}"
        raise DatabaseProblem(message)
    keks = read_keys(given)
    if not keks:
        message = f"{VARIABLE} is not {_FORM} (openssl rand -base64 32 makes some)"
        raise DatabaseProblem(message)
    return _opened(keks, VARIABLE, sealed, say)


def read_keys(text: str) -> list[bytes]:
    """Return the keys of a text, which are separated by blanks or lines; none at all if one of them is not a key."""
    keks = [_read(word) for word in text.split()]
    return [kek for kek in keks if kek is not None] if None not in keks else []


def key_file(database: Path) -> Path:
    """Return the file of the key for a database, through whichever symbolic link that was named."""
    real = database.resolve()
    return real.with_name(real.name + ".key")


def _opened(keks: list[bytes], place: str, sealed: Mapping[str, int], say: Callable[[str], None]) -> Vault:
    vault = Vault(*keks)
    for kek_id, count in sorted(sealed.items()):
        if count and not vault.opens(kek_id):
            keys = "1 key" if count == 1 else f"{count} keys"
            say(
                f"the key-encryption key {kek_id} is missing: {keys} can't be shown again; everything else works"
                f" (if it is found, add it at the end of {place})"
            )
    return vault


def _read(word: str) -> bytes | None:
    if _HEX.fullmatch(word):
        return bytes.fromhex(word)
    if not _BASE64.fullmatch(word):
        return None
    return base64.urlsafe_b64decode(word[:43].replace("+", "-").replace("/", "_") + "=")


def _from_file(place: Path) -> list[bytes]:
    try:
        text = _text_of(place)
    except FileNotFoundError:
        _make(place)
        text = _text_of(place)
    keks = read_keys(text)
    if not keks:
        message = f"is damaged (it should be {_FORM}); put it back from a copy, or move it away to have a new one made"
        raise _Unusable(message)
    return keks


def _text_of(place: Path) -> str:
    with open(place, "rb", opener=_no_waiting) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            message = "is not a file"
            raise _Unusable(message)
        if stat.S_IMODE(status.st_mode) & 0o077:
            message = f"is open to others than its owner, so it is not used (chmod 600 {place})"
            raise _Unusable(message)
        return file.read(_LONGEST).decode("ascii", "replace")


def _make(place: Path) -> None:
    """Make the file with a new key, durably; where another process was quicker, its file stays."""
    draft = place.with_name(f"{place.name}.{token_hex(8)}")
    with open(draft, "xb", opener=_private) as file:
        try:
            file.write(base64.b64encode(os.urandom(KEK_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
            os.link(draft, place)  # the whole file or none, and never over another
        except FileExistsError:
            return
        finally:
            draft.unlink()
    folder = os.open(place.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _no_waiting(name: str, flags: int) -> int:
    return os.open(name, flags | os.O_NONBLOCK)  # a pipe of this name would be waited for


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)
