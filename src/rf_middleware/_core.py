"""The one place that decides whether a key is good. Pure: no I/O, no waiting, the clock passed in.

Rules for this file:

* ``peek`` is the hit: no lock, no await. It reads the deadline *before* the look-up: in the other order a
  request could take an old entry, the feed drop it and renew, and the comparison pass.
* ``decide`` begins a miss and ``land`` ends a question; what happens between stands in ``_asking``.
* Everything but ``peek`` decides under the lock, and nothing waits or calls out while holding it.
* What was forgotten while a check was in flight fences that check: its answer is thrown away unless the
  issuer read the key after the event.
* An answer may serve a request that arrived after its question was sent only while the lease is live. Without one
  at most two checks of a key are in flight: a request joins the one that began after it arrived, or waits to begin it.
* While the issuer can't be asked an old grant may stand in, if that was allowed: never one dropped or refused.
"""

import math
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from rf_middleware._clock import Clock
from rf_middleware._counts import Counts, Sizes
from rf_middleware._crowd import Crowd
from rf_middleware._flight import Answer, Flight, Question, Share, joinable
from rf_middleware._gate import UNAVAILABLE, Gate
from rf_middleware._lease import Lease, News
from rf_middleware._limits import Limits
from rf_middleware._memory import Memory
from rf_middleware._models import Grant, Reason, Refusal, Staleness, Verdict
from rf_middleware._turn import Turn

if TYPE_CHECKING:
    from rf_middleware._keyformat import KeyFormat
    from rf_middleware._wire import Poll, Reply

__all__ = ["UNAVAILABLE", "Core", "Limits"]

_PATIENCE: Final = 1.0
"""Seconds that a question may take before an old grant stands in for its answer, where one can."""


