"""The one place that decides whether a key is good. Pure: no I/O, no waiting, the clock passed in.

Rules for this file:

* ``peek`` is the hit: no lock, no await. It reads the deadline *before* the look-up: in the other order a
  request could take an old entry, the feed drop it and renew, and the comparison pass.
* ``flow`` is the miss, written once: a generator that yields what it needs done (``Ask``, ``Wait``,
  ``Pause``, ``Start``) to a driver in a thread or on an event loop.
* Everything but ``peek`` decides under the lock, and nothing waits or calls out while holding it.
* What was forgotten while a check was in flight fences that check: its answer is thrown away unless the
  issuer read the key after the event.
* An answer may serve a request that arrived after its question was sent only while the lease is live. Without one
  at most two checks of a key are in flight: a request joins the one that began after it arrived, or waits to begin it.
* A question has the whole time limit, however little the request that needs it has left: else a slow issuer would
  look like one that is down.
"""

import math
from dataclasses import replace
from threading import Lock
from typing import Final

from rf_middleware._breaker import Breaker, Budget
from rf_middleware._clock import Clock
from rf_middleware._flight import Answer, Ask, Flight, Flow, Pause, Share, Start, Wait, joinable
from rf_middleware._lease import Lease, News
from rf_middleware._limits import Limits
from rf_middleware._memory import Memory
from rf_middleware._models import Grant, Reason, Refusal, Staleness, Verdict
from rf_middleware._secret import Secret
from rf_middleware._wire import Poll, Reply

__all__ = ["Core", "Limits"]


_UNAVAILABLE: Final = Refusal(Reason.ISSUER_UNAVAILABLE)
_LONGEST_PAUSE: Final = 0.5
_FRESH: Final = 0.8
"""Of the time that a grant may be kept without a feed; after that a key in use is asked about in the background."""


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
        late, thrown_away = False, 0
        while True:
            step = self._next(key, digest, arrived)
            if isinstance(step, Grant | Refusal):
                return step
            outcome: Answer | Verdict | None
            if step.mine and not late and step.known is None:
                outcome = yield from self._lead(key, digest, step.flight)
            else:
                if step.mine:  # a question has all its time, however little this request has left
                    lead = self._lead(key, digest, step.flight)
                    yield Start(lead, next(lead))
                if step.known is not None:
                    return step.known
                outcome = yield Wait(step.flight.landing, max(0.0, give_up - self._clock()))
            if isinstance(outcome, Grant | Refusal) and step.serves(outcome, arrived, arrived_at):
                return outcome
            late, left = True, give_up - self._clock()
            if left <= 0:
                return _UNAVAILABLE
            if step.mine:
                if thrown_away:
                    yield Pause(min(left, _LONGEST_PAUSE, 0.01 * 2.0**thrown_away))
                thrown_away += 1

    def _lead(self, key: Secret, digest: bytes, flight: Flight) -> Flow:
        """Ask, on behalf of all who share the flight."""
        answer: Answer | None = None
        verdict: Verdict | None = None
        try:
            reply = yield Ask(key, self._limits.timeout)
            answer = reply if isinstance(reply, Answer) else Answer(_UNAVAILABLE)
        finally:  # whatever ends this request, those who wait for it go on
            verdict = self._land(digest, flight, answer)
        return verdict

    def _next(self, key: Secret, digest: bytes, arrived: int) -> Verdict | Share:
        """Decide under the lock: answer, or take part in a flight."""
        with self._lock:
            memory, now = self._memory, self._clock()
            known = memory.denials.get(digest) or self.peek(digest)
            if known is not None:
                return known
            flights, live = memory.flights.get(digest, ()), now < self.deadline
            entry = memory.grants.get(digest)
            if entry is not None and live and now < entry[2]:  # in use while it ages: renewed in the background
                renewing = flights or self._breaker.wait(now)
                return entry[1] if renewing else self._begin(key, digest, now, known=entry[1])
            shared = joinable(flights, arrived, live=live)
            if shared is not None:
                return Share(shared, mine=False, live=live)
            rest = self._breaker.wait(now)
            if rest > 0:
                return replace(_UNAVAILABLE, retry_after=rest)
            shortage = self._budget.take(now) if entry is None else 0.0
            if shortage > 0:
                return Refusal(Reason.TOO_MANY_UNKNOWN_KEYS, retry_after=shortage)
            return self._begin(key, digest, now, paid=entry is None)

    def _begin(
        self, key: Secret, digest: bytes, now: float, *, known: Grant | None = None, paid: bool = False
    ) -> Share:
        self._began += 1
        flight = Flight(self._began, now, self._lease.applied, publishable=key.publishable, paid=paid)
        self._memory.begin(digest, flight)
        return Share(flight, mine=True, live=True, known=known)

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
        fresh = kept * _FRESH if self._has_feed is False else kept
        self._memory.grant(digest, flight, verdict, kept, fresh)
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

    def poll(self, wait: float, name: str = "", version: str = "") -> Poll:
        """Write the next poll of the feed. The clock is read here: send it after this."""
        with self._lock:
            return self._lease.poll(self._clock(), wait, name, version)

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
            if self.deadline <= self._clock():  # the feed is back after an outage, and the issuer with it
                self._breaker.succeeded()
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
