"""What can happen between processes and the issuer, and to the issuer: polls, leases, changes, restarts, time."""

from collections.abc import Callable
from typing import Final

from rf_middleware._wire import Poll, Reply
from tests.simulation.processes import Processes
from tests.simulation.things import LEASES, TIMEOUT, Key, Process

WAIT: Final = 3.0


class Lives(Processes):
    """A world with a feed, and an issuer that lives and dies."""

    def perhaps(self, act: Callable[[], object]) -> None:
        """Do something now and then."""
        if not self.choose(5):
            act()

    # ---- the feed

    def renew(self) -> None:
        """Let a process poll and hear; now and then it takes its time, and the answer comes twice or too late."""
        process = self.pick(self.processes)
        if self.bound is None and not process.closed:
            self.hear(process, WAIT * self.choose(2), self.perhaps)

    def hear(
        self, process: Process, wait: float, perhaps: Callable[[Callable[[], object]], None] | None = None
    ) -> None:
        """Let a process take in the newest answer it has, poll, and take in the answer unless the poll is parked."""
        perhaps = perhaps or (lambda act: None)
        process.core.learn(has_feed=True)
        if process.replies:
            self.apply(process, *process.replies.pop())
        poll = process.core.poll(wait)
        perhaps(lambda: process.sent.append(poll))
        perhaps(self.pass_time)
        polling = self.issuer.poll(process, process.owner, poll)
        perhaps(self.pass_time)
        if (reply := polling.reply) is not None:
            process.replies.pop()
            perhaps(lambda: process.replies.append((poll, reply)))
            perhaps(lambda: process.core.poll(wait))
            self.apply(process, poll, reply)

    def apply(self, process: Process, poll: Poll, reply: Reply) -> None:
        """Let a process take in an answer of the feed; its thread may be stopped wherever it holds no lock."""
        self.interrupt = max(0, self.choose(8) - 5)
        process.core.apply(poll, reply)
        self.interrupt = 0
        self.try_everywhere()

    def send_poll(self) -> None:
        """Let a process poll the feed."""
        process = self.pick(self.processes)
        if self.bound is None and not process.closed:
            process.core.learn(has_feed=True)
            process.sent.append(process.core.poll(WAIT))

    def take_poll(self) -> None:
        """Let a poll reach the issuer, perhaps not for the last time."""
        process = self.pick(self.processes)
        if process.sent:
            poll = self.pick(process.sent)
            if self.choose(4):
                process.sent.remove(poll)
            self.issuer.poll(process, process.owner, poll)

    def take_reply(self) -> None:
        """Let the answer to a poll arrive, perhaps not for the last time, perhaps after newer ones."""
        process = self.pick(self.processes)
        if process.replies:
            reply = self.pick(process.replies)
            if self.choose(4):
                process.replies.remove(reply)
            self.apply(process, *reply)

    def lose_on_the_way(self) -> None:
        """Let a network that was cut lose all that is on the way to and from a process."""
        process = self.pick(self.processes)
        process.sent.clear()
        process.replies.clear()

    def hang_up(self) -> None:
        """Let the connection of a parked poll break."""
        if self.issuer.parked:
            self.issuer.hang_up(self.pick(list(self.issuer.parked)))

    def leave(self) -> None:
        """Let a process give its lease back, for good or to begin anew; the message takes its time."""
        process = self.pick(self.processes)
        if self.bound is not None or process.closed:
            return
        self.issuer.poll(process, process.owner, process.core.poll(0.0))  # its answer comes while the process closes
        session = process.core.give_back()
        self.oracle.left[session] = self.tick()
        self.leaving.append((process.owner, session))
        if self.choose(2):
            process.core.renew()
        else:
            process.closed = True

    def take_leave(self) -> None:
        """Let a lease that was given back reach the issuer, perhaps not for the last time."""
        if self.leaving:
            leave = self.pick(self.leaving)
            if self.choose(4):
                self.leaving.remove(leave)
            self.issuer.give_back(*leave)

    def meddle(self) -> None:
        """Let somebody with another token speak of a session that is not theirs."""
        process = self.pick(self.processes)
        lease = process.core._lease
        if self.choose(2):
            self.issuer.give_back("stolen", lease.session)
        else:
            poll = Poll(lease.session, str(self.issuer.database.epoch), self.issuer.leases.head, 0.0)
            self.issuer.poll(Process(process.clock, "stolen"), "stolen", poll)

    # ---- the issuer

    def revoke(self) -> None:
        """Let a key or a workspace be ended for good, mostly told at once; there is always a key that stays."""
        good = [key for key in self.keys[:-1] if not key.revoked]
        if good:
            both = len(good) == 2 and self.choose(2) == 0
            self.ended_last = good if both else [self.pick(good)]
            for process in self.processes if self.choose(2) else []:
                self.visit(process, self.ended_last[0])
            self.issuer.commit("suspended" if both else "revoked", self.ended_last, "one" if both else None)
            if self.choose(3):
                self.publish()
        elif not self.choose(4):  # the next generation
            self.keys[:2] = [Key(f"rfk_{self.oracle.step}{letter}", "one") for letter in "ab"]

    def change(self) -> None:
        """Let a key be disabled or enabled, or something else about it change."""
        for _ in range(1 + self.choose(3)):
            key = self.pick(self.keys)
            if not key.revoked:
                other = "disabled" if key.good else "enabled"
                self.issuer.commit("updated" if key is self.keys[-1] or self.choose(2) else other, [key])
        self.perhaps(self.publish)

    def publish(self) -> None:
        """Let the issuer tell of what is committed."""
        self.issuer.publish(1 + self.choose(3))

    def repeat(self) -> None:
        """Let somebody revoke what is revoked."""
        if self.ended_last and self.ended_last[0].revoked:
            self.issuer.repeat(self.ended_last[0].ends[-1])
        self.issuer.store_receipts()

    def restart(self) -> None:
        """Let the issuer start again, perhaps after a clean stop, perhaps set up otherwise."""
        if self.issuer.closing:
            return
        if self.choose(2):
            self.issuer.stop()
            for _ in range(self.choose(6)):
                self.act()
            self.issuer.exit()
        self.begin()

    def restore(self) -> None:
        """Let the issuer crash, and start again from a backup of a while ago."""
        if not self.issuer.closing:
            for _ in range(self.choose(4)):
                self.send_poll()  # it arrives in the other epoch
            database = self.issuer.database
            database.restore_backup(max(0, database.head - self.choose(5)), LEASES[0])
            self.begin()

    def begin(self) -> None:
        """Let the issuer begin a new life, at once or after some time."""
        for asked in self.open:
            asked.reading = None
        if not self.choose(4):
            self.time += self.pick([0.1, 1.0, TIMEOUT, LEASES[0], 60.0])
        self.issuer.begin(self.pick(list(LEASES)))

    def come_to_rest(self) -> None:
        """Let everything be published."""
        self.issuer.publish(self.issuer.database.head)
