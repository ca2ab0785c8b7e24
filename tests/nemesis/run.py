"""A run: everything starts, a quiet time is measured, then comes the storm, then all must be well again."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.nemesis.crowd import Crowd, Key
from tests.nemesis.figures import Figures, Quiet
from tests.nemesis.nemesis import Nemesis
from tests.nemesis.oracle import Receipt, complaints, violations
from tests.nemesis.processes import IssuerProcess, Kind, Site, Worker
from tests.nemesis.proxy import Proxy
from tests.nemesis.wire import PATIENCE

__all__ = ["KINDS", "VALIDATORS", "Stage", "accepted_everywhere", "all_follow", "problems", "run", "stage"]

KINDS = (
    Kind("uvicorn"),
    Kind("uvicorn", environment={"NEMESIS_RATE": "0.9905"}),
    Kind("uvicorn", environment={"NEMESIS_RATE": "1.0095"}),
    Kind("gunicorn"),
    Kind("gunicorn", preload=True, environment={"NEMESIS_RATE": "0.9905"}),
)
VALIDATORS = 8
"""Three of uvicorn, two and two of gunicorn, and the master that was preloaded."""

_GOOD = 3
_MEASURED = 40
_HITS = 150
_ROUNDS = 20
_AT_ONCE = 2
_TURNING = 8
_AGAIN = 50
"""Fewer than a validator asks about at once when they are unknown."""


@dataclass
class Stage:
    """Everything that runs."""

    issuer: IssuerProcess
    sites: list[Site]
    crowd: Crowd


@asynccontextmanager
async def stage(folder: Path, kinds: Sequence[Kind], dice: random.Random) -> AsyncGenerator[Stage]:
    """Start it all, and end it."""
    issuer = await asyncio.to_thread(IssuerProcess, folder / "issuer.db")
    proxies: list[Proxy] = []
    sites: list[Site] = []
    try:
        await issuer.start()
        proxies += [await Proxy.start(issuer.port) for _ in kinds]
        sites += [Site(kind, proxy, issuer, folder) for kind, proxy in zip(kinds, proxies, strict=True)]
        await asyncio.gather(*(site.start() for site in sites))
        async with asyncio.TaskGroup() as group:
            crowd = Crowd(issuer, sites, dice, group)
            crowd.good += [await crowd.create() for _ in range(_GOOD)]
            yield Stage(issuer, sites, crowd)
    finally:
        await asyncio.gather(*(site.end() for site in sites))
        await asyncio.gather(*(proxy.close() for proxy in proxies))
        if issuer.server is not None:
            await asyncio.to_thread(issuer.server.end)


async def run(folder: Path, seconds: float, seed: int) -> Figures:
    """Do a whole run.

    Raises:
        AssertionError: something hangs or does not come back.
    """
    dice = random.Random(seed)
    async with stage(folder, KINDS, dice) as there:
        crowd = there.crowd
        quiet = await measure(there)
        nemesis = Nemesis(there.issuer, there.sites, crowd, dice)
        for _ in range(_AT_ONCE):
            for site in there.sites:
                for place in range(site.size):
                    crowd.spawn(crowd.load(site, place))
        for _ in range(_TURNING):
            crowd.spawn(crowd.turn_over())
        begun = time.monotonic()
        await nemesis.work(seconds)
        ended = time.monotonic()
        crowd.over.set()
        await crowd.drain()
        await all_follow(there, VALIDATORS)
        await every_key_once_more(there)
        workers = {worker.pid for worker in crowd.workers()}
    return Figures(seed, begun, ended, crowd.history, quiet, workers, nemesis.done, crowd.hangs)


def problems(figures: Figures) -> list[str]:
    """Return whatever must not be."""
    return [*violations(figures.history), *complaints(figures.history), *figures.hangs]


async def all_follow(there: Stage, validators: int) -> None:
    """Wait until so many validators confirm a revocation, and no other holds a lease."""
    end = time.monotonic() + PATIENCE
    while await there.crowd.revoke(await there.crowd.create()) != Receipt(validators, 0):
        assert time.monotonic() < end, "not every validator follows the feed again"
        await there.crowd.drain()


async def measure(there: Stage) -> Quiet:
    """Measure revocations and round trips in turn, then hits."""
    crowd, quiet = there.crowd, Quiet(VALIDATORS)
    await all_follow(there, VALIDATORS)
    for _ in range(_MEASURED):
        read = await crowd.read()
        quiet.reads.append(read.answered - read.sent)
        key = await crowd.create(quiet.writes)
        await crowd.use_everywhere(key)
        await crowd.revoke(key)
        quiet.revocations.append(crowd.history.acknowledged[key.id] - crowd.history.asked[key.id])
        await crowd.drain()
    await crowd.use_everywhere(crowd.good[0])
    for quiet.rounds in range(1, _ROUNDS + 1):
        before = sum(site.proxy.introspections for site in there.sites)
        await asyncio.gather(*(_hit(crowd, worker) for worker in crowd.workers()))
        quiet.hits = _HITS * len(crowd.workers())
        quiet.introspections = sum(site.proxy.introspections for site in there.sites) - before
        if not quiet.introspections:
            break  # else: this machine stood still for so long that a lease ended, or there is something wrong
    return quiet


async def _hit(crowd: Crowd, worker: Worker) -> None:
    for _ in range(_HITS):
        await crowd.use(worker, worker.idle.pop(), crowd.good[0])


async def every_key_once_more(there: Stage) -> None:
    """Good keys come to be accepted everywhere again; the last of the revoked ones are tried everywhere again."""
    crowd = there.crowd
    for key in crowd.good:
        await accepted_everywhere(crowd, key)
    for key in crowd.used[-_AGAIN:]:
        await _statuses(crowd, key)


async def accepted_everywhere(crowd: Crowd, key: Key) -> None:
    """Wait until a good key is accepted by every worker."""
    end = time.monotonic() + PATIENCE
    while await _statuses(crowd, key) != {200}:
        assert time.monotonic() < end, "a good key is not accepted everywhere"


async def _statuses(crowd: Crowd, key: Key) -> set[int]:
    before = len(crowd.history.seen)
    await crowd.use_everywhere(key)
    return {one.status for one in crowd.history.seen[before:]}
