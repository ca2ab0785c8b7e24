"""Receipts: what is kept of an acknowledgement, in memory until the database has it.

The answer does not wait for that: a crash in between only writes the receipt again.
"""

import logging
from dataclasses import replace
from typing import Final

from rf_middleware.issuer.background import Background
from rf_middleware.issuer.decisions import Acknowledged
from rf_middleware.issuer.records import Account, Receipt
from rf_middleware.issuer.store import Store

__all__ = ["SHOWN", "Receipts", "account"]

_log = logging.getLogger("rf_middleware.issuer")

SHOWN: Final = 8
"""Characters of a session's id that a receipt shows: enough to tell two apart, too few to end one."""


def account(done: Acknowledged) -> Account:
    """Return who confirmed an event, who was waited out, and after how long."""
    report: list[dict[str, object]] = [
        {
            "session": each.session[:SHOWN],
            "validator": each.name,
            "outcome": "confirmed" if each.confirmed else "expired",
            "after_ms": _ms(each.after),
        }
        for each in done.outcomes
    ]
    return Account(done.confirmed, done.expired, _ms(done.took), report)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


class Receipts:
    """The receipts of this life of the issuer. Used on one event loop.

    Args:
        store: the database.
        background: runs its questions and changes.
    """

    def __init__(self, store: Store, background: Background) -> None:
        self._store, self._background = store, background
        self._done: dict[int, Acknowledged] = {}
        self._unstored: list[Acknowledged] = []

    def add(self, done: Acknowledged) -> None:
        """Know of an acknowledgement; ``keep`` stores it."""
        self._done.update(dict.fromkeys((*done.also, done.seq), done))

    async def of(self, seq: int) -> Receipt | None:
        """Return what is known of an event now; ``None`` for a number that is no event."""
        if seq.bit_length() > 63:  # more than a database counts
            return None
        done = self._done.get(seq)  # read first: it is let go once it is stored
        stored = await self._background.read(self._store.receipt, seq)
        return stored if stored is None or done is None else replace(stored, done=account(done))

    async def completed(self, seq: int, before: Receipt) -> Receipt | None:
        """Return the receipt of an event that holds everywhere by now, of which ``before`` was known."""
        done = self._done.get(seq)
        return await self.of(seq) if done is None else replace(before, done=account(done))

    async def keep(self, done: Acknowledged) -> bool:
        """Store a receipt; false when it could not be, which is said once for as long as that lasts."""
        error = await self._background.write(self._finish, done)
        if error is not None:
            if not self._unstored:
                _log.error("receipt %d not stored: %s", done.seq, type(error).__name__)
            self._unstored.append(done)
            return False
        for seq in (*done.also, done.seq):
            del self._done[seq]
        return True

    def _finish(self, done: Acknowledged) -> Exception | None:
        try:
            self._store.finish(done.seq, account(done), done.also)
        except Exception as error:  # noqa: BLE001 - whatever it was, the receipt stays in memory
            return error
        return None

    async def keep_again(self) -> None:
        """Try again to store what could not be stored."""
        while self._unstored:
            stored = await self.keep(self._unstored[0])
            if not stored:
                self._unstored.pop()  # it is the first already
                break
            self._unstored.pop(0)
