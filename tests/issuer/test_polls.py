"""The answers to polls on their way out, and the tokens polls come with."""

import asyncio

import pytest

from rf_middleware._wire import Reply
from rf_middleware.issuer.decisions import Answer
from rf_middleware.issuer.polls import Decided, Polls
from rf_middleware.issuer.tokens import Tokens
from tests.issuer.rig import until


def _answer(ticket: int) -> Answer:
    return Answer(ticket, Reply("epoch", reset=False, head=1, events=(), lease=1.0))


def test_many_answers_go_out_in_order_a_few_at_a_time() -> None:
    """The loop is not held up by ten thousand validators, and none is left out, told twice or told after it left."""

    async def main() -> None:
        polls, told = Polls(), list[int]()

        def tell(decided: Decided) -> None:
            told.append(decided.ticket)

        for ticket in range(120):
            polls.wait(ticket, tell)
            polls.decide(_answer(ticket))
        polls.drop(7)
        polls.send()
        first = len(told)
        assert 0 < first < 119
        polls.send()
        assert len(told) == first
        await until(lambda: len(told) == 119)
        assert told == [ticket for ticket in range(120) if ticket != 7]
        assert polls._waiting == {}

    asyncio.run(main())


def test_at_the_end_all_answers_go_out_at_once() -> None:
    """A server that stops leaves nobody without the answer that was decided."""

    async def main() -> None:
        polls, told = Polls(), list[Decided]()
        for ticket in range(120):
            polls.wait(ticket, told.append)
            polls.decide(_answer(ticket))
        polls.send()
        polls.send_all()
        assert len(told) == 120
        await asyncio.sleep(0)
        assert len(told) == 120

    asyncio.run(main())


def test_a_good_token_is_looked_up_once_a_second_at_most() -> None:
    """Many at once share one look-up; one that is unknown or could not be looked up is asked about again."""
    asked: list[bytes] = []
    time = [10.0]

    async def look_up(fingerprint: bytes) -> str | None:
        asked.append(fingerprint)
        if fingerprint == b"broken":
            raise FileNotFoundError
        return "id" if fingerprint == b"good" else None

    async def main() -> None:
        tokens = Tokens(look_up, lambda: time[0])
        assert tokens.known(b"good") is None
        first = asyncio.create_task(tokens.id_of(b"good"))
        await asyncio.sleep(0)
        assert tokens.known(b"good") is None
        assert await first == "id"
        assert tokens.known(b"good") == "id"
        assert await asyncio.gather(*(tokens.id_of(b"good") for _ in range(9))) == ["id"] * 9
        assert await tokens.id_of(b"good") == "id"
        assert asked == [b"good"]
        for _ in range(2):
            assert await tokens.id_of(b"unknown") is None
            assert tokens.known(b"unknown") is None
            with pytest.raises(FileNotFoundError):
                await tokens.id_of(b"broken")
            assert tokens.known(b"broken") is None
        assert asked == [b"good", b"unknown", b"broken", b"unknown", b"broken"]
        time[0] += 1.0
        assert tokens.known(b"good") is None
        assert await tokens.id_of(b"good") == "id"
        assert asked[5:] == [b"good"]

    asyncio.run(main())


def test_a_look_up_that_failed_tells_nobody_who_it_was_for() -> None:
    """Between its end and its being forgotten, nothing is known of the token, and nothing is raised."""

    async def look_up(_fingerprint: bytes) -> str | None:
        raise FileNotFoundError

    async def main() -> None:
        tokens = Tokens(look_up, lambda: 10.0)
        asked = asyncio.create_task(tokens.id_of(b"broken"))
        await until(lambda: tokens._known and tokens._known[b"broken"].done())
        assert tokens.known(b"broken") is None
        with pytest.raises(FileNotFoundError):
            await asked

    asyncio.run(main())
