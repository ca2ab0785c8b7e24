"""How a validator ends: what is closed, what is given back, what it does afterwards."""

import asyncio
import threading

import pytest

from rf_middleware import Grant, Validator, Workspace
from rf_middleware._flight import Answer
from rf_middleware._wire import Poll, Reply
from rf_middleware.issuers._protocol import Offer
from rf_middleware.validator import validators
from tests.core.counting import Counting
from tests.core.helpers import GRANT, KEY


def test_close_closes_the_issuer() -> None:
    """``close`` and the context manager close what threads used."""
    issuer = Counting()
    Validator(issuer).close()
    with Validator(issuer) as validator:
        validator.check(KEY)
    assert issuer.closed == ["close", "close"]


def test_aclose_closes_the_issuer() -> None:
    """``aclose`` and the asynchronous context manager close what the loop used."""
    issuer = Counting()

    async def main() -> None:
        await Validator(issuer).aclose()
        async with Validator(issuer) as validator:
            await validator.acheck(KEY)

    asyncio.run(main())
    assert issuer.closed == ["aclose", "aclose"]


def test_an_issuer_that_holds_nothing_need_not_be_closeable() -> None:
    """``check`` and ``acheck`` are all that an issuer must have."""

    class Least:
        def check(self, key: str, timeout: float) -> Answer:
            return Answer(GRANT)

        async def acheck(self, key: str, timeout: float) -> Answer:
            return Answer(GRANT)

    with Validator(Least()) as validator:
        assert validator.check(KEY) == GRANT
    asyncio.run(Validator(Least()).aclose())
    Validator(Least()).forked()


def test_an_error_inside_the_block_goes_through() -> None:
    """The context managers close, and swallow nothing."""
    issuer = Counting()

    async def main() -> None:
        async with Validator(issuer):
            raise LookupError

    with pytest.raises(LookupError):
        asyncio.run(main())
    with pytest.raises(LookupError), Validator(issuer):
        raise LookupError
    assert issuer.closed == ["aclose", "close"]


class Fed(Counting):
    """An issuer with a feed that grants one lease, and notes what is given back."""

    def __init__(self) -> None:
        super().__init__()
        self.left: list[str] = []
        self.polls: list[Poll] = []
        self.ended = threading.Event()

    def check(self, key: str, timeout: float) -> Answer:
        """Grant, and say when that was."""
        self.asked.append(key)
        return Answer(Grant(Workspace(self.name)), "e", 0)

    @property
    def feed(self) -> "Fed":
        """Return itself."""
        return self

    def offered(self) -> Offer:
        """Say yes."""
        return Offer(feed=True)

    def poll(self, poll: Poll) -> Reply:
        """Grant a lease."""
        self.polls.append(poll)
        self.ended.wait(0.01)
        return Reply("e", len(self.polls) == 1, 0, (), 10.0)

    def leave(self, session: str) -> None:
        """Note it."""
        self.ended.set()
        self.left.append(session)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_closing_twice_gives_back_once(*, asynchronous: bool) -> None:
    """A lease is given back once, however often the validator is closed."""
    issuer = Fed()
    validator = Validator(issuer)
    validator.check(KEY)
    for _ in range(2):
        if asynchronous:
            asyncio.run(validator.aclose())
        else:
            validator.close()
    assert len(issuer.left) == 1


def test_checks_after_the_end_ask_each_time() -> None:
    """A closed validator trusts nothing, and still answers."""
    issuer = Fed()
    validator = Validator(issuer)
    validator.close()
    assert issuer.left == []  # there was no lease yet
    for _ in range(3):
        validator.check(KEY)
    assert len(issuer.asked) == 3
    assert issuer.polls == []


def test_release_of_a_validator_without_a_feed_changes_nothing() -> None:
    """Without a lease there is nothing to give back, and what is cached stays."""
    issuer = Counting()
    validator = Validator(issuer)
    validator.check(KEY)
    validator.release()
    validator.check(KEY)
    assert (len(issuer.asked), issuer.closed) == (1, [])


def test_the_validators_of_a_process_are_known() -> None:
    """A fork and the end of the process reach each validator that is alive, and keep none alive."""
    validator = Validator(Counting())
    assert validator in validators()
    before = len(validators())
    del validator
    assert len(validators()) == before - 1
