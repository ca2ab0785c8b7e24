"""The simulated world: processes with the real core, an issuer with the real leases, time, requests on their way.

Whatever happens next is decided by ``choose(n)``, a number below ``n``: Hypothesis or a seeded generator. Each
verdict carries the number of the question it came from, so that the oracle knows what a request was let in by.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeVar

from rf_middleware._asking import flow
from rf_middleware._core import Core
from rf_middleware._flight import Answer, Ask, Effect, Pause, Question, Start, Wait
from rf_middleware._models import Verdict
from rf_middleware._secret import Secret
from rf_middleware.issuer.leases import Leases
from tests.core.helpers import limits
from tests.simulation.database import Database
from tests.simulation.issuer import Issuer
from tests.simulation.oracle import Oracle
from tests.simulation.things import NEGATIVE_TTL, TIMEOUT, TTL, Arrived, Asked, Key, Process, Ticking

T = TypeVar("T")
RATES = (0.9901, 1.0, 1.0099)
"""How much faster a validator's clock may go than the issuer's."""


class Parts(NamedTuple):
    """What a world is built of: the real parts, or ones that lack a rule."""

    core: type[Core] = Core
    leases: type[Leases] = Leases
    issuer: type[Issuer] = Issuer
    database: type[Database] = Database
    clock: type[Ticking] = Ticking


class World:
    """Everything there is, and how a request is carried on. What happens to it is in ``story``.

    Args:
        choose: returns a number below its argument.
        parts: what it is built of.
        bound: ``None`` for an issuer with a feed, else the staleness allowed without one.
        only: the one kind of broken promise to look for; all of them when empty.
        favours: what is to happen often; some things, when empty.
    """

    def __init__(
        self,
        choose: Callable[[int], int],
        parts: Parts | None = None,
        bound: float | None = None,
        only: str = "",
        favours: Sequence[str] = (),
    ) -> None:
        self.choose, self.bound, self.favours = choose, bound, favours
        self.parts = parts or Parts()
        self.time: float = 0.0
        self.interrupt = 0
        self.oracle = Oracle(bound, only)
        self.keys = [Key("rfk_a", "one"), Key("rfk_b", "one"), Key("rfk_c", "two")]
        self.ended_last: list[Key] = []
        self.issuer_clock = Ticking(5000.0, RATES[choose(len(RATES))])
        self.issuer = self.parts.issuer(self.oracle, self.issuer_now, choose, self.parts.database(), self.parts.leases)
        self.processes: list[Process] = []
        self.requests: list[Arrived] = []
        self.busy: list[Arrived] = []
        self.open: list[Asked] = []
        self.leaving: list[tuple[str, str]] = []
        for rate in (RATES[0], RATES[-1]):
            self.processes.append(Process(self.parts.clock(0.0, rate * self.issuer_clock.rate)))
            self.start(self.processes[-1])

    def start(self, process: Process) -> None:
        """Start the program of a process."""
        told = limits(
            ttl=TTL,
            negative_ttl=NEGATIVE_TTL,
            bound=TTL if self.bound is None else self.bound,
            timeout=TIMEOUT,
        )
        process.core = self.parts.core(told, lambda: self.clock(process))
        process.sent.clear()
        process.replies.clear()
        process.closed = False
        if self.bound is not None:
            process.core.learn(has_feed=False)

    # ---- time

    def clock(self, process: Process) -> float:
        """Read a process's clock; a thread may be stopped here while the rest of the world goes on."""
        now = process.clock.read(self.time)
        if self.interrupt and not process.core._lock.locked():
            times, self.interrupt = self.interrupt, 0
            for _ in range(times):
                self.act()
        return now

    def issuer_now(self) -> float:
        """Read the issuer's clock; its process may be stopped here."""
        now = self.issuer_clock.read(self.time)
        if not self.choose(20):
            self.time += (0.01, 1.0, TIMEOUT, 11.0)[self.choose(4)]
        return now

    def act(self) -> None:
        """Let one thing happen."""
        raise NotImplementedError

    def visit(self, process: Process, key: Key) -> None:
        """Let a request arrive and be answered."""
        raise NotImplementedError

    def pick(self, among: list[T]) -> T:
        """Choose one of several."""
        return among[self.choose(len(among))]

    def tick(self) -> int:
        """Return the next place in the history."""
        self.oracle.step += 1
        return self.oracle.step

    # ---- requests

    def arrival(self, process: Process, key: Key) -> Arrived:
        """Let a request arrive, and be answered or begin to ask."""
        core = process.core
        request = Arrived(
            process,
            key,
            arrived=self.tick(),
            arrived_at=process.clock.read(self.time),
            issuer_time=self.issuer_clock.read(self.time),
            session=core._lease.session,
            flow=flow(core, Question(Secret(key.name), key.digest)),
        )
        self.busy.append(request)  # its thread may be stopped inside: nobody kills the process then
        grant = core.peek(key.digest)
        self.busy.remove(request)
        if grant is None:
            self.requests.append(request)
            self.advance(request, None)
        else:
            self._end(request, grant)
        self.interrupt = 0
        return request

    def try_everywhere(self) -> None:
        """Try the keys that ended last on every process: whatever is served from a cache must be right to be."""
        for process in self.processes:
            for key in self.ended_last:
                if process.core.peek(key.digest) is not None:
                    self.arrival(process, key)

    def ready(self, request: Arrived) -> bool:
        """Tell whether a request that waits or rests can go on."""
        waited = (self.time - request.since) * request.process.clock.rate
        effect = request.effect
        if request in self.busy or isinstance(effect, Ask) or effect is None:
            return False
        return (isinstance(effect, Wait) and (effect.landing.done() or waited >= effect.timeout)) or (
            isinstance(effect, Pause) and waited >= effect.seconds
        )

    def advance(self, request: Arrived, outcome: Answer | Verdict | None) -> None:
        """Carry a request on to the next thing it wants, or to its end."""
        self.busy.append(request)
        try:
            effect = request.flow.send(outcome)
        except StopIteration as stop:
            self.requests.remove(request)
            if not request.apart:
                self._end(request, stop.value)
            return
        finally:
            self.busy.remove(request)
        self.want(request, effect)

    def want(self, request: Arrived, effect: Effect) -> None:
        """Note what a request wants next."""
        request.effect, request.since = effect, self.time
        if isinstance(effect, Start):
            apart = replace(request, flow=effect.flow, effect=None, apart=True)
            self.requests.append(apart)
            self.want(apart, effect.first)
            self.advance(request, None)
        elif isinstance(effect, Ask):
            asked = Asked(request, len(self.oracle.asked), self.tick(), request.process.clock.read(self.time))
            self.oracle.asked.append(asked)
            self.open.append(asked)
            same = [
                each
                for each in self.open
                if each.request.process is request.process and each.request.key is request.key
            ]
            self.oracle.demand(len(same) <= 2, "more than two checks of one key are in flight")

    def land(self, asked: Asked, answer: Answer) -> None:
        """Let an answer, or that there is none, arrive."""
        self.open.remove(asked)
        asked.landed_at = asked.request.process.clock.read(self.time)
        self.advance(asked.request, answer)

    def _end(self, request: Arrived, verdict: Verdict) -> None:
        request.verdict = verdict
        self.oracle.judge(request, verdict)

    def abandon(self, request: Arrived) -> None:
        """Let the client of a request be gone."""
        self.requests.remove(request)
        self.open = [each for each in self.open if each.request is not request]
        request.flow.close()
