"""An issuer killed at random points under load, as often as ``RF_KILLS`` says; 200 times when it says nothing."""

import asyncio
import os
import random
import sys
from pathlib import Path

import pytest

from tests.issuer.killing import killed


def test_no_acknowledged_end_is_lost_or_undone_by_many_kills(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In each of 200 lives all that any earlier one acknowledged is so, and the file and its audit log are whole."""
    seed = int(os.environ.get("RF_KILLS_SEED") or random.randrange(1_000_000))
    figures = asyncio.run(killed(tmp_path, int(os.environ.get("RF_KILLS", "200")), seed))
    with capsys.disabled():
        sys.stdout.write(f"\nseed {seed}: {figures.line()}\n")
    assert len(figures.ended) > figures.kills
