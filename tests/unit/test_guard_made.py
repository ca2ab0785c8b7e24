"""How the guard of an app or a route is made from what it was told, in code and in the environment."""

from collections.abc import Iterator
from typing import Any

import pytest

from rf_middleware import CallableIssuer, Grant, Validator, Workspace
from rf_middleware._guard import Guard, make_guard
from rf_middleware.exceptions import ConfigurationError

URL = "http://127.0.0.1:9"


def issued(key: str) -> Grant:
    """Give a grant for any key."""
    return Grant(Workspace("acme"), key_id=key)


@pytest.fixture
def validator() -> Iterator[Validator]:
    """Return a validator."""
    with Validator(CallableIssuer(issued)) as one:
        yield one


def test_a_guard_has_the_validator_that_was_given_or_makes_one(validator: Validator) -> None:
    """Options that are the validator's go to it."""
    given = make_guard(None, validator, {"scopes": ["a:b"]})
    assert (given.validator, given.decorates, given.options.access.scopes) == (validator, False, frozenset({"a:b"}))
    made = make_guard(CallableIssuer(issued), None, {"max_staleness": 7.0, "strip": False})
    assert made.validator.staleness.seconds == 7.0
    assert (made.options.strip, made.decorates) == (False, False)


def test_decorators_with_the_same_issuer_share_a_validator() -> None:
    """One cache for all of them; apps have one each."""
    issuer = CallableIssuer(issued)
    one, two = (make_guard(issuer, None, {"max_staleness": 7.0}, decorates=True) for _ in range(2))
    assert one.decorates
    assert one.validator is two.validator
    assert one.validator.staleness.seconds == 7.0
    assert make_guard(issuer, None, {}).validator is not make_guard(issuer, None, {}).validator


@pytest.mark.parametrize(("name", "value"), [("OPTIONAL", "true"), ("PUBLISHABLE", "true"), ("EXEMPT", "/a")])
def test_the_environment_opens_an_app_and_no_single_route(
    name: str, value: str, validator: Validator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decorator was written to ask for a key; in code it can be told otherwise."""
    monkeypatch.setenv(f"RF_{name}", value)
    monkeypatch.setenv("RF_STRIP", "false")

    def opened(guard: Guard) -> bool:
        options = guard.options
        return options.optional or options.publishable or bool(options.exempt)

    assert opened(make_guard(None, validator, {}))
    assert not opened(make_guard(None, validator, {}, decorates=True))
    assert make_guard(None, validator, {}, decorates=True).options.strip is False
    told: dict[str, object] = {name.lower(): ["/a"] if name == "EXEMPT" else True}
    assert opened(make_guard(None, validator, told, decorates=True))


@pytest.mark.parametrize(
    ("issuer", "given", "settings", "words"),
    [
        (None, "a validator", {}, "validator: a str is refused; allowed is a Validator, or None"),
        (URL, None, {}, "issuer: refused together with validator, which has its own; give one of them"),
        (None, None, {"ttl": 5.0}, "ttl: refused together with validator; give it to Validator(...) itself"),
        (None, None, {"ttl": 5.0, "maxsize": 5}, "maxsize: refused together with validator; "),
        (None, None, {"max_body": -1}, "max_body: -1 is refused; "),
    ],
)
def test_what_does_not_go_together_is_refused(
    issuer: str | None, given: Any, settings: dict[str, object], words: str, validator: Validator
) -> None:
    """An error that names the option and says what to do instead."""
    with pytest.raises(ConfigurationError) as caught:
        make_guard(issuer, given or validator, settings)
    assert str(caught.value).startswith(words)


def test_a_wrong_variable_is_named_as_one(validator: Validator, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in the environment is named as it stands there; what is for a validator is no error."""
    monkeypatch.setenv("RF_TTL", "5")
    assert make_guard(None, validator, {}).validator is validator
    monkeypatch.setenv("RF_MAX_BODY", "-1")
    with pytest.raises(ConfigurationError, match=r"^RF_MAX_BODY: "):
        make_guard(None, validator, {})
