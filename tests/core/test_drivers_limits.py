"""What breaks, hangs or blocks: errors of issuers, time limits for everybody, loops that run or are closed."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from rf_middleware import CallableIssuer, IssuerUnavailable, Validator
from rf_middleware._asking import flow
from rf_middleware._core import Core
from rf_middleware._drivers import _start_apart, adrive, drive
from rf_middleware._flight import Answer, Question, Start
from rf_middleware._models import Grant, Reason, Refusal, Workspace
from rf_middleware._secret import Secret
from rf_middleware.issuers._background import Background
from tests.core.gate import FOREVER, Gate
from tests.core.helpers import DIGEST, GRANT, KEY, Bench, HandClock, feedless, leased, limits, plain

ODD_ERRORS = [
    ValueError("rfk_some-key"),
    TimeoutError(),
    ConnectionError(),
    RecursionError(),
    MemoryError(),
    StopIteration("rfk_some-key"),
    StopAsyncIteration(),
    AssertionError(),
    UnicodeDecodeError("ascii", b"x", 0, 1, "odd"),
    ExceptionGroup("several", [ValueError("rfk_some-key")]),
]


class Broken:
    """An issuer object that raises."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def check(self, key: str, timeout: float) -> Answer:
        """Raise."""
        raise self.error

    async def acheck(self, key: str, timeout: float) -> Answer:
        """Raise."""
        raise self.error


def by_thread(validator: Validator, key: str = KEY) -> Grant:
    """Check in a thread."""
    return validator.check(key)


def by_task(validator: Validator, key: str = KEY) -> Grant:
    """Check on a loop."""
    return asyncio.run(validator.acheck(key))


BOTH = pytest.mark.parametrize("check", [by_thread, by_task])
Check = Callable[[Validator], Grant]


