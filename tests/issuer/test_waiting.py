"""What revocations wait for, against a plain account of it; and how much memory that takes."""

import tracemalloc
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware._wire import Event, Poll
from rf_middleware.issuer.decisions import Acknowledged, Answer, Decision
from rf_middleware.issuer.leases import Leases
from rf_middleware.issuer.waiting import REPORTED

EPOCH = "epoch-one"
LEASE = 10.0
TOKEN = "a token"


@dataclass
class Plain:
    """A revocation as one would write it down: whoever held a lease, until when, and what became of each."""

    holders: dict[str, float]
    confirmed: set[str] = field(default_factory=set[str])
    late: set[str] = field(default_factory=set[str])

    def due(self, gate: float) -> float:
        """Return when it holds everywhere."""
        return max([gate, *(end for name, end in self.holders.items() if name not in self.confirmed | self.late)])


class World:
    """Leases, beside a plain account of what they should do."""

    def __init__(self, gate: float) -> None:
        self.leases = Leases(epoch=EPOCH, head=1, lease=LEASE, gate=gate)
        self.leases.restore(1, 0.0)
        self.gate, self.now, self.ticket = gate, 1.0, 0
        self.head = 1
        self.plain = {1: Plain({})}
        self.ends: dict[str, float] = {}
        self.told: dict[str, int] = {}
        self.parked: dict[int, str] = {}
        self.take(self.leases.tick(self.now))

    def poll(self, name: str, back: int, *, park: bool, epoch: bool) -> None:
        """Let a validator poll, which acks what it was told, or an event before that."""
        ack = max(0, self.told.get(name, 0) - back)
        self.ticket += 1
        self.parked[self.ticket] = name
        if name in self.told and epoch:
            self._confirms(name, ack)
        poll = Poll(name, EPOCH if epoch else None, ack, 3.0 * park)
        self.take(self.leases.poll(self.ticket, TOKEN, poll, self.now))

    def leave(self, name: str) -> None:
        """Let a validator give its lease back."""
        if name in self.told:
            self._confirms(name, self.head)
            self.ends.pop(name)
            self.told.pop(name)
        self.take(self.leases.give_back(TOKEN, name, self.now))

    def publish(self, events: int) -> None:
        """Let so many changes be published in one go."""
        news = [Event(self.head + each, "revoked", fingerprint=bytes(32)) for each in range(1, events + 1)]
        self.head += events
        self.plain[self.head] = Plain({name: end for name, end in self.ends.items() if end > self.now})
        self.take(self.leases.publish(news[-1], self.now, self.now, *news[:-1]))

    def passes(self, seconds: float) -> None:
        """Let time pass, until the timer rings or that is over."""
        self.now = max(self.now, min(self.now + seconds, self.leases.wake_at()))
        self.take(self.leases.tick(self.now))

    def take(self, decisions: list[Decision]) -> None:
        """Compare what was decided with the plain account."""
        for each in decisions:
            if isinstance(each, Answer):
                name = self.parked.pop(each.ticket)
                if each.reply.lease:
                    self.ends[name], self.told[name] = self.now + LEASE, self.head
            elif isinstance(each, Acknowledged):
                self._acknowledged(each)
        for seq, plain in self.plain.items():
            assert self.now < plain.due(self.gate), f"{seq} holds everywhere, and nobody says so"
            left = sum(end > self.now for name, end in plain.holders.items() if name not in plain.confirmed)
            assert self.leases.waiting_for(seq, self.now) == left
        if self.plain:
            assert self.leases.wake_at() <= min(plain.due(self.gate) for plain in self.plain.values())

    def _confirms(self, name: str, seq: int) -> None:
        for each, plain in self.plain.items():
            if each <= seq and name in plain.holders:
                (plain.confirmed if self.now < plain.holders[name] else plain.late).add(name)

    def _acknowledged(self, done: Acknowledged) -> None:
        plain = self.plain.pop(done.seq)
        assert self.now >= plain.due(self.gate)
        assert len(plain.confirmed) <= done.confirmed <= len(plain.confirmed | plain.late)
        assert done.confirmed + done.expired == len(plain.holders)
        assert sum(each.confirmed for each in done.outcomes) == done.confirmed
        assert {each.session for each in done.outcomes} == plain.holders.keys()


