"""Where the time of a hit goes, function by function: microseconds, and with valgrind instructions. Inclusive.

    python -m benchmarks.profile_hit [Bearer | X-API-Key | query]

One hit is watched; then each function of the package that it called is called by itself, with the arguments it had
and a fresh request. Instructions are the same in every run, so that a small change shows; they are counted between
two calls of ``os.getppid``, at which callgrind writes down what it has counted (``--dump-before``).
"""

import gc
import inspect
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, MutableMapping, Sequence
from functools import partial
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import TYPE_CHECKING, Any, Final, cast

import rf_middleware
from benchmarks import traffic
from benchmarks.floor import Entry, FloorASGI, FloorWSGI
from benchmarks.issuers import Asked, bounded
from benchmarks.traffic import KEY, PLACES, ASGIApp, BareASGI, BareWSGI, Message
from rf_middleware._fingerprint import fingerprint
from rf_middleware.asgi import APIKeyMiddleware as OnASGI
from rf_middleware.wsgi import APIKeyMiddleware as OnWSGI

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

__all__ = ["main"]

Request = MutableMapping[str, Any]
Piece = Callable[[Request], object]
"""Works on a fresh scope or environ."""

_CALLS: Final = 200
_ROUNDS: Final = 50
_PACKAGE: Final = str(Path(rf_middleware.__file__).parent)
_ENTRIES: Final[dict[bytes, Entry]] = {fingerprint(KEY): (math.inf, "acme")}


class _Sent:
    """Awaited, or not: a function called by itself may leave it alone, which a coroutine would complain about."""

    def __await__(self) -> Generator[None, None, None]:
        yield from ()


_SENT: Final = _Sent()


def _send(message: Message) -> _Sent:
    del message
    return _SENT


def _start(status: str, headers: list[tuple[str, str]], exc_info: object = None, /) -> Callable[[bytes], object]:
    del status, headers, exc_info
    return len


def _run(app: ASGIApp) -> Piece:
    """Run an app that never waits, without an event loop."""

    def run(scope: Request) -> None:
        steps = app(scope, traffic.receive, _send).__await__()
        for _ in steps:
            message = "a hit does not wait"
            raise AssertionError(message)

    return run


def _function(code: CodeType) -> FunctionType | None:
    """Return the function that has this code."""
    return next((each for each in gc.get_referrers(code) if isinstance(each, FunctionType)), None)


def _watched(hit: Piece, request: Request) -> list[tuple[str, Piece]]:
    """Return what a hit calls within the package, in order and indented, each ready to be called by itself."""
    found: list[tuple[str, Piece]] = []
    depth = 0

    def watch(frame: FrameType, event: str, _: object) -> None:
        nonlocal depth
        code = frame.f_code
        if event not in {"call", "return"} or not code.co_filename.startswith(_PACKAGE):
            return
        depth += 1 if event == "call" else -1
        function = _function(code)
        if event == "call" and function is not None and not inspect.iscoroutinefunction(function):
            given = inspect.getargvalues(frame)
            found.append(("  " * depth + code.co_qualname, _replay(function, given.locals, given.args, request)))

    sys.setprofile(watch)
    try:
        hit(request)
    finally:
        sys.setprofile(None)
    return found


def _replay(function: FunctionType, given: dict[str, object], names: Sequence[str], request: Request) -> Piece:
    before = [given[name] for name in names]
    place = next((place for place, value in enumerate(before) if value is request), None)
    after = [] if place is None else before[place + 1 :]
    before = before[:place]

    def replay(fresh: Request) -> object:
        return function(*before, fresh, *after) if place is not None else function(*before)

    return replay


def _pieces(place: str, asked: Asked) -> dict[str, tuple[Piece, bool]]:
    """Return every piece by name, and whether it is one of ASGI."""
    whole = {
        "ASGI bare app": (_run(BareASGI()), True),
        "ASGI floor": (_run(FloorASGI(BareASGI(), _ENTRIES, math.inf)), True),
    }
    hit = _run(OnASGI(BareASGI(), validator=asked.validator))
    whole |= _named("ASGI", hit, _watched(hit, traffic.scope(place)), is_asgi=True)
    whole["WSGI bare app"] = (partial(_call, BareWSGI()), False)
    whole["WSGI floor"] = (partial(_call, FloorWSGI(BareWSGI(), _ENTRIES, math.inf)), False)
    hit = partial(_call, OnWSGI(BareWSGI(), validator=asked.validator))
    return whole | _named("WSGI", hit, _watched(hit, traffic.environ(place)), is_asgi=False)


def _call(app: "WSGIApplication", environ: Request) -> None:
    app(cast("WSGIEnvironment", environ), _start)


def _named(
    protocol: str, hit: Piece, pieces: Sequence[tuple[str, Piece]], *, is_asgi: bool
) -> dict[str, tuple[Piece, bool]]:
    found = {f"{protocol} hit": (hit, is_asgi)}
    for name, piece in pieces:
        found.setdefault(f"{protocol} {name}", (piece, is_asgi))
    return found


def _timed(place: str, *, dump: bool) -> dict[str, float]:
    """Return microseconds per call of each piece; with ``dump`` make callgrind write what it counts of each."""
    found: dict[str, float] = {}
    with bounded() as asked:
        for name, (piece, is_asgi) in _pieces(place, asked).items():
            make = traffic.scope if is_asgi else traffic.environ
            piece(make(place))
            rounds = [_round(piece, [make(place) for _ in range(_CALLS)]) for _ in range(1 if dump else _ROUNDS)]
            found[name] = min(rounds) * 1e6 / _CALLS
    return found


def _round(piece: Piece, requests: Sequence[Request]) -> float:
    os.getppid()
    begun = time.perf_counter()
    for request in requests:
        piece(request)
    taken = time.perf_counter() - begun
    os.getppid()
    return taken


def _counted(place: str) -> dict[str, float]:
    """Return instructions per call of each piece."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        options = ["--tool=callgrind", "--dump-before=os_getppid", f"--callgrind-out-file={out}", "-q"]
        command = ["valgrind", *options, sys.executable, "-m", "benchmarks.profile_hit", "--dump", place]
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        names = done.stdout.rstrip("\n").split("\n")
        dumps = sorted(Path(folder).glob("out.*"), key=lambda path: int(path.suffix[1:]))
        texts = [dump.read_text(encoding="utf-8") for dump in dumps]
    totals = [int(re.findall(r"^(?:totals|summary): (\d+)", text, re.MULTILINE)[-1]) for text in texts]
    assert len(totals) >= 2 * len(names), "callgrind does not see os.getppid"
    return {name: totals[2 * place + 1] / _CALLS for place, name in enumerate(names)}


def main(arguments: Sequence[str]) -> int:
    """Print the table for a place, Bearer unless told otherwise."""
    place = arguments[-1] if arguments else "Bearer"
    if place not in PLACES:
        print(f"profile_hit: {place} is refused; allowed are {', '.join(PLACES)}", file=sys.stderr)
        return 2
    if "--dump" in arguments:
        print("\n".join(_timed(place, dump=True)))
        return 0
    times = _timed(place, dump=False)
    counts = _counted(place) if shutil.which("valgrind") else {}
    print(f"{'key as ' + place:50} {'us':>7} {'instructions':>13}")
    for name, taken in times.items():
        print(f"{name:50} {taken:7.2f} {counts.get(name, math.nan):13.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
