"""A real issuer, killed at random points (``killing.py``); ``tests/long`` does the same 200 times."""

import asyncio
import random
from pathlib import Path

from tests.issuer.killing import killed

KILLS = 10


def test_no_acknowledged_end_is_lost_or_undone_by_a_kill(tmp_path: Path) -> None:
    """At whatever point the issuer is killed, what it acknowledged is so, and the file and its audit log are whole."""
    figures = asyncio.run(killed(tmp_path, KILLS, random.randrange(1_000_000)))
    assert figures.kills == KILLS
    assert figures.made > 0
    assert len(figures.ended) > 0
