"""Everything of one run, and what of it has a target."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from benchmarks.count import Counts
from benchmarks.growth import Growth
from benchmarks.hits import RawRow, Rows
from benchmarks.issuer_load import Load
from benchmarks.misses import CROWD, Misses
from benchmarks.parts import Part
from benchmarks.sockets import Rows as SocketRows
from benchmarks.subjects import OURS

__all__ = ["MEMORY", "Results", "Target", "targets"]

MEMORY: Final = 400
_STARTED: Final = 20
_FACTOR: Final = 1.5
_OF_BARE: Final = {
    ("Starlette", OURS): 1.30,
    ("Starlette", f"{OURS}, key in the query"): 1.40,
    ("FastAPI", OURS): 1.12,
    ("Flask", OURS): 1.08,
}


@dataclass
class Results:
    """What each section found; nothing for one that could not be run, and then why."""

    raw: tuple[RawRow, ...] | None = None
    frameworks: Rows | None = None
    sockets: SocketRows | None = None
    count: Counts | None = None
    parts: tuple[Part, ...] | None = None
    misses: Misses | None = None
    growth: Growth | None = None
    issuer: Load | None = None
    failed: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Target:
    """One bound.

    Attributes:
        name: what it is about.
        bound: the most it may be.
        measured: what it is.
        gated: whether missing it ends the benchmark with an error: what is measured in process.
        least: whether it is the least instead.
    """

    name: str
    bound: float
    measured: float
    gated: bool = True
    least: bool = False

    @property
    def met(self) -> bool:
        """Whether the bound holds."""
        return self.measured >= self.bound if self.least else self.measured <= self.bound

    def __str__(self) -> str:
        return f"{self.name}: {self.measured:.2f}, bound {self.bound:g}"


def targets(results: Results) -> Iterator[Target]:
    """Yield every target of which something was measured."""
    for row in results.raw or ():
        yield Target(f"{row.protocol}, {row.place}, {row.mode}: times what the floor adds", _FACTOR, row.ratio.median)
    for each in results.frameworks.rows if results.frameworks else ():
        if (each.stack, each.subject) in _OF_BARE:
            bound = _OF_BARE[each.stack, each.subject]
            yield Target(f"{each.stack}, {each.subject}: times the bare app", bound, each.of_bare.median)
    if results.misses:
        stampede = results.misses.stampedes[0]
        yield Target(f"calls of a stampede of {CROWD:,} for one new key", 1, stampede.calls)
        yield Target(f"calls for {CROWD:,} new keys", CROWD, results.misses.new_keys)
    for served in results.sockets.rows if results.sockets else ():
        if (served.server, served.subject) == ("uvicorn", OURS):
            name = f"requests/s over uvicorn, {served.stack}: share of the bare app"
            yield Target(name, 0.9, served.share.median, gated=False, least=True)
    if results.growth:
        for size in results.growth.sizes:
            yield Target(f"bytes a cached key, of {size.keys:,}", MEMORY, size.memory, gated=False)
        yield Target("ms of `import rf_middleware`", _STARTED, results.growth.imported.median, gated=False)
    ratio = results.issuer.ratio(1_000) if results.issuer else None
    if ratio is not None:
        yield Target("a revocation with 1,000 leaseholders, times that with one", 20, ratio, gated=False)
