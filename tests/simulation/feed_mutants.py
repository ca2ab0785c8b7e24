"""Cores that lack one rule each about the feed and the lease. The rules are the validator's."""

import math
from dataclasses import replace
from itertools import chain
from typing import Final

from rf_middleware._core import Core
from rf_middleware._lease import DRIFT, Lease, News
from rf_middleware._memory import Memory
from rf_middleware._wire import Event, Poll, Reply
from tests.simulation.things import Ticking


class CountsFromTheReply(Core):
    """Rule 1: the lease counts from before the poll was sent."""

    def apply(self, poll: Poll, reply: Reply) -> News | None:
        self._lease._sent = self.clock()
        return super().apply(poll, reply)


class KnowsNoDrift(Core):
    """Rule 1: the lease is shortened by what two clocks may differ."""

    def apply(self, poll: Poll, reply: Reply) -> News | None:
        return super().apply(poll, replace(reply, lease=reply.lease / (1 - DRIFT)))


class TrustsBeforeItApplies(Core):
    """Rule 1: the lease is trusted only after the events are applied."""

    def apply(self, poll: Poll, reply: Reply) -> News | None:
        if poll is self._lease._poll and self._lease._open:
            self.deadline = self._lease._sent + reply.lease * (1 - DRIFT)
            self.clock()  # a thread may be stopped here
        return super().apply(poll, reply)


class StopsInSuspend(Ticking):
    """Rule 1: the clock goes on while the machine is suspended."""

    def slept(self, seconds: float) -> None:
        self.base -= self.rate * seconds


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
        self._memory = _KeepsGrants(100, 2.0, self.clock)
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
        self._memory = _FencesNothing(100, 2.0, self.clock)
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
        self._memory = _FencesNoWorkspace(100, 2.0, self.clock)
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
        self._memory = _ResetsNoFlights(100, 2.0, self.clock)
        self._look_up = self._memory.grants.get


class _ResetsNothing(Memory):
    def clear(self) -> None:
        for flight in chain(*self.flights.values()):
            flight.void = True


class ResetsNothing(Core):
    """A reset drops the whole cache."""

    def start(self) -> None:
        super().start()
        self._memory = _ResetsNothing(100, 2.0, self.clock)
        self._look_up = self._memory.grants.get


class _BelievesEpochs(Lease):
    def read(self, poll: Poll, reply: Reply) -> News | None:
        news = super().read(poll, reply)
        return None if news is None else news._replace(reset=reply.reset and poll.epoch in {None, reply.epoch})


class TakesANewEpochForTheOld(Core):
    """Another epoch is a reset."""

    def start(self) -> None:
        super().start()
        self._lease = _BelievesEpochs()


MUTANTS: Final[dict[type[Core], tuple[str, ...]]] = {
    CountsFromTheReply: ("R:",),
    KnowsNoDrift: ("R:",),
    TrustsBeforeItApplies: ("R:",),
    BelievesStaleReplies: ("R:",),
    BelievesRepliesAfterTheEnd: ("R:", "leave", "leave", "take_reply", "take_leave"),
    DropsNothing: ("R:",),
    FencesNothing: ("R:", "read", "arrive", "renew"),
    FencesNoWorkspace: ("R:", "read", "arrive", "renew"),
    ResetsNoFlights: ("R:",),
    ResetsNothing: ("R:",),
    TakesANewEpochForTheOld: ("R:", "restore"),
}
"""Each without a rule, the promise that it breaks, and what happens often in the stories that show it."""

CLOCKS: Final[dict[type[Ticking], tuple[str, ...]]] = {StopsInSuspend: ("R:",)}
"""The same for clocks."""
