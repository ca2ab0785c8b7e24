"""The issuer's end of the protocol against an oracle, under schedules that Hypothesis makes up.

The oracle knows nothing of leases: a validator accepts a key while it has it cached and its own clock says that its
deadline has not come. An acknowledged key must never be accepted. Time is in whole hundredths of a second, clocks
of validators run up to 1 % fast or slow, so every comparison is exact.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from rf_middleware._wire import Event, Poll, Reply
from rf_middleware.issuer.decisions import Acknowledged, Answer, Decision, Name
from rf_middleware.issuer.leases import Leases

FOREVER_AGO = -(10**9)
VALIDATORS = 3


@dataclass
class Validator:
    """A validator as its rules say: one session at a time, a cache, a deadline on its own clock."""

    number: int
    rate: int
    life: int = 0
    epoch: str | None = None
    applied: int = 0
    deadline: int = FOREVER_AGO
    cache: set[int] = field(default_factory=set[int])

    @property
    def session(self) -> str:
        """The session's id."""
        return f"session-{self.number}-{self.life}"

    def begin_anew(self) -> None:
        """Trust nothing, forget everything, be somebody else."""
        self.life += 1
        self.epoch, self.applied, self.deadline = None, 0, FOREVER_AGO
        self.cache.clear()


@dataclass(frozen=True)
class Sent:
    """A poll on its way to the issuer, or the answer to it on its way back."""

    validator: int
    life: int
    at: int
    poll: Poll
    reply: Reply | None = None


class Schedule(RuleBasedStateMachine):
    """Every step is one thing that can happen in a network of one issuer and some validators."""

    leases_type: ClassVar[type[Leases]] = Leases
    keeps_gate: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000
        self.validators = [Validator(number, 99 + number) for number in range(VALIDATORS)]
        self.to_issuer: list[Sent | str] = []
        self.to_validators: list[Sent] = []
        self.committed = self.tickets = 0
        self.unpublished: list[int] = []
        self.acknowledged: set[int] = set()
        self.due: dict[int, int] = {}
        self.lease, self.longest, self.outstanding = 100, 0, False
        self.begin_life()

    def begin_life(self) -> None:
        """Start the issuer as its store would: the gate from what the last life left behind."""
        wait = self.longest if self.outstanding and self.keeps_gate else 0
        self.longest = max(self.longest, self.lease) if self.outstanding else self.lease
        self.outstanding, self.gate = True, self.now + wait
        self.open: dict[int, Sent] = {}
        self.leases = self.leases_type(
            epoch="epoch", head=self.committed, lease=self.lease, gate=self.gate, window=2, sessions_per_owner=100
        )
        for seq in range(1, self.committed + 1):
            if seq not in self.acknowledged:
                self.leases.restore(seq, self.now)
                self.due[seq] = self.gate
        self.unpublished.clear()
        self.perform(self.leases.tick(self.now))

    def perform(self, decisions: list[Decision]) -> None:
        """Send answers off, note acknowledgements."""
        for decision in decisions:
            if isinstance(decision, Answer):
                asked = self.open.pop(decision.ticket)
                self.to_validators.append(Sent(asked.validator, asked.life, asked.at, asked.poll, decision.reply))
            elif isinstance(decision, Acknowledged):
                self.acknowledged.add(decision.seq)
                self.due.pop(decision.seq)

    def local(self, validator: Validator) -> int:
        """Return a validator's own time, in hundredths of a unit."""
        return self.now * validator.rate

    @rule(number=st.integers(0, VALIDATORS - 1), wait=st.sampled_from([0, 30]))
    def send_poll(self, number: int, wait: int) -> None:
        validator = self.validators[number]
        poll = Poll(validator.session, validator.epoch, validator.applied, wait)
        self.to_issuer.append(Sent(number, validator.life, self.local(validator), poll))

    @precondition(lambda self: self.to_issuer)
    @rule(which=st.integers(0, 20), twice=st.booleans())
    def deliver_to_issuer(self, which: int, twice: bool) -> None:
        which %= len(self.to_issuer)
        message = self.to_issuer[which] if twice else self.to_issuer.pop(which)
        if isinstance(message, str):
            self.perform(self.leases.give_back("owner", message, self.now))
            return
        self.tickets += 1
        self.open[self.tickets] = message
        self.perform(self.leases.poll(self.tickets, "owner", message.poll, self.now))

    @precondition(lambda self: self.to_validators)
    @rule(which=st.integers(0, 20), twice=st.booleans())
    def deliver_to_validator(self, which: int, twice: bool) -> None:
        which %= len(self.to_validators)
        message = self.to_validators[which] if twice else self.to_validators.pop(which)
        validator, reply = self.validators[message.validator], message.reply
        if reply is None or message.life != validator.life:
            return
        if reply.reset:
            validator.cache.clear()
            validator.applied = reply.head
        for event in reply.events:
            validator.cache.discard(event.seq)
            validator.applied = max(validator.applied, event.seq)
        validator.epoch = reply.epoch
        validator.deadline = max(validator.deadline, message.at + int(reply.lease) * 99)

    @precondition(lambda self: self.to_issuer or self.to_validators)
    @rule(which=st.integers(0, 20))
    def lose(self, which: int) -> None:
        queue = self.to_issuer or self.to_validators
        queue.pop(which % len(queue))

    @precondition(lambda self: self.open)
    @rule()
    def hang_up(self) -> None:
        self.leases.hang_up(next(iter(self.open)))
        self.open.pop(next(iter(self.open)))

    @rule(time=st.integers(1, 60), ticks=st.booleans())
    def advance(self, time: int, ticks: bool) -> None:
        self.now += time
        if ticks:
            self.perform(self.leases.tick(self.now))
            late = {seq for seq, due in self.due.items() if self.now >= due}
            assert not late, f"{late} not acknowledged in time"

    @rule(number=st.integers(0, VALIDATORS - 1), rounds=st.integers(1, 3))
    def exchange(self, number: int, rounds: int) -> None:
        """Poll on a good network; the last poll may stay parked."""
        for _ in range(rounds):
            self.send_poll(number, 30)
            self.deliver_to_issuer(len(self.to_issuer) - 1, twice=False)
            if self.to_validators and self.to_validators[-1].validator == number:
                self.deliver_to_validator(len(self.to_validators) - 1, twice=False)

    @rule(at_once=st.booleans())
    def revoke(self, at_once: bool) -> None:
        """Commit: a moment before, every validator got a grant for the key."""
        self.committed += 1
        self.unpublished.append(self.committed)
        for validator in self.validators:
            validator.cache.add(self.committed)
        while at_once and self.unpublished:
            self.publish()

    @precondition(lambda self: self.unpublished)
    @rule()
    def publish(self) -> None:
        seq = self.unpublished.pop(0)
        self.due[seq] = max(self.gate, self.now + self.lease)
        self.perform(self.leases.publish(Event(seq, "revoked", fingerprint=bytes(32)), self.now, self.now))

    @precondition(lambda self: self.committed)
    @rule(number=st.integers(0, VALIDATORS - 1), told=st.booleans())
    def end_validator(self, number: int, told: bool) -> None:
        validator = self.validators[number]
        if told:
            self.to_issuer.append(validator.session)
        validator.begin_anew()

    @rule(lease=st.sampled_from([30, 100]), clean=st.booleans())
    def restart_issuer(self, lease: int, clean: bool) -> None:
        if clean:
            self.perform(self.leases.close(self.now))
            self.outstanding = self.leases.outstanding(self.now)
        self.lease = lease
        self.begin_life()

    @invariant()
    def no_acknowledged_key_is_accepted(self) -> None:
        for validator in self.validators:
            if self.local(validator) < validator.deadline:
                accepted = validator.cache & self.acknowledged
                assert not accepted, f"validator {validator.number} accepts {accepted}"


