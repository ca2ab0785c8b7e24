"""Cores that lack one rule each. The simulation must find what each of them breaks, or it finds nothing."""

import copy
import math
from dataclasses import replace
from itertools import chain
from typing import Final

from rf_middleware._core import Core
from rf_middleware._flight import Answer, Flight, Share
from rf_middleware._lease import DRIFT, Lease, News
from rf_middleware._memory import Memory
from rf_middleware._models import Grant, Verdict
from rf_middleware._secret import Secret
from rf_middleware._wire import Event, Poll, Reply

__all__ = ["MUTANTS"]


class LooksUpFirst(Core):
    """Rule 2: the deadline is read before the look-up."""

    def peek(self, digest: bytes) -> Grant | None:
        entry = self._look_up(digest)
        now = self._clock()
        return entry[1] if entry is not None and now < self.deadline and now < entry[0] else None


class CountsFromTheReply(Core):
    """Rule 1: the lease counts from before the poll was sent."""

    def apply(self, poll: Poll, reply: Reply) -> News | None:
        self._lease._sent = self._clock()
        return super().apply(poll, reply)


class KnowsNoDrift(Core):
    """Rule 1: the lease is shortened by what two clocks may differ."""

    def apply(self, poll: Poll, reply: Reply) -> News | None:
        return super().apply(poll, replace(reply, lease=reply.lease / (1 - DRIFT)))


class _BelievesAnyReply(Lease):
    def read(self, poll: Poll, reply: Reply) -> News | None:
        self._poll = poll
        return super().read(poll, reply)


class BelievesStaleReplies(Core):
    """Rule 1: an answer to a poll that is not the newest is ignored, and each counts once."""

    def start(self) -> None:
        super().start()
        self._lease = _BelievesAnyReply()


class BelievesRepliesAfterTheEnd(Core):
    """An answer that arrives after the lease was given back is ignored."""

    def give_back(self) -> str:
        self.deadline = -math.inf
        return self._lease.session


class DropsNothing(Core):
    """Rule 3: an event drops the cached grant."""

    def start(self) -> None:
        super().start()
        self._memory = _KeepsGrants(100, 2.0, self._clock)
        self._look_up = self._memory.grants.get


class _KeepsGrants(Memory):
    def drop(self, event: Event) -> None:
        for flight in chain(*self.flights.values()):
            flight.fence = max(flight.fence, event.seq)


class _FencesNothing(Memory):
    def drop(self, event: Event) -> None:
        flights, self.flights = self.flights, {}
        super().drop(event)
        self.flights = flights


class FencesNothing(Core):
    """Rule 3: an event fences the check in flight."""

    def start(self) -> None:
        super().start()
        self._memory = _FencesNothing(100, 2.0, self._clock)
        self._look_up = self._memory.grants.get


class _FencesNoWorkspace(_FencesNothing):
    def drop(self, event: Event) -> None:
        if event.workspace is None:
            Memory.drop(self, event)
        else:
            super().drop(event)


class FencesNoWorkspace(Core):
    """Rule 3: an event of a workspace fences every check in flight."""

    def start(self) -> None:
        super().start()
        self._memory = _FencesNoWorkspace(100, 2.0, self._clock)
        self._look_up = self._memory.grants.get


class _ResetsNoFlights(Memory):
    def clear(self) -> None:
        flights, self.flights = self.flights, {}
        super().clear()
        self.flights = flights


class ResetsNoFlights(Core):
    """Rule 3: a reset fences every check in flight."""

    def start(self) -> None:
        super().start()
        self._memory = _ResetsNoFlights(100, 2.0, self._clock)
        self._look_up = self._memory.grants.get


class _ResetsNothing(Memory):
    def clear(self) -> None:
        for flight in chain(*self.flights.values()):
            flight.void = True


class ResetsNothing(Core):
    """A reset drops the whole cache."""

    def start(self) -> None:
        super().start()
        self._memory = _ResetsNothing(100, 2.0, self._clock)
        self._look_up = self._memory.grants.get


class _BelievesEpochs(Lease):
    def read(self, poll: Poll, reply: Reply) -> News | None:
        news = super().read(poll, reply)
        return None if news is None else replace(news, reset=reply.reset and poll.epoch in {None, reply.epoch})


class TakesANewEpochForTheOld(Core):
    """Another epoch is a reset."""

    def start(self) -> None:
        super().start()
        self._lease = _BelievesEpochs()


class BelievesOtherEpochs(Core):
    """Rule 3: an answer of another epoch is thrown away."""

    def _outdated(self, flight: Flight, answer: Answer) -> bool:
        return super()._outdated(flight, replace(answer, epoch=self._lease.epoch))


class BelievesLaggingReplicas(Core):
    """Rule 3: an answer older than what was applied when the check began is thrown away."""

    def _outdated(self, flight: Flight, answer: Answer) -> bool:
        flight.applied = 0
        return super()._outdated(flight, answer)


class JoinsWithoutALease(Core):
    """Rule 4: without a live lease no request joins a check that began before it."""

    def _next(self, key: Secret, digest: bytes, arrived: int) -> Verdict | Share:
        step = super()._next(key, digest, -1)
        return replace(step, live=True) if isinstance(step, Share) else step


class SharesForEver(Core):
    """Rule 8 and the bound: what is shared is no older than what is cached may be."""

    def _land(self, digest: bytes, flight: Flight, answer: Answer | None) -> Verdict | None:
        verdict = super()._land(digest, flight, answer)
        flight.until = math.inf
        return verdict


class CountsFromTheAnswer(Core):
    """Rule 8: ``expires_in`` counts from before the check."""

    def _judge(self, digest: bytes, flight: Flight, answer: Answer) -> Verdict | None:
        flight.sent = self._clock()
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
        self._memory = Memory(100, 2.0, self._clock)
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


R: Final = "R: accepted after the revocation was acknowledged"

MUTANTS: Final = {
    LooksUpFirst: R,
    CountsFromTheReply: R,
    KnowsNoDrift: R,
    BelievesStaleReplies: R,
    BelievesRepliesAfterTheEnd: R,
    DropsNothing: R,
    FencesNothing: R,
    FencesNoWorkspace: R,
    ResetsNoFlights: R,
    ResetsNothing: R,
    TakesANewEpochForTheOld: R,
    BelievesOtherEpochs: R,
    BelievesLaggingReplicas: R,
    JoinsWithoutALease: R,
    SharesForEver: "expires_in: let in by an answer",
    CountsFromTheAnswer: "expires_in: let in by an answer",
    ForgetsNoFlight: "let in by what was asked before it was forgotten",
    BeginsAnewWithWhatItKnew: R,
    ForksAsItIs: R,
    ForksWithItsLease: R,
    TrustsInTheDark: R,
}
"""Each core without a rule, and the promise that the simulation must see broken."""
