"""What the database remembers of the servers that ran on it: the restart rule of the leases.

* A server that does not know how the last one ended begins a new epoch: nothing that was read or followed before
  vouches for anything now. That is so after a crash, and when a backup was put back, which looks the same.
* A database that is not the one that the last server had knows nothing of the leases which that one granted, also
  where it says that none is out.
"""

import time
from uuid import uuid4

from sqlalchemy import Row, select, update

from rf_middleware.issuer.records import Life
from rf_middleware.issuer.schema import events, meta
from rf_middleware.issuer.serving import DEFAULT_LEASE
from rf_middleware.issuer.store_base import StoreBase, head_of

__all__ = ["LifeStore"]


class LifeStore(StoreBase):
    """The lives of servers."""

    def begin_life(self, lease: float, last: str | None = None, start: str | None = None) -> Life:
        """Note, before any lease is granted, that leases this long may be out from now on.

        The restart rule: unless the last server left with every lease ended, leases as long as the
        longest it may have granted can still run.

        Args:
            lease: seconds.
            last: the last start of a server, as it is known beside the database.
            start: this one.
        """
        with self._database.writing() as connection:
            row = connection.execute(select(meta)).one()
            orderly = row.orderly and row.start == last
            epoch = row.epoch if orderly else str(uuid4())
            wait = _wait(row, last, lease)
            longest = max(lease, wait)
            values = {"epoch": epoch, "longest_lease": longest, "outstanding": True, "start": start, "orderly": False}
            connection.execute(update(meta).values(values))
            head = head_of(connection)
            pending = select(events.c.seq, events.c.created).where(events.c.receipt.is_(None)).order_by(events.c.seq)
            now = time.time()
            unfinished = tuple((each.seq, max(0.0, now - each.created)) for each in connection.execute(pending))
        return Life(epoch, head, wait, unfinished, put_back=row.start not in {None, last})

    def longest_wait(self, last: str | None = None) -> float:
        """Return for how many seconds from now leases of servers that have ended may still run."""
        with self._database.reading() as connection:
            return _wait(connection.execute(select(meta)).one(), last, DEFAULT_LEASE)

    def end_life(self, *, outstanding: bool) -> None:
        """Note that this server ends in order, and whether leases are still out."""
        with self._database.writing() as connection:
            connection.execute(update(meta).values(outstanding=outstanding, orderly=True))


def _wait(row: Row[tuple[object, ...]], last: str | None, usual: float) -> float:
    if row.start != last:  # how long the leases of that server were, nobody can tell
        return max(float(row.longest_lease), usual)
    return float(row.longest_lease) if row.outstanding else 0.0
