"""Does what nobody asks for: ends keys whose time has come, publishes what another program wrote, writes things down.

``rf-middleware workspace suspend`` and its like write to the database while the server runs. Every quarter of a second
the server looks, so that such a change is on its way to the validators well within the half second that the published
bound allows for.
"""

import asyncio
import logging
import time
from typing import Final

from rf_middleware.issuer.audit import CLOCK
from rf_middleware.issuer.changes import expire
from rf_middleware.issuer.revocations import Revocations
from rf_middleware.issuer.store import Store
from rf_middleware.issuer.uses import Uses

__all__ = ["watch"]

_EVERY: Final = 0.25
_log = logging.getLogger("rf_middleware.issuer")


async def watch(store: Store, revocations: Revocations, uses: Uses, every: float = _EVERY) -> None:
    """Look every so many seconds, until cancelled."""
    failed = False
    while True:
        await asyncio.sleep(every)
        try:
            if store.trouble:
                await revocations.write(store.try_writing)
            if await revocations.read(store.astir, revocations.head, time.time()):
                await revocations.apply(expire(time.time()), CLOCK)
            await revocations.receipts.keep_again()
            used = uses.take()
            if used:
                await revocations.write(store.used, used)
        except Exception as error:  # noqa: BLE001 - whatever it was, the next look may do
            if not failed:  # once per outage: a disk may be full of such lines
                _log.error("looking for changes failed: %s", type(error).__name__)
            failed = True
        else:
            failed = False
