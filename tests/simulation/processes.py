"""What can happen to processes and their clocks."""

import copy

from rf_middleware._clock import Clock
from rf_middleware._memory import Memory
from rf_middleware._turn import Turn
from tests.simulation.things import LEASES, NEGATIVE_TTL, TIMEOUT, Process
from tests.simulation.world import RATES, World


class Processes(World):
    """A world in which time passes and processes come and go."""

    def pass_time(self) -> None:
        """Let time pass, often to just around an end that matters."""
        now, rate = self.issuer_clock.read(self.time), self.issuer_clock.rate
        ends = [
            self.issuer.gate,
            *self.oracle.holders.values(),
            *(each.due(self.issuer.gate) for each in self.oracle.waits.values()),
        ]
        near = [(end - now) / rate + 0.001 for end in ends if now <= end]
        steps = [0.001, 0.01, 0.1, 0.5, 1.0, 2.0, TIMEOUT, LEASES[0], *near, *near]
        self.time += steps[self.choose(len(steps))]
        if self.choose(6):
            self.issuer.tick()

    def forget(self) -> None:
        """Let somebody tell a process to forget a key."""
        process, key = self.pick(self.processes), self.pick(self.keys)
        process.core.forget(key.digest)
        self.oracle.forgotten.append((process, key, self.tick()))

    def fork(self) -> None:
        """Let a process fork; the child begins as a copy, as the operating system makes it."""
        parent = self.pick(self.processes)
        if len(self.processes) >= 4 or parent.core._lock.locked():
            return
        core, child = copy.copy(parent.core), Process(copy.copy(parent.clock))
        core.clock = lambda: self.clock(child)
        core._lock, core._lease = Turn(), copy.copy(core._lease)
        core._memory = copied(parent.core._memory, core.clock)
        core._look_up = core._memory.grants.get
        child.core = core
        core.start()
        if self.bound is not None:
            core.learn(has_feed=False)
        self.processes.append(child)

    def kill(self) -> None:
        """Let a process be killed and started again."""
        process = self.pick(self.processes)
        mine = [each for each in self.requests if each.process is process]
        if any(each.process is process for each in self.busy):
            return
        for request in mine:
            self.abandon(request)
        self.start(process)

    def suspend(self) -> None:
        """Let the machine of a process be suspended, while everything else goes on."""
        process = self.pick(self.processes)
        before = self.time
        self.pass_time()
        process.clock.slept(self.time - before)

    def drift(self) -> None:
        """Let a clock go at another rate, within what is allowed."""
        rate = self.pick(list(RATES))
        self.pick(self.processes).clock.turn(self.time, rate * self.issuer_clock.rate)


def copied(memory: Memory, clock: Clock) -> Memory:
    """Copy what a process remembers, as a fork does; the checks in flight stay behind with their threads."""
    twin = Memory(100, NEGATIVE_TTL, clock)
    for digest, entry in memory.grants._entries.items():
        twin.grants.put(digest, entry)
    return twin
