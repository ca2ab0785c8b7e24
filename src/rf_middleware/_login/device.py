"""A login by a code on a page (RFC 8628), seen from the device: what to do next. Pure; the clock is handed in.

* Polls are never nearer than the interval; each ``slow_down`` adds 5 seconds for good.
* Without an answer the pauses double, up to a minute (section 3.5); any answer ends that.
* A definite refusal ends it at once, the end of the code at the latest.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Final

from rf_middleware._clock import Clock
from rf_middleware._login.reading import Asked, Failed, Pending, Tokens, read_polled
from rf_middleware._login.values import Answer, Unanswered

__all__ = ["Open", "Poll", "Step", "Wait", "device_login"]

_SLOWER: Final = 5.0
_LONGEST_PAUSE: Final = 60.0
_DOUBLINGS: Final = 10


@dataclass(frozen=True, slots=True)
class Open:
    """Show the page and the code, and open the page if possible."""

    asked: Asked


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Poll:
    """Ask whether the person has answered, and send in what came of it."""

    asked: Asked


Step = Open | Wait | Poll


def device_login(asked: Asked, issuer: str, clock: Clock) -> Generator[Step, Answer | Unanswered, Tokens | Failed]:
    """Yield what to do; after a ``Poll`` the answer is sent in. Returns how it ended."""
    yield Open(asked)
    end, interval, lost = clock() + asked.lasts, asked.interval, list[str]()
    while (left := end - clock()) > 0:
        pause = min(interval * 2 ** min(len(lost), _DOUBLINGS), _LONGEST_PAUSE, left) if lost else interval
        yield Wait(max(pause, interval))
        polled = read_polled((yield Poll(asked)), issuer)
        if isinstance(polled, Tokens | Failed):
            return polled
        if isinstance(polled, Pending):
            interval += _SLOWER * polled.slower
            lost.clear()
        else:
            lost.append(polled.text)
    return Failed(f"no answer in time: {lost[-1]}" if lost else "nobody answered in time; log in again")
