"""An issuer that answers when a test opens it, and a look at who waits meanwhile."""

import asyncio
import threading
from typing import Any

from rf_middleware import Validator
from rf_middleware._fingerprint import fingerprint
from rf_middleware._flight import Answer
from rf_middleware._models import Verdict
from tests.core.helpers import GRANT, KEY

FOREVER = 60.0


class Gate:
    """An issuer, sync and async, that answers when it is opened, and counts its calls."""

    def __init__(self, verdict: Verdict = GRANT) -> None:
        self.verdict = verdict
        self.calls = 0
        self.called = threading.Event()
        self.opened = threading.Event()

    def check(self, key: str, timeout: float) -> Answer:
        """Wait in the calling thread."""
        self.calls += 1
        self.called.set()
        assert self.opened.wait(FOREVER)
        return Answer(self.verdict)

    async def acheck(self, key: str, timeout: float) -> Answer:
        """Wait on the loop."""
        self.calls += 1
        self.called.set()
        while not self.opened.is_set():  # noqa: ASYNC110 - it is opened from another thread
            await asyncio.sleep(0.001)
        return Answer(self.verdict)


def waiting(validator: Validator, key: str = KEY) -> int:
    """Return how many threads and tasks wait for the check in flight."""
    landings: list[Any] = [
        flight.landing for flight in validator._core._memory.flights.get(fingerprint(key.encode()), ())
    ]
    return sum(len(landing._condition._waiters) + len(landing._done_callbacks) for landing in landings)
