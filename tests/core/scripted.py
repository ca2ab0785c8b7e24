"""An issuer whose feed answers with what it is handed, one thing after another, and a validator that follows it."""

import queue
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

from rf_middleware import Validator
from rf_middleware._flight import Answer
from rf_middleware._models import Verdict
from rf_middleware._wire import Event, Poll, Reply
from rf_middleware.issuers._protocol import FeedError, Offer
from tests.core.helpers import GRANT

WAIT = 10.0
Step = Reply | bool | BaseException


class Scripted:
    """An issuer whose feed answers with what it is handed, one thing after another, and waits in between."""

    def __init__(self, *steps: Step) -> None:
        self.steps: queue.Queue[Step | None] = queue.Queue()
        self.log: list[object] = []
        self.called = threading.Semaphore(0)
        self.verdict: Verdict = GRANT
        self.head = 0
        self.feed = self
        self.on_leave: Callable[[], object] = lambda: None
        for step in steps:
            self.steps.put(step)

    def check(self, key: str, timeout: float) -> Answer:
        """Answer as the issuer does now."""
        self.log.append("check")
        return Answer(self.verdict, "e", self.head)

    async def acheck(self, key: str, timeout: float) -> Answer:
        """Do the same."""
        return self.check(key, timeout)

    def _next(self) -> Step:
        self.called.release()
        step = self.steps.get(timeout=WAIT)
        if step is None:
            raise FeedError("the end of the test")
        if isinstance(step, BaseException):
            raise step
        return step

    def offered(self) -> Offer:
        """Say whether there is a feed."""
        self.log.append("offered")
        step = self._next()
        assert isinstance(step, bool)
        return Offer(step)

    def poll(self, poll: Poll) -> Reply:
        """Answer a poll."""
        self.log.append(poll)
        step = self._next()
        assert isinstance(step, Reply)
        return step

    def leave(self, session: str) -> None:
        """Note who leaves."""
        self.on_leave()
        self.log.append(("leave", session))

    @property
    def polls(self) -> list[Poll]:
        """The polls so far."""
        return [each for each in self.log if isinstance(each, Poll)]

    def reached(self, calls: int) -> None:
        """Wait until the feed has been called so many times more: what came before has been dealt with."""
        for _ in range(calls):
            assert self.called.acquire(timeout=WAIT)


def reply(*events: Event, head: int = 0, reset: bool = False) -> Reply:
    """Return an answer to a poll."""
    return Reply("e", reset, head, events, 10.0)


@contextmanager
def following(*steps: Step) -> Generator[tuple[Validator, Scripted]]:
    """Run a validator that follows a scripted feed; end its thread afterwards."""
    issuer = Scripted(*steps)
    validator = Validator(issuer)
    try:
        yield validator, issuer
    finally:
        issuer.steps.put(None)
        validator.close()
        thread = validator._follower._thread if validator._follower else None
        if thread is not None:
            thread.join(WAIT)
            assert not thread.is_alive()
