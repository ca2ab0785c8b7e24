"""The project's own issuer, one process on SQLite: checks and revocations per second, and how an acknowledgement grows.

Leaseholders are bare sockets that ack at once (``feed.py``), so what is timed is the issuer; but they live on the same
machine, and both share its cores. The processor time of the issuer alone is read too, and what is said of more
validators than there are here is worked out from that.
"""

import asyncio
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.feed import Asking, Issuer, Sessions, served
from benchmarks.scale import QUICK, scaled
from benchmarks.sockets import RATE

__all__ = ["POLL", "Load", "Size", "measure"]

SIZES: Final = (1, 10, 100) if QUICK else (1, 10, 100, 1_000, 10_000)
POLL: Final = 3.0
"""Seconds for which a validator's poll is held: so often it renews its lease."""
_CHECKS: Final = scaled(4, 1)
"""Seconds for which checks are counted."""
_AT_ONCE: Final = 8
_SCRIPT: Final = """
wrk.method = "POST"
wrk.body = "token=%s"
wrk.headers["Authorization"] = "Bearer %s"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
"""


@dataclass(frozen=True)
class Size:
    """So many leaseholders.

    Attributes:
        leaseholders: each holds a lease and a parked poll.
        checks: ``POST /introspect`` per second, 16 connections; nothing where wrk is not installed.
        revocations: per second, eight at once, each acknowledged by all.
        acknowledged: milliseconds until one revocation is acknowledged, median.
        worst: the longest of these.
        processor: milliseconds of processor time of the issuer for one.
    """

    leaseholders: int
    checks: float | None
    revocations: float
    acknowledged: float
    worst: float
    processor: float


@dataclass(frozen=True)
class Load:
    """What was found."""

    sizes: tuple[Size, ...]

    @property
    def each(self) -> float:
        """Microseconds of processor time that one leaseholder more adds to a revocation: one answer, one poll."""
        first, last = self.sizes[0], self.sizes[-1]
        return (last.processor - first.processor) * 1000 / (last.leaseholders - first.leaseholders)

    def acknowledged(self, leaseholders: int) -> float:
        """Work out the seconds until a revocation is acknowledged by so many, on one core."""
        return (self.sizes[0].processor + self.each * leaseholders / 1000) / 1000

    def renewing(self, leaseholders: int) -> float:
        """Work out the cores that are busy with renewing so many leases."""
        return leaseholders / POLL * self.each / 1e6

    def ratio(self, leaseholders: int) -> float | None:
        """Return the time to acknowledge with so many, as a multiple of that with one."""
        found = {size.leaseholders: size.acknowledged for size in self.sizes}
        return found[leaseholders] / found[1] if leaseholders in found else None


def measure() -> Load:
    """Run an issuer and let it grow."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # the issuer inherits it
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    with served() as issuer:
        return asyncio.run(_measure(issuer))


async def _measure(issuer: Issuer) -> Load:
    token = issuer.token()
    sessions = Sessions(issuer.address, token)
    sizes: list[Size] = []
    known = 0
    for size in SIZES:
        await sessions.add(size - known, f"to-{size}")
        known = size
        found = await _size(issuer, token, size)
        sizes.append(found)
        checks = f"{found.checks:,.0f}" if found.checks is not None else "?"
        told = f"{checks} checks/s, {found.revocations:,.0f} revocations/s, {found.acknowledged:,.1f} ms"
        print(f"{size:,} leaseholders: {told}", file=sys.stderr)
    return Load(tuple(sizes))


async def _size(issuer: Issuer, token: str, size: int) -> Size:
    asking = await Asking.open(issuer)
    await asking.revoke(size)  # connections and caches are warm
    count = scaled(100, 10) if size <= 100 else scaled(20, 5) if size <= 1000 else 5
    before = issuer.processor_time()
    times = [await asking.revoke(size) for _ in range(count)]
    spent = (issuer.processor_time() - before) * 1000 / count
    checks = await asyncio.to_thread(_checks, issuer, token)
    return Size(size, checks, await _revocations(issuer, size, count), statistics.median(times), max(times), spent)


def _checks(issuer: Issuer, token: str) -> float | None:
    if shutil.which("wrk") is None:
        return None
    host, port = issuer.address
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "introspect.lua"
        script.write_text(_SCRIPT % (issuer.key, token), encoding="utf-8")
        command = ["wrk", "-t1", "-c16", f"-d{_CHECKS}s", "-s", str(script), f"http://{host}:{port}/introspect"]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = RATE.search(told)
    assert found is not None, told
    assert "Non-2xx" not in told, told
    return float(found[1])


async def _revocations(issuer: Issuer, size: int, count: int) -> float:
    """Return revocations per second: keys are made before, and each one is acknowledged by all."""
    clients = [await Asking.open(issuer) for _ in range(_AT_ONCE)]
    made = [[await client.make() for _ in range(max(1, count // _AT_ONCE))] for client in clients]

    async def end(client: Asking, keys: list[str]) -> None:
        for key in keys:
            await client.end(key, size)

    begun = time.perf_counter()
    await asyncio.gather(*(end(client, keys) for client, keys in zip(clients, made, strict=True)))
    return sum(map(len, made)) / (time.perf_counter() - begun)
