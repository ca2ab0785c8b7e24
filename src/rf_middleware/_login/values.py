"""What the parts of a login hand to one another. Frozen values; no repr shows a key."""

import re
from dataclasses import dataclass, field
from typing import Final

from rf_middleware._models import Workspace
from rf_middleware._secret import Secret, Unpicklable

__all__ = ["Answer", "Login", "Unanswered", "masked", "plain", "usable"]

_ESCAPES: Final = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|.)?")
_KEY: Final = re.compile(r"[\x21-\x7e]{1,512}")
_OURS: Final = re.compile(r"rfk_[0-9A-Za-z]{33}")
_LONG: Final = 20


@dataclass(frozen=True, slots=True)
class Login:
    """A key for one workspace.

    Attributes:
        id: what the issuer calls the workspace.
        slug: its name in URLs.
        name: its name for people; may be empty.
        key: the key.
        issuer: base URL of the API it came from; empty when another program wrote it down.
    """

    id: str
    slug: str
    name: str
    key: Secret
    issuer: str = ""

    @property
    def workspace(self) -> Workspace:
        """The workspace as the rest of the package knows it."""
        return Workspace(self.slug, self.name, self.id)


@dataclass(frozen=True, slots=True)
class Answer(Unpicklable):
    """An answer over HTTP, read whole.

    Attributes:
        status: HTTP status.
        body: its body; may hold a key.
        leads_to: scheme and host of a redirect, which is not followed.
    """

    status: int
    body: bytes = field(repr=False, default=b"")
    leads_to: str = ""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """There was no answer.

    Attributes:
        text: why, for people.
        sent: whether the request may have arrived.
    """

    text: str
    sent: bool = False


def plain(text: str, longest: int = 300) -> str:
    """Return a text of somebody else so that it can be printed: one line, no escapes for the terminal."""
    line = " ".join(_ESCAPES.sub("", text).split())
    return "".join(each for each in line if each.isprintable())[:longest]


def usable(key: str) -> bool:
    """Say whether a text can be a key at all: it goes into a header as it is."""
    return _KEY.fullmatch(key) is not None


def masked(key: Secret) -> str:
    """Return what may be shown of a key: prefix and last four, as the issuer's own pages do."""
    shown = key.reveal()
    if _OURS.fullmatch(shown):
        return f"{shown[:8]}...{shown[-4:]}"
    return f"...{shown[-4:]}" if len(shown) >= _LONG else "..."
