"""Small things beside the hit in front of an app: ``validator.check()``, and what ``import rf_middleware`` costs."""

import statistics
import subprocess
import sys
import timeit
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from benchmarks.issuers import Asked
from benchmarks.measure import Block, Spread, in_turn, spread
from benchmarks.traffic import KEY

__all__ = ["Import", "check_and_hash", "measure_import"]

_STARTS: Final = 7
_UNWANTED: Final = ("httpx", "flask", "starlette", "fastapi", "uvicorn", "sqlalchemy")


def check_and_hash(asked: Asked) -> tuple[Spread, Spread]:
    """Return the microseconds of a ``check()`` that hits, and of one SHA-256 of the same key, measured in turn."""
    check, text = asked.validator.check, KEY.decode()
    before = asked.calls.total()
    taken = in_turn(
        {"check": _repeated(lambda: check(text)), "hash": _repeated(lambda: sha256(KEY).digest())}, block=500
    )
    assert asked.calls.total() == before, f"the issuer was asked during hits: {asked.calls}"
    return spread(taken["check"]), spread(taken["hash"])


def _repeated(call: Callable[[], object]) -> Block:
    timer = timeit.Timer(call)
    return lambda count: timer.timeit(count) * 1e6


@dataclass(frozen=True)
class Import:
    """Milliseconds of ``import rf_middleware`` in a new interpreter, and which modules it should not have loaded."""

    median: float
    worst: float
    unwanted: tuple[str, ...]


def measure_import() -> Import:
    """Start new interpreters and read ``-X importtime``."""
    times = [_import_time() for _ in range(_STARTS)]
    seen = _python("-c", "import sys, rf_middleware; print(*sys.modules)").stdout.split()
    assert "rf_middleware.validator" in seen, "the wrong thing was imported"
    return Import(statistics.median(times), max(times), tuple(name for name in _UNWANTED if name in seen))


def _import_time() -> float:
    """Return the cumulative milliseconds of the outermost import."""
    for line in _python("-X", "importtime", "-c", "import rf_middleware").stderr.splitlines():
        _, cumulative, name = line.split("|")
        if name == " rf_middleware":
            return int(cumulative) / 1000
    message = "-X importtime does not name rf_middleware"
    raise AssertionError(message)


def _python(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)
