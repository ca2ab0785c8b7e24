"""How commands wait until a change holds everywhere, and say so: what a DELETE does, without the server's help.

The server that runs on the database has it confirmed (``watch.py``). Where none runs, no lease of an earlier one may
be left.
"""

import json
import time
from typing import Final

import click

from rf_middleware._clock import now
from rf_middleware.issuer.changes import Change
from rf_middleware.issuer.commands import command
from rf_middleware.issuer.fields import receipt_body
from rf_middleware.issuer.metadata import DRIFT
from rf_middleware.issuer.records import Receipt
from rf_middleware.issuer.serving import being_served, last_start
from rf_middleware.issuer.store import Store

__all__ = ["carry_out", "wait_option"]

_LOOK: Final = 0.05

wait_option = click.option("--wait/--no-wait", default=True, show_default=True, help="Wait until it holds everywhere.")


def carry_out(store: Store, change: Change, done: str, *, wait: bool, as_json: bool) -> tuple[str, bool]:
    """Make a change, wait until it holds if wanted; return what is said about it, and whether it was news."""
    ended = store.apply(change, command())
    return _said(store, ended.seq, done, wait=wait, as_json=as_json), not ended.before


def _said(store: Store, seq: int, done: str, *, wait: bool, as_json: bool) -> str:
    receipt = _held(store, seq) if wait and seq else None
    if as_json:
        said = {} if receipt is None else receipt_body(receipt)
        return json.dumps(said or ({"receipt": f"/revocations/{seq}"} if seq and not wait else {"seq": seq}))
    if receipt is not None and receipt.done is not None:
        counts = f"{receipt.done.confirmed} confirmed, {receipt.done.expired} expired"
        return f"{done}; every validator knows ({counts}, {receipt.done.took_ms:g} ms)"
    if not seq:  # it was never otherwise
        return done
    return f"{done}; no validator holds a lease" if wait else f"{done}; see /revocations/{seq}"


def _held(store: Store, seq: int) -> Receipt | None:
    """Wait until a change holds everywhere; ``None`` when that is so because no lease can be left."""
    since = None  # when no server was seen to run: the last may have granted leases until then
    while True:
        receipt = store.receipt(seq)
        if receipt is not None and receipt.done is not None:
            return receipt
        if being_served(store.path):
            since = None
        else:
            longest = store.longest_wait(last_start(store.path)) * (1 + DRIFT)
            if since is None:
                since = now()
                if longest:
                    click.echo(f"no server is running: waiting {longest:.1f} s for leases of the last one", err=True)
            if now() - since >= longest:
                return None
        time.sleep(_LOOK)
