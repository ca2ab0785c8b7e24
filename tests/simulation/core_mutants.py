"""Cores that lack one rule each about asking, sharing, forking and hits. The rules are the validator's."""

import copy
import math
from typing import Final

from rf_middleware._cache import Later
from rf_middleware._core import Core
from rf_middleware._flight import Answer, Flight, Question, Share
from rf_middleware._memory import Memory
from rf_middleware._models import Grant, Verdict


class LooksUpFirst(Core):
    """Rule 2: the deadline is read before the look-up."""

    def peek(self, digest: bytes) -> Grant | None:
        entry = self._look_up(digest)
        now = self.clock()
        return entry[1] if entry is not None and now < self.deadline and now < entry[0] else None


class TrustsAfterTheLease(Core):
    """Rule 2: a hit compares the deadline with the time."""

    def peek(self, digest: bytes) -> Grant | None:
        entry = self._look_up(digest)
        return entry[1] if entry is not None and self.clock() < entry[0] else None


class BelievesOtherEpochs(Core):
    """Rule 3: an answer of another epoch is thrown away."""

    def _judge(self, digest: bytes, flight: Flight, answer: Answer) -> Verdict | None:
        return super()._judge(digest, flight, answer._replace(epoch=self._lease.epoch))


class BelievesLaggingReplicas(Core):
    """Rule 3: an answer older than what was applied when the check began is thrown away."""

    def _judge(self, digest: bytes, flight: Flight, answer: Answer) -> Verdict | None:
        flight.applied = 0
        return super()._judge(digest, flight, answer)


class JoinsWithoutALease(Core):
    """Rule 4: without a live lease no request joins a check that began before it."""

    def decide(self, question: Question, arrived: int, *, may_wait: bool = True) -> Verdict | Share:
        step = super().decide(question, -1, may_wait=may_wait)
        return step._replace(live=True) if isinstance(step, Share) else step


class AsksForEach(Core):
    """Rule 4: at most two checks of a key are in flight, whatever the load."""

    def decide(self, question: Question, arrived: int, *, may_wait: bool = True) -> Verdict | Share:
        with self._lock:
            self._memory.flights.pop(question.digest, None)
        return super().decide(question, arrived, may_wait=may_wait)


class KeepsForEver(Core):
    """The contract: a grant is kept for ``ttl`` at most, lease or not."""

    def _judge(self, digest: bytes, flight: Flight, answer: Answer) -> Verdict | None:
        verdict = super()._judge(digest, flight, answer)
        if isinstance(verdict, Grant):
            self._memory.grants.put(digest, (math.inf, verdict, Later(0.0, 0.0)))
        return verdict


class SharesForEver(Core):
    """Rule 8 and the bound: what is shared is no older than what is cached may be."""

    def land(self, digest: bytes, flight: Flight, answer: Answer | None) -> Verdict | None:
        verdict = super().land(digest, flight, answer)
        flight.until = math.inf
        return verdict


class CountsFromTheAnswer(Core):
    """Rule 8: ``expires_in`` counts from before the check."""

    def _judge(self, digest: bytes, flight: Flight, answer: Answer) -> Verdict | None:
        flight.sent = self.clock()
        return super()._judge(digest, flight, answer)


class ForgetsNoFlight(Core):
    """Rule 3: ``forget`` fences too."""

    def forget(self, digest: bytes) -> None:
        with self._lock:
            self._memory.grants.drop(digest)


class BeginsAnewWithWhatItKnew(Core):
    """A lease that was given back takes all that was cached under it along."""

    def renew(self) -> None:
        deadline = float(self.deadline)
        memory = self._memory
        self._memory = Memory(100, 2.0, self.clock)
        super().renew()
        self._memory, self.deadline = memory, max(deadline, self._kept)

    _kept = -math.inf

    def give_back(self) -> str:
        self._kept = float(self.deadline)
        return super().give_back()


class ForksAsItIs(Core):
    """Rule 5: a forked child is a new validator."""

    _started = False

    def start(self) -> None:
        if not self._started:
            self._started = True
            super().start()


class ForksWithItsLease(Core):
    """Rule 5: a forked child has a session of its own and no lease."""

    _started = False

    def start(self) -> None:
        if self._started:
            lease, deadline = copy.copy(self._lease), float(self.deadline)
            super().start()
            self._lease, self.deadline = lease, deadline
        else:
            self._started = True
            super().start()


class TrustsInTheDark(Core):
    """Rule 7: until the issuer has said whether it has a feed, each request is asked about."""

    def start(self) -> None:
        super().start()
        self.deadline = math.inf


MUTANTS: Final[dict[type[Core], tuple[str, ...]]] = {
    LooksUpFirst: ("R:",),
    TrustsAfterTheLease: ("R:",),
    BelievesOtherEpochs: ("R:", "restore", "read", "read"),
    BelievesLaggingReplicas: ("R:",),
    JoinsWithoutALease: ("R:",),
    AsksForEach: ("more than two checks",),
    KeepsForEver: ("ttl:",),
    SharesForEver: ("expires_in:", "arrive", "go_on", "read", "pass_time"),
    CountsFromTheAnswer: ("expires_in:",),
    ForgetsNoFlight: ("let in by what was asked before it was forgotten",),
    BeginsAnewWithWhatItKnew: ("R:", "leave", "leave", "renew"),
    ForksAsItIs: ("R:",),
    ForksWithItsLease: ("R:",),
    TrustsInTheDark: ("R:",),
}
"""Each without a rule, the promise that it breaks, and what happens often in the stories that show it."""
