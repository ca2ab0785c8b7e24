"""What was promised: R, L, A and receipts, checked at every step on what can be seen from outside.

It keeps its own account of who holds a lease until when and who has confirmed what. It knows nothing of how the
issuer or a validator decides.
"""

from dataclasses import dataclass, field
from typing import NoReturn

from rf_middleware._models import Grant, Reason, Refusal, Verdict
from rf_middleware.issuer.decisions import Acknowledged, Name
from rf_middleware.issuer.leases import Leases
from tests.simulation.things import NEGATIVE_TTL, TTL, Arrived, Asked, End, Key, Process


class Violation(AssertionError):  # noqa: N818 - it says what happened
    """A promise was broken."""


@dataclass
class Wait:
    """A published event that is not acknowledged: the lease holders then, with their ends as they were then.

    Attributes:
        confirmed: who has confirmed before the end.
        late: who has confirmed after it.
    """

    holders: dict[Name, float]
    confirmed: set[Name] = field(default_factory=set[Name])
    late: int = 0
    complete: bool = False

    def due(self, gate: float) -> float:
        """Return when it must be acknowledged, whoever does not answer."""
        return max([gate, *(end for name, end in self.holders.items() if name not in self.confirmed)])


class Oracle:
    """Watches one world.

    Args:
        bound: ``None`` for an issuer with a feed, else the staleness allowed without one.
        only: the one kind of broken promise to look for; all of them when empty.

    Attributes:
        step: the place in the simulated history.
        granted: the end of each session's lease on the issuer's clock, in whatever life it was granted.
        news: something has been acknowledged just now.
        left: the step at which a session gave up its lease.
    """

    def __init__(self, bound: float | None, only: str) -> None:
        self.bound, self.only, self.step = bound, only, 0
        self.asked: list[Asked] = []
        self.forgotten: list[tuple[Process, Key, int]] = []
        self.granted: dict[str, float] = {}
        self.left: dict[str, int] = {}
        self.gate, self.news = 0.0, False
        self.holders: dict[Name, float] = {}
        self.waits: dict[int, Wait] = {}

    def demand(self, kept: bool, promise: str) -> None:
        """Check a promise."""
        if not kept and self.only in promise:
            self.broken(promise)

    def broken(self, promise: str) -> NoReturn:
        """Say that a promise was broken.

        Raises:
            Violation: always.
        """
        raise Violation(f"step {self.step}: {promise}")

    # ---- the issuer: L and receipts

    def begins(self, gate: float, unfinished: list[int]) -> None:
        """Note that a life of the issuer begins."""
        self.gate = gate
        self.holders.clear()
        self.waits = {seq: Wait({}, complete=True) for seq in unfinished}

    def grants(self, name: Name, end: float) -> None:
        """Note a lease."""
        self.holders[name] = end
        self.granted[name[1]] = max(end, self.granted.get(name[1], end))

    def publishes(self, seq: int, now: float) -> None:
        """Note that an event is published: whoever holds a lease now is waited for."""
        self.waits[seq] = Wait({name: end for name, end in self.holders.items() if end > now})

    def confirms(self, name: Name, seq: int, now: float) -> None:
        """Note that a session has said that it applied the events up to ``seq``."""
        for each, wait in self.waits.items():
            if each <= seq and name in wait.holders and name not in wait.confirmed:
                if now < wait.holders[name]:
                    wait.confirmed.add(name)
                else:
                    wait.late += 1

    def gives_back(self, name: Name, now: float) -> None:
        """Note that a lease was given back."""
        self.holders.pop(name, None)
        self.confirms(name, max(self.waits, default=0), now)

    def acknowledges(self, done: Acknowledged) -> None:
        """Check a receipt: who confirmed and who ran out are together all that were waited for."""
        for seq in (*done.also, done.seq):
            wait = self.waits.pop(seq, Wait({}))
            least, everybody = len(wait.confirmed), len(wait.holders)
            fair = least <= done.confirmed <= least + wait.late and done.confirmed + done.expired == everybody
            said = f"{done.confirmed} confirmed and {done.expired} expired"
            self.demand(fair, f"receipt: {said} of {seq}, not {least} (and {wait.late} late) of {everybody}")

    def holds(self, end: End) -> None:
        """Note that somebody has been told that an end holds everywhere."""
        if end.acknowledged is None:
            end.acknowledged, self.news = self.step, True

    def is_in_time(self, leases: Leases, now: float, *, served: bool) -> None:
        """Check that nothing waits for longer than it must."""
        for seq, wait in self.waits.items():
            if not wait.complete and len(wait.confirmed) == len(wait.holders):
                wait.complete = True
                self.demand(now < self.gate, f"L: {seq} not acknowledged though everybody has confirmed it")
            due = wait.due(self.gate)
            self.demand(leases.wake_at() <= due, f"L: no timer is set for the acknowledgement of {seq}")
            self.demand(not served or now < due, f"L: {seq} not acknowledged though every lease has ended")

    # ---- the validators: R, A and what else is said of a verdict

    def judge(self, request: Arrived, verdict: Verdict) -> None:
        """Check a verdict."""
        if isinstance(verdict, Grant):
            self._accepted(request, self.asked[int(verdict.key_id)])
        elif verdict.reason is not Reason.ISSUER_UNAVAILABLE:
            self._refused(request, verdict)

    def _refused(self, request: Arrived, verdict: Refusal) -> None:
        asked = self.asked[int(verdict.detail)] if verdict.reason is Reason.INVALID_KEY else None
        fair = asked is not None and not asked.good and asked.request.key is request.key
        self.demand(fair, f"A: a good key was refused: {verdict.reason}")
        if asked is not None:
            fresh = request.arrived_at - asked.landed_at < NEGATIVE_TTL
            self.demand(fresh, "A: a key was refused by what was said of it long ago")

    def _accepted(self, request: Arrived, asked: Asked) -> None:
        for end in request.key.ends:
            late = not end.lifted and end.acknowledged is not None and end.acknowledged < request.arrived
            self.demand(bool(self.bound) or not late, "R: accepted after the revocation was acknowledged")
        self.demand(asked.request.key is request.key, "let in by the answer about another key")
        self.demand(asked.request.process is request.process, "let in by what another process was told")
        for process, forgotten, step in self.forgotten:
            after = process is request.process and forgotten is request.key and step < request.arrived
            self.demand(not after or asked.sent > step, "let in by what was asked before it was forgotten")
        if asked.sent > request.arrived:
            return
        self.demand(self.bound != 0.0, "A: let in by a check that began before the request arrived")
        if self.bound is None:
            sessions = (request.session, request.process.core._lease.session)
            self.demand(any(self._held(each, request) for each in sessions), "A: accepted without a live lease")
        age = request.arrived_at - asked.sent_at
        for bound, promise in ((TTL, "ttl"), (self.bound, "bounded"), (asked.expires_in, "expires_in")):
            self.demand(bound is None or age < bound, f"{promise}: let in by an answer {age:.3f} s old")

    def _held(self, session: str, request: Arrived) -> bool:
        """Tell whether a session had a lease at some moment after a request arrived."""
        kept = request.arrived < self.left.get(session, request.arrived + 1)
        return kept and request.issuer_time < self.granted.get(session, 0.0)
