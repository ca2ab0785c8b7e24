"""Draws the pictures of the page: SVG, the same for the same figures, readable on a light and on a dark page.

Without matplotlib none is drawn, and the page has none.
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from benchmarks import hits, issuer_load, sockets
from benchmarks.growth import Growth
from benchmarks.results import MEMORY, Results
from benchmarks.subjects import BARE, BY_HAND, FLOOR, OURS

__all__ = ["draw"]

_INK: Final = "#6e7781"
"""Stands out from white and from nearly black alike."""
_FLOOR: Final = "#8c959f"
_OURS: Final = "#1f9d55"
_OTHERS: Final = "#b08800"
_STYLE: Final = {
    "svg.fonttype": "none",  # text stays text: small, and searchable
    "svg.hashsalt": "rf_middleware",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": _INK,
    "ytick.color": _INK,
}
Bar = tuple[str, float]


def draw(results: Results, folder: Path) -> dict[str, str]:
    """Write the pictures; return the alternative text of each by its name."""
    try:
        matplotlib = import_module("matplotlib")
    except ImportError:
        return {}
    matplotlib.use("svg")
    matplotlib.rcParams.update(_STYLE)
    plot = import_module("matplotlib.pyplot")
    folder.mkdir(parents=True, exist_ok=True)
    drawn: dict[str, str] = {}
    if results.frameworks:
        _bars(
            plot, folder / "hits.svg", _hits(results.frameworks), "µs added to each request by a cached key", log=True
        )
        drawn["hits"] = "What each way to check a cached key adds to a request, in process"
    if results.sockets and results.sockets.rows:
        shares = _shares(results.sockets)
        _bars(plot, folder / "sockets.svg", shares, "requests per second, as a share of the bare app beside it")
        drawn["sockets"] = "Requests per second over real sockets, as a share of the bare app"
    if results.growth:
        _growth(plot, folder / "growth.svg", results.growth)
        drawn["growth"] = "Time of a hit and memory of a key from a thousand to a million cached keys"
    if results.issuer:
        _load(plot, folder / "issuer.svg", results.issuer)
        drawn["issuer"] = "Time until a revocation is acknowledged, by the number of leaseholders"
    return drawn


def _hits(rows: hits.Rows) -> list[Bar]:
    return [(f"{row.stack}: {row.subject}", row.added.median) for row in rows.rows if row.subject != BARE]


def _shares(rows: sockets.Rows) -> list[Bar]:
    return [(f"{row.stack}: {row.subject}", row.share.median) for row in rows.rows if row.subject != BARE]


def _colour(name: str) -> str:
    subject = name.partition(": ")[2]
    if subject.startswith(OURS):
        return _OURS
    return _FLOOR if subject.startswith((FLOOR, BY_HAND)) else _OTHERS


def _bars(plot: Any, path: Path, bars: Sequence[Bar], label: str, *, log: bool = False) -> None:  # noqa: ANN401 - a module
    names = [name for name, _ in bars][::-1]
    values = [max(value, 0.01) for _, value in bars][::-1]
    figure, axes = plot.subplots(figsize=(8, 0.24 * len(bars) + 0.7), layout="constrained")
    drawn = axes.barh(names, values, color=[_colour(name) for name in names], height=0.7)
    axes.bar_label(drawn, labels=[f"{value:,.0f}" if value >= 10 else f"{value:.2g}" for value in values], padding=3)
    axes.set_xlabel(label)
    axes.margins(y=0.01)
    if log:
        axes.set_xscale("log")
    _save(plot, figure, path)


def _growth(plot: Any, path: Path, found: Growth) -> None:  # noqa: ANN401 - a module
    keys = [size.keys for size in found.sizes]
    figure, (times, memory) = plot.subplots(1, 2, figsize=(8, 2.6), layout="constrained")
    times.plot(keys, [size.hit.median for size in found.sizes], color=_OURS, marker="o", label="a hit")
    times.plot(keys, [size.digest.median for size in found.sizes], color=_FLOOR, marker="o", label="SHA-256 alone")
    times.set_ylabel("µs")
    times.legend(frameon=False)
    memory.plot(keys, [size.memory for size in found.sizes], color=_OURS, marker="o", label="bytes a key")
    memory.axhline(MEMORY, color=_FLOOR, linestyle="--", label="target")
    memory.legend(frameon=False)
    for axes in (times, memory):
        axes.set_xscale("log")
        axes.set_ylim(bottom=0)
        axes.set_xlabel("cached keys")
    _save(plot, figure, path)


def _load(plot: Any, path: Path, load: issuer_load.Load) -> None:  # noqa: ANN401 - a module
    holders = [size.leaseholders for size in load.sizes]
    figure, axes = plot.subplots(figsize=(8, 2.6), layout="constrained")
    axes.plot(holders, [size.acknowledged for size in load.sizes], color=_OURS, marker="o", label="acknowledged by all")
    axes.plot(
        holders, [size.processor for size in load.sizes], color=_OTHERS, marker="o", label="of it the issuer's work"
    )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("leaseholders")
    axes.set_ylabel("ms")
    axes.legend(frameon=False)
    _save(plot, figure, path)


def _save(plot: Any, figure: Any, path: Path) -> None:  # noqa: ANN401 - a module
    figure.savefig(path, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    plot.close(figure)
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line.rstrip() for line in lines) + "\n", encoding="utf-8")
