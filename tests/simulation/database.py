"""The issuer's database as its store uses it: keys, the log of events with receipts, what outlives a life.

Nothing that was committed is lost, except that a backup may be restored: then what was done since is done again,
in another history.
"""

from collections.abc import Generator
from dataclasses import dataclass, field

from rf_middleware._wire import Event
from tests.simulation.things import End, Key

Reading = Generator[None, None, tuple[bool, int, int]]


@dataclass
class Logged:
    """A row of the log: the event, what it ended if it did, whether its receipt is stored."""

    event: Event
    end: End | None
    finished: bool = False


@dataclass
class History:
    """One epoch: which keys were bad after each event from ``base`` on."""

    base: int
    bad: list[frozenset[str]] = field(default_factory=list[frozenset[str]])


@dataclass(frozen=True)
class Life:
    """What a new life of the issuer starts from."""

    epoch: str
    head: int
    wait: float
    unfinished: list[int]


class Database:
    """The tables.

    Attributes:
        bad: the keys that are not good.
    """

    def __init__(self) -> None:
        self.log: list[Logged] = []
        self.ends: list[End] = []
        self.bad: frozenset[str] = frozenset()
        self.epoch = 0
        self.histories = {0: History(0, [self.bad])}
        self.longest, self.outstanding, self.orderly = 0.0, False, True

    @property
    def head(self) -> int:
        """The newest ``seq``."""
        return len(self.log)

    def commit(self, change: str, keys: list[Key], workspace: str | None = None) -> int:
        """Change keys and write the event, in one transaction; return its ``seq``."""
        seq = self.head + 1
        end = None
        if change == "enabled":
            for lifted in keys[0].ends:
                lifted.lifted = True
            self.bad -= {keys[0].name}
        elif change != "updated":
            end = End(tuple(keys), self.epoch, seq, lasting=change != "disabled")
            self.ends.append(end)
            for key in keys:
                key.ends.append(end)
            self.bad |= {key.name for key in keys}
        digest = None if workspace else keys[0].digest
        self.log.append(Logged(Event(seq, change, digest, workspace), end))
        self.histories[self.epoch].bad.append(self.bad)
        return seq

    def events_after(self, seq: int) -> list[Event]:
        """Return the events after this one."""
        return [row.event for row in self.log[seq:]]

    def reading(self, key: Key) -> Reading:
        """Read whether a key is good, and the epoch and head as they were before; others go on in between."""
        epoch, head = self.epoch, self.head
        yield
        return key.good, epoch, head

    def views(self, told: tuple[int, int]) -> list[tuple[int, int]]:
        """Return what replicas may answer from, as ``(epoch, head)``.

        A replica may lag, and one of an older epoch may still answer: as far as the session that asks has been told
        enough to see through it. What was acknowledged without that session is true everywhere.
        """
        holds = [end for end in self.ends if end.acknowledged is not None and not end.lifted]
        found: list[tuple[int, int]] = []
        for epoch, history in self.histories.items():
            least = history.base
            if told[0] <= epoch:
                if any(end.epoch > epoch for end in holds):
                    continue
                known = told[1] if told[0] == epoch else 0
                least = max([least, *(end.seq for end in holds if end.epoch == epoch and end.seq > known)])
            found += [(epoch, head) for head in range(least, history.base + len(history.bad))]
        return found or [(self.epoch, self.head)]

    def finish(self, seq: int) -> None:
        """Store the receipt of an event."""
        self.log[seq - 1].finished = True

    # ---- lives

    def begin_life(self, lease: float) -> Life:
        """Note how long leases may be from now on, before any is granted; say what an earlier life left behind.

        After a crash another history begins: a backup that was put back looks the same.
        """
        if not self.orderly:
            self.new_epoch()
            self.histories[self.epoch] = History(self.head, [self.bad])
        self.orderly = False
        wait = self.longest if self.outstanding else 0.0
        self.longest, self.outstanding = max(lease, wait), True
        unfinished = [row.event.seq for row in self.log if not row.finished]
        return Life(str(self.epoch), self.head, wait, unfinished)

    def end_life(self, *, outstanding: bool) -> None:
        """Note that a life ends in order, and whether a lease is out."""
        self.outstanding, self.orderly = outstanding, True

    def restore_backup(self, head: int, longest: float) -> None:
        """Go back to what the log was at ``head``, begin another history, and end again what has ended since.

        Nobody knows which leases were granted since, but that none was longer than ``longest``.
        """
        lost, self.log = self.log[head:], self.log[:head]
        self.new_epoch()
        self.longest, self.outstanding, self.orderly = longest, True, True  # what comes is this history's first life
        self.histories[self.epoch] = History(self.head)  # nobody reads it before it is complete
        for row in lost:
            if row.end is not None and not row.end.lifted:
                keys = list(row.end.keys)
                self.commit("revoked" if row.end.lasting else "disabled", keys, row.event.workspace)
        self.histories[self.epoch] = History(self.head, [self.bad])

    def new_epoch(self) -> None:
        """Make what was read or followed before unmistakable."""
        self.epoch += 1
