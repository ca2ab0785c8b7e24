"""Failures leave nothing behind: no file, no thread, no task, no growing pool."""

import asyncio
import gc
from collections.abc import Generator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pytest

from rf_middleware import IntrospectionIssuer, Validator
from rf_middleware._models import Reason
from tests.core.servers import until
from tests.trouble import certificates
from tests.trouble.asking import Ahead, Way, by_tasks, by_threads, files, nothing_left, reason
from tests.trouble.troubles import CERTIFICATES, HANGS, TROUBLES
from tests.trouble.unwell import Trouble, Unwell, unwell

TOKEN = "validator-token"
ROUNDS = 100
REST = 11.0
SPARE = 4
"""Files that may be open at one moment and not at another: a connection that is kept, one that is being closed."""
WAYS = pytest.mark.parametrize("way", [by_threads, by_tasks])
QUICK = [each for each in TROUBLES if not each.slow]


def left(way: Way, issuer: Unwell, troubles: list[Trouble], timeout: float) -> int:
    """Return how many more files are open after a hundred rounds of three failures each than after the first few."""
    clock = Ahead()
    validator = Validator(IntrospectionIssuer(issuer.url, TOKEN, feed=False), timeout=timeout, clock=clock)
    with nothing_left(), way(validator) as ask:
        keys = (f"rfk_{number}" for number in range(ROUNDS * 10))
        before = 0
        for number in range(ROUNDS):
            issuer.play(troubles[number % len(troubles)])
            clock.forward(REST)
            verdicts = ask(islice(keys, 3))
            assert {reason(each) for each in verdicts} == {Reason.ISSUER_UNAVAILABLE}
            if number == len(troubles) - 1:
                before = settled(issuer)
        return settled(issuer) - before


def settled(issuer: Unwell) -> int:
    """Return how many files are open when all connections are gone."""
    issuer.heal()
    until(lambda: issuer.open == 0)
    return files()


@contextmanager
def uncollected() -> Generator[None]:
    """Collect no garbage in the block: what is closed there was closed, and not found one day and thrown away."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@WAYS
def test_quick_failures_leave_nothing_behind(way: Way) -> None:
    """A hundred rounds of every failure that ends by itself leave as many open files as before."""
    with unwell() as issuer:
        assert left(way, issuer, QUICK[::2], 5.0) <= SPARE


@WAYS
def test_slow_failures_leave_nothing_behind(way: Way) -> None:
    """A hundred rounds of questions that are cut off by the time limit leave as many open files as before."""
    with unwell() as issuer:
        slow = [each for each in TROUBLES if each.slow and each.name != "accepts nobody"]
        assert left(way, issuer, slow, 0.03) <= SPARE


@pytest.mark.parametrize("trouble", CERTIFICATES, ids=repr)
def test_a_handshake_that_fails_is_closed(trouble: Trouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that came no further than the TLS handshake is closed by the time its question has ended."""
    made = certificates.made(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / certificates.AUTHORITY))

    async def main(issuer: Unwell) -> None:
        async with Validator(IntrospectionIssuer(issuer.url, TOKEN, feed=False), timeout=0.2) as validator:
            before = files()
            for number in range(4):
                assert reason(await validator.aresolve(b"rfk_%d" % number)) is Reason.ISSUER_UNAVAILABLE
            await asyncio.to_thread(until, lambda: issuer.open == 0)
            assert files() <= before + SPARE - 2

    with uncollected(), unwell(certificates=made) as issuer:
        issuer.play(trouble)
        asyncio.run(main(issuer))


@WAYS
def test_a_pool_that_was_full_of_questions_that_hang_is_empty_again(way: Way) -> None:
    """After more questions hung than a pool has connections, as many are asked and answered."""
    with nothing_left(), unwell() as issuer:
        clock = Ahead()
        validator = Validator(
            IntrospectionIssuer(issuer.url, TOKEN, feed=False),
            timeout=2.0,
            negative_ttl=1e6,
            clock=clock,
            unknown_key_burst=10_000,
        )
        with way(validator) as ask:
            issuer.play(HANGS)
            verdicts = ask(f"rfk_{number}" for number in range(110))
            assert {reason(each) for each in verdicts} == {Reason.ISSUER_UNAVAILABLE}
            issuer.heal()

            def all_answered() -> bool:
                clock.forward(REST)
                return {reason(each) for each in ask(f"rfk_{number}" for number in range(110))} == {Reason.INVALID_KEY}

            until(all_answered, 60)
