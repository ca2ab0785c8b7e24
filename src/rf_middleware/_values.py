"""Reads the values of options: from code, where their types are checked, and from texts (environment, config)."""

import sys
from collections.abc import Iterable, Mapping
from typing import Final, cast

from rf_middleware.exceptions import ConfigurationError

__all__ = ["by_variable", "flag", "from_texts", "number", "settled", "texts"]

_LARGEST: Final = sys.float_info.max
_LISTS: Final = frozenset({"exempt", "locations", "workspaces", "scopes"})
_FLAGS: Final = frozenset({"optional", "publishable", "strip", "close_streams"})
_COUNTS: Final = frozenset({"max_body", "maxsize", "unknown_key_burst", "trusted_proxies", "max_waiting"})
_NUMBERS: Final = frozenset({"ttl", "negative_ttl", "max_staleness", "timeout", "unknown_key_rate", "stale_if_error"})
_TEXTS: Final = frozenset({"ambiguous", "workspace_header"})
_IN_ENVIRONMENT: Final = _LISTS | _FLAGS | _COUNTS | _NUMBERS | _TEXTS
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})


def from_texts(source: Mapping[str, object]) -> dict[str, object]:
    """Read the options that ``source``, an environment or a Flask config, has as ``RF_...``; empty texts are none."""
    found: dict[str, object] = {}
    for name in sorted(_IN_ENVIRONMENT):
        value = source.get(f"RF_{name.upper()}")
        if isinstance(value, str):
            if value.strip():
                found[name] = _from_text(name, value.strip())
        elif value is not None:
            found[name] = value
    return found


def _from_text(name: str, text: str) -> object:
    if name in _LISTS:
        parts = [part.strip() for part in text.split(",") if part.strip()]
        if not parts:
            message = (
                f"RF_{name.upper()}: {text!r} is refused; allowed is a list with commas between, or nothing at all"
            )
            raise ConfigurationError(message)
        return parts
    if name in _FLAGS:
        if text.lower() not in _TRUE | _FALSE:
            message = f"RF_{name.upper()}: {text!r} is refused; allowed are true and false"
            raise ConfigurationError(message)
        return text.lower() in _TRUE
    if name in _COUNTS | _NUMBERS:
        try:
            return int(text) if name in _COUNTS else float(text)
        except ValueError:
            message = f"RF_{name.upper()}: {text!r} is not a number"
            raise ConfigurationError(message) from None
    return text


def by_variable(error: ConfigurationError, given: Mapping[str, object]) -> ConfigurationError:
    """Return the error with the name of the variable where the option it names was not ``given`` in code."""
    name, _, rest = str(error).partition(":")
    if name not in _IN_ENVIRONMENT or name in given:
        return error
    return ConfigurationError(f"RF_{name.upper()}:{rest}")


def settled(settings: Mapping[str, object]) -> dict[str, object]:
    """Return ``settings`` with lists that can be read more than once: an iterator would be empty the second time."""
    return {name: _settled(value) if name in _LISTS else value for name, value in settings.items()}


def _settled(value: object) -> object:
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        return value
    return tuple(cast("Iterable[object]", value))


def texts(settings: Mapping[str, object], name: str, default: Iterable[str] = ()) -> tuple[str, ...]:
    """Return a list of texts; a bare string would be read letter by letter, so it is refused."""
    value = settings.get(name, default)
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        message = f"{name}: {value!r} is refused; allowed is a list of strings"
        raise ConfigurationError(message)
    items = tuple(cast("Iterable[object]", value))
    for item in items:
        if not isinstance(item, str) or not item:
            message = f"{name}: {item!r} is refused; allowed is a list of strings"
            raise ConfigurationError(message)
    return cast("tuple[str, ...]", items)


def flag(settings: Mapping[str, object], name: str, *, default: bool) -> bool:
    """Return a yes or no."""
    value = settings.get(name, default)
    if not isinstance(value, bool):
        message = f"{name}: {value!r} is refused; allowed are True and False"
        raise ConfigurationError(message)
    return value


def number(
    settings: Mapping[str, object], name: str, default: float, *, least: float, whole: bool = False, above: bool = False
) -> float:
    """Return a finite number that is at least ``least``, or ``above`` it."""
    value = settings.get(name, default)
    right_type = isinstance(value, int) if whole else isinstance(value, int | float)
    fine = right_type and not isinstance(value, bool) and abs(cast("float", value)) <= _LARGEST  # NaN is not
    if not fine or cast("float", value) < least or (above and value == least):
        kind = "a whole number" if whole else "a number"
        bound = f"above {least:g}" if above else f"from {least:g}"
        message = f"{name}: {value!r} is refused; allowed is {kind} {bound}"
        raise ConfigurationError(message)
    return cast("float", value)
