"""Drivers and databases that lack one rule each: the issuer's end outside its leases. The rules are the issuer's."""

from typing import Final

from rf_middleware._wire import Event
from rf_middleware.issuer.decisions import Name
from tests.simulation.database import Database, Life, Reading
from tests.simulation.issuer import Issuer
from tests.simulation.things import Key


class SaysSoAtTheCommit(Issuer):
    """Rule 2: nothing is acknowledged because it is committed."""

    def commit(self, change: str, keys: list[Key], workspace: str | None = None) -> None:
        super().commit(change, keys, workspace)
        end = self.database.log[-1].end
        if end is not None:
            self.oracle.holds(end)


class SnapshotsBeforeTheCommit(Issuer):
    """Rule 2: the snapshot is taken after the commit, when no lease can be granted without the event."""

    before: frozenset[Name] = frozenset()

    def commit(self, change: str, keys: list[Key], workspace: str | None = None) -> None:
        now = self.clock()
        self.before = frozenset(name for name, session in self.leases._sessions.items() if session.end > now)
        super().commit(change, keys, workspace)

    def publish(self, most: int) -> None:
        super().publish(most)
        now = self.clock()
        for name, session in self.leases._sessions.items():
            if name not in self.before:
                self.leases._waiting.acked(session, self.leases.head, now)
        self._perform(self.leases._settle(now), now)


class RepeatsAtOnce(Issuer):
    """Rule 4: repeats wait too."""

    def is_acknowledged(self, seq: int) -> bool:
        return True


class PublishesBackwards(Issuer):
    """Rule 1: events are published in the order of their ``seq``."""

    def publish(self, most: int) -> None:
        now = self.clock()
        for event in reversed(self._next(self.database.head)):
            self.oracle.publishes(event.seq, now)
            self._perform(self.leases.publish(event, now, now), now)


class PublishesItsOwn(Issuer):
    """Rule 1: what is published is read from the log, so that no event is skipped."""

    def _next(self, most: int) -> list[Event]:
        return super()._next(self.database.head)[-1:]


class EndsItsLifeAnyway(Issuer):
    """Rule 3: a clean stop leaves leases behind too."""

    def exit(self) -> None:
        super().exit()
        self.database.end_life(outstanding=False)


# ---- the database


class WaitsForNoCrash(Database):
    """Rule 3: after a crash, leases of the last life may run."""

    def begin_life(self, lease: float) -> Life:
        self.outstanding = False
        return super().begin_life(lease)


class WaitsForItsOwnLease(Database):
    """Rule 3: the longest lease that was granted is waited for, however leases are set up now."""

    def begin_life(self, lease: float) -> Life:
        self.longest = lease
        return super().begin_life(lease)


class ForgetsLongerLeases(Database):
    """Rule 3: the longest lease stays known until all have ended, through lives with shorter ones."""

    def begin_life(self, lease: float) -> Life:
        life = super().begin_life(lease)
        self.longest = lease
        return life


class ForgetsWhatIsUnfinished(Database):
    """Receipts: what was committed but not acknowledged is acknowledged in the next life."""

    def begin_life(self, lease: float) -> Life:
        life = super().begin_life(lease)
        return Life(life.epoch, life.head, life.wait, [])


class ReadsTheKeyFirst(Database):
    """Validator's rule 3: the issuer reads epoch and head before the key."""

    def reading(self, key: Key) -> Reading:
        good = key.good
        yield
        return good, self.epoch, self.head


class KeepsItsEpoch(Database):
    """Words: a restored backup is another history."""

    def new_epoch(self) -> None:
        pass


class BelievesTheBackup(Database):
    """Rule 3: a backup knows nothing of the leases that were granted since."""

    def restore_backup(self, head: int, longest: float) -> None:
        super().restore_backup(head, longest)
        self.outstanding = False


DRIVERS: Final[dict[type[Issuer], tuple[str, ...]]] = {
    SaysSoAtTheCommit: ("R:",),
    SnapshotsBeforeTheCommit: ("R:",),
    RepeatsAtOnce: ("R:",),
    PublishesBackwards: ("R:", "change", "publish", "renew", "revoke"),
    PublishesItsOwn: ("L:",),
    EndsItsLifeAnyway: ("R:",),
}
DATABASES: Final[dict[type[Database], tuple[str, ...]]] = {
    WaitsForNoCrash: ("R:",),
    WaitsForItsOwnLease: ("R:",),
    ForgetsLongerLeases: ("R:", "restart", "restart"),
    ForgetsWhatIsUnfinished: ("L:",),
    ReadsTheKeyFirst: ("R:", "read", "revoke", "renew"),
    KeepsItsEpoch: ("R:", "restore", "change", "revoke", "change", "renew"),
    BelievesTheBackup: ("R:",),
}
"""Each without a rule, the promise that it breaks, and what happens often in the stories that show it."""
