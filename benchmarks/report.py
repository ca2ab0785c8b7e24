"""Writes what was measured, as Markdown that also reads well on a terminal."""

import os
import platform
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import frameworks, raw
from benchmarks.measure import BLOCK, ROUNDS, Spread
from benchmarks.parts import Import

__all__ = ["Results", "machine", "report"]


@dataclass(frozen=True)
class Results:
    """One run."""

    raw: Sequence[raw.Row]
    frameworks: Sequence[frameworks.Row]
    check: Spread
    hash: Spread
    imported: Import


def machine() -> str:
    """Describe processor, cores and Python; nothing that names the machine."""
    model = platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{model}, {os.cpu_count()} cores, {python}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    cells = [list(heads), *map(list, rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]

    def line(row: Sequence[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"

    yield line(cells[0])
    yield "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    yield from map(line, cells[1:])


def verdict(rows: Sequence[raw.Row]) -> str:
    """Say whether the bound holds, and where it does not."""
    missed = [f"{row.protocol} {row.place} ({row.mode})" for row in rows if not row.met]
    bound = f"a hit adds at most {raw.BOUND} times what the floor adds"
    if not missed:
        return f"Bound met in all {len(rows)} rows: {bound}."
    return f"Bound NOT met in {len(missed)} of {len(rows)} rows: {bound}. Missed: {', '.join(missed)}."


def report(results: Results) -> str:
    """Return the whole page."""
    return "\n".join(_lines(results)) + "\n"


def _lines(results: Results) -> Iterator[str]:
    yield "# What a cached key costs"
    yield ""
    yield f"Written by `make bench`. Machine: {machine()}."
    yield "Times are in microseconds: the median, and in brackets between which values eight of ten rounds lie."
    yield f"Ways are timed in turn, {ROUNDS} rounds of {BLOCK} requests each; a difference or a ratio is of one round."
    yield "Trust the ratios: they were measured side by side. The times are of this machine."
    yield ""
    yield "## In front of a bare app"
    yield ""
    yield "A request with ten common headers and a cached key, default options. *Floor* is the least that a correct hit"
    yield "can do, written by hand in `benchmarks/floor.py`: one pass over the headers, one SHA-256, one dict look-up,"
    yield "one comparison with the expiry and one with the lease, one write to the scope. Neither asks the issuer."
    yield ""
    heads = ("protocol", "key in", "mode", "bare app", "floor adds", "a hit adds", "times the floor", "bound met")
    yield from _table(
        heads,
        (
            (
                row.protocol,
                row.place,
                row.mode,
                str(row.bare),
                str(row.floor),
                str(row.ours),
                str(row.ratio),
                "yes" if row.met else "no",
            )
            for row in results.raw
        ),
    )
    yield ""
    yield verdict(results.raw)
    yield ""
    yield "## In front of frameworks"
    yield ""
    yield "The smallest app of each, key as Bearer, lease live, middleware only."
    yield ""
    rows = ((row.framework, str(row.bare), str(row.ours), f"{row.percent:.0f} %") for row in results.frameworks)
    yield from _table(("framework", "bare app", "a hit adds", "longer by"), rows)
    yield ""
    yield "## Apart from apps"
    yield ""
    unwanted = ", ".join(results.imported.unwanted) or "no framework, no HTTP client"
    apart = (
        ("`validator.check()`, a hit", f"{results.check} us"),
        ("SHA-256 of the key alone", f"{results.hash} us"),
        ("`import rf_middleware`", f"{results.imported.median:.0f} ms (worst {results.imported.worst:.0f})"),
        ("of the heavy packages it loads", unwanted),
        ("questions to the issuer during all hits", "0"),
    )
    yield from _table(("what", "measured"), apart)
