"""Many revocations at once, with many validators: ``tests/long`` does it at full size, with a real server."""

import asyncio
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

from rf_middleware._wire import Poll, Reply
from rf_middleware.issuer.changes import revoke
from rf_middleware.issuer.decisions import Answer
from rf_middleware.issuer.polls import Decided
from rf_middleware.issuer.records import Receipt
from tests.issuer.rig import BY, Rig, in_loop, new_key, opened, until

SESSIONS = 300
REVOCATIONS = 100
LEASE = 3600.0


def follow(rig: Rig, session: str) -> None:
    """Be a validator that acks at once, for as long as there are answers."""

    def ask(reply: Reply | None) -> None:
        epoch, ack = (None, 0) if reply is None else (reply.epoch, reply.head)
        rig.revocations.poll("a token", Poll(session, epoch, ack, LEASE), answered)

    def answered(outcome: Decided) -> None:
        assert isinstance(outcome, Answer)
        if outcome.reply.lease and not rig.revocations.closing:
            asyncio.get_running_loop().call_soon(ask, outcome.reply)

    ask(None)


def parked(rig: Rig) -> Callable[[], bool]:
    """Return how to see that every validator waits for news."""
    return lambda: rig.revocations.counts().parked == SESSIONS


@in_loop
async def test_a_burst_is_acknowledged_by_everybody_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """100 revocations at once are confirmed by all 300 validators each, at some bytes for each of both."""
    async with opened(tmp_path / "issuer.db", LEASE) as rig:
        workspace = rig.store.list_workspaces()[0].id
        keys = [rig.store.create_key(workspace, new_key("k", None)[1], BY) for _ in range(REVOCATIONS)]
        for number in range(SESSIONS):
            follow(rig, f"session-{number}")
        await until(parked(rig))

        async def one(key_id: str) -> Receipt | None:
            return await rig.revocations.settled((await rig.revocations.apply(revoke(key_id), BY)).seq)

        tracemalloc.start()
        try:
            receipts = await asyncio.gather(*map(one, keys))
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        counted = [(each.done.confirmed, each.done.expired) for each in receipts if each is not None and each.done]
        assert counted == [(SESSIONS, 0)] * REVOCATIONS
        assert most < 2_000 * SESSIONS + 45_000 * REVOCATIONS
        await until(lambda: not rig.revocations.receipts._done)
        await until(parked(rig))
        assert rig.revocations.counts() == (SESSIONS, SESSIONS, 0)
        stored = rig.store.receipt(REVOCATIONS)
        assert stored is not None
        assert stored.done is not None
        assert len(json.dumps(stored.done.report)) < 20_000
