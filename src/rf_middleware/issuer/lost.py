"""Notices, and says, that an older copy of the database was put back: what was revoked since is good again."""

import logging
from pathlib import Path
from typing import Final

from rf_middleware._wire import Poll
from rf_middleware.issuer.metrics import Metrics
from rf_middleware.issuer.records import Life

__all__ = ["Lost"]

_log = logging.getLogger("rf_middleware.issuer")
_PUT_BACK: Final = (
    "%s is not as the last server left it: an older copy was put back, or it was moved, or the file .start beside it"
    " was changed (chown, chmod). What was revoked after a copy was made is good again here; see Backups in"
    " docs/issuer.md"
)
_LOST: Final = (
    "%s lacks at least %d of the changes that a validator had been told of: an older copy was put back. What they"
    " revoked is good again here; see Backups in docs/issuer.md"
)


class Lost:
    """What a database lacks of what validators know.

    Args:
        life: how the server began.
        path: the database.
        metrics: are told too.
    """

    def __init__(self, life: Life, path: Path, metrics: Metrics) -> None:
        self._epoch, self._head, self._path, self._metrics = life.epoch, life.head, path, metrics
        self._most = 0
        if life.put_back:
            _log.warning(_PUT_BACK, path)

    def hear(self, poll: Poll) -> None:
        """Take in what a validator says that it had applied before this server began."""
        lacking = poll.ack - self._head if poll.epoch not in {None, self._epoch} else 0
        if lacking > self._most:
            self._most = lacking
            self._metrics.lost(lacking)
            _log.warning(_LOST, self._path, lacking)
