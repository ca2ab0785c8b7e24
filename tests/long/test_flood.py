"""The flood of ``tests/edges/flood.py`` with a million junk keys."""

import sys

import pytest

from tests.edges.flood import flooded
from tests.edges.test_flood import assert_nothing_was_taken

COUNT = 1_000_000


def test_a_million_junk_keys_within_the_budget(capsys: pytest.CaptureFixture[str]) -> None:
    """A million junk keys leave the memory flat, the issuer alone and every good key cached."""
    seen = flooded(COUNT, 20_000.0)
    with capsys.disabled():
        sys.stdout.write(f"\nflood within the budget: {seen}\n")
    assert_nothing_was_taken(seen, COUNT)
    assert seen.kilobytes < 4_096


def test_a_million_junk_keys_that_are_all_asked_about(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a budget the pool of denials fills once, and grows no more."""
    seen = flooded(COUNT, 1e6, unknown_key_rate=1e9, unknown_key_burst=10**9)
    with capsys.disabled():
        sys.stdout.write(f"\nflood without a budget: {seen}\n")
    assert (set(seen.statuses), seen.good, seen.asked_again) == ({401}, {200: COUNT // 10}, 0)
    assert 50_000 <= seen.remembered <= 100_000
    assert seen.kilobytes < 12_000  # what the pool may hold beside itself while a generation of it grows
