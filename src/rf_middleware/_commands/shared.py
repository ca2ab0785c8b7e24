"""What these commands share: refusals in one line, options, and secrets that are shown once."""

import json
import math
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, cast

import click

from rf_middleware._login.values import plain
from rf_middleware._terminal import Failed
from rf_middleware.exceptions import ConfigurationError, LoginError

__all__ = [
    "FINITE",
    "TEXT",
    "explained",
    "in_words",
    "json_option",
    "print_json",
    "table",
    "url_option",
    "workspace_option",
]

_WIDEST: Final = 200
"""Letters of a cell: what is longer ends in an ellipsis."""


class _Text(click.types.StringParamType):
    """A text that can be sent: the bytes of an argument need not be UTF-8."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401 - the signature of click
        """Return it as it is."""
        text: str = super().convert(value, param, ctx)
        try:
            text.encode()
        except UnicodeEncodeError:
            self.fail("it is not UTF-8", param, ctx)
        return text


class _Finite(click.FloatRange):
    """A number that JSON has a word for: float takes nan and inf too, and no range keeps nan out."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401 - the signature of click
        """Return the number."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail("it is not a finite number", param, ctx)
        return number


TEXT: Final = _Text()
FINITE: Final = _Finite(0)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
url_option = click.option(
    "--url", default="", type=TEXT, help="The issuer; RF_ISSUER_URL, or the one you logged in at."
)
workspace_option = click.option(
    "--workspace", default="", type=TEXT, metavar="SLUG", help="Which, if you are logged in to more."
)


class Misused(Failed):
    """Bad usage: one line on stderr, exit 2."""

    exit_code = 2


@contextmanager
def explained() -> Generator[None]:
    """Turn what goes wrong with a login into a refusal.

    Raises:
        Failed: it went wrong.
    """
    try:
        yield
    except ConfigurationError as wrong:
        failed: Failed = Misused(str(wrong))
    except LoginError as wrong:
        failed = Failed(str(wrong))
    else:
        return
    raise failed


def print_json(body: Mapping[str, object]) -> None:
    """Print what a program reads."""
    click.echo(json.dumps(body))


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as columns; what others wrote can't do anything to the terminal."""
    clean = [[_short(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in clean) for column in range(len(clean[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in clean
    )


def _short(cell: str) -> str:
    text = plain(cell, _WIDEST + 1)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def in_words(value: object) -> str:
    """Return a value of an answer as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(each) for each in cast("list[object]", value)) or "none"
    return "-" if value is None else str(value)


def objects(value: object) -> list[dict[str, object]]:
    """Return the objects of a list; nothing of anything else."""
    listed = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("dict[str, object]", each) for each in listed if isinstance(each, dict)]
