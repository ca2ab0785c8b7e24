"""Markdown tables that also read well on a terminal."""

from collections.abc import Iterable, Iterator, Sequence

__all__ = ["table"]


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table, its columns as wide as they must be, and an empty line."""
    cells = [list(heads), *map(list, rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]

    def line(row: Sequence[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"

    yield line(cells[0])
    yield "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    yield from map(line, cells[1:])
    yield ""
