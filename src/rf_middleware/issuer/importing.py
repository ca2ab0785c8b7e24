"""Reads a file of keys that were made elsewhere: their fingerprints, never the keys themselves. Pure but for new ids.

* A line is a JSON object, or a fingerprint and a name as ``sha256sum`` prints them; blank lines and those that begin
  with ``#`` are not looked at. Or the whole file is a JSON list of such objects.
* An object has ``fingerprint`` (SHA-256 as 64 hexadecimal digits); it may have ``prefix``, ``lastFour``, ``disabled``
  and the fields of a key that is created over HTTP. Without ``scopes`` a key has every scope, as it had elsewhere.
* What is wrong is said by line, without the values that stand there: one may be a key after all.
"""

import json
import re
from collections.abc import Generator
from dataclasses import dataclass
from typing import Final, cast

from rf_middleware.issuer.access import Actor
from rf_middleware.issuer.answers import Problem
from rf_middleware.issuer.key_rules import read_new
from rf_middleware.issuer.keys import new_id
from rf_middleware.issuer.reading import read_flag
from rf_middleware.issuer.records import NewKey, Workspace

__all__ = ["Damaged", "Entry", "read_entries"]

_FINGERPRINT: Final = re.compile(r"[0-9a-fA-F]{64}")
_END: Final = re.compile(r"[!-~]{0,4}")


class Damaged(ValueError):  # noqa: N818 - an answer, not a fault
    """A line that is no key; the text says why, not what stands in it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the file.

    Attributes:
        place: where it stands, for people.
        key: what it says; ``None`` where it is damaged.
        problem: what is wrong with it.
    """

    place: str
    key: NewKey | None
    problem: str = ""


def read_entries(text: str, workspace: Workspace, made_by: str) -> list[Entry]:
    """Return what a file says, line by line; a key that stands there twice is damaged the second time."""
    seen: dict[bytes, str] = {}
    entries: list[Entry] = []
    for place, found in _raw(text):
        try:
            key = _key(_object(found), workspace, made_by)
        except (Damaged, Problem) as problem:
            entries.append(Entry(place, None, str(problem)))
            continue
        first = seen.setdefault(key.fingerprint, place)
        entries.append(Entry(place, key) if first == place else Entry(place, None, f"the same key as {first}"))
    return entries


def _raw(text: str) -> Generator[tuple[str, object]]:
    """Yield what stands in the file and where: the members of a JSON list, or its lines as they are."""
    if text.lstrip().startswith("["):
        try:
            listed = cast("list[object]", json.loads(text))
        except (ValueError, RecursionError):
            yield "the file", None
        else:
            yield from ((f"entry {number}", each) for number, each in enumerate(listed, 1))
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield f"line {number}", line.strip()


def _object(found: object) -> dict[str, object]:
    if isinstance(found, str) and not found.startswith("{"):
        fingerprint, _, name = found.partition(" ")
        return {"fingerprint": fingerprint, "name": name.strip()}
    try:
        read: object = json.loads(found) if isinstance(found, str) else found
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        message = "not JSON that says what a key is"
        raise Damaged(message)
    return cast("dict[str, object]", read)


def _key(said: dict[str, object], workspace: Workspace, made_by: str) -> NewKey:
    fingerprint = said.pop("fingerprint", None)
    if not isinstance(fingerprint, str) or not _FINGERPRINT.fullmatch(fingerprint):
        message = "the fingerprint is not 64 hexadecimal digits"
        raise Damaged(message)
    prefix, last_four = _end(said, "prefix"), _end(said, "lastFour")
    disabled = read_flag("disabled", said.pop("disabled", False))
    # The command line may give everything.
    name, scopes, more = read_new(said, Actor(workspace, None, ""))
    more.update({"made_by": made_by, "disabled": disabled})
    return NewKey(new_id(), bytes.fromhex(fingerprint), prefix, last_four, name, scopes, **more)


def _end(said: dict[str, object], field: str) -> str:
    value = said.pop(field, "")
    if not isinstance(value, str) or not _END.fullmatch(value):
        message = f"{field} is at most 4 visible characters of ASCII"
        raise Damaged(message)
    return value
