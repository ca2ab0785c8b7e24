"""The simulated world: processes with the real core, an issuer, a network that delays, loses and doubles, time.

Whatever happens next is decided by ``choose(n)``, a number below ``n``: Hypothesis or a seeded generator. Each
grant carries the number of the question it came from, so that the oracle knows what a request was let in by.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from rf_middleware._core import Core, Limits
from rf_middleware._flight import Answer, Ask, Effect, Flow, Pause, Start, Wait
from rf_middleware._models import Reason, Refusal, Verdict
from rf_middleware._secret import Secret
from rf_middleware._wire import Poll, Reply
from tests.core.helpers import limits
from tests.core.model import IssuerModel, Key

TIMEOUT = 5.0
TTL = 30.0
T = TypeVar("T")
CoreType = Callable[[Limits, Callable[[], float]], Core]


class Violation(AssertionError):  # noqa: N818 - it says what happened
    """A promise was broken."""


@dataclass(eq=False)
class Process:
    """A validator process: its core, its clock's rate, its polls on the way."""

    rate: float
    start: float
    core: Core = field(init=False)
    polls: list[Poll] = field(default_factory=list[Poll])
    replies: list[tuple[Poll, Reply]] = field(default_factory=list[tuple[Poll, Reply]])
    closed: bool = False


@dataclass(eq=False)
class Asked:
    """A question to the issuer, on its way there, or back with an answer."""

    request: "Arrived"
    number: int
    sent: int
    sent_at: float
    expires_in: float | None = None
    answer: Answer | None = None


@dataclass(eq=False)
class Arrived:
    """A request, from its arrival to its verdict."""

    process: Process
    key: Key
    arrived: int
    arrived_at: float
    flow: Flow
    effect: Effect | None = None
    since: float = 0.0
    verdict: Verdict | None = None
    apart: bool = False


class World:
    """Everything there is, how a request is carried on, and the oracle. What happens to it is in ``story``.

    Args:
        choose: returns a number below its argument.
        make: makes a core: the real one, or one that lacks a rule.
        bound: ``None`` for an issuer with a feed, else the staleness allowed without one.
    """

    def __init__(self, choose: Callable[[int], int], make: CoreType = Core, bound: float | None = None) -> None:
        self.choose = choose
        self.bound = bound
        self.time = 0.0
        self.step = 0
        self.keys = [Key("rfk_a", "one"), Key("rfk_b", "one"), Key("rfk_c", "two")]
        self.issuer = IssuerModel()
        self.processes: list[Process] = []
        self.requests: list[Arrived] = []
        self.asked: list[Asked] = []
        self.open: list[Asked] = []
        self.leaving: list[str] = []
        self.forgotten: list[tuple[Process, Key, int]] = []
        self.busy: list[Arrived] = []
        self.interrupt = 0
        for rate in (0.9901, 1.0099):
            self.start(make, rate)

    def start(self, make: CoreType, rate: float) -> None:
        told = limits(ttl=TTL, negative_ttl=2.0, bound=TTL if self.bound is None else self.bound, timeout=TIMEOUT)
        process = Process(rate, 100.0 + 1000.0 * rate)
        process.core = make(told, lambda: self.clock(process))
        if self.bound is not None:
            process.core.learn(has_feed=False)
        self.processes.append(process)

    def clock(self, process: Process) -> float:
        """Read a process's clock; a thread may be stopped here while the rest of the world goes on."""
        if self.interrupt and not process.core._lock.locked():
            times, self.interrupt = self.interrupt, 0
            now = process.start + process.rate * self.time
            for _ in range(times):
                self.act()
            return now
        return process.start + process.rate * self.time

    def act(self) -> None:
        """Let one thing happen."""
        raise NotImplementedError

    def pick(self, among: list[T]) -> T:
        """Choose one of several."""
        return among[self.choose(len(among))]

    def tick(self) -> int:
        """Return the next place in the history."""
        self.step += 1
        self.issuer.step = self.step
        return self.step

    def arrival(self, process: Process, key: Key) -> Arrived:
        """Let a request arrive, and be answered or begin to ask."""
        now = process.start + process.rate * self.time
        request = Arrived(process, key, self.tick(), now, process.core.flow(Secret(key.name), key.digest))
        grant = process.core.peek(key.digest)
        self.interrupt = 0
        if grant is None:
            self.requests.append(request)
            self.advance(request, None)
        else:
            self._end(request, grant)
        return request

    def ready(self, request: Arrived) -> bool:
        """Tell whether a request that waits or rests can go on."""
        waited = (self.time - request.since) * request.process.rate
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
        request.effect, request.since = effect, self.time
        if isinstance(effect, Start):
            apart = Arrived(request.process, request.key, self.step, request.arrived_at, effect.flow, apart=True)
            self.requests.append(apart)
            self.advance(apart, None)
            self.advance(request, None)
            return
        if isinstance(effect, Ask):
            sent_at = request.process.start + request.process.rate * self.time
            asked = Asked(request, len(self.asked), self.tick(), sent_at)
            self.asked.append(asked)
            self.open.append(asked)
            same = [
                each
                for each in self.open
                if each.request.process is request.process and each.request.key is request.key
            ]
            self.demand(len(same) <= 2, "more than two checks of one key are in flight")

    # ---- the oracle

    def demand(self, kept: bool, promise: str) -> None:
        """Check a promise.

        Raises:
            Violation: it was broken.
        """
        if not kept:
            raise Violation(f"step {self.step}, time {self.time:.3f}: {promise}")

    def _end(self, request: Arrived, verdict: Verdict) -> None:
        request.verdict = verdict
        key = request.key
        if isinstance(verdict, Refusal):
            fair = key.revoked or verdict.reason is Reason.ISSUER_UNAVAILABLE
            self.demand(fair, f"a good key was refused: {verdict.reason}")
            return
        asked = self.asked[int(verdict.key_id)]
        acknowledged = bool(self.bound) or key.acknowledged is None or request.arrived <= key.acknowledged
        self.demand(acknowledged, "R: accepted after the revocation was acknowledged")
        self.demand(asked.request.key is key, "let in by the answer about another key")
        self.demand(asked.request.process is request.process, "let in by what another process was told")
        for process, forgotten, step in self.forgotten:
            after = process is request.process and forgotten is key and step < request.arrived
            self.demand(not after or asked.sent > step, "let in by what was asked before it was forgotten")
        if asked.sent > request.arrived:
            return
        self.demand(self.bound != 0.0, "strict: let in by a check that began before the request arrived")
        age = request.arrived_at - asked.sent_at
        for bound, promise in ((TTL, "ttl"), (self.bound, "bounded"), (asked.expires_in, "expires_in")):
            self.demand(bound is None or age < bound, f"{promise}: let in by an answer {age:.3f} s old")
