"""The geometry of the chart of times: a bar for each, on a logarithmic scale of milliseconds. Pure.

A revocation takes ten milliseconds or, when a validator is cut off, ten seconds: both must be seen.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["HEIGHT", "SLOTS", "WIDTH", "Bar", "Chart", "Line", "chart"]

WIDTH: Final = 480.0
HEIGHT: Final = 120.0
SLOTS: Final = 48
"""How many bars there is room for."""

_TOP: Final = 8.0
_LEAST: Final = 3.0
"""The height of a bar that took no time, so that it is seen."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One time, in milliseconds, and its rectangle."""

    value: float
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the grid, at a power of ten."""

    text: str
    y: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars, the newest at the right, and the grid behind them."""

    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]


def chart(values: Sequence[float]) -> Chart:
    """Lay the newest of some milliseconds out; the oldest comes first."""
    shown = values[-SLOTS:]
    decades = max(3, math.ceil(math.log10(max([1.0, *shown]))))
    slot = WIDTH / SLOTS
    first = SLOTS - len(shown)

    def y(value: float) -> float:
        share = math.log10(max(value, 1.0)) / decades
        return round(HEIGHT - max(_LEAST, share * (HEIGHT - _TOP)), 2)

    bars = tuple(
        Bar(value, round((first + place) * slot + 1, 2), y(value), slot - 2, round(HEIGHT - y(value), 2))
        for place, value in enumerate(shown)
    )
    lines = tuple(Line(_text(10.0**power), y(10.0**power)) for power in range(1, decades + 1))
    return Chart(bars, lines)


def _text(milliseconds: float) -> str:
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.0f} s"