@BOTH
@pytest.mark.parametrize("error", ODD_ERRORS, ids=lambda error: type(error).__name__)
def test_any_exception_of_an_issuer_means_that_it_cannot_be_asked(
    check: Check, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever breaks in an issuer object, the request gets a 503, and the key is not in the log."""
    with pytest.raises(IssuerUnavailable) as caught:
        check(Validator(Broken(error)))
    assert caught.value.__cause__ is None
    assert KEY not in caplog.text
    assert type(error).__name__ in caplog.text or isinstance(error, StopIteration | StopAsyncIteration)


@BOTH
def test_a_waiter_gives_up_by_itself(check: Check) -> None:
    """One who waits for a check that takes too long is answered after its own time, while the check goes on."""
    gate = Gate()
    validator = Validator(gate, timeout=0.1)
    with ThreadPoolExecutor(1) as pool:
        leader = pool.submit(validator.check, KEY)
        assert gate.called.wait(FOREVER)
        with pytest.raises(IssuerUnavailable):
            check(validator)
        assert not leader.done()
        gate.opened.set()
        leader.result(FOREVER)


def test_a_task_that_asks_gives_up_in_time() -> None:
    """On a loop the whole question is bounded, whatever the issuer object does."""
    validator = Validator(Gate(), timeout=0.05)
    with pytest.raises(IssuerUnavailable):
        asyncio.run(validator.acheck(KEY))


class Lagging:
    """An issuer with a feed whose replica needs some questions to catch up."""

    def __init__(self, bench: Bench, behind: int) -> None:
        self.bench = bench
        self.behind = behind

    def check(self, key: str, timeout: float) -> Answer:
        """Answer from the past while behind."""
        self.behind -= 1
        return self.bench.yes(head=0) if self.behind >= 0 else self.bench.no()

    async def acheck(self, key: str, timeout: float) -> Answer:
        """Do the same."""
        return self.check(key, timeout)


@pytest.mark.parametrize("threads", [True, False])
def test_a_lagging_answer_is_asked_again_after_a_rest(*, threads: bool) -> None:
    """Both drivers rest between answers that were thrown away, and bring home the one that counts."""
    bench = leased(limits(timeout=FOREVER))
    bench.renew(bench.revoke())
    issuer = Lagging(bench, behind=3)
    miss = flow(bench.core, Question(Secret(KEY), DIGEST))
    verdict = drive(miss, issuer) if threads else asyncio.run(adrive(miss, issuer))
    assert verdict == Refusal(Reason.INVALID_KEY)
    assert issuer.behind == -1


def test_check_answers_a_hit_on_a_running_loop() -> None:
    """A hit blocks nobody, so that ``check`` is fine on a loop."""
    validator = Validator(CallableIssuer(lambda _key: GRANT))
    validator.check(KEY)

    async def main() -> Grant:
        return validator.check(KEY)

    assert asyncio.run(main()) == GRANT


def test_check_refuses_to_block_a_running_loop() -> None:
    """A miss on a running loop is a mistake of the program, which is told what to do; nothing is left in flight."""
    validator = Validator(CallableIssuer(lambda _key: GRANT))

    async def main() -> Grant:
        with pytest.raises(RuntimeError, match="acheck"):
            validator.check(KEY)
        return await validator.acheck(KEY)

    assert asyncio.run(main()) == GRANT


def test_many_loops_one_after_another() -> None:
    """Each loop may be the last: nothing of a closed loop is waited for."""
    validator = Validator(CallableIssuer(lambda key: Grant(Workspace("acme"), key_id=key)))
    for number in range(20):
        assert asyncio.run(validator.acheck(f"rfk_{number}")).key_id == f"rfk_{number}"
        assert asyncio.run(validator.acheck("rfk_0")).key_id == "rfk_0"


def test_a_waiter_of_a_closed_loop_disturbs_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """A loop that is closed while one of its tasks waited leaves the check in flight unharmed, and no error behind."""
    gate = Gate()
    validator = Validator(gate, timeout=FOREVER)

    async def impatient() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await validator.acheck(KEY)

    with ThreadPoolExecutor(1) as pool:
        leader = pool.submit(validator.check, KEY)
        assert gate.called.wait(FOREVER)
        asyncio.run(impatient())
        gate.opened.set()
        assert leader.result(FOREVER) == GRANT
    assert caplog.text == ""


def test_a_core_needs_no_driver_of_ours() -> None:
    """A flow is a plain generator: a loop of one's own can drive it."""
    core = Core(limits(), lambda: 0.0)
    core.learn(has_feed=False)
    miss = flow(core, Question(Secret(KEY), DIGEST))
    next(miss)
    with pytest.raises(StopIteration) as stop:
        miss.send(Answer(GRANT))
    assert stop.value.value == GRANT


class NoThreads(Background):
    """A system that has no thread to give."""

    def start(self, work: object, ended: object) -> None:
        """Fail as ``Thread.start`` does."""
        raise RuntimeError


def test_without_a_thread_a_question_is_asked_by_whoever_needs_it() -> None:
    """Where nothing can run apart, the request that would start it asks itself: nobody waits for a check for ever."""
    bench = feedless(limits(bound=10.0))
    bench.request().send(plain())
    bench.clock.forward(8.0)
    effect = next(flow(bench.core, Question(Secret(KEY), DIGEST)))
    assert isinstance(effect, Start)
    gate = Gate()
    gate.opened.set()
    _start_apart(effect, gate, NoThreads())
    assert gate.calls == 1
    assert bench.hit() == GRANT


def test_a_question_that_never_begins_leaves_nobody_waiting() -> None:
    """A renewal whose task is cancelled before its first step is landed all the same: the key is asked about anew."""
    gate, clock = Gate(), HandClock()
    gate.opened.set()
    validator = Validator(gate, clock=clock)

    async def cancelled() -> None:
        await validator.acheck(KEY)
        clock.forward(50.0)
        await validator.acheck(KEY)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    asyncio.run(cancelled())
    assert validator._core._memory.flights == {}
    clock.forward(50.0)
    assert asyncio.run(validator.acheck(KEY)) == GRANT
    assert gate.calls == 2


def test_a_thread_that_was_not_to_be_had_is_tried_again() -> None:
    """The background starts when it can, whatever happened before, and what was asked of it meanwhile is an error."""
    loop, before = Background(), threading.stack_size()
    threading.stack_size(2**46)  # more than there is
    try:
        with pytest.raises(RuntimeError):
            loop.run(done, 1.0)
    finally:
        threading.stack_size(before)
    assert loop.run(done, 10.0) == "done"


async def done() -> str:
    """Do nothing."""
    return "done"
