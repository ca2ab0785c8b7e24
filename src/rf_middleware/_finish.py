"""What an accepted answer gets on its way out: ``Vary``, ``Cache-Control: private``, the workspace header. Pure."""

from collections.abc import Iterable, Sequence
from typing import AnyStr, Final, Generic, NamedTuple

__all__ = ["ASGI", "SIZES", "WSGI", "Alphabet", "finished"]


class Alphabet(NamedTuple, Generic[AnyStr]):
    """The words of this file, as ASGI (bytes) and WSGI (text) write them."""

    vary: AnyStr
    cache_control: AnyStr
    both: frozenset[AnyStr]
    comma: AnyStr
    star: AnyStr


ASGI: Final = Alphabet(b"vary", b"cache-control", frozenset((b"vary", b"cache-control")), b",", b"*")
WSGI: Final = Alphabet("vary", "cache-control", frozenset(("vary", "cache-control")), ",", "*")
SIZES: Final = frozenset(map(len, WSGI.both))
"""Where no header of an answer has a name of such a length, what is wanted is missing: the drivers add it at once."""


def finished(
    headers: Iterable[tuple[AnyStr, AnyStr]],
    words: Alphabet[AnyStr],
    wanted: Iterable[tuple[AnyStr, AnyStr]],
    workspace: tuple[AnyStr, AnyStr] | None,
) -> list[tuple[AnyStr, AnyStr]]:
    """Return a new list: the app's headers, completed.

    Args:
        headers: of the app; names in any case.
        words: in the type of ``headers``.
        wanted: what the place of the key asks for (``Carrier``): ``Vary`` one name at a time, ``Cache-Control``; and
            what is said of a grant that is old.
        workspace: a header that replaces the app's own of that name.
    """
    kept: list[tuple[AnyStr, AnyStr]] = [*headers]  # type: ignore[list-item]  # mypy takes the star for an item
    kept += _missing(kept, words, wanted)
    if workspace is not None:
        kept = [pair for pair in kept if pair[0].lower() != workspace[0].lower()]
        kept.append(workspace)
    return kept


def _missing(
    headers: Sequence[tuple[AnyStr, AnyStr]], words: Alphabet[AnyStr], wanted: Iterable[tuple[AnyStr, AnyStr]]
) -> list[tuple[AnyStr, AnyStr]]:
    """Return what the app did not say itself; ``Vary: *`` names everything (RFC 9110 section 12.5.5)."""
    controlled = any(name.lower() == words.cache_control for name, _ in headers)
    values = [value for name, value in headers if name.lower() == words.vary]
    varied = [part.strip().lower() for value in values for part in value.split(words.comma)]
    missing: list[tuple[AnyStr, AnyStr]] = []
    for name, value in wanted:
        said = controlled if name == words.cache_control else value.lower() in varied or words.star in varied
        if not said or name not in words.both:
            missing.append((name, value))
    return missing
