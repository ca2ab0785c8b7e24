"""A clock moved by hand, requests driven by hand, and short names for what the tests of the core say all the time."""

import math
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from rf_middleware._asking import flow
from rf_middleware._core import Core, Limits
from rf_middleware._fingerprint import fingerprint
from rf_middleware._flight import Answer, Ask, Effect, Flow, Pause, Question, Start, Wait
from rf_middleware._models import Grant, Reason, Refusal, Verdict, Workspace
from rf_middleware._secret import Secret
from rf_middleware._wire import Event, Reply

KEY = "rfk_some-key"
DIGEST = fingerprint(KEY.encode())
LEASE = 10.0
GRANT = Grant(Workspace("acme"))
INVALID = Refusal(Reason.INVALID_KEY)
UNAVAILABLE = Refusal(Reason.ISSUER_UNAVAILABLE)


class HandClock:
    """Seconds that go forward only when a test says so, unless ``reads`` holds what the next readings are."""

    def __init__(self, start: float = 1000.0) -> None:
        self.time = start
        self.reads: list[float] = []
        self.on_read: Callable[[], None] | None = None

    def __call__(self) -> float:
        if self.on_read is not None:
            on_read, self.on_read = self.on_read, None
            now = self.time
            on_read()
            return now
        return self.reads.pop(0) if self.reads else self.time

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.time += seconds


def limits(
    *,
    ttl: float = 60.0,
    negative_ttl: float = 5.0,
    bound: float = 60.0,
    maxsize: int = 100,
    timeout: float = 5.0,
    rate: float = 50.0,
    burst: int = 200,
    spare: float = 0.0,
) -> Limits:
    """Return limits, the contract's defaults unless said otherwise."""
    return Limits(ttl, negative_ttl, bound, maxsize, timeout, rate, burst, spare)


class Request:
    """One request whose flow is driven by hand: ``effect`` is what it wants, ``verdict`` how it ended."""

    def __init__(self, core: Core, key: str = KEY, client: str = "", seats: float = math.inf) -> None:
        self.digest = fingerprint(key.encode())
        self.effect: Effect | None = None
        self.apart: Flow | None = None
        self.question: Ask | None = None
        self.verdict: Verdict | None = core.peek(self.digest)
        self._flow = flow(core, Question(Secret(key), self.digest, client), seats)
        if self.verdict is None:
            self.send(None)

    def send(self, value: Answer | Verdict | None) -> None:
        """Do what it wanted, with this outcome; an answer goes to what it has started apart, if that asks."""
        if self.apart is not None and isinstance(value, Answer):
            flow, self.apart, self.question = self.apart, None, None
            with suppress(StopIteration):
                flow.send(value)
            return self.go_on()
        try:
            self.effect = self._flow.send(value)
        except StopIteration as stop:
            self.effect = None
            self.verdict = stop.value
        if isinstance(self.effect, Start):
            self.apart = self.effect.flow
            assert isinstance(self.effect.first, Ask)
            self.question = self.effect.first
            return self.send(None)
        if isinstance(self.effect, Ask):
            self.question = self.effect
        return None

    @property
    def asks(self) -> bool:
        """Whether the issuer is to be asked, by itself or by what it has started apart."""
        return isinstance(self.effect, Ask) or self.apart is not None

    @property
    def waits(self) -> bool:
        """Whether it waits for another's check."""
        return isinstance(self.effect, Wait) and self.apart is None

    @property
    def pauses(self) -> bool:
        """Whether it wants to rest before it asks again."""
        return isinstance(self.effect, Pause)

    def go_on(self) -> None:
        """Go on after a pause, or after a wait that has ended or has taken too long; one that asks goes on asking."""
        if self.asks or self.verdict is not None:
            return
        outcome: Verdict | None = None
        if isinstance(self.effect, Wait) and self.effect.landing.done():
            outcome = self.effect.landing.result()
        self.send(outcome)

    def cancel(self) -> None:
        """End it from outside, as a driver does for a cancelled task."""
        self._flow.close()
        self.effect = None


@dataclass
class Bench:
    """A core on a hand-driven clock, with a feed unless ``feed`` is false."""

    core: Core
    clock: HandClock
    epoch: str = "one"
    head: int = 0

    def request(self, key: str = KEY, client: str = "", seats: float = math.inf) -> Request:
        """Let a request arrive: from some client, in a thread that may be one of so many that wait."""
        return Request(self.core, key, client, seats)

    def hit(self, key: str = KEY) -> Grant | None:
        """Return what the cache says of a key."""
        return self.core.peek(fingerprint(key.encode()))

    def renew(self, *events: Event, reset: bool = False, lease: float = LEASE, epoch: str | None = None) -> None:
        """Poll the feed and get news and a lease, all in an instant."""
        poll = self.core.poll(3.0)
        self.epoch = epoch or self.epoch
        self.head = max([self.head, *(event.seq for event in events)])
        self.core.apply(poll, Reply(self.epoch, reset, self.head, events, lease))

    def revoke(self, key: str = KEY) -> Event:
        """Return the next event, that of a revoked key."""
        self.head += 1
        return Event(self.head, "revoked", fingerprint=fingerprint(key.encode()))

    def yes(self, *, head: int | None = None, epoch: str | None = None, expires_in: float | None = None) -> Answer:
        """Return a grant as the issuer gives it now, or as it gave it at an older ``head``."""
        grant = Grant(Workspace("acme"), expires_in=expires_in)
        return Answer(grant, epoch or self.epoch, self.head if head is None else head)

    def no(self, *, head: int | None = None) -> Answer:
        """Return a denial as the issuer gives it now."""
        return Answer(INVALID, self.epoch, self.head if head is None else head)

    def learn(self, key: str = KEY) -> None:
        """Get a grant for a key into the cache."""
        request = self.request(key)
        assert request.asks
        request.send(self.yes())


def leased(told: Limits | None = None) -> Bench:
    """Return a core that holds a lease."""
    bench = dark(told)
    bench.core.learn(has_feed=True)
    bench.renew()
    return bench


def dark(told: Limits | None = None) -> Bench:
    """Return a core that does not know yet whether there is a feed."""
    clock = HandClock()
    return Bench(Core(told or limits(), clock), clock)


def feedless(told: Limits | None = None) -> Bench:
    """Return a core whose issuer has no feed."""
    bench = dark(told)
    bench.core.learn(has_feed=False)
    return bench


def plain(verdict: Verdict = GRANT) -> Answer:
    """Return an answer of an issuer without a feed."""
    return Answer(verdict)


def reasons(requests: Iterable[Request]) -> list[Reason | None]:
    """Return why each request was refused, ``None`` for those let in."""
    return [request.verdict.reason if isinstance(request.verdict, Refusal) else None for request in requests]


NOT_NUMBERS = (math.nan, math.inf, -math.inf)
