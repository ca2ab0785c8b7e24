"""What error reporters show of our frames: the locals of each, and all that hangs on an exception.

Ours are the frames whose file is in the package, and what an exception that passes them says itself. Not ours is the
request as the server or the framework made it, which the frames of server, framework and app show just as well:
``environ`` and ``scope``, and ``request`` where a function of the user gets one of them. All else in our frames is.
"""

import logging
import sys
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from rich.traceback import Traceback

import rf_middleware

__all__ = ["Stacks", "is_ours", "is_theirs", "rich_shows", "shows", "watched"]

_PACKAGE: Final = f"{Path(rf_middleware.__file__).parent}/"
_THEIRS: Final = frozenset({"environ", "scope", "request"})


def is_ours(file: str) -> bool:
    """Tell whether a frame of this file is one of ours."""
    return file.startswith(_PACKAGE)


def is_theirs(name: str) -> bool:
    """Tell whether a local of this name is the request as the server made it."""
    return name in _THEIRS


def _locals(frame: FrameType) -> Iterator[str]:
    if is_ours(frame.f_code.co_filename):
        where = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno} {frame.f_code.co_qualname}"
        yield where
        for name, value in frame.f_locals.items():
            if not (is_theirs(name) and isinstance(value, Mapping)):
                yield f"{where}: {name} = {value!r}"


def _linked(error: BaseException) -> list[BaseException]:
    """Return an exception with its causes, contexts and members."""
    found: list[BaseException] = []
    to_come: list[BaseException | None] = [error]
    while to_come:
        each = to_come.pop()
        if each is not None and not any(each is known for known in found):
            found.append(each)
            to_come += [each.__cause__, each.__context__]
            to_come += getattr(each, "exceptions", ())
    return found


def shows(error: BaseException) -> str:
    """Return what an exception says, and each local of each of our frames that it has passed, as ``cgitb`` did."""
    lines: list[str] = []
    for each in _linked(error):
        lines += [str(each), repr(each), repr(each.args), repr(vars(each))]
        trace = each.__traceback__
        while trace is not None:
            lines += _locals(trace.tb_frame)
            trace = trace.tb_next
    return "\n".join(dict.fromkeys(lines))


def rich_shows(error: BaseException) -> str:
    """Return what rich shows of an exception and of the locals of our frames."""
    trace = Traceback.extract(type(error), error, error.__traceback__, show_locals=True, locals_max_string=1 << 20)
    lines: list[str] = []
    for stack in trace.stacks:
        lines += [stack.exc_type, stack.exc_value, *stack.notes]
        for frame in stack.frames:
            if is_ours(frame.filename):
                shown = {name: node for name, node in (frame.locals or {}).items() if not is_theirs(name)}
                lines += [f"{frame.name} {name} = {node.render()}" for name, node in shown.items()]
    return "\n".join(dict.fromkeys(lines))


class Stacks(logging.Handler):
    """Looks at each log record as a reporter with ``attach_stacktrace`` does: text, exception, the stack below it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Note all that shows."""
        self.lines.append(f"{record.name} {record.getMessage()}")
        if record.exc_info and record.exc_info[1] is not None:
            self.lines.append(shows(record.exc_info[1]))
        frame: FrameType | None = sys._getframe()
        while frame is not None:
            self.lines += _locals(frame)
            frame = frame.f_back

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(dict.fromkeys(self.lines))


@contextmanager
def watched() -> Generator[Stacks]:
    """Look at every log line until the block ends, at DEBUG."""
    root, stacks = logging.getLogger(), Stacks()
    level = root.level
    root.addHandler(stacks)
    root.setLevel(logging.DEBUG)
    try:
        yield stacks
    finally:
        root.setLevel(level)
        root.removeHandler(stacks)
