"""Tracebacks with locals, and log lines with their stack: our frames show no key, whatever fails in or below them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import CancelledError
from functools import partial
from typing import Any

import pytest

from rf_middleware import Denied, IssuerUnavailable, Validator
from tests.core.mock import TOKEN
from tests.leaks.canary import grep, made
from tests.leaks.failing import ADAPTERS, LOCATIONS, PLACES, Broken, broken_answer, requests
from tests.leaks.issuers import ISSUERS
from tests.leaks.reporters import Stacks, rich_shows, shows, watched

KEY = made("tracebacks")
OPTIONS: dict[str, Any] = {"locations": LOCATIONS, "on_denied": broken_answer}
ENDS = (Denied, IssuerUnavailable, Broken, ExceptionGroup, SystemExit, asyncio.CancelledError, CancelledError)


def clean(*texts: str) -> bool:
    """Tell whether there is no key, and no token of a validator, in these."""
    return grep("\n".join(texts), [KEY, TOKEN]) == {}


def caught(work: Callable[[], object]) -> BaseException | None:
    """Return what comes of some work when it fails."""
    try:
        work()
    except ENDS as error:
        return error
    return None


def looked_at(error: BaseException, stacks: Stacks, *, passes: bool = True) -> None:
    """See that our frames were really looked at, if it passes any, and show no key."""
    text, rich = shows(error), rich_shows(error)
    assert (".py:" in text) is passes
    assert type(error).__name__ in rich
    assert clean(text, rich, stacks.text), f"{text}\n{stacks.text}"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("path", ["/fails", "/breaks"])
@pytest.mark.parametrize("name", ADAPTERS)
def test_an_app_that_fails_shows_no_key_in_our_frames(name: str, path: str, place: str) -> None:
    """What an app raises, at once or in the middle of a stream, goes through our frames, and they show no key."""
    with Validator(ISSUERS["a function that grants"]()) as validator, watched() as stacks:
        call, app = ADAPTERS[name](validator, OPTIONS)
        error = caught(lambda: call(app, requests(path, KEY)[place]))
        assert error is not None
        looked_at(error, stacks, passes=name != "fastapi")  # a dependency is done when the route begins


@pytest.mark.parametrize("issuer", ISSUERS)
@pytest.mark.parametrize("name", ADAPTERS)
def test_no_log_line_has_a_key_below_it(name: str, issuer: str) -> None:
    """However the check of a key ends, and when ``on_denied`` fails too, nothing of ours below a log line shows it."""
    for place in PLACES:
        with Validator(ISSUERS[issuer]()) as validator, watched() as stacks:
            call, app = ADAPTERS[name](validator, OPTIONS)
            error = caught(partial(call, app, requests("/fails", KEY)[place]))
            assert clean(stacks.text), stacks.text
            if error is None:
                assert "on_denied failed" in stacks.text
                assert "custom_answer" in stacks.text or "_answer" in stacks.text
            else:
                looked_at(error, stacks, passes=not (isinstance(error, Broken) and name == "fastapi"))


@pytest.mark.parametrize("issuer", ISSUERS)
@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_check_shows_no_key(issuer: str, *, asynchronous: bool) -> None:
    """Neither the exception of a check, nor our frames that it passes or that are below a log line, show a secret."""
    with Validator(ISSUERS[issuer](), timeout=5.0) as validator, watched() as stacks:
        check = (lambda: asyncio.run(validator.acheck(KEY))) if asynchronous else lambda: validator.check(KEY)
        error = caught(check)
        assert (error is None) is (issuer == "a function that grants")
        if error is not None:
            looked_at(error, stacks)


NO_KEYS: dict[str, Any] = {
    "bytes": KEY.encode(),
    "bytearray": bytearray(KEY.encode()),
    "list": [KEY],
    "not ASCII": f"{KEY}\u00e4",
    "half a character": f"{KEY}\ud800",
    "blanks": f"{KEY[:14]} {KEY[14:]}",
    "too long": KEY * 20,
}


@pytest.mark.parametrize("what", NO_KEYS)
def test_what_is_no_key_is_not_shown_either(what: str) -> None:
    """A key that was handed over in the wrong way is a key all the same."""
    with Validator(ISSUERS["a function that refuses"]()) as validator, watched() as stacks:
        ways: list[Callable[[], object]] = [
            lambda: validator.check(NO_KEYS[what]),
            lambda: asyncio.run(validator.acheck(NO_KEYS[what])),
            lambda: validator.forget(NO_KEYS[what]),
        ]
        errors: list[BaseException] = []
        for way in ways:
            try:
                way()
            except (TypeError, Denied) as wrong:
                errors.append(wrong)
        assert len(errors) == (3 if not isinstance(NO_KEYS[what], str) else 2)
        for error in errors:
            looked_at(error, stacks)


def test_a_check_on_a_running_loop_shows_no_key() -> None:
    """The mistake of blocking a loop, by hand or with a WSGI app on one, ends in error reporters too."""
    with Validator(ISSUERS["a function that grants"]()) as validator, watched() as stacks:
        call, app = ADAPTERS["wsgi"](validator, OPTIONS)
        works: list[Callable[[], object]] = [lambda: validator.check(KEY)]
        works += [partial(call, app, request) for request in requests("/fails", KEY).values()]

        async def main() -> None:
            for work in works:
                with pytest.raises(RuntimeError, match="would block") as blocked:
                    work()
                looked_at(blocked.value, stacks)

        asyncio.run(main())
