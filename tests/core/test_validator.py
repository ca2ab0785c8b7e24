"""The public face: what it refuses at construction and without asking, what it shares, how it ends."""

import asyncio
import math
from collections.abc import Callable
from typing import Any

import pytest

from rf_middleware import CallableIssuer, Denied, Grant, IssuerUnavailable, Validator
from rf_middleware.exceptions import ConfigurationError
from tests.core.counting import Counting
from tests.core.helpers import DIGEST, GRANT, KEY, HandClock

NOT_KEYS = ["", " ", "a b", "a\n", "é", "\ud800", "a\x00", "a\x7f", "a" * 513, "\t", "ключ"]
WRONG_OPTIONS = [
    *[
        (name, value)
        for name in ("ttl", "negative_ttl", "max_staleness")
        for value in (-1, math.nan, math.inf, "60", True)
    ],
    *[("timeout", value) for value in (0, -1, math.nan, math.inf, "5", None, True)],
    *[("maxsize", value) for value in (0, -1, 1.5, "10", None, math.inf, True)],
    *[("unknown_key_rate", value) for value in (0, -1, math.nan, "50", None)],
    *[("unknown_key_burst", value) for value in (0, 0.5, -1, "200", None)],
    *[("stale_if_error", value) for value in (-1, math.nan, math.inf, "5", None, True)],
    *[("max_waiting", value) for value in (0, -1, 1.5, "5", True)],
]  # fmt: skip - a table


def sync_check(validator: Validator, key: str) -> Grant:
    """Check in this thread."""
    return validator.check(key)


def async_check(validator: Validator, key: str) -> Grant:
    """Check on a loop."""
    return asyncio.run(validator.acheck(key))


BOTH = pytest.mark.parametrize("check", [sync_check, async_check])
Check = Callable[[Validator, str], Grant]


@BOTH
@pytest.mark.parametrize("text", NOT_KEYS, ids=ascii)
def test_what_cannot_be_a_key_is_refused_without_asking(check: Check, text: str) -> None:
    """A key is 1 to 512 visible ASCII characters; anything else is invalid, and the issuer is left alone."""
    issuer = Counting()
    with pytest.raises(Denied) as caught:
        check(Validator(issuer), text)
    assert (caught.value.status, issuer.asked) == (401, [])


@BOTH
@pytest.mark.parametrize("key", ["a", "a" * 512, "!~", "%2e", '"', "\\"])
def test_what_can_be_a_key_is_asked_as_it_is(check: Check, key: str) -> None:
    """A key reaches the issuer unchanged."""
    issuer = Counting()
    assert check(Validator(issuer), key).workspace.slug == "acme"
    assert issuer.asked == [key]


@BOTH
@pytest.mark.parametrize(
    ("status", "type_"),
    [(401, "invalid-key"), (402, "payment-required"), (403, "forbidden"), (423, "paused")],
)
def test_a_denial_is_raised_as_what_it_is(check: Check, status: int, type_: str) -> None:
    """``Denied`` knows its status and its problem type."""

    def fn(key: str) -> Grant | None:
        raise Denied(status, "why")

    with pytest.raises(Denied) as caught:
        check(Validator(CallableIssuer(fn)), KEY)
    assert (caught.value.status, caught.value.type) == (status, f"urn:rf-middleware:problem:{type_}")


@BOTH
def test_an_outage_is_raised_as_an_outage(check: Check) -> None:
    """``IssuerUnavailable`` is no denial; once the breaker is open it says when to come back."""

    def fn(key: str) -> Grant | None:
        raise OSError

    validator = Validator(CallableIssuer(fn), clock=HandClock())
    errors = list[IssuerUnavailable]()
    for number in range(6):
        with pytest.raises(IssuerUnavailable) as caught:
            check(validator, f"rfk_{number}")
        errors.append(caught.value)
    assert [error.retry_after for error in errors] == [None] * 5 + [1.0]


@BOTH
def test_too_many_unknown_keys_are_a_429(check: Check) -> None:
    """Junk beyond the budget is told to wait, and the issuer is left alone."""
    asked = list[str]()
    validator = Validator(CallableIssuer(asked.append), unknown_key_rate=0.01, unknown_key_burst=3)  # which denies
    statuses = list[int]()
    for number in range(5):
        with pytest.raises(Denied) as caught:
            check(validator, f"rfk_{number}")
        statuses.append(caught.value.status)
    assert statuses == [401, 401, 401, 429, 429]
    assert len(asked) == 3


