"""Notices that an older copy of the database was put back: validators know of changes that are not in it. Pure."""

from typing import Final

from rf_middleware._wire import Poll
from rf_middleware.issuer.records import Life

__all__ = ["LOST", "PUT_BACK", "Lost"]

PUT_BACK: Final = (
    "%s is not as the last server left it: an older copy was put back, or it was moved. What was revoked after a copy"
    " was made is good again here; see Backups in docs/issuer.md"
)
LOST: Final = (
    "%s lacks at least %d changes that a validator had been told of: an older copy was put back. Keys that they revoked"
    " are good again here; see Backups in docs/issuer.md"
)


class Lost:
    """What this database lacks of what validators had been told.

    Attributes:
        events: how many changes at least.
    """

    def __init__(self, life: Life) -> None:
        self._epoch, self._head = life.epoch, life.head
        self.events = 0

    def more(self, poll: Poll) -> bool:
        """Take in what a validator says that it applied before this server began; tell whether more is lacking."""
        lacking = poll.ack - self._head if poll.epoch not in {None, self._epoch} else 0
        more = lacking > self.events
        self.events = max(self.events, lacking)
        return more
