"""What the login file holds: the format of Roboflow's client, with the issuer noted beside each key. Pure.

``{"workspaces": {"<id>": {"url", "name", "apiKey", "issuer"}}, "RF_WORKSPACE": "<slug>", ...}``

* Everything else in it is kept, in its order.
* What is of another form than this is a problem in words, which hold nothing of the file.
* Where two entries have the same slug the last one counts, as for Roboflow's client.
"""

import json
from collections.abc import Iterable
from typing import Final, cast

from rf_middleware._login.values import Login
from rf_middleware._secret import Secret, Unpicklable

__all__ = ["Content"]

_WORKSPACES: Final = "workspaces"
_DEFAULT: Final = "RF_WORKSPACE"
_REGION: Final = "ROBOFLOW_REGION"
_CREDENTIALS_REGION: Final = "ROBOFLOW_CREDENTIALS_REGION"
_SLUG, _NAME, _KEY, _ISSUER = "url", "name", "apiKey", "issuer"

Entry = dict[str, object]


class Content(Unpicklable):
    """The content of a login file; its repr shows nothing of it."""

    __slots__ = ("_whole",)

    def __init__(self, whole: Entry | None = None) -> None:
        self._whole = whole or {}

    def __repr__(self) -> str:
        return "Content(...)"

    @staticmethod
    def parsed(text: bytes) -> "Content | str":
        """Return the content of a file, or what is wrong with it."""
        try:
            whole = json.loads(text.decode(), object_pairs_hook=_each_once)
            json.dumps(whole, allow_nan=False)  # what JSON has no words for could not be written back
        except (ValueError, RecursionError):
            return "is not JSON"
        return _wrong(whole) or Content(cast("Entry", whole))

    def text(self) -> bytes:
        """Return it as it is written, in the manner of Roboflow's client."""
        return json.dumps(self._whole, indent=2).encode()

    @property
    def default(self) -> str:
        """The slug of the workspace that is used when none is named; may be empty."""
        return str(self._whole.get(_DEFAULT) or "")

    @property
    def region(self) -> str:
        """The region that was chosen for Roboflow's own service; may be empty."""
        return str(self._whole.get(_REGION) or "")

    def logins(self) -> list[Login]:
        """Return the keys."""
        return [
            Login(name, str(entry[_SLUG]), str(entry.get(_NAME) or ""), Secret(str(entry[_KEY])), _issuer(entry))
            for name, entry in self._entries().items()
            if entry.get(_KEY)
        ]

    def with_logins(self, logins: Iterable[Login], default: str, region: str) -> "Content":
        """Return it with more keys, the one of ``default`` to be used when none is named.

        Args:
            logins: new keys; one for a workspace that is there already takes its place.
            default: slug; when empty the one that is there stays.
            region: where Roboflow's own service issued them; any other server says nothing about that.
        """
        entries = self._entries()
        for login in logins:
            name = login.id
            if _issuer(entries.get(name, {})) not in {"", login.issuer}:
                name = f"{login.id}@{login.issuer}"  # two issuers may call different workspaces the same
            known = entries.pop(name, {})
            new = {_SLUG: login.slug, _NAME: login.name, _KEY: login.key.reveal(), _ISSUER: login.issuer}
            entries[name] = {**known, **new}
        changed: Entry = {**self._whole, _WORKSPACES: entries}
        if default:
            changed[_DEFAULT] = default
        if region:
            changed[_CREDENTIALS_REGION] = region
        return Content(changed)

    def with_key(self, old: Secret, new: Secret) -> "Content":
        """Return it with one key in the place of another."""
        entries = {
            name: {**entry, _KEY: new.reveal()} if entry.get(_KEY) == old.reveal() else entry
            for name, entry in self._entries().items()
        }
        return Content({**self._whole, _WORKSPACES: entries})

    def without(self, key: Secret) -> "Content":
        """Return it without a key. If its workspace was the default, the only one that is left becomes it."""
        entries = {name: entry for name, entry in self._entries().items() if entry.get(_KEY) != key.reveal()}
        changed: Entry = {**self._whole, _WORKSPACES: entries}
        left = list(dict.fromkeys(str(entry[_SLUG]) for entry in entries.values()))
        if self.default not in left:
            changed.pop(_DEFAULT, None)
            if len(left) == 1:
                changed[_DEFAULT] = left[0]
        return Content(changed)

    def _entries(self) -> dict[str, Entry]:
        return dict(cast("dict[str, Entry]", self._whole.get(_WORKSPACES, {})))


def _issuer(entry: Entry) -> str:
    return str(entry.get(_ISSUER) or "")


def _each_once(pairs: list[tuple[str, object]]) -> Entry:
    """Refuse an object that names something twice: one of the two would be lost."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _wrong(whole: object) -> str:
    """Return what is wrong with a parsed file, nothing if it is as it should be."""
    if not isinstance(whole, dict):
        return "is not a JSON object"
    fields = cast("Entry", whole)
    for name in (_DEFAULT, _REGION, _CREDENTIALS_REGION):
        if not isinstance(fields.get(name), str | None):
            return f"has something else than a text as {name}"
    entries = fields.get(_WORKSPACES, {})
    if not isinstance(entries, dict):
        return f"has something else than an object as {_WORKSPACES}"
    for entry in cast("Entry", entries).values():
        if not isinstance(entry, dict) or not isinstance(cast("Entry", entry).get(_SLUG), str):
            return "has a workspace without its url"
        if not all(isinstance(cast("Entry", entry).get(name), str | None) for name in (_NAME, _KEY, _ISSUER)):
            return "has a workspace whose name, apiKey or issuer is not a text"
    return ""
