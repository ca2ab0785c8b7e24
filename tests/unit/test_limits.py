"""What a validator is told about times and sizes: what is taken, and what is refused in which words."""

import pytest

from rf_middleware._limits import Limits
from rf_middleware.exceptions import ConfigurationError

GIVEN: dict[str, object] = {
    "ttl": 1.5,
    "negative_ttl": 2.5,
    "max_staleness": 1.25,
    "maxsize": 7,
    "timeout": 3.5,
    "unknown_key_rate": 4.5,
    "unknown_key_burst": 8,
    "stale_if_error": 5.5,
}


def test_each_option_has_its_place() -> None:
    """Every number comes to stand where it belongs."""
    assert Limits.of(GIVEN) == Limits(1.5, 2.5, 1.25, 7, 3.5, 4.5, 8, 5.5)


@pytest.mark.parametrize(("told", "bound"), [(None, 1.5), (9.0, 1.5), (1.0, 1.0), (0, 0)])
def test_staleness_is_bounded_by_both(told: float | None, bound: float) -> None:
    """No grant is kept for longer than ``ttl``, and that is also the bound where none is given."""
    assert Limits.of({**GIVEN, "max_staleness": told}).bound == bound


def test_no_old_grant_is_given_unless_that_is_asked_for() -> None:
    """Limits that do not speak of it allow none."""
    assert Limits(1.5, 2.5, 1.25, 7, 3.5, 4.5, 8).stale_if_error == 0.0


@pytest.mark.parametrize(
    ("name", "least"),
    [
        *(("ttl", 0), ("negative_ttl", 0), ("max_staleness", 0), ("maxsize", 1), ("timeout", 1e-9)),
        *(("unknown_key_rate", 1e-9), ("unknown_key_burst", 1), ("stale_if_error", 0)),
    ],
)
def test_the_smallest_values_are_taken(name: str, least: float) -> None:
    """What turns something off is zero, where it can be turned off."""
    limits = Limits.of({**GIVEN, name: least})
    assert getattr(limits, "bound" if name == "max_staleness" else name) == least


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("ttl", -0.1, "a number from 0"),
        ("negative_ttl", -0.1, "a number from 0"),
        ("max_staleness", -0.1, "a number from 0"),
        ("maxsize", 0, "a whole number from 1"),
        ("maxsize", 1.5, "a whole number from 1"),
        ("timeout", 0, "a number above 0"),
        ("unknown_key_rate", 0, "a number above 0"),
        ("unknown_key_burst", 0, "a whole number from 1"),
        ("unknown_key_burst", 1.5, "a whole number from 1"),
        ("stale_if_error", -0.1, "a number from 0"),
        *[(name, "5", "") for name in GIVEN],
    ],
)
def test_a_wrong_value_is_refused_by_its_name(name: str, value: object, allowed: str) -> None:
    """The error says which option, what was given and what is allowed."""
    with pytest.raises(ConfigurationError) as caught:
        Limits.of({**GIVEN, name: value})
    assert str(caught.value).startswith(f"{name}: {value!r} is refused; allowed is {allowed}")
