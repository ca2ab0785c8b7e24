"""What can happen to requests; and all that can happen, one thing after another, until it comes to rest."""

from typing import Final

from rf_middleware._flight import Answer, Wait
from rf_middleware._models import Grant, Reason, Refusal, Workspace
from tests.core.helpers import UNAVAILABLE
from tests.simulation.lives import Lives
from tests.simulation.things import TIMEOUT, Asked, Key, Process

EXPIRES: Final = 3.0
OFTEN: Final = (
    ("arrive", 4),
    ("come_and_go", 5),
    ("read", 3),
    ("answer", 3),
    ("go_on", 2),
    ("renew", 5),
    ("send_poll", 1),
    ("take_poll", 2),
    ("take_reply", 3),
    ("revoke", 2),
    ("publish", 1),
    ("repeat", 1),
    ("pass_time", 3),
    ("rare", 5),
)
RARE: Final = (
    *("change", "restart", "restart", "restore", "fork", "kill", "leave", "take_leave", "forget", "lose", "cancel"),
    *("lose_on_the_way", "hang_up", "meddle", "suspend", "drift"),
)
ACTS: Final = tuple(name for name, times in OFTEN for _ in range(times))
NAMES: Final = [*(name for name, _ in OFTEN), *RARE]
FAVOURITES: Final = 3
"""Things that happen more often in one story than in others, or rare ones that must meet seldom would."""


class Story(Lives):
    """A world in which things happen."""

    acts = ACTS

    def run(self, steps: int) -> None:
        """Let ``steps`` things happen, and then let everything come to rest."""
        favourites = self.favours or [self.pick(NAMES) for _ in range(FAVOURITES)]
        self.acts = ACTS + tuple(favourites) * 4
        for _ in range(steps):
            self.act()
        self.rest()

    def act(self) -> None:
        """Let one thing happen."""
        self.tick()
        getattr(self, self.acts[self.choose(len(self.acts))])()
        if self.oracle.news:
            self.oracle.news = False
            self.try_everywhere()

    def rare(self) -> None:
        """Let something happen that happens seldom."""
        getattr(self, RARE[self.choose(len(RARE))])()

    # ---- requests

    def arrive(self) -> None:
        """Let a request arrive; now and then its thread is stopped where it reads the clock."""
        process, key = self.pick(self.processes), self.pick([*self.keys, *self.ended_last])
        self.interrupt = max(0, self.choose(8) - 4)
        self.arrival(process, key)

    def come_and_go(self) -> None:
        """Let a request arrive and be answered."""
        self.visit(self.pick(self.processes), self.pick([*self.keys, *self.ended_last]))

    def visit(self, process: Process, key: Key) -> None:
        """Let a request arrive and be answered, if need be by the issuer, in an instant."""
        request = self.arrival(process, key)
        for asked in list(self.open):
            if asked.request is request and asked.answer is None:
                self._tell(asked, *self._read_now(asked), ends=False)
                self.land(asked, asked.answer or Answer(UNAVAILABLE))

    def read(self) -> None:
        """Let the issuer, or a replica that lags, read what somebody asks about; other things may come between."""
        waiting = [each for each in self.open if each.answer is None]
        if not waiting:
            return
        asked = self.pick(waiting)
        way = self.choose(4)
        if way == 0 and asked.reading is None:
            asked.reading = self.issuer.database.reading(asked.request.key)
            next(asked.reading)
            for _ in range(self.choose(8)):
                self.act()
            if asked in self.open and asked.answer is None:
                self._tell(asked, *self._read_now(asked), ends=False)
        elif way == 1 and asked.reading is None:
            told = self.issuer.told.get(asked.request.process.core._lease.session, (0, 0))
            epoch, head = self.pick(self.issuer.database.views(told))
            history = self.issuer.database.histories[epoch]
            good = asked.request.key.name not in history.bad[head - history.base]
            self._tell(asked, good, epoch, head, ends=self.choose(4) == 0)
        else:
            self._tell(asked, *self._read_now(asked), ends=self.choose(4) == 0)

    def _read_now(self, asked: Asked) -> tuple[bool, int, int]:
        if asked.reading is None:
            asked.reading = self.issuer.database.reading(asked.request.key)
            next(asked.reading)
        try:
            next(asked.reading)
        except StopIteration as stop:
            found: tuple[bool, int, int] = stop.value
            return found
        raise AssertionError

    def _tell(self, asked: Asked, good: bool, epoch: int, head: int, *, ends: bool) -> None:
        asked.good = good
        if good:
            asked.expires_in = EXPIRES if ends else None
            workspace = Workspace(asked.request.key.workspace)
            grant = Grant(workspace, key_id=str(asked.number), expires_in=asked.expires_in)
            asked.answer = Answer(grant, str(epoch), head)
        else:
            asked.answer = Answer(Refusal(Reason.INVALID_KEY, str(asked.number)), str(epoch), head)

    def answer(self) -> None:
        """Let an answer arrive."""
        back = [each for each in self.open if each.answer is not None and each.request not in self.busy]
        if back:
            asked = self.pick(back)
            self.land(asked, asked.answer or Answer(UNAVAILABLE))

    def lose(self) -> None:
        """Let a question or its answer get lost."""
        there = [each for each in self.open if each.request not in self.busy]
        if there:
            self.land(self.pick(there), Answer(UNAVAILABLE))

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
            self.abandon(self.pick(there))

    # ---- the end

    def rest(self) -> None:
        """Let everything that is under way end: nobody waits for ever, and good keys are good again."""
        self.come_to_rest()
        for _ in range(3):
            self.time += TIMEOUT * 1.1
            self.issuer.tick()
            for asked in list(self.open):
                self.land(asked, Answer(UNAVAILABLE))
            for request in list(self.requests):
                self.advance(request, None)
        self.oracle.demand(not self.requests, "somebody waits for ever")
        self.time += 15.0  # beyond the rest of any breaker
        self.issuer.tick()
        self.issuer.store_receipts()
        unfinished = [row.event.seq for row in self.issuer.database.log if not row.finished]
        self.oracle.demand(not unfinished, f"L: never acknowledged: {unfinished}")
        for process in self.processes:
            self._is_well(process)

    def _is_well(self, process: Process) -> None:
        if self.bound is None and not process.closed:
            self.hear(process, 0.0)
        if process.core._lease.epoch not in {None, str(self.issuer.database.epoch)}:
            return  # closed in an older epoch: it can't tell a newer one from a replica that lags, and fails closed
        cached = process.core.staleness().kind != "strict"
        for second in (False, True):
            asked = len(self.oracle.asked)
            request = self.arrival(process, self.keys[-1])
            for each in list(self.open):
                self._tell(each, *self._read_now(each), ends=False)
                self.land(each, each.answer or Answer(UNAVAILABLE))
            well = isinstance(request.verdict, Grant)
            self.oracle.demand(well, f"A: a good key is not well: {request.verdict}, closed: {process.closed}")
            again = len(self.oracle.asked) > asked
            self.oracle.demand(not (second and cached and again), "a cached key was asked about")