class Core:
    """Everything one validator knows.

    Attributes:
        deadline: until when, on the package's clock, cached grants are trusted. It is the end of the lease;
            without a feed it never comes; while it is unknown whether there is a feed it has passed.
    """

    def __init__(self, limits: Limits, clock: Clock, crowd: Crowd | None = None) -> None:
        self.limits = limits
        self.clock = clock
        self._crowd = crowd or Crowd()
        self.start()

    def start(self) -> None:
        """Begin as a new validator, knowing nothing: at construction and in a forked child."""
        limits = self.limits
        self.deadline = -math.inf
        self._has_feed: bool | None = None
        self._lock = Turn()
        self._lease = Lease()
        self._key_format: KeyFormat | None = None
        self._memory = Memory(limits.maxsize, limits.negative_ttl, self.clock)
        self._look_up = self._memory.grants.get
        self.began = 0
        self.counts = Counts()
        self._gate = Gate(limits, self.counts)

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
        now = self.clock()
        if now < deadline:
            entry = self._look_up(digest)
            if entry is not None and now < entry[0]:
                return entry[1]
        return None

    # ---- the miss

    def could_be(self, key: bytes) -> bool:
        """Tell whether it makes sense to ask about a key, by what the issuer says of its own."""
        return self._key_format is None or self._key_format.could_be(key)

    def sit(self, question: Question, seats: float) -> float:
        """Note that somebody may wait for the issuer, and return for how many seconds."""
        now = self.clock()
        patience = self._crowd.enter(question, seats, now)
        with self._lock:
            if self._spare(question.digest, now) is None:
                return patience
            asked = self._memory.asked_since(question.digest, now)
        return min(patience, max(0.0, asked + _PATIENCE - now))

    def rise(self, question: Question) -> None:
        """Note that it waits no more."""
        self._crowd.leave(question)

    def decide(self, question: Question, arrived: int, *, may_wait: bool) -> Verdict | Share:
        """Answer, or take part in a flight.

        Args:
            question: what to find out.
            arrived: how many checks had begun when the request arrived.
            may_wait: whether it may wait for the issuer at all.
        """
        with self._lock:
            now = self.clock()
            step = self._remembered(question, now)
            if step is not None:
                return step
            if not may_wait:
                return self._gate.crowded()
            live = now < self.deadline
            shared = joinable(self._memory.flights.get(question.digest, ()), arrived, live=live)
            if shared is not None:
                return Share(shared, mine=False, live=live)
            payer = question.client if self._memory.grants.get(question.digest) is None else None
            return self._gate.refusal(now, payer) or self._begin(question, now, payer=payer)

    def _remembered(self, question: Question, now: float) -> Verdict | Share | None:
        digest, memory = question.digest, self._memory
        known = memory.denials.get(digest) or self.peek(digest)
        if known is not None:
            return known
        entry = memory.grants.get(digest)
        if entry is None or now >= min(entry[0] + entry[2].kept, self.deadline):
            return None
        if digest in memory.flights or self._gate.rests(now):
            return entry[1]
        return self._begin(question, now, known=entry[1])  # in use while it ages: renewed in the background

    def _begin(self, question: Question, now: float, *, known: Grant | None = None, payer: str | None = None) -> Share:
        self.began += 1
        self.counts.asked += 1
        publishable = question.key.publishable
        flight = Flight(self.began, now, self._lease.applied, publishable=publishable, payer=payer)
        self._memory.begin(question.digest, flight)
        return Share(flight, mine=True, live=True, known=known)

    def land(self, digest: bytes, flight: Flight, answer: Answer | None) -> Verdict | None:
        """Take in an answer; ``None`` when it was thrown away or never came."""
        if answer is None:
            self._lock.last(partial(self._lost, digest, flight))
            return None
        with self._lock:
            listed = self._memory.land(digest, flight)
            verdict = self._judge(digest, flight, answer) if listed else None
        flight.landing.set_result(verdict)
        return verdict

    def _lost(self, digest: bytes, flight: Flight) -> None:
        self._memory.land(digest, flight)
        self._gate.ended(flight, None)
        flight.landing.set_result(None)

    def _judge(self, digest: bytes, flight: Flight, answer: Answer) -> Verdict | None:
        verdict = answer.believed()
        self._gate.ended(flight, verdict)
        if not self._gate.answered(verdict, self.clock(), flight.payer):
            return verdict
        if flight.void or self._lease.outdates(flight, answer):
            self.counts.outdated += 1
            if isinstance(verdict, Refusal):  # perhaps of before a change, but nobody vouches for the key any more
                self._memory.grants.distrust([digest])
            return None
        if isinstance(verdict, Refusal):
            self._memory.deny(digest, verdict)
            return verdict
        if flight.publishable:  # not secret, whatever the issuer says of it
            verdict = replace(verdict, publishable=True)
        times = self.limits.times(leased=self._lease.epoch is not None, has_feed=self._has_feed is not False)
        self._memory.grant(digest, flight, verdict, times)
        return verdict

    def or_stale(self, digest: bytes, verdict: Verdict) -> Verdict:
        """Return the verdict, or where nobody can give one an old grant, if that is allowed (RFC 5861 section 4)."""
        if isinstance(verdict, Grant) or verdict.reason is not Reason.ISSUER_UNAVAILABLE:
            return verdict
        with self._lock:
            grant = self._spare(digest, self.clock())
            self.counts.stale += grant is not None and grant.stale_for is not None
            return grant or verdict

    def _spare(self, digest: bytes, now: float) -> Grant | None:
        vouched = math.inf if self._has_feed is False else self.deadline
        return self._memory.spare(digest, now, vouched, self.limits.stale_if_error)

    # ---- the feed, and other ways to be told

    def forget(self, digest: bytes) -> None:
        """Drop what is known of a key, and fence the check in flight for it."""
        with self._lock:
            self._memory.forget(digest)

    def learn(self, *, has_feed: bool, key_format: "KeyFormat | None" = None) -> None:
        """Take in what the issuer definitely says of itself: whether it has a feed, and what its keys look like."""
        with self._lock:
            self._has_feed = has_feed
            self._key_format = key_format
            if not has_feed and self.limits.bound > 0:
                self.deadline = math.inf

    def poll(self, wait: float, name: str = "", version: str = "") -> "Poll":
        """Write the next poll of the feed. The clock is read here: send it after this."""
        with self._lock:
            return self._lease.poll(self.clock(), wait, name, version)

    def apply(self, poll: "Poll", reply: "Reply") -> News | None:
        """Take in the answer to a poll: first the events, then the lease. ``None``: it was ignored."""
        with self._lock:
            news = self._lease.read(poll, reply)
            if news is None:
                return None
            self.counts.events += len(news.events)
            if news.reset:
                self.counts.resets += 1
                self._memory.clear()
            for event in news.events:
                self._memory.drop(event)
            if self.deadline <= self.clock():  # the feed is back after an outage, and the issuer with it
                self._gate.reopen()
            self.deadline = news.deadline
            return news

    def give_back(self) -> str:
        """Stop trusting the cache for good, and return the session whose lease can be given back."""
        with self._lock:
            self.deadline = -math.inf
            self._lease.give_back()
            return self._lease.session

    def sizes(self) -> Sizes:
        """Say how much is remembered."""
        return self._memory.sizes()

    def staleness(self) -> Staleness:
        """Say what is promised at this moment."""
        return self.limits.promise(self.deadline - self.clock(), has_feed=self._has_feed is not False)
