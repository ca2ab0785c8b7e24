"""What a request does whose key is not cached: the miss, written once. Pure: a generator that a driver runs.

It yields what it needs done (``Ask``, ``Wait``, ``Pause``, ``Start``) to a driver in a thread or on an event loop; what
is decided, the core decides.

* A question has the whole time limit, however little the request that needs it has left: else a slow issuer would
  look like one that is down.
* Whatever ends the request that asks, those who wait for its answer go on.
"""

import math
from typing import Final

from rf_middleware._core import UNAVAILABLE, Core
from rf_middleware._flight import Answer, Ask, Flight, Flow, Pause, Question, Start, Wait
from rf_middleware._models import Grant, Refusal, Verdict

__all__ = ["flow"]

_LONGEST_PAUSE: Final = 0.5


def flow(core: Core, question: Question, seats: float = math.inf) -> Flow:
    """Find out about a key that ``Core.peek`` did not know.

    Args:
        core: which decides.
        question: what to find out, for whom.
        seats: how many may wait for the issuer as long as they like; for a thread that others need.
    """
    patience = core.sit(question, seats)
    try:
        verdict = yield from _found_out(core, question, patience)
    finally:
        core.rise(question)
    return None if verdict is None else core.or_stale(question.digest, verdict)


def _found_out(core: Core, question: Question, patience: float) -> Flow:
    arrived = core.began  # checks that begin from now on have a higher number
    arrived_at = core.clock()
    give_up = arrived_at + min(core.limits.timeout, patience)
    apart, thrown_away = patience < math.inf, 0
    while True:
        step = core.decide(question, arrived, may_wait=patience > 0)
        if isinstance(step, Grant | Refusal):
            return step
        outcome: Answer | Verdict | None
        if step.mine and not apart and step.known is None:
            outcome = yield from _lead(core, question, step.flight)
        else:
            if step.mine:  # a question has all its time, however little this request has left
                lead = _lead(core, question, step.flight)
                yield Start(lead, next(lead))
            if step.known is not None:
                return step.known
            outcome = yield Wait(step.flight.landing, max(0.0, give_up - core.clock()))
        if isinstance(outcome, Grant | Refusal) and step.serves(outcome, arrived, arrived_at):
            return outcome
        apart, left = True, give_up - core.clock()
        if left <= 0:
            return UNAVAILABLE
        if step.mine:
            if thrown_away:
                yield Pause(min(left, _LONGEST_PAUSE, 0.01 * 2.0**thrown_away))
            thrown_away += 1


def _lead(core: Core, question: Question, flight: Flight) -> Flow:
    """Ask, on behalf of all who share the flight."""
    answer: Answer | None = None
    try:
        reply = yield Ask(question.key, core.limits.timeout)
        answer = reply if isinstance(reply, Answer) else Answer(UNAVAILABLE)
    finally:  # whatever ends this request, those who wait for it go on
        verdict = core.land(question.digest, flight, answer)
    return verdict
