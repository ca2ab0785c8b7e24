"""What the demo says, and how: plain text, coloured only on a terminal and only if ``NO_COLOR`` is not set."""

import os
from typing import Final, TextIO

__all__ = ["Screen"]

_BOLD: Final = "1"
_GREEN: Final = "32"


class Screen:
    """Where the story is told.

    Args:
        stream: standard output.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        self._coloured = stream.isatty() and not plain

    def title(self, text: str) -> None:
        """Say in one sentence what is going to be shown, or what was."""
        self._print(self._in(_BOLD, text) + "\n")

    def place(self, name: str, address: str, what: str) -> None:
        """Say where a server is."""
        self._print(f"   {name:<11}{address:<25}{what}")

    def step(self, text: str) -> None:
        """Begin a step."""
        self._print("\n" + self._in(_BOLD, text))

    def fact(self, app: str, who: str, status: int, rest: str) -> None:
        """Add a line about an answer that is as it was promised."""
        self._print(f"   {app:<11}{who:<16}{self._in(_GREEN, str(status))}   {rest}")

    def say(self, text: str) -> None:
        """Add a line."""
        self._print(f"   {text}")

    def _in(self, colour: str, text: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._coloured else text

    def _print(self, text: str) -> None:
        print(text, file=self._stream, flush=True)  # a person watches it happen
