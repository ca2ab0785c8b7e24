"""The simulation under very many schedules."""

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from tests.simulation.search import search

SCHEDULES = 100_000
AT_A_TIME = 2_000
PROCESSES = 2


def found(first: int) -> str | None:
    """Return what some schedules show."""
    return search(range(first, first + AT_A_TIME))


def test_every_promise_holds_in_a_hundred_thousand_schedules(capsys: pytest.CaptureFixture[str]) -> None:
    """R, L, A and receipts hold in each of 100,000 schedules."""
    began = time.monotonic()
    with ProcessPoolExecutor(PROCESSES, get_context("spawn")) as pool:
        violations = [each for each in pool.map(found, range(0, SCHEDULES, AT_A_TIME)) if each is not None]
    took = time.monotonic() - began
    with capsys.disabled():
        print(f"\nsimulation: {SCHEDULES:,} schedules in {took:.0f} s, {len(violations)} violations")  # noqa: T201 - a figure for people
    assert not violations, "\n".join(violations)
