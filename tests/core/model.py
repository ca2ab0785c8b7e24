"""An issuer as the rules describe one, small and written apart from the package's own: the simulation's truth.

It acknowledges a revocation as early as the rules allow: when each lease that was live at the commit has
acknowledged it or has run out, with the ends as they were then (issuer's rules 1 to 3 of the protocol).
"""

from dataclasses import dataclass, field

from rf_middleware._fingerprint import fingerprint
from rf_middleware._wire import Event, Poll, Reply

LEASE = 10.0
KEPT = 6
"""Events that are kept for validators that are behind; those further behind are reset."""


@dataclass
class Key:
    """A key, and when it ended for good.

    Attributes:
        acknowledged: the step of the history at which its revocation was acknowledged.
    """

    name: str
    workspace: str
    revoked: bool = False
    acknowledged: int | None = None

    @property
    def digest(self) -> bytes:
        """Return the fingerprint."""
        return fingerprint(self.name.encode())


@dataclass
class Revocation:
    """A revocation that was committed, and whom it waits for: sessions with their ends as they were then."""

    keys: list[Key]
    epoch: int
    seq: int
    waits_for: dict[str, float]
    not_before: float
    done: bool = False


@dataclass
class History:
    """One epoch: what was revoked before it began, and its events."""

    before: frozenset[str]
    events: list[Event] = field(default_factory=list[Event])
    revoked_by: list[frozenset[str]] = field(default_factory=list[frozenset[str]])

    @property
    def head(self) -> int:
        """Return the newest ``seq``."""
        return len(self.events)

    def revoked(self, key: Key, head: int) -> bool:
        """Tell whether a reader who has seen the events up to ``head`` finds the key revoked."""
        return key.name in self.before or any(key.name in names for names in self.revoked_by[:head])


class IssuerModel:
    """The issuer's end, on its own clock.

    Attributes:
        time: its clock, set by the simulation.
        step: the place in the simulated history, set by the simulation.
    """

    def __init__(self) -> None:
        self.ended: set[str] = set()
        self.ended_last: list[Key] = []
        self.time = 0.0
        self.step = 0
        self.histories = [History(frozenset())]
        self.leases: dict[str, float] = {}
        self.told: dict[str, tuple[int, int]] = {}
        self.revocations: list[Revocation] = []
        self.not_before = 0.0

    @property
    def epoch(self) -> int:
        """Return the present epoch."""
        return len(self.histories) - 1

    def poll(self, poll: Poll) -> Reply:
        """Answer a poll: take in what it acknowledges, tell what is new, renew the lease."""
        history = self.histories[-1]
        known = poll.epoch == str(self.epoch) and poll.session in self.leases and poll.ack >= history.head - KEPT
        if poll.epoch == str(self.epoch):
            epoch, ack = self.told.get(poll.session, (-1, 0))
            self.told[poll.session] = (self.epoch, max(ack, poll.ack) if epoch == self.epoch else poll.ack)
        self.leases[poll.session] = self.time + LEASE
        self.settle()
        events = tuple(history.events[poll.ack :]) if known else ()
        return Reply(str(self.epoch), not known, history.head, events, LEASE)

    def leave(self, session: str) -> None:
        """Take a lease back that its validator has given up."""
        self.leases.pop(session, None)
        for each in self.revocations:
            each.waits_for.pop(session, None)
        self.settle()

    def revoke(self, keys: list[Key], workspace: str | None = None) -> None:
        """End keys for good, commit that with its event, and note whom to wait for."""
        seq = self._append(
            frozenset(key.name for key in keys), keys[0], "suspended" if workspace else "revoked", workspace
        )
        self.ended_last = keys
        for key in keys:
            key.revoked = True
            self.ended.add(key.name)
        live = {session: end for session, end in self.leases.items() if self.time < end}
        self.revocations.append(Revocation(keys, self.epoch, seq, live, self.not_before))
        self.settle()

    def update(self, key: Key) -> None:
        """Note that something else about a key has changed."""
        self._append(frozenset(), key, "updated", None)

    def _append(self, revoked: frozenset[str], key: Key, change: str, workspace: str | None) -> int:
        history = self.histories[-1]
        seq = history.head + 1
        event = Event(seq, change, workspace=workspace) if workspace else Event(seq, change, fingerprint=key.digest)
        history.events.append(event)
        history.revoked_by.append(revoked)
        return seq

    def restart(self, *, anew: bool) -> None:
        """Forget all sessions, and wait out the leases they may hold; ``anew`` begins another epoch."""
        if anew:
            self.histories.append(History(frozenset(self.ended)))
        self.leases.clear()
        self.not_before = self.time + LEASE
        for each in self.revocations:
            each.not_before = self.not_before
            each.waits_for.clear()

    def settle(self) -> None:
        """Acknowledge each revocation that need not wait any more."""
        for each in self.revocations:
            waiting = any(
                self.time < end and not self._has_acked(session, each) for session, end in each.waits_for.items()
            )
            if not each.done and not waiting and self.time >= each.not_before:
                each.done = True
                for key in each.keys:
                    key.acknowledged = self.step if key.acknowledged is None else key.acknowledged

    def _has_acked(self, session: str, revocation: Revocation) -> bool:
        epoch, ack = self.told.get(session, (-1, 0))
        return epoch == revocation.epoch and ack >= revocation.seq

    def views(self, session: str) -> list[tuple[int, int]]:
        """Return what replicas may answer from, as ``(epoch, head)``, the newest last.

        A replica may lag, and one of an older epoch may still answer: as far as the session that asks has been told
        enough to see through it. What was acknowledged without that session is true everywhere.
        """
        return [
            (epoch, head)
            for epoch, history in enumerate(self.histories)
            for head in range(history.head + 1)
            if all(
                self._shows(epoch, head, each) or self._sees_through(session, epoch, each) for each in self.revocations
            )
        ]

    def _shows(self, epoch: int, head: int, revocation: Revocation) -> bool:
        return not revocation.done or all(self.histories[epoch].revoked(key, head) for key in revocation.keys)

    def _sees_through(self, session: str, epoch: int, revocation: Revocation) -> bool:
        adopted, _ = self.told.get(session, (-1, 0))
        return adopted > epoch or (revocation.epoch == epoch and self._has_acked(session, revocation))
