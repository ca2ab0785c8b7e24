"""Threads and tasks share one flight: one question for all, and hand-over when whoever asks is gone."""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from rf_middleware import Validator
from rf_middleware._flight import Answer
from rf_middleware._models import Grant
from tests.core.gate import FOREVER, Gate, waiting
from tests.core.helpers import GRANT, KEY
from tests.core.servers import until


@pytest.mark.parametrize("leader", ["thread", "task"])
def test_threads_and_tasks_share_one_flight(leader: str) -> None:
    """32 threads and 200 tasks that come with one key ask the issuer once, whoever asks."""
    gate = Gate()
    validator = Validator(gate, timeout=FOREVER)
    grants: list[Grant] = []

    async def main() -> None:
        first: Future[Grant] | asyncio.Task[Grant]
        with ThreadPoolExecutor(33) as pool:
            first = (
                pool.submit(validator.check, KEY) if leader == "thread" else asyncio.create_task(validator.acheck(KEY))
            )
            await asyncio.to_thread(gate.called.wait, FOREVER)
            threads = [pool.submit(validator.check, KEY) for _ in range(32)]
            tasks = [asyncio.create_task(validator.acheck(KEY)) for _ in range(200)]
            await asyncio.to_thread(until, lambda: waiting(validator) == 232)
            gate.opened.set()
            grants.extend(await asyncio.gather(*tasks))
            grants.append(await (asyncio.wrap_future(first) if isinstance(first, Future) else first))
            grants.extend(await asyncio.gather(*map(asyncio.wrap_future, threads)))

    asyncio.run(main())
    assert gate.calls == 1
    assert grants == [GRANT] * 233


def test_a_cancelled_leader_hands_over() -> None:
    """When the task that asks is cancelled one of the others asks, and all the others are answered."""
    gate = Gate()
    validator = Validator(gate, timeout=FOREVER)

    async def main() -> list[Grant]:
        leader = asyncio.create_task(validator.acheck(KEY))
        await asyncio.sleep(0)
        others = [asyncio.create_task(validator.acheck(KEY)) for _ in range(20)]
        await asyncio.to_thread(until, lambda: waiting(validator) == 20)
        leader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leader
        await asyncio.to_thread(until, lambda: gate.calls == 2)
        gate.opened.set()
        return await asyncio.gather(*others)

    assert asyncio.run(main()) == [GRANT] * 20
    assert gate.calls == 2


def test_a_cancelled_task_hands_over_to_a_thread() -> None:
    """Hand-over crosses from asyncio to threads."""
    gate = Gate()
    validator = Validator(gate, timeout=FOREVER)

    async def main() -> Grant:
        leader = asyncio.create_task(validator.acheck(KEY))
        await asyncio.sleep(0)
        other = asyncio.create_task(asyncio.to_thread(validator.check, KEY))
        await asyncio.to_thread(until, lambda: waiting(validator) == 1)
        leader.cancel()
        await asyncio.to_thread(until, lambda: gate.calls == 2)
        gate.opened.set()
        return await other

    assert asyncio.run(main()) == GRANT


def test_a_cancelled_follower_cancels_nobody_else() -> None:
    """One of many that wait may go away: the check goes on for the others."""
    gate = Gate()
    validator = Validator(gate, timeout=FOREVER)

    async def main() -> list[Grant]:
        tasks = [asyncio.create_task(validator.acheck(KEY)) for _ in range(10)]
        await asyncio.to_thread(until, lambda: waiting(validator) == 9)
        tasks.pop().cancel()
        await asyncio.sleep(0)
        gate.opened.set()
        return await asyncio.gather(*tasks)

    assert asyncio.run(main()) == [GRANT] * 9
    assert gate.calls == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_a_thread_that_is_interrupted_hands_over(error: type[BaseException]) -> None:
    """What is no ordinary exception goes through, and whoever waits asks anew."""
    gate = Gate()

    class Interrupted(Gate):
        def check(self, key: str, timeout: float) -> Answer:
            if self.calls:
                return super().check(key, timeout)
            super().check(key, timeout)
            raise error

    gate = Interrupted()
    validator = Validator(gate, timeout=FOREVER)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(validator.check, KEY)
        assert gate.called.wait(FOREVER)
        second = pool.submit(validator.check, KEY)
        until(lambda: waiting(validator) == 1)
        gate.opened.set()
        with pytest.raises(error):
            first.result(FOREVER)
        assert second.result(FOREVER) == GRANT
    assert gate.calls == 2
