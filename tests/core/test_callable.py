"""A function as an issuer: what it may be, what its results and exceptions mean."""

import asyncio
import functools
import gc
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from rf_middleware import CallableIssuer, Denied, Grant, IssuerUnavailable, Validator, Workspace
from rf_middleware._models import Reason, Refusal
from rf_middleware.exceptions import ConfigurationError, refused
from tests.core.helpers import GRANT, KEY
from tests.core.mock import Ask, by_task, by_thread, granted, reason

BOTH = pytest.mark.parametrize("ask", [by_thread, by_task])


def plain(key: str) -> Grant | None:
    """Know one key."""
    return GRANT if key == KEY else None


async def coroutine(key: str) -> Grant | None:
    """Know one key, after a while."""
    await asyncio.sleep(0)
    return plain(key)


class Plain:
    """An object that can be called."""

    def __call__(self, key: str) -> Grant | None:
        """Know one key."""
        return plain(key)

    def method(self, key: str) -> Grant | None:
        """Know one key."""
        return plain(key)


class Coroutine:
    """An object whose call is a coroutine."""

    async def __call__(self, key: str) -> Grant | None:
        """Know one key."""
        return await coroutine(key)


def future(key: str) -> Awaitable[Grant | None]:
    """Return something to await without being a coroutine function."""
    return coroutine(key)


FUNCTIONS: dict[str, Callable[[str], Any]] = {
    "function": plain,
    "coroutine function": coroutine,
    "object": Plain(),
    "method": Plain().method,
    "coroutine object": Coroutine(),
    "partial": functools.partial(plain),
    "partial coroutine": functools.partial(coroutine),
    "lambda": lambda key: GRANT if key == KEY else None,
    "awaitable": future,
}


@BOTH
@pytest.mark.parametrize("name", FUNCTIONS)
def test_any_kind_of_function_will_do(ask: Ask, name: str) -> None:
    """Sync or async, function or object: a grant is a grant, ``None`` is no such key."""
    issuer = CallableIssuer(FUNCTIONS[name])
    assert granted(ask(issuer, KEY)) == GRANT
    assert reason(ask(issuer, "rfk_other")) is Reason.INVALID_KEY
    gc.collect()  # a coroutine that nobody awaited would say so here
    issuer.close()


def raising(error: BaseException, *, asynchronous: bool) -> CallableIssuer:
    """Return an issuer whose function raises."""

    def fn(key: str) -> Grant | None:
        raise error

    async def afn(key: str) -> Grant | None:
        raise error

    return CallableIssuer(afn if asynchronous else fn)


KINDS = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])


@BOTH
@KINDS
@pytest.mark.parametrize(
    ("status", "meaning"),
    [(401, Reason.INVALID_KEY), (402, Reason.PAYMENT_REQUIRED), (403, Reason.FORBIDDEN), (423, Reason.PAUSED)],
)
def test_denied_is_what_it_says(ask: Ask, status: int, meaning: Reason, *, asynchronous: bool) -> None:
    """``Denied`` raised with one of its statuses is that denial, with its text."""
    answer = ask(raising(Denied(status, "why"), asynchronous=asynchronous), KEY)
    assert answer.verdict == Refusal(meaning, "why")


@BOTH
@KINDS
@pytest.mark.parametrize(
    "error",
    [
        ValueError(KEY),
        LookupError(KEY),
        TimeoutError(),
        OSError(),
        RecursionError(),
        StopIteration(KEY),
        IssuerUnavailable(KEY),
        refused(Refusal(Reason.TOO_MANY_UNKNOWN_KEYS)),
        refused(Refusal(Reason.MISSING_KEY)),
    ],
    ids=lambda error: type(error).__name__,
)
def test_any_other_exception_means_that_it_cannot_be_asked(
    ask: Ask, error: Exception, caplog: pytest.LogCaptureFixture, *, asynchronous: bool
) -> None:
    """Whatever else is raised is an outage, told in the log by its type, since its text may hold the key."""
    answer = ask(raising(error, asynchronous=asynchronous), KEY)
    assert reason(answer) is Reason.ISSUER_UNAVAILABLE
    assert KEY not in repr(answer) + caplog.text
    assert "can't be asked" in caplog.text


