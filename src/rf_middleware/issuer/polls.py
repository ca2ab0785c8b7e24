"""The polls that wait for an answer, by ticket; and the answers on their way out.

* An event answers every parked poll at once. The answers go out a few at a time, with whatever came in
  meanwhile taken in between: so the first acknowledgements are done with before the last answers are sent.
  Ten thousand validators then cost no more memory than a few, and other requests are not held up.
* What was decided stays decided: only the sending is spread.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from rf_middleware.issuer.decisions import Answer, Refused

__all__ = ["Decided", "Polls"]

Decided = Answer | Refused

_AT_ONCE: Final = 50


class Polls:
    """Who waits for which ticket. Used on one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int, Callable[[Decided], None]] = {}
        self._decided: deque[Decided] = deque()
        self._sending = False

    def wait(self, ticket: int, answer: Callable[[Decided], None]) -> None:
        """Call ``answer`` with what is decided about a ticket."""
        self._waiting[ticket] = answer

    def drop(self, ticket: int) -> None:
        """Forget a ticket, whose answer nobody waits for any more."""
        self._waiting.pop(ticket, None)

    def decide(self, outcome: Decided) -> None:
        """Answer a poll, in its turn."""
        self._decided.append(outcome)

    def send(self) -> None:
        """Send what was decided, unless that goes on already."""
        if not self._sending:
            self._send_some()

    def send_all(self) -> None:
        """Send what was decided, now."""
        while self._decided:
            self._send_next()

    def _send_some(self) -> None:
        self._sending = False
        for _ in range(min(_AT_ONCE, len(self._decided))):
            self._send_next()
        if self._decided:
            self._sending = True
            self._loop.call_soon(self._send_some)

    def _send_next(self) -> None:
        outcome = self._decided.popleft()
        answer = self._waiting.pop(outcome.ticket, None)
        if answer is not None:
            answer(outcome)