@dataclass(frozen=True)
class Act:
    """Something that happens; what it does not need is of no account.

    Attributes:
        what: see ``happens``.
        name: of a validator.
        back: how many events less than it was told it acks.
        park: whether its poll may wait.
        same: whether it follows this history.
        events: that are published in one go.
        seconds: that pass.
    """

    what: str
    name: str
    back: int
    park: bool
    same: bool
    events: int
    seconds: float


ACTS = st.builds(
    Act,
    what=st.sampled_from(["poll", "poll", "poll", "publish", "publish", "pass", "leave"]),
    name=st.sampled_from(["session-a", "session-b", "session-c"]),
    back=st.sampled_from([0, 0, 0, 1, 2]),
    park=st.booleans(),
    same=st.sampled_from([True, True, True, True, False]),
    events=st.integers(1, 3),
    seconds=st.sampled_from([0.0, 0.5, 2.5, 7.0, 100.0]),
)


def happens(world: World, act: Act) -> None:
    """Let something happen."""
    if act.what == "poll":
        world.poll(act.name, act.back, park=act.park, epoch=act.same)
    elif act.what == "publish":
        world.publish(act.events)
    elif act.what == "pass":
        world.passes(act.seconds)
    else:
        world.leave(act.name)


@given(st.lists(ACTS, max_size=60), st.sampled_from([0.0, 15.0, 200.0]))
def test_receipts_are_those_of_a_plain_account(acts: list[Act], gate: float) -> None:
    """Whoever polls, renews, leaves or is silent: each revocation is acknowledged in its moment with its counts."""
    world = World(gate)
    for act in acts:
        happens(world, act)
    for _ in range(100):
        world.passes(1000.0)
    assert not world.plain


def crowd(sessions: int) -> Leases:
    """Return leases of so many validators with a parked poll each."""
    leases = Leases(epoch=EPOCH, head=0, lease=LEASE, gate=0.0)
    for each in range(sessions):
        for epoch in (None, EPOCH):
            leases.poll(each, TOKEN, Poll(f"session-{each}", epoch, 0, 3.0), 0.0)
    return leases


def burst(leases: Leases, revocations: int) -> None:
    """Publish revocations, one by one, while nobody answers."""
    for seq in range(1, revocations + 1):
        leases.publish(Event(seq, "revoked", fingerprint=bytes(32)), 1.0, 1.0)
        leases.wake_at()


def bytes_of(sessions: int, revocations: int) -> int:
    """Return the memory that a burst takes until it is acknowledged."""
    leases = crowd(sessions)
    tracemalloc.start()
    try:
        burst(leases, revocations)
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def test_a_burst_costs_as_much_as_its_sessions_and_its_revocations() -> None:
    """100 revocations that 300 validators hold up cost some bytes for each of them, not for each pair."""
    assert bytes_of(300, 100) < 600 * 300 + 2000 * 100
    more = bytes_of(600, 200) - bytes_of(600, 100)
    assert more < 2000 * 100, "a revocation costs the more the more validators there are"


@pytest.mark.parametrize("silent", [0, 1, REPORTED, 2 * REPORTED])
def test_of_very_many_validators_a_receipt_counts_all_and_names_some(silent: int) -> None:
    """A receipt of more than a hundred names those that did not answer first, and then those that took longest."""
    everybody, decisions = 300, list[Decision]()
    leases = crowd(everybody)
    burst(leases, 3)
    for each in range(everybody - silent):
        decisions += leases.poll(0, TOKEN, Poll(f"session-{each}", EPOCH, 3, 0.0), 2.0 + each / 1000)
    done = [each for each in (*decisions, *leases.tick(11.0)) if isinstance(each, Acknowledged)]
    counted = [(seq, everybody - silent, silent) for seq in (1, 2, 3)]
    assert [(each.seq, each.confirmed, each.expired) for each in done] == counted
    for receipt in done:
        named = [outcome.confirmed for outcome in receipt.outcomes]
        assert named == [True] * max(0, REPORTED - silent) + [False] * min(silent, REPORTED)
        assert not named[0] or receipt.outcomes[0].session == f"session-{everybody - REPORTED}"