@BOTH
@KINDS
@pytest.mark.parametrize("result", [True, "acme", 0, {"workspace": "acme"}, Workspace("acme"), (GRANT,)], ids=repr)
def test_any_other_result_means_that_it_cannot_be_asked(
    ask: Ask, result: Any, caplog: pytest.LogCaptureFixture, *, asynchronous: bool
) -> None:
    """A result that is neither a grant nor ``None`` lets nobody in, and the log says what is allowed."""

    async def afn(key: str) -> Any:
        return result

    answer = ask(CallableIssuer(afn if asynchronous else lambda _key: result), KEY)
    assert reason(answer) is Reason.ISSUER_UNAVAILABLE
    assert "allowed are Grant and None" in caplog.text


def test_a_synchronous_function_does_not_block_the_loop() -> None:
    """Under ``acheck`` a synchronous function runs in a thread of its own."""
    validator = Validator(CallableIssuer(lambda _key: Grant(Workspace("acme"), threading.current_thread().name)))
    grant = asyncio.run(validator.acheck(KEY))
    assert grant.key_id != threading.current_thread().name
    assert validator.check("rfk_other").key_id == threading.current_thread().name
    validator.close()


def test_a_function_that_hangs_is_bounded_under_acheck() -> None:
    """On a loop the request is answered in time, whatever its thread does."""
    end = threading.Event()

    def fn(key: str) -> Grant | None:
        end.wait(30)
        return None

    with Validator(CallableIssuer(fn), timeout=0.05) as validator:
        with pytest.raises(IssuerUnavailable):
            asyncio.run(validator.acheck(KEY))
        end.set()


@KINDS
def test_a_coroutine_that_hangs_is_bounded_everywhere(*, asynchronous: bool) -> None:
    """An asynchronous function is bounded under ``check`` too."""

    async def fn(key: str) -> Grant | None:
        await asyncio.Event().wait()
        return None

    validator = Validator(CallableIssuer(fn), timeout=0.05)
    with pytest.raises(IssuerUnavailable):
        asyncio.run(validator.acheck(KEY)) if asynchronous else validator.check(KEY)


def test_closing_lets_those_who_ask_be_answered() -> None:
    """Closing while questions wait for a thread ends no request without an answer."""
    end, started = threading.Event(), threading.Semaphore(0)

    def fn(key: str) -> Grant | None:
        started.release()
        assert end.wait(30)
        return GRANT

    validator = Validator(CallableIssuer(fn), timeout=30)

    async def main() -> list[object]:
        tasks = [asyncio.create_task(validator.aresolve(b"rfk_%d" % number)) for number in range(40)]
        for _ in range(32):
            await asyncio.to_thread(started.acquire)
        await validator.aclose()
        end.set()
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    assert [type(each) for each in asyncio.run(main())] == [Grant] * 40


@pytest.mark.parametrize("fn", [None, "fn", 7, GRANT])
def test_what_cannot_be_called_is_refused_at_construction(fn: Any) -> None:
    """The error says what is allowed."""
    with pytest.raises(ConfigurationError, match="issuer: allowed is a function"):
        CallableIssuer(fn)


@pytest.mark.parametrize(("fn", "name"), [(plain, "plain"), (Plain(), "Plain"), (Plain().method, "Plain.method")])
def test_it_says_whom_it_asks(fn: Callable[[str], Grant | None], name: str) -> None:
    """Its ``repr`` names the function, and shows nothing it holds."""
    assert repr(CallableIssuer(fn)) == f"CallableIssuer({name})"


def test_it_can_be_used_after_it_was_closed() -> None:
    """Closing lets go of threads; a later question starts new ones."""
    issuer = CallableIssuer(plain)
    for end in (issuer.close, issuer.forked, lambda: asyncio.run(issuer.aclose())):
        assert granted(by_task(issuer, KEY)) == GRANT
        end()
