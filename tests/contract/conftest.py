"""Builds protected apps for the tests of this folder, and closes what they hold."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from rf_middleware import CallableIssuer, Validator
from rf_middleware.exceptions import Refused
from tests.contract.issuing import Keys
from tests.contract.protected import Protect, Protected
from tests.contract.subjects import Subject
from tests.harness import Pairs

_VALIDATORS = {"ttl", "negative_ttl", "max_staleness", "timeout", "unknown_key_rate", "unknown_key_burst"} | {
    "stale_if_error"
}


@pytest.fixture
def protect() -> Iterator[Protect]:
    """Return a function that builds a protected app from a subject and its options."""
    with ExitStack() as open_ones:

        def build(
            subject: Subject,
            *,
            keys: Keys | None = None,
            headers: Pairs = (),
            on_denied: Callable[[Refused, Any], Any] | None = None,
            **options: Any,
        ) -> Protected:
            keys = keys or Keys()
            made_with = {name: value for name, value in options.items() if name in _VALIDATORS}
            validator = open_ones.enter_context(Validator(CallableIssuer(keys), **made_with))
            rest = {name: value for name, value in options.items() if name not in _VALIDATORS}
            if on_denied is not None:
                rest["on_denied"] = on_denied
            return Protected(subject, subject.protect(validator, rest, headers), keys, validator)

        yield build
