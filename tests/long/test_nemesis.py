"""The nemesis of ``tests/nemesis``, for as long as ``RF_NEMESIS_SECONDS`` says; ten minutes when it says nothing."""

import asyncio
import os
import random
import sys
from pathlib import Path

import pytest

from tests.nemesis.run import problems, run


def test_nothing_is_accepted_after_it_was_acknowledged_for_long(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In ten minutes of faults, dealt anew each time, no worker accepts a key whose revocation was acknowledged."""
    seconds = float(os.environ.get("RF_NEMESIS_SECONDS", "600"))
    seed = int(os.environ.get("RF_NEMESIS_SEED") or random.randrange(1_000_000))
    figures = asyncio.run(run(tmp_path, seconds, seed))
    with capsys.disabled():
        sys.stdout.write(f"\n{figures.table()}")
    assert problems(figures) == []
    assert figures.history.asked.keys() == figures.history.acknowledged.keys()
