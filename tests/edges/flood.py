"""A flood of junk keys through a protected app, on a clock of its own, and what it did."""

import resource
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rf_middleware import Grant, Validator, Workspace
from rf_middleware._flight import Answer
from rf_middleware._models import Reason, Refusal
from rf_middleware.wsgi import APIKeyMiddleware
from tests.core.helpers import HandClock

GOOD = 1_000
RATE, BURST = 50.0, 200


@dataclass
class Flood:
    """What was seen.

    Attributes:
        statuses: of the junk.
        asked: questions about junk.
        seconds: it took, on its clock.
        without_retry: refusals with 429 that did not say when to come back.
        good: answers to good keys, which came between.
        asked_again: questions about good keys after they were cached.
        kilobytes: by how much more of memory the process holds in the end than after the first tenth.
        remembered: denials that are remembered in the end.
    """

    statuses: Counter[int]
    good: Counter[int]
    asked: int = 0
    seconds: float = 0.0
    without_retry: int = 0
    asked_again: int = 0
    kilobytes: int = 0
    remembered: int = 0


class Registry:
    """An issuer that knows some keys, and counts."""

    def __init__(self) -> None:
        self.junk = self.good = 0

    def check(self, key: str, timeout: float) -> Answer:
        """Answer at once."""
        if key.startswith("good"):
            self.good += 1
            return Answer(Grant(Workspace("acme"), key_id=key))
        self.junk += 1
        return Answer(Refusal(Reason.INVALID_KEY))

    async def acheck(self, key: str, timeout: float) -> Answer:
        """Do the same."""
        return self.check(key, timeout)


def flooded(count: int, a_second: float, **options: Any) -> Flood:
    """Send so many junk keys, each another one, and a good key after each tenth of them.

    Args:
        count: of junk keys.
        a_second: how fast they come, on a clock that the validator is given.
        options: of the validator.
    """
    clock, issuer, seen = HandClock(), Registry(), Flood(Counter(), Counter())
    validator = Validator(issuer, ttl=1e6, max_staleness=1e6, clock=clock, **options)
    app = APIKeyMiddleware(_app, validator=validator)
    for number in range(GOOD):
        _call(app, f"good{number}")
    asked, grown = issuer.good, 0
    for number in range(count):
        clock.forward(1 / a_second)
        status, headers = _call(app, f"junk{number}")
        seen.statuses[status] += 1
        seen.without_retry += status == 429 and int(headers.get("retry-after", 0)) < 1
        if number % 10 == 0:
            seen.good[_call(app, f"good{number // 10 % GOOD}")[0]] += 1
        if number == count // 10:
            grown = _held()
    seen.kilobytes = _held() - grown
    seen.asked, seen.asked_again, seen.seconds = issuer.junk, issuer.good - asked, count / a_second
    seen.remembered = validator.sizes.denials
    return seen


def _held() -> int:
    """Return the kilobytes that the process holds now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() // 1024


def _app(_environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [b""]


def _call(app: APIKeyMiddleware, key: str) -> tuple[int, dict[str, str]]:
    answers: list[tuple[int, dict[str, str]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], _info: object = None) -> Any:
        answers.append((int(status[:3]), {name.lower(): value for name, value in headers}))
        return len

    app({"REQUEST_METHOD": "GET", "PATH_INFO": "/", "QUERY_STRING": "", "HTTP_X_API_KEY": key}, start_response)
    return answers[0]
