"""The options, the same in every adapter: their types, their defaults, their checks, their environment.

A wrong option fails at construction with a message that names it and what is allowed. What is
not given in code is read from ``RF_`` + the option's name in capitals (lists comma-separated).
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypedDict, cast, get_type_hints

from rf_middleware._credentials import Reader
from rf_middleware._models import SLUG
from rf_middleware._rules import Access, Exempt
from rf_middleware._values import flag, from_texts, number, settled, texts
from rf_middleware.exceptions import ConfigurationError, Refused

__all__ = [
    "OnDenied",
    "Options",
    "RouteSettings",
    "Settings",
    "ValidatorSettings",
    "ViewSettings",
    "from_texts",
    "known",
    "split",
]

OnDenied = Callable[[Refused, Any], Any]
"""``f(denied, request)``: both ends are the framework's own types, so this is as exact as it can be."""

DEFAULT_LOCATIONS: Final = ("bearer", "header:X-API-Key", "query:api_key")


class ValidatorSettings(TypedDict, total=False):
    """What a validator can be told. Seconds, counts, questions per second; see ``Validator``."""

    ttl: float
    negative_ttl: float
    max_staleness: float | None
    maxsize: int
    timeout: float
    unknown_key_rate: float
    unknown_key_burst: int
    stale_if_error: float
    max_waiting: int | None


class Settings(ValidatorSettings, total=False):
    """What every adapter can be told; the validator's settings too, when the adapter makes the validator."""

    exempt: Iterable[str]
    locations: Iterable[str]
    ambiguous: Literal["reject", "first"]
    max_body: int
    workspaces: Iterable[str] | None
    scopes: Iterable[str]
    optional: bool
    publishable: bool
    strip: bool
    close_streams: bool
    on_denied: OnDenied | None
    workspace_header: str | None
    trusted_proxies: int | None


class RouteSettings(TypedDict, total=False):
    """What a decorator of one route can be told, where the framework gives it the request."""

    scopes: Iterable[str]
    workspaces: Iterable[str] | None
    optional: bool
    publishable: bool
    locations: Iterable[str]
    ambiguous: Literal["reject", "first"]
    on_denied: OnDenied | None


class ViewSettings(TypedDict, total=False):
    """What a decorator of one view can be told, where an extension knows the rest."""

    scopes: Iterable[str]
    workspaces: Iterable[str] | None
    optional: bool
    publishable: bool


_VALIDATORS: Final = frozenset(get_type_hints(ValidatorSettings))
_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
"""RFC 6749 section 3.3; matched whole."""

_TAKEN: Final = frozenset(
    {"content-length", "content-type", "transfer-encoding", "connection", "set-cookie", "vary", "cache-control", "date"}
)
_INHERITED: Final = frozenset(
    {"locations", "ambiguous", "max_body", "publishable", "strip", "close_streams", "on_denied", "workspace_header"}
    | {"trusted_proxies"}
)


@dataclass(frozen=True, slots=True)
class Options:
    """The checked options of one protected app, route or view, ready for use."""

    exempt: Exempt
    reader: Reader
    access: Access
    max_body: int
    optional: bool
    publishable: bool
    strip: bool
    close_streams: bool
    on_denied: OnDenied | None
    workspace_header: str | None
    trusted_proxies: int | None
    given: Mapping[str, object]

    @classmethod
    def of(cls, settings: Mapping[str, object]) -> "Options":
        """Check ``settings``, fill in defaults.

        Raises:
            ConfigurationError: the first wrong option, named.
        """
        ambiguous = settings.get("ambiguous", "reject")
        if not isinstance(ambiguous, str) or ambiguous not in {"reject", "first"}:
            message = f"ambiguous: {ambiguous!r} is refused; allowed are 'reject', 'first'"
            raise ConfigurationError(message)
        workspaces = settings.get("workspaces")
        publishable = flag(settings, "publishable", default=False)
        on_denied = settings.get("on_denied")
        if on_denied is not None and not callable(on_denied):
            message = "on_denied: allowed is a function of (denied, request), or None"
            raise ConfigurationError(message)
        return cls(
            exempt=Exempt(texts(settings, "exempt")),
            reader=Reader(texts(settings, "locations", DEFAULT_LOCATIONS), first=ambiguous == "first"),
            access=Access(
                None if workspaces is None else _slugs(texts(settings, "workspaces")),
                _scopes(texts(settings, "scopes")),
                publishable=publishable,
            ),
            max_body=int(number(settings, "max_body", 1 << 20, least=0, whole=True)),
            optional=flag(settings, "optional", default=False),
            publishable=publishable,
            strip=flag(settings, "strip", default=True),
            close_streams=flag(settings, "close_streams", default=True),
            on_denied=cast("OnDenied | None", on_denied),
            workspace_header=_header_name(settings.get("workspace_header")),
            trusted_proxies=_proxies(settings),
            given=dict(settings),
        )

    def inner(self, settings: Mapping[str, object]) -> "Options":
        """Return the options of a decorator inside: its own, completed by these, and asking for both."""
        whole = {name: value for name, value in self.given.items() if name in _INHERITED} | dict(settings)
        inner = Options.of(whole)
        return replace(inner, access=inner.access.within(self.access))


def split(
    settings: Mapping[str, object], environment: Mapping[str, str] | None = None
) -> tuple[dict[str, object], ValidatorSettings]:
    """Complete ``settings`` from the environment and split them into the app's and the validator's.

    Raises:
        ConfigurationError: an option nobody knows, or a text in the environment that can't be read.
    """
    known(settings, Settings)
    whole = settled({**from_texts(os.environ if environment is None else environment), **settings})
    mine = {name: value for name, value in whole.items() if name not in _VALIDATORS}
    return mine, cast("ValidatorSettings", {name: value for name, value in whole.items() if name in _VALIDATORS})


def known(settings: Mapping[str, object], allowed: type) -> None:
    """Check that every option exists.

    Args:
        settings: by name.
        allowed: the typed dictionary of those that do.

    Raises:
        ConfigurationError: the first one that does not.
    """
    names = sorted(get_type_hints(allowed))
    for name in settings:
        if name not in names:
            message = f"{name}: no such option; allowed are {', '.join(names)}"
            raise ConfigurationError(message)


def _slugs(items: tuple[str, ...]) -> frozenset[str]:
    if not items or not all(SLUG.fullmatch(item) for item in items):
        message = f"workspaces: {list(items)!r} lets nobody in; allowed is a list of slugs, or None for any"
        raise ConfigurationError(message)
    return frozenset(items)


def _scopes(items: tuple[str, ...]) -> frozenset[str]:
    wrong = [item for item in items if not _SCOPE.fullmatch(item)]
    if wrong:
        message = (
            f"scopes: {wrong[0]!r} can't be one; allowed are visible ASCII characters but '\"' and '\\\\', no blanks"
        )
        raise ConfigurationError(message)
    return frozenset(items)


def _proxies(settings: Mapping[str, object]) -> int | None:
    if settings.get("trusted_proxies") is None:
        return None
    return int(number(settings, "trusted_proxies", 0, least=0, whole=True))


def _header_name(value: object) -> str | None:
    if value is None:
        return None
    plain = isinstance(value, str) and value.isascii() and value.replace("-", "").isalnum()
    if not isinstance(value, str) or not plain or value.lower() in _TAKEN:
        message = f"workspace_header: {value!r} is refused; allowed is a header name such as 'X-Workspace', or None"
        raise ConfigurationError(message)
    return value
