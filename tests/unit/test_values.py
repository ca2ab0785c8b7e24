"""The values of options, read from code and from texts."""

import sys

import pytest

from rf_middleware._values import by_variable, flag, from_texts, number, settled, texts
from rf_middleware.exceptions import ConfigurationError

IN_ENVIRONMENT: dict[str, tuple[str, object]] = {
    **dict.fromkeys(("exempt", "locations", "workspaces", "scopes"), (" a, b,,", ["a", "b"])),
    **dict.fromkeys(("optional", "publishable", "strip", "close_streams"), ("Yes", True)),
    **dict.fromkeys(("max_body", "maxsize", "unknown_key_burst", "trusted_proxies", "max_waiting"), ("12", 12)),
    **dict.fromkeys(("ttl", "negative_ttl", "max_staleness", "timeout", "unknown_key_rate"), ("1.5", 1.5)),
    "stale_if_error": ("1.5", 1.5),
    **dict.fromkeys(("ambiguous", "workspace_header"), (" x ", "x")),
}
"""Each option that a variable can set: a text, and what it means."""


@pytest.mark.parametrize("name", IN_ENVIRONMENT)
def test_each_option_is_read_from_its_variable(name: str) -> None:
    """A text becomes a list, a yes or no, a number or stays one; a value of a Flask config is taken as it is."""
    text, value = IN_ENVIRONMENT[name]
    assert from_texts({f"RF_{name.upper()}": text, "RF_OTHER": "1"}) == {name: value}
    assert type(from_texts({f"RF_{name.upper()}": text})[name]) is type(value)
    assert from_texts({f"RF_{name.upper()}": 7}) == {name: 7}
    assert from_texts({f"RF_{name.upper()}": "  "}) == {}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        *[(text, True) for text in ("1", "true", "yes", "on", "TRUE", "On")],
        *[(text, False) for text in ("0", "false", "no", "off", "FALSE", "Off")],
    ],
)
def test_words_for_yes_and_no(text: str, *, meant: bool) -> None:
    """The usual words, in any case."""
    assert from_texts({"RF_STRIP": text}) == {"strip": meant}


def test_an_error_names_the_variable_that_is_wrong() -> None:
    """What was given in code is named as in code, and what no variable sets as it is."""
    error = ConfigurationError("ttl: 'a: b' is refused")
    assert str(by_variable(error, {})) == "RF_TTL: 'a: b' is refused"
    assert by_variable(error, {"ttl": 1}) is error
    other = ConfigurationError("issuer: none")
    assert by_variable(other, {}) is other
    assert by_variable(other, {"issuer": 1}) is other


def test_only_lists_are_read_once_for_all() -> None:
    """An iterator of a list is kept as a tuple; whatever else an option is stays the same object."""
    other = iter("ab")
    assert settled({"scopes": iter(["a", "b"]), "ambiguous": other}) == {"scopes": ("a", "b"), "ambiguous": other}
    assert settled({"scopes": "ab", "locations": 7}) == {"scopes": "ab", "locations": 7}


@pytest.mark.parametrize(
    ("value", "shown"), [("ab", "'ab'"), (b"ab", "b'ab'"), (7, "7"), (["a", ""], "''"), ([7], "7")]
)
def test_what_is_no_list_of_texts_is_refused(value: object, shown: str) -> None:
    """The error names the option and shows what of it is wrong."""
    with pytest.raises(ConfigurationError, match=f"^scopes: {shown} is refused; allowed is a list of strings$"):
        texts({"scopes": value}, "scopes")


@pytest.mark.parametrize("value", [1, "true", None])
def test_what_is_no_yes_or_no_is_refused(value: object) -> None:
    """A yes or no is a bool and nothing that only looks like one."""
    with pytest.raises(ConfigurationError, match=f"^strip: {value!r} is refused; allowed are True and False$"):
        flag({"strip": value}, "strip", default=True)
    assert flag({}, "strip", default=True) is True


@pytest.mark.parametrize("value", [0, 0.0, 1.5, sys.float_info.max])
def test_any_finite_number_from_the_least_on_is_one(value: float) -> None:
    """The bounds belong to what is allowed; without a value it is the default."""
    assert number({"ttl": value}, "ttl", 7.0, least=0.0) == value
    assert number({}, "ttl", 7.5, least=0.0) == 7.5


@pytest.mark.parametrize(
    ("value", "whole", "above", "allowed"),
    [
        (-1, False, False, "a number from 0"),
        (0, False, True, "a number above 0"),
        (1.5, True, False, "a whole number from 0"),
        (True, True, True, "a whole number above 0"),
    ],
)
def test_the_error_says_which_numbers_are_allowed(value: float, *, whole: bool, above: bool, allowed: str) -> None:
    """Whether it has to be whole, and from where on it counts."""
    with pytest.raises(ConfigurationError, match=f"^ttl: {value!r} is refused; allowed is {allowed}$"):
        number({"ttl": value}, "ttl", 7.0, least=0.0, whole=whole, above=above)
