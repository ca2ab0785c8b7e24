"""The sections of a run, each measured in a process of its own: what one loads or leaves behind, no other sees.

A section that fails or hangs is reported, and the others go on.
"""

import multiprocessing
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from types import FrameType
from typing import Final

from benchmarks import count, growth, hits, issuer_load, misses, parts, sockets
from benchmarks.results import Results

__all__ = ["SECTIONS", "run"]

SECTIONS: Final[Mapping[str, Callable[[], object]]] = {
    "raw": hits.raw,
    "frameworks": hits.frameworks,
    "misses": misses.measure,
    "growth": growth.measure,
    "issuer": issuer_load.measure,
    "sockets": sockets.measure,
    "count": count.counted,
    "parts": parts.measure,
}
_PATIENCE: Final = 900.0
_GRACE: Final = 15.0


def run(names: list[str]) -> Results:
    """Measure the sections of these names, one after the other."""
    results = Results()
    for name in names:
        print(f"bench: {name}", file=sys.stderr)
        try:
            setattr(results, name, _apart(name))
        except RuntimeError as error:
            results.failed[name] = str(error)
            print(f"bench: {name} failed: {error}", file=sys.stderr)
    return results


def _apart(name: str) -> object:
    context = multiprocessing.get_context("spawn")
    mine, its = context.Pipe(duplex=False)
    process = context.Process(target=_measured, args=(name, its))
    process.start()
    its.close()
    try:
        if not mine.poll(_PATIENCE):
            message = f"not done in {_PATIENCE:.0f} s"
            raise RuntimeError(message)
        try:
            good, found = mine.recv()
        except EOFError:
            message = "its process ended"
            raise RuntimeError(message) from None
        if not good:
            raise RuntimeError(str(found))
        return found
    finally:
        process.join(_GRACE)
        if process.is_alive():
            process.terminate()
            process.join(_GRACE)
            process.kill()


def _measured(name: str, answer: Connection) -> None:
    """Measure in the process of the section; servers that it started are ended also when it is told to end."""

    def end(number: int, frame: FrameType | None) -> None:
        del number, frame
        sys.exit(1)

    signal.signal(signal.SIGTERM, end)
    try:
        answer.send((True, SECTIONS[name]()))
    except Exception as error:  # noqa: BLE001 - whatever it is, it stands in the report
        traceback.print_exc()
        answer.send((False, f"{type(error).__name__}: {error}"))
