"""What can happen in the simulated world, one thing after another, until it comes to rest."""

import copy
from collections.abc import Callable
from threading import Lock
from typing import Final

from rf_middleware._clock import Clock
from rf_middleware._flight import Answer, Wait
from rf_middleware._memory import Memory
from rf_middleware._models import Grant, Workspace
from tests.core.helpers import INVALID, UNAVAILABLE
from tests.core.model import LEASE, Key
from tests.core.world import TIMEOUT, Asked, Process, World

EXPIRES: Final = 3.0


class Story(World):
    """A world in which things happen."""

    def run(self, steps: int) -> None:
        """Let ``steps`` things happen, and then let everything come to rest."""
        for _ in range(steps):
            self.act()
        self.rest()

    def act(self) -> None:
        """Let one thing happen."""
        self.tick()
        acts = [
            *[self.arrive] * 4,
            *[self.visit] * 5,
            *[self.read] * 3,
            *[self.answer] * 3,
            *[self.go_on] * 2,
            *[self.renew] * 4,
            self.send_poll,
            *[self.take_poll] * 2,
            *[self.take_reply] * 2,
            *[self.revoke] * 2,
            *[self.pass_time] * 3,
            *[self.rare] * 4,
        ]  # fmt: skip - one thing after another
        acts[self.choose(len(acts))]()
        self.issuer.settle()

    def rare(self) -> None:
        """Let something happen that happens seldom."""
        acts = [
            self.update,
            self.restart,
            self.fork,
            self.leave,
            self.take_leave,
            self.forget,
            self.lose,
            self.cancel,
        ]  # fmt: skip - one thing after another
        acts[self.choose(len(acts))]()

    def pass_time(self) -> None:
        """Let time pass, often to just around an end that matters."""
        ends = [*self.issuer.leases.values()]
        ends += [end for each in self.issuer.revocations if not each.done for end in each.waits_for.values()]
        ends += [each.not_before for each in self.issuer.revocations if not each.done]
        near = [end - self.time + 0.001 for end in ends if self.time <= end]
        steps = [0.001, 0.01, 0.1, 0.5, 1.0, 2.0, TIMEOUT, LEASE, *near, *near]
        self.time += steps[self.choose(len(steps))]
        self.issuer.time = self.time

    def visit(self) -> None:
        """Let a request arrive and be answered, if need be by the issuer, in an instant."""
        request = self.arrival(self.pick(self.processes), self.pick([*self.keys, *self.issuer.ended_last]))
        for asked in list(self.open):
            if asked.request is request and asked.answer is None:
                self._tell(asked, self.issuer.epoch, self.issuer.histories[-1].head, ends=False)
                self.open.remove(asked)
                self.advance(request, asked.answer)

    def renew(self) -> None:
        """Let a process poll and hear; now and then it takes its time, and the answer comes twice or too late."""
        process = self.pick(self.processes)
        if self.bound is None and not process.closed:
            process.core.learn(has_feed=True)
            poll = process.core.poll(3.0)
            self._perhaps(self.pass_time)
            reply = self.issuer.poll(poll)
            self._perhaps(self.pass_time)
            self._perhaps(lambda: process.replies.append((poll, reply)))
            self._perhaps(lambda: process.core.poll(3.0))
            process.core.apply(poll, reply)

    def _perhaps(self, act: Callable[[], object]) -> None:
        if not self.choose(5):
            act()

    def arrive(self) -> None:
        """Let a request arrive; now and then its thread is stopped where it reads the clock."""
        process, key = self.pick(self.processes), self.pick([*self.keys, *self.issuer.ended_last])
        self.interrupt = max(0, self.choose(8) - 4)
        self.arrival(process, key)

    def read(self) -> None:
        """Let the issuer, or a replica that lags, read a key somebody asks about."""
        waiting = [each for each in self.open if each.answer is None]
        if not waiting:
            return
        asked = self.pick(waiting)
        views = self.issuer.views(asked.request.process.core._lease.session)
        self._tell(asked, *(views[-1] if self.choose(2) else self.pick(views)), self.choose(4) == 0)

    def read_newest(self) -> None:
        """Let the issuer read all keys somebody asks about."""
        for asked in self.open:
            self._tell(asked, self.issuer.epoch, self.issuer.histories[-1].head, ends=False)

    def _tell(self, asked: Asked, epoch: int, head: int, ends: bool) -> None:
        key = asked.request.key
        if self.issuer.histories[epoch].revoked(key, head):
            asked.answer = Answer(INVALID, str(epoch), head)
        else:
            asked.expires_in = EXPIRES if ends else None
            grant = Grant(Workspace(key.workspace), key_id=str(asked.number), expires_in=asked.expires_in)
            asked.answer = Answer(grant, str(epoch), head)

    def answer(self) -> None:
        """Let an answer arrive."""
        back = [each for each in self.open if each.answer is not None and each.request not in self.busy]
        if back:
            asked = self.pick(back)
            self.open.remove(asked)
            self.advance(asked.request, asked.answer)

    def lose(self) -> None:
        """Let a question or its answer get lost."""
        there = [each for each in self.open if each.request not in self.busy]
        if there:
            asked = self.pick(there)
            self.open.remove(asked)
            self.advance(asked.request, Answer(UNAVAILABLE))

    def go_on(self) -> None:
        """Let a request that waits or rests go on, when it can."""
        ready = [each for each in self.requests if self.ready(each)]
        if ready:
            request = self.pick(ready)
            wait = request.effect
            done = isinstance(wait, Wait) and wait.landing.done()
            self.advance(request, wait.landing.result() if isinstance(wait, Wait) and done else None)

    def cancel(self) -> None:
        """Let the client of a request go away."""
        there = [each for each in self.requests if each not in self.busy]
        if there:
            request = self.pick(there)
            self.requests.remove(request)
            self.open = [each for each in self.open if each.request is not request]
            request.flow.close()

    def send_poll(self) -> None:
        """Let a process poll the feed."""
        process = self.pick(self.processes)
        if self.bound is None and not process.closed:
            process.core.learn(has_feed=True)
            process.polls.append(process.core.poll(3.0))

    def take_poll(self) -> None:
        """Let a poll reach the issuer, perhaps not for the last time."""
        process = self.pick(self.processes)
        if process.polls:
            poll = self.pick(process.polls)
            if self.choose(4):
                process.polls.remove(poll)
            process.replies.append((poll, self.issuer.poll(poll)))

    def take_reply(self) -> None:
        """Let the answer to a poll arrive, perhaps not for the last time, perhaps after newer ones."""
        process = self.pick(self.processes)
        if process.replies:
            reply = self.pick(process.replies)
            if self.choose(4):
                process.replies.remove(reply)
            process.core.apply(*reply)

    def revoke(self) -> None:
        """Let a key or a workspace be ended for good; there is always a key that stays."""
        good = [key for key in self.keys[:-1] if not key.revoked]
        if good:
            both = len(good) == 2 and self.choose(2) == 0
            self.issuer.revoke(good if both else [self.pick(good)], "one" if both else None)
        elif not self.choose(4):  # the next generation
            self.keys[:2] = [Key(f"rfk_{self.step}{letter}", "one") for letter in "ab"]

    def update(self) -> None:
        """Let something else about a key change."""
        self.issuer.update(self.pick(self.keys))

    def restart(self) -> None:
        """Let the issuer start again, cleanly or from a backup."""
        self.issuer.restart(anew=bool(self.choose(2)))

    def forget(self) -> None:
        """Let somebody tell a process to forget a key."""
        process, key = self.pick(self.processes), self.pick(self.keys)
        process.core.forget(key.digest)
        self.forgotten.append((process, key, self.tick()))

    def fork(self) -> None:
        """Let a process fork; the child begins as a copy, as the operating system makes it."""
        parent = self.pick(self.processes)
        if len(self.processes) >= 4 or parent.core._lock.locked():
            return
        core, child = copy.copy(parent.core), Process(parent.rate, parent.start)
        core._clock = lambda: self.clock(child)
        core._lock, core._lease = Lock(), copy.copy(core._lease)
        core._memory = copied(parent.core._memory, core._clock)
        core._look_up = core._memory.grants.get
        child.core = core
        core.start()
        if self.bound is not None:
            core.learn(has_feed=False)
        self.processes.append(child)

    def leave(self) -> None:
        """Let a process give its lease back, for good or to begin anew; the message takes its time."""
        process = self.pick(self.processes)
        if self.bound is None and not process.closed:
            poll = process.core.poll(3.0)
            process.replies.append((poll, self.issuer.poll(poll)))  # on its way while the process closes
            self.leaving.append(process.core.give_back())
            if self.choose(2):
                process.core.renew()
            else:
                process.closed = True

    def take_leave(self) -> None:
        """Let a lease that was given back reach the issuer."""
        if self.leaving:
            self.issuer.leave(self.leaving.pop())

    def rest(self) -> None:
        """Let everything that is under way end: nobody waits for ever, and good keys are good again."""
        for _ in range(3):
            self.time += TIMEOUT * 1.1
            self.issuer.time = self.time
            for asked in list(self.open):
                self.open.remove(asked)
                self.advance(asked.request, Answer(UNAVAILABLE))
            for request in list(self.requests):
                self.advance(request, None)
        self.demand(not self.requests, "somebody waits for ever")
        self.time += 15.0  # beyond the rest of any breaker
        self.issuer.time = self.time
        for process in self.processes:
            self._is_well(process)

    def _is_well(self, process: Process) -> None:
        if self.bound is None and not process.closed:
            poll = process.core.poll(3.0)
            process.core.apply(poll, self.issuer.poll(poll))
        if process.core._lease.epoch not in {None, str(self.issuer.epoch)}:
            return  # closed in an older epoch: it can't tell a newer one from a replica that lags, and fails closed
        cached = process.core.staleness().kind != "strict"
        for second in (False, True):
            asked = len(self.asked)
            request = self.arrival(process, self.keys[-1])
            if request.verdict is None:
                self.read_newest()
                self.answer()
            self.demand(
                isinstance(request.verdict, Grant),
                f"a good key is not well: {request.verdict}, closed: {process.closed}",
            )
            self.demand(not (second and cached) or asked == len(self.asked), "a cached key was asked about")


def copied(memory: Memory, clock: Clock) -> Memory:
    """Copy what a process remembers, as a fork does; the checks in flight stay behind with their threads."""
    twin = Memory(100, 2.0, clock)
    for digest, (fresh, grant, until) in memory.grants._entries.items():
        twin.grants.put(digest, fresh, grant, until)
    return twin
