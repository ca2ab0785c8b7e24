"""Times several ways of doing the same in turn, so that whatever else the machine does hits all of them alike.

A round times one block of calls of each way, in an order that changes from round to round; a slow way has fewer calls
in a block. What counts is the difference to the bare way *of the same round*, and the ratio of two such differences.
"""

import gc
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.scale import scaled

__all__ = ["BLOCK", "ROUNDS", "Block", "Spread", "added", "in_turn", "ratio", "spread"]

ROUNDS: Final = scaled(240, 10)
BLOCK: Final = 200
"""Calls in one block, at most."""
_LONGEST: Final = 4000.0
"""Microseconds of a block, about."""

Block = Callable[[int], float]
"""Prepares that many calls, makes them, and returns the microseconds that making them took."""


@dataclass(frozen=True)
class Spread:
    """A median, and between which values eight of ten lie."""

    median: float
    p10: float
    p90: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.p10:.2f}–{self.p90:.2f})"


def spread(values: Sequence[float]) -> Spread:
    """Return median and spread."""
    tenths = statistics.quantiles(values, n=10)
    return Spread(statistics.median(values), tenths[0], tenths[-1])


def in_turn(ways: Mapping[str, Block], rounds: int = ROUNDS, block: int = BLOCK) -> dict[str, list[float]]:
    """Return microseconds per call for each way, one value per round."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    order = list(ways)
    for run in ways.values():
        run(min(block, 20))  # caches warm up
    counts = {name: max(5, min(block, int(_LONGEST * 20 / run(20)))) for name, run in ways.items()}
    gc.collect()
    gc.disable()  # as timeit does: prepared requests would otherwise make collections that no server sees
    try:
        for _ in range(rounds):
            for name in order:
                taken[name].append(ways[name](counts[name]) / counts[name])
            order.append(order.pop(0))
    finally:
        gc.enable()
    return taken


def added(taken: Mapping[str, Sequence[float]], way: str, bare: str) -> list[float]:
    """Return what ``way`` adds to ``bare``, round by round."""
    return [mine - base for mine, base in zip(taken[way], taken[bare], strict=True)]


def ratio(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Return the ratios, round by round."""
    return [mine / base for mine, base in zip(above, below, strict=True)]
