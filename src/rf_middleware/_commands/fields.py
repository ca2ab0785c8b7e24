"""The fields of a key on the command line: the options, and the body of the request they make. Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any, Final

import click

from rf_middleware._commands.shared import TEXT

__all__ = ["Fields", "fields", "key_argument", "when"]

_SPAN: Final = re.compile(r"(\d{1,6})([mhdw])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_KEY_LIKE: Final = re.compile(r"rf[a-z]?_.*|.*/.*")


@dataclass(frozen=True, slots=True)
class Fields:
    """What the options say; ``None``, empty and ``False`` are not given."""

    name: str | None
    scope: tuple[str, ...]
    role: tuple[str, ...]
    full_access: bool
    no_scopes: bool
    expires: str | None
    owner: tuple[str, ...]
    no_owners: bool
    metadata: tuple[str, ...]
    no_metadata: bool
    protected: bool
    rotation_due: str | None
    folder: tuple[str, ...] = ()

    def body(self, now: datetime) -> dict[str, object]:
        """Return the body of the request; what is not given is not in it.

        Raises:
            click.UsageError: two options contradict one another.
        """
        scopes = [*self.scope, *(f"role:{role}" for role in self.role)]
        _one_of("--scope and --role, --full-access, --no-scopes", scopes, self.full_access, self.no_scopes)
        _one_of("--owner, --no-owners", self.owner, self.no_owners)
        _one_of("--metadata, --no-metadata", self.metadata, self.no_metadata)
        body: dict[str, object] = {}
        if self.name is not None:
            body["name"] = self.name
        if scopes or self.full_access or self.no_scopes:
            body["scopes"] = None if self.full_access else scopes
        if self.expires is not None:
            body["expiresAt"] = when(self.expires, now)
        if self.owner or self.no_owners:
            body["owners"] = list(self.owner)
        if self.folder:
            body["folderIds"] = list(self.folder)
        if self.metadata or self.no_metadata:
            body["customMetadata"] = dict(_pair(each) for each in self.metadata)
        if self.protected:
            body["protected"] = True
        if self.rotation_due is not None:
            body["rotationDueAt"] = when(self.rotation_due, now)
        return body


_NAMES: Final = frozenset(each.name for each in dataclass_fields(Fields))


def fields(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options, as one ``given: Fields``."""

    @wraps(command)
    def packed(**options: Any) -> None:  # noqa: ANN401 - each option has its own type
        own = {name: options.pop(name) for name in _NAMES if name in options}
        command(given=Fields(**own), **options)

    span = "A date, a time (UTC unless it says), a span like 90d, 12h; or never."
    for option in reversed(
        [
            click.option("--name", type=TEXT, help="A name for people."),
            click.option(
                "--scope", type=TEXT, multiple=True, metavar="NOUN:VERB", help="What the key may do; may be repeated."
            ),
            click.option(
                "--role", type=TEXT, multiple=True, help="A set of scopes: admin, developer, viewer, inference."
            ),
            click.option("--full-access", is_flag=True, help="Every scope."),
            click.option("--no-scopes", is_flag=True, help="No scope at all."),
            click.option("--expires", type=TEXT, metavar="WHEN", help=f"When it ends. {span}"),
            click.option("--owner", type=TEXT, multiple=True, help="Who answers for it; may be repeated."),
            click.option("--no-owners", is_flag=True, help="Everybody answers for it."),
            click.option(
                "--metadata", type=TEXT, multiple=True, metavar="NAME=VALUE", help="Anything else; may be repeated."
            ),
            click.option("--no-metadata", is_flag=True, help="Nothing else."),
            click.option("--protected", is_flag=True, help="Can't be revoked, rolled or disabled but from the page."),
            click.option("--rotation-due", type=TEXT, metavar="WHEN", help="When it should be rolled."),
        ]
    ):
        option(packed)
    return packed


def when(text: str, now: datetime) -> str | None:
    """Return a time as the API takes it; ``None`` for never.

    Raises:
        click.UsageError: it is none.
    """
    if text == "never":
        return None
    try:
        if span := _SPAN.fullmatch(text):
            moment = now + timedelta(**{_UNITS[span[2]]: int(span[1])})
        else:
            moment = datetime.fromisoformat(text)
        aware = moment.replace(tzinfo=moment.tzinfo or UTC)
        return aware.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (ValueError, OverflowError):
        message = f"{text!r} is no time: a date, a time, a span like 90d or 12h, or never"
        raise click.UsageError(message) from None


def _key_id(_context: click.Context, _argument: click.Parameter, key_id: str) -> str:
    if _KEY_LIKE.fullmatch(key_id):
        message = "this takes the id of a key, not the key: keys list shows ids, and a key does not belong here"
        raise click.BadParameter(message)
    return key_id


key_argument = click.argument("key_id", type=TEXT, callback=_key_id)


def _one_of(names: str, *given: object) -> None:
    if sum(bool(each) for each in given) > 1:
        message = f"only one of {names} can be given"
        raise click.UsageError(message)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        message = "--metadata takes NAME=VALUE"
        raise click.UsageError(message)
    return name, value