def test_what_was_asked_is_counted() -> None:
    """The counts say how many questions there were and how they ended; what is read is a copy."""
    validator = Validator(CallableIssuer(lambda key: GRANT if key == KEY else None))
    before = validator.counts
    validator.check(KEY)
    validator.check(KEY)
    with pytest.raises(Denied):
        validator.check("rfk_unknown")
    assert (before.asked, validator.counts.asked) == (0, 2)
    assert (validator.counts.granted, validator.counts.denied) == (1, 1)


@pytest.mark.parametrize(("name", "value"), WRONG_OPTIONS)
def test_a_wrong_option_is_named_at_construction(name: str, value: object) -> None:
    """A number out of its range, or no number, is refused with the name of the option."""
    options: dict[str, Any] = {name: value}
    with pytest.raises(ConfigurationError, match=name):
        Validator(Counting(), **options)


@pytest.mark.parametrize(
    ("options", "kind", "seconds"),
    [
        ({}, "bounded", 60.0),
        ({"ttl": 10}, "bounded", 10.0),
        ({"max_staleness": 20}, "bounded", 20.0),
        ({"ttl": 10, "max_staleness": 20}, "bounded", 10.0),
        ({"max_staleness": 0}, "strict", 0.0),
        ({"ttl": 0}, "strict", 0.0),
    ],
)
def test_staleness_without_a_feed(options: dict[str, float], kind: str, seconds: float) -> None:
    """Without a feed the bound is the smaller of ``ttl`` and ``max_staleness``; nought is strict."""
    staleness = Validator(Counting(), **options).staleness  # type: ignore[arg-type]  # a table of options
    assert (staleness.kind, staleness.seconds) == (kind, seconds)


@pytest.mark.parametrize(("ttl", "asked"), [(60.0, 1), (0.0, 3)])
def test_ttl_says_how_often_is_asked(ttl: float, asked: int) -> None:
    """A cached key is asked about once, and with ``ttl=0`` every time."""
    issuer = Counting()
    validator = Validator(issuer, ttl=ttl)
    for _ in range(3):
        validator.check(KEY)
    assert len(issuer.asked) == asked


def test_two_validators_share_nothing() -> None:
    """What one issuer said is never taken for another's word."""
    one, two = Validator(Counting("one")), Validator(Counting("two"))
    assert (one.check(KEY).workspace.slug, two.check(KEY).workspace.slug) == ("one", "two")
    one.forget(KEY)
    assert two.peek(DIGEST) is not None


def test_forget_makes_the_next_check_ask() -> None:
    """``forget`` drops what this process knows, of a good key and of text that is none."""
    issuer = Counting()
    validator = Validator(issuer)
    validator.check(KEY)
    validator.forget(KEY)
    validator.forget("no key \ud800")
    validator.check(KEY)
    assert issuer.asked == [KEY, KEY]


@pytest.mark.parametrize("no_text", [3, 0, b"rfk_canary", b"", ["rfk_canary"], [], object, False], ids=repr)
@pytest.mark.parametrize("use", [sync_check, async_check, Validator.forget])
def test_what_is_no_text_is_a_mistake_of_the_caller(use: Callable[[Validator, Any], object], no_text: object) -> None:
    """Bytes or a number as key are a ``TypeError`` that says so and shows nothing, and the issuer is left alone."""
    issuer = Counting()
    with pytest.raises(TypeError, match=rf"^a key is a text \(str\), not a {type(no_text).__name__}$") as caught:
        use(Validator(issuer), no_text)
    assert issuer.asked == []
    tail = caught.value.__traceback__
    while tail is not None:
        if "/src/rf_middleware/" in tail.tb_frame.f_code.co_filename:
            assert all(value is not no_text for value in tail.tb_frame.f_locals.values())
        tail = tail.tb_next


def test_its_repr_shows_issuer_and_promise() -> None:
    """``repr`` says whom it asks and what it promises, and no key."""
    validator = Validator(Counting())
    validator.check("rfk_canary")
    assert repr(validator) == "Validator(Counting(acme), bounded)"
