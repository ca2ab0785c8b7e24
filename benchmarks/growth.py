"""A million cached keys: time of a hit and memory of a key as they grow, events taken in, and what the import costs."""

import gc
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from benchmarks import answers
from benchmarks.measure import Spread, spread
from benchmarks.scale import QUICK, scaled
from rf_middleware import CallableIssuer, Grant, Validator, Workspace
from rf_middleware._flight import Answer
from rf_middleware._wire import Event, Reply

__all__ = ["Growth", "Import", "Size", "measure"]

SIZES: Final = (1_000, 10_000, 100_000) if QUICK else (1_000, 10_000, 100_000, 1_000_000)
EVENTS: Final = scaled(100_000, 10_000)
_SAMPLE: Final = 1000
_ROUNDS: Final = scaled(50, 5)
_STARTS: Final = scaled(9, 3)
_UNWANTED: Final = ("httpx", "flask", "starlette", "fastapi", "uvicorn", "sqlalchemy")
_WORKSPACES: Final = 1000


@dataclass(frozen=True)
class Size:
    """So many cached keys: microseconds of a hit on a random one, of SHA-256 alone, and bytes of memory per key."""

    keys: int
    hit: Spread
    digest: Spread
    memory: float


@dataclass(frozen=True)
class Import:
    """Milliseconds of ``import rf_middleware`` in a new interpreter, and what it loads that it should not."""

    median: float
    worst: float
    unwanted: tuple[str, ...]


@dataclass(frozen=True)
class Growth:
    """What was found; ``event`` is microseconds per event, parsed and taken in."""

    sizes: tuple[Size, ...]
    events: int
    event: float
    imported: Import


def _key(number: int) -> str:
    return f"rfk_{number:010d}_AAAABBBBCCCCDDDDEEEE"


def _grant(key: str) -> Grant:
    """Return a grant as it is read from an issuer's answer: each of its texts is a new object."""
    number = int(key[4:14])
    slug = f"{answers.WORKSPACE}-{number % _WORKSPACES}"
    return Grant(Workspace(slug), f"key-{number:010d}", frozenset(("model:infer",)))


def measure() -> Growth:
    """Measure everything; the sizes in one process, the largest last."""
    validator = Validator(CallableIssuer(_grant), ttl=answers.LEASE, maxsize=max(SIZES), timeout=60)
    sizes: list[Size] = []
    known = 0
    validator.check(_key(10**9))
    gc.collect()
    start = _memory()
    for size in SIZES:
        for number in range(known, size):
            validator.check(_key(number))
        known = size
        gc.collect()
        used = _memory() - start
        sizes.append(_size(validator, size, used / size))
        print(f"{size:,} keys: {sizes[-1].hit} us a hit, {used / size:,.0f} bytes a key", file=sys.stderr)
    return Growth(tuple(sizes), EVENTS, _events(), measure_import())


def _size(validator: Validator, size: int, memory: float) -> Size:
    chosen = random.Random(size)
    hits: list[float] = []
    digests: list[float] = []
    for _ in range(_ROUNDS):
        keys = [_key(chosen.randrange(size)) for _ in range(_SAMPLE)]
        raw = [key.encode() for key in keys]
        begun = time.perf_counter()
        for key in keys:
            validator.check(key)
        between = time.perf_counter()
        for each in raw:
            sha256(each).digest()
        ended = time.perf_counter()
        hits.append((between - begun) * 1e6 / _SAMPLE)
        digests.append((ended - between) * 1e6 / _SAMPLE)
    return Size(size, spread(hits), spread(digests), memory)


def _memory() -> int:
    """Return the bytes of memory that this process has to itself."""
    lines = Path("/proc/self/smaps_rollup").read_text("ascii").splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))


class _WithHistory:
    """An issuer whose answers belong to the history that the feed tells."""

    def check(self, key: str, timeout: float) -> Answer:
        """See ``Issuer.check``."""
        del timeout
        return Answer(_grant(key), "1", 0)

    async def acheck(self, key: str, timeout: float) -> Answer:
        """See ``Issuer.acheck``."""
        return self.check(key, timeout)


def _events() -> float:
    """Return microseconds per event of a history taken in at once, each about a key that is cached."""
    validator = Validator(_WithHistory(), ttl=answers.LEASE, maxsize=EVENTS, timeout=60)
    core = validator._core
    core.start()
    core.apply(core.poll(3.0), Reply("1", reset=True, head=0, events=(), lease=answers.LEASE))
    for number in range(EVENTS):
        validator.check(_key(number))
    digests = [sha256(_key(number).encode()).digest() for number in range(EVENTS)]
    assert all(map(core.peek, digests)), "the keys are not cached"
    events = tuple(Event(number + 1, "revoked", fingerprint=digest) for number, digest in enumerate(digests))
    reply = Reply("1", reset=False, head=EVENTS, events=events, lease=answers.LEASE)
    body = json.dumps(reply.to_json())
    begun = time.perf_counter()
    core.apply(core.poll(3.0), Reply.parse(json.loads(body)))
    taken = time.perf_counter() - begun
    assert not any(map(core.peek, digests)), "a revoked key is still cached"
    return taken * 1e6 / EVENTS


def measure_import() -> Import:
    """Start new interpreters and read ``-X importtime``; the package is compiled, as pip does when it installs one."""
    with tempfile.TemporaryDirectory() as compiled:
        compiling = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        compiling["PYTHONPYCACHEPREFIX"] = compiled
        seen = _python(compiling, "-c", "import sys, rf_middleware; print(*sys.modules)").stdout.split()
        times = [_import_time(compiling) for _ in range(_STARTS)]
    assert "rf_middleware.validator" in seen, "the wrong thing was imported"
    return Import(statistics.median(times), max(times), tuple(name for name in _UNWANTED if name in seen))


def _import_time(environment: Mapping[str, str]) -> float:
    """Return the cumulative milliseconds of the outermost import."""
    for line in _python(environment, "-X", "importtime", "-c", "import rf_middleware").stderr.splitlines():
        _, cumulative, name = line.split("|")
        if name == " rf_middleware":
            return int(cumulative) / 1000
    message = "-X importtime does not name rf_middleware"
    raise AssertionError(message)


def _python(environment: Mapping[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True, env=environment)
