"""Turns the signals that ask to stop into one exception, at a moment when nothing is half done."""

import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final, Self

__all__ = ["Signals", "Told"]

_ASKING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Told(BaseException):
    """Somebody asked to stop.

    Attributes:
        number: the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Signals:
    """While it is entered, the first signal raises ``Told`` in the main thread; later ones change nothing."""

    def __init__(self) -> None:
        self._told = self._held = self._late = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in _ASKING:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                self._before[number] = signal.signal(number, self._on)
        return self

    def __exit__(self, *_error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def held(self) -> Generator[None]:
        """Put a signal off to the end of the block: what was started there is also written down."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        if self._late:
            self._late = False
            raise Told(self._number)

    def done(self) -> None:
        """Let nothing interrupt what follows, the clearing up."""
        self._held = True

    def _on(self, number: int, _frame: FrameType | None) -> None:
        if self._told:
            return
        self._told, self._number = True, number
        if not self._held:
            raise Told(number)
        self._late = True
