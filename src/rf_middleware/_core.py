"""The one place that decides whether a key is good. Pure: no I/O, no waiting, the clock passed in.

Rules for this file:

* ``peek`` is the hit: no lock, no await. It reads the deadline *before* the look-up: in the other order a
  request could take an old entry, the feed drop it and renew, and the comparison pass.
* ``flow`` is the miss, written once: a generator that yields what it needs done (``Ask``, ``Wait``,
  ``Pause``) to a driver in a thread or on an event loop.
* Everything but ``peek`` decides under the lock, and nothing waits or calls out while holding it.
* What was forgotten while a check was in flight fences that check: its answer is thrown away unless the
  issuer read the key after the event.
* An answer may serve a request that arrived after its question was sent only while the lease is live.
"""

import math
from collections.abc import Generator
from dataclasses import dataclass, replace
from threading import Lock
from typing import Final

from rf_middleware._breaker import Breaker, Budget
from rf_middleware._clock import Clock
from rf_middleware._flight import Answer, Ask, Effect, Flight, Flow, Pause, Share, Wait
from rf_middleware._lease import Lease, News
from rf_middleware._memory import Memory
from rf_middleware._models import Grant, Reason, Refusal, Staleness, Verdict
from rf_middleware._secret import Secret
from rf_middleware._wire import Poll, Reply

