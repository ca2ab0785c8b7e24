"""Real processes, real faults: what is revoked stays refused, and the run would see it if it were not."""

import asyncio
import os
import random
import sys
from pathlib import Path

import pytest

from tests.nemesis.oracle import late, violations
from tests.nemesis.processes import Kind
from tests.nemesis.proxy import Fault
from tests.nemesis.run import accepted_everywhere, all_follow, problems, run, stage

SECONDS = 15.0


def test_nothing_is_accepted_after_it_was_acknowledged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever is stopped, killed or cut off, no worker accepts a key whose revocation was acknowledged."""
    figures = asyncio.run(run(tmp_path, SECONDS, int(os.environ.get("RF_NEMESIS_SEED", "7"))))
    with capsys.disabled():
        sys.stdout.write(f"\n{figures.table()}")
    assert problems(figures) == []
    assert figures.history.asked.keys() == figures.history.acknowledged.keys()
    assert {one.worker for one in late(figures.history)} >= figures.workers
    assert figures.quiet.introspections == 0


async def found(folder: Path, environment: dict[str, str], *, cut_off: bool) -> list[str]:
    """Revoke a key that one worker has in its cache; return the violations that were seen."""
    async with stage(folder, [Kind("uvicorn", environment=environment)], random.Random(1)) as there:
        crowd = there.crowd
        if cut_off:
            await all_follow(there, 1)
        key = await crowd.create()
        await accepted_everywhere(crowd, key)
        if cut_off:
            there.sites[0].proxy.begin(Fault.BLACK_HOLE)
        await crowd.revoke(key)
        await crowd.drain()
        assert key.id in {one.key for one in late(crowd.history)}
        return violations(crowd.history)


def test_a_cache_with_a_plain_ttl_is_caught(tmp_path: Path) -> None:
    """A validator that caches for a minute and follows no feed is reported: the run can fail."""
    assert len(asyncio.run(found(tmp_path, {"NEMESIS_TTL": "60"}, cut_off=False))) == 1


@pytest.mark.parametrize(("rate", "caught"), [("0.9905", 0), ("0.2", 1)])
def test_a_clock_beyond_the_drift_is_caught(tmp_path: Path, rate: str, caught: int) -> None:
    """Cut off from the issuer, a slow clock within the drift is safe and one far beyond it is reported."""
    assert len(asyncio.run(found(tmp_path, {"NEMESIS_RATE": rate}, cut_off=True))) == caught
