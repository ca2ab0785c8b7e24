"""A hit, counted: instructions, the same in every run. ``python -m benchmarks.count``.

``valgrind --tool=callgrind`` runs each subject with two lengths, between calls of ``os.getppid``, at which it writes
down what it has counted; the difference, divided, is one hit. Hashes are not random. An app that never waits needs no
event loop, so none is counted; WSGI apps are called as a server calls them.
"""

import gc
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import traffic
from benchmarks.drive import finish
from benchmarks.issuers import bounded
from benchmarks.scale import QUICK
from benchmarks.subjects import BARE, BY_HAND, FLOOR, OURS, STACKS, World, made, world
from benchmarks.tables import table
from benchmarks.traffic import ASGIApp, Message

__all__ = ["Count", "Counts", "counted", "lines", "main"]

_SHORT: Final = 100
_LONG: Final = 300
_PEER: Final = "AuthenticationMiddleware + TTLCache"
_HTTPAUTH: Final = "Flask-HTTPAuth + TTLCache"
SUBJECTS: Final[tuple[tuple[str, str], ...]] = (
    *(("ASGI", name) for name in (BARE, FLOOR, BY_HAND, OURS, _PEER)),
    *(("WSGI", name) for name in (BARE, FLOOR, BY_HAND, OURS)),
    *(("Flask", name) for name in (BARE, FLOOR, OURS, _HTTPAUTH)),
)
"""Raw apps, and Flask for the one peer that needs it."""


@dataclass(frozen=True)
class Count:
    """Instructions of one request with a Bearer key."""

    stack: str
    subject: str
    instructions: int


@dataclass(frozen=True)
class Counts:
    """What was counted, and what could not be."""

    rows: tuple[Count, ...]
    missing: tuple[str, ...]

    def added(self, stack: str, subject: str) -> int | None:
        """Return the instructions on top of the bare app."""
        found = {(row.stack, row.subject): row.instructions for row in self.rows}
        if (stack, subject) not in found or (stack, BARE) not in found:
            return None
        return found[stack, subject] - found[stack, BARE]


async def _send(message: Message) -> None:
    del message


def _start(status: str, headers: list[tuple[str, str]], exc_info: object = None, /) -> Callable[[bytes], object]:
    del headers, exc_info
    assert status.startswith("200"), status
    return len


def _asgi(app: ASGIApp, scope: traffic.Scope) -> None:
    for _ in app(scope, traffic.receive, _send).__await__():
        message = "a hit does not wait"
        raise AssertionError(message)


def _app(stack: str, name: str, given: World) -> Any:  # noqa: ANN401 - ASGI or WSGI, as the stack says
    if (stack, name) == ("ASGI", _PEER):
        from benchmarks.on_starlette import authenticated  # noqa: PLC0415 - for this one alone

        return authenticated(traffic.BareASGI(), given)
    return made(stack, next(each for each in STACKS[stack] if each.name == name), given)


def _run(stack: str, name: str) -> None:
    """Be what callgrind watches: a warm-up, then both lengths, with ``os.getppid`` around each."""
    with world(mode=bounded) as given:  # no feed: its thread would be counted too
        app = _app(stack, name, given)

        def requests(count: int) -> list[Any]:
            make: Callable[[str], Any] = traffic.scope if stack == "ASGI" else traffic.environ
            return [make("Bearer") for _ in range(count)]

        def hits(each: Sequence[Any]) -> None:
            for request in each:
                if stack == "ASGI":
                    _asgi(app, request)
                else:
                    finish(app(request, _start))

        hits(requests(_SHORT))
        short, long = requests(_SHORT), requests(_LONG)
        gc.collect()
        gc.disable()
        os.getppid()
        hits(short)
        os.getppid()
        hits(long)
        os.getppid()


def _counted(stack: str, name: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        options = ["--tool=callgrind", "--dump-before=os_getppid", f"--callgrind-out-file={out}", "-q"]
        command = ["valgrind", *options, sys.executable, "-m", "benchmarks.count", "--run", stack, name]
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        subprocess.run(command, capture_output=True, check=True, env=environment)
        dumps = sorted(Path(folder).glob("out.*"), key=lambda path: int(path.suffix[1:]))
        texts = [dump.read_text(encoding="utf-8") for dump in dumps]
    totals = [int(re.findall(r"^(?:totals|summary): (\d+)", text, re.MULTILINE)[-1]) for text in texts]
    assert len(totals) >= 3, "callgrind does not see os.getppid"
    return round((totals[2] - totals[1]) / (_LONG - _SHORT))


def counted() -> Counts:
    """Count every subject that can be; in a quick run raw ASGI."""
    if shutil.which("valgrind") is None:
        return Counts((), ("all of it: valgrind is not installed (on Debian: apt-get install valgrind)",))
    with ThreadPoolExecutor(os.cpu_count()) as threads:  # nothing here depends on time
        found = list(threads.map(_row, SUBJECTS[:4] if QUICK else SUBJECTS))
    rows = tuple(each for each in found if isinstance(each, Count))
    return Counts(rows, tuple(each for each in found if isinstance(each, str)))


def _row(which: tuple[str, str]) -> Count | str:
    stack, name = which
    try:
        count = Count(stack, name, _counted(stack, name))
    except subprocess.CalledProcessError as error:
        reason = error.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        return f"{stack}: {name} ({reason})"
    print(f"{stack}: {name} takes {count.instructions:,} instructions", file=sys.stderr)
    return count


def lines(counts: Counts) -> Iterator[str]:
    """Yield the table."""
    rows: list[tuple[str, ...]] = []
    for row in counts.rows:
        mine, floor = counts.added(row.stack, row.subject), counts.added(row.stack, FLOOR)
        times = f"{mine / floor:.2f}" if mine and floor else "-"
        rows.append((row.stack, row.subject, f"{row.instructions:,}", f"{mine or 0:,}", times))
    yield from table(("app", "way", "instructions", "on top of the bare app", "times the floor"), rows)
    for what in counts.missing:
        yield f"Not counted: {what}."
        yield ""


def main(arguments: Sequence[str]) -> int:
    """Count and print; with ``--run STACK SUBJECT`` be what is counted."""
    if arguments[:1] == ["--run"]:
        _run(*arguments[1:])
        return 0
    counts = counted()
    print("\n".join(lines(counts)))
    return 0 if counts.rows else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