__all__ = ["Core", "Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long things are kept, how many, and how long anybody waits. Seconds and counts.

    Attributes:
        bound: how stale a grant may be without a lease.
    """

    ttl: float
    negative_ttl: float
    bound: float
    maxsize: int
    timeout: float
    unknown_key_rate: float
    unknown_key_burst: int


_UNAVAILABLE: Final = Refusal(Reason.ISSUER_UNAVAILABLE)
_LONGEST_PAUSE: Final = 0.5


class Core:
    """Everything one validator knows.

    Attributes:
        deadline: until when, on the package's clock, cached grants are trusted. It is the end of the lease;
            without a feed it never comes; while it is unknown whether there is a feed it has passed.
    """

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self.start()

    def start(self) -> None:
        """Begin as a new validator, knowing nothing: at construction and in a forked child."""
        limits = self._limits
        self.deadline = -math.inf
        self._has_feed: bool | None = None
        self._lock = Lock()
        self._lease = Lease()
        self._memory = Memory(limits.maxsize, limits.negative_ttl, self._clock)
        self._look_up = self._memory.grants.get
        self._began = 0
        self._breaker = Breaker()
        self._budget = Budget(limits.unknown_key_rate, limits.unknown_key_burst)

    def renew(self) -> None:
        """Forget everything, and take up the feed as a new session; requests under way go on."""
        with self._lock:
            self.deadline = -math.inf
            self._has_feed = None
            self._lease = Lease()
            self._memory.clear()

    # ---- the hit

    def peek(self, digest: bytes) -> Grant | None:
        """Return the grant of a key that needs no asking."""
        deadline = self.deadline
        now = self._clock()
        if now < deadline:
            entry = self._look_up(digest)
            if entry is not None and now < entry[0]:
                return entry[1]
        return None

    # ---- the miss

    def flow(self, key: Secret, digest: bytes) -> Flow:
        """Find out about a key that ``peek`` did not know."""
        arrived = self._began  # checks that begin from now on have a higher number
        arrived_at = self._clock()
        give_up = arrived_at + self._limits.timeout
        thrown_away = 0
        while True:
            step = self._next(key, digest)
            if isinstance(step, Grant | Refusal):
                return step
            left = give_up - self._clock()
            if step.mine:
                verdict = yield from self._lead(key, digest, step.flight, left)
                if verdict is not None:
                    return verdict
                if thrown_away and left > 0:
                    yield Pause(min(left, _LONGEST_PAUSE, 0.01 * 2.0**thrown_away))
                thrown_away += 1
            else:
                outcome = yield Wait(step.flight.landing, max(0.0, left))
                if isinstance(outcome, Grant | Refusal) and step.serves(outcome, arrived, arrived_at):
                    return outcome
            if give_up <= self._clock():
                return _UNAVAILABLE

    def _lead(
        self, key: Secret, digest: bytes, flight: Flight, left: float
    ) -> Generator[Effect, Answer | Verdict | None, Verdict | None]:
        """Ask, on behalf of all who share the flight."""
        answer: Answer | None = None
        verdict: Verdict | None = None
        try:
            if left > 0:
                reply = yield Ask(key, left)
                answer = reply if isinstance(reply, Answer) else Answer(_UNAVAILABLE)
        finally:  # whatever ends this request, those who wait for it go on
            verdict = self._land(digest, flight, answer)
        return verdict

    def _next(self, key: Secret, digest: bytes) -> Verdict | Share:
        """Decide under the lock: answer, or take part in a flight as its leader or as one who waits."""
        with self._lock:
            memory, now = self._memory, self._clock()
            known = memory.denials.get(digest) or self.peek(digest)
            if known is not None:
                return known
            flight = memory.flights.get(digest)
            if flight is not None:
                return Share(flight, mine=False, live=now < self.deadline)
            rest = self._breaker.wait(now)
            if rest > 0:
                return replace(_UNAVAILABLE, retry_after=rest)
            unknown = memory.grants.get(digest) is None
            shortage = self._budget.take(now) if unknown else 0.0
            if shortage > 0:
                return Refusal(Reason.TOO_MANY_UNKNOWN_KEYS, retry_after=shortage)
            self._began += 1
            flight = Flight(self._began, now, self._lease.applied, publishable=key.publishable, paid=unknown)
            memory.flights[digest] = flight
            return Share(flight, mine=True, live=True)

    def _land(self, digest: bytes, flight: Flight, answer: Answer | None) -> Verdict | None:
        """Take in an answer; ``None`` when it was thrown away or never came."""
        with self._lock:
            listed = self._memory.land(digest, flight)
            verdict = self._judge(digest, flight, answer) if listed and answer is not None else None
            denied = isinstance(verdict, Refusal) and verdict.reason is not Reason.ISSUER_UNAVAILABLE
            if flight.paid and not denied:
                self._budget.give_back()
        flight.landing.set_result(verdict)
        return verdict

    def _judge(self, digest: bytes, flight: Flight, answer: Answer) -> Verdict | None:
        verdict = answer.believed()
        if isinstance(verdict, Refusal) and verdict.reason is Reason.ISSUER_UNAVAILABLE:
            self._breaker.failed(self._clock())
            return verdict
        self._breaker.succeeded()
        if flight.void or self._outdated(flight, answer):
            return None
        if isinstance(verdict, Refusal):
            self._memory.deny(digest, verdict)
            return verdict
        if flight.publishable:  # not secret, whatever the issuer says of it
            verdict = replace(verdict, publishable=True)
        kept = self._limits.ttl if self._lease.epoch is not None else self._limits.bound
        self._memory.grant(digest, flight, verdict, kept, self._clock())
        return verdict

    def _outdated(self, flight: Flight, answer: Answer) -> bool:
        """Tell whether the issuer may have read the key before something this validator was told."""
        epoch = self._lease.epoch
        if epoch is None or (answer.epoch is None and isinstance(answer.verdict, Refusal)):
            return False  # no feed to compare with; or a plain HTTP refusal, which lets nobody in
        return answer.epoch != epoch or answer.head < max(flight.applied, flight.fence)

    # ---- the feed, and other ways to be told

    def forget(self, digest: bytes) -> None:
        """Drop what is known of a key, and fence the check in flight for it."""
        with self._lock:
            self._memory.forget(digest)

    def learn(self, *, has_feed: bool) -> None:
        """Take in what the issuer definitely says of itself: whether it has a feed."""
        with self._lock:
            self._has_feed = has_feed
            if not has_feed and self._limits.bound > 0:
                self.deadline = math.inf

    def poll(self, wait: float, name: str = "") -> Poll:
        """Write the next poll of the feed. The clock is read here: send it after this."""
        with self._lock:
            return self._lease.poll(self._clock(), wait, name)

    def apply(self, poll: Poll, reply: Reply) -> News | None:
        """Take in the answer to a poll: first the events, then the lease. ``None``: it was ignored."""
        with self._lock:
            news = self._lease.read(poll, reply)
            if news is None:
                return None
            if news.reset:
                self._memory.clear()
            for event in news.events:
                self._memory.drop(event)
            self.deadline = news.deadline
            return news

    def give_back(self) -> str:
        """Stop trusting the cache for good, and return the session whose lease can be given back."""
        with self._lock:
            self.deadline = -math.inf
            self._lease.give_back()
            return self._lease.session

    def staleness(self) -> Staleness:
        """Say what is promised at this moment."""
        left = self.deadline - self._clock()
        if left <= 0:
            return Staleness("strict")
        return (
            Staleness("bounded", self._limits.bound) if self._has_feed is False else Staleness("lease", lease_left=left)
        )