def test_no_schedule_breaks_the_promise() -> None:
    """No acknowledged key is accepted and no acknowledgement is late: loss, delay, doubles, crashes, drift and all."""
    run_state_machine_as_test(Schedule, settings=settings(max_examples=150, stateful_step_count=50))


class AcksOnDelivery(Leases):
    """Counts an event as applied when it was sent."""

    def publish(self, event: Event, since: float, now: float) -> list[Decision]:
        decisions = super().publish(event, since, now)
        for pending in self._pending.values():
            for name in list(pending.waiting):
                pending.confirm(name, now)
        return decisions + self._settle(now)


class ForgetsLeases(Leases):
    """Forgets a lease when its poll is answered."""

    def hang_up(self, ticket: int) -> None:
        name = self._parked.get(ticket)
        super().hang_up(ticket)
        if name is not None:
            self._forget(name)


class AcksAnotherEpoch(Leases):
    """Takes the ack of a session it does not know."""

    def poll(self, ticket: int, owner: str, poll: Poll, now: float) -> list[Decision]:
        known = self._sessions.setdefault((owner, poll.session), self._admit((owner, poll.session), now))
        assert known is not None
        return super().poll(ticket, owner, poll, now)


class SnapshotsTooLittle(Leases):
    """Waits only for the validators that have a poll parked."""

    def publish(self, event: Event, since: float, now: float) -> list[Decision]:
        parked = set(self._parked.values())
        decisions = super().publish(event, since, now)
        for name in set(self._pending[event.seq].waiting) - parked if event.seq in self._pending else set[Name]():
            self._pending[event.seq].confirm(name, now)
        return decisions + self._settle(now)


@pytest.mark.parametrize("mutant", [AcksOnDelivery, ForgetsLeases, AcksAnotherEpoch, SnapshotsTooLittle, None])
def test_a_broken_rule_is_found(mutant: type[Leases] | None) -> None:
    """The schedules find each rule that is left out, the restart rule (no mutant of the leases) too."""

    class Broken(Schedule):
        leases_type = mutant or Leases
        keeps_gate = mutant is not None

    with pytest.raises(AssertionError, match=r"accepts|not acknowledged in time"):
        run_state_machine_as_test(
            Broken,
            settings=settings(
                max_examples=3000,
                stateful_step_count=30,
                database=None,
                report_multiple_bugs=False,
                phases=[Phase.generate],
            ),
        )
