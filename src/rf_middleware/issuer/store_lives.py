"""What the database remembers of the servers that ran on it: the restart rule of the leases."""

import time

from sqlalchemy import select, update

from rf_middleware.issuer.records import Life
from rf_middleware.issuer.schema import events, meta
from rf_middleware.issuer.store_base import StoreBase, head_of

__all__ = ["LifeStore"]


class LifeStore(StoreBase):
    """The lives of servers."""

    def begin_life(self, lease: float) -> Life:
        """Note, before any lease is granted, that leases this long may be out from now on.

        The restart rule: unless the last server left with every lease ended, leases as long as the
        longest it may have granted can still run.
        """
        with self._database.writing() as connection:
            row = connection.execute(select(meta)).one()
            longest = max(lease, row.longest_lease) if row.outstanding else lease
            connection.execute(update(meta).values(longest_lease=longest, outstanding=True))
            head = head_of(connection)
            pending = select(events.c.seq, events.c.created).where(events.c.receipt.is_(None)).order_by(events.c.seq)
            now = time.time()
            unfinished = tuple((each.seq, max(0.0, now - each.created)) for each in connection.execute(pending))
        return Life(row.epoch, head, row.longest_lease if row.outstanding else 0.0, unfinished)

    def longest_wait(self) -> float:
        """Return for how many seconds from now leases of servers that have ended may still run."""
        with self._database.reading() as connection:
            row = connection.execute(select(meta)).one()
            return float(row.longest_lease) if row.outstanding else 0.0

    def end_life(self) -> None:
        """Note that no lease is out any more."""
        with self._database.writing() as connection:
            connection.execute(update(meta).values(outstanding=False))
