"""How fast good keys are answered while a flood of junk keys comes in: ``python -m benchmarks.flood``.

A real uvicorn on a core of its own, everything else on the other. Good requests come one after another over a kept
connection, each timed; the flood is a number of connections that send junk keys at a steady rate. Three kinds of
rounds, taken in turns: nobody else, others with good keys at that rate, the flood. Printed are ratios of the 99th
percentiles.
"""

import argparse
import asyncio
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from itertools import count

__all__ = ["main"]

KINDS = ("nobody else", "others with good keys", "the flood")
_APP = """
from rf_middleware import CallableIssuer, Grant, Workspace
from rf_middleware.asgi import APIKeyMiddleware

async def answer(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})

def known(key):
    return Grant(Workspace("acme")) if key.startswith("good") else None

app = APIKeyMiddleware(answer, issuer=CallableIssuer(known), ttl=3600.0)
"""


@contextmanager
def served() -> Generator[int]:
    """Yield the port of a server on the first core; this process stays on the last."""
    cores = sorted(os.sched_getaffinity(0))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    serving = f"{_APP}\nimport uvicorn\nuvicorn.run(app, port={port}, log_level='warning', access_log=False)"
    server = subprocess.Popen([sys.executable, "-c", serving])
    try:
        os.sched_setaffinity(server.pid, cores[:1])
        os.sched_setaffinity(0, cores[-1:])
        while server.poll() is None and not answers(port):
            time.sleep(0.05)
        yield port
    finally:
        server.terminate()
        server.wait()
        os.sched_setaffinity(0, cores)


def answers(port: int) -> bool:
    """Tell whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Client:
    """One kept connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def get(self, key: str) -> int:
        """Send a request and return the status of its answer."""
        self._writer.write(f"GET / HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\n\r\n".encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await self._reader.readexactly(length)
        return int(head[9:12])


_numbers = count()


async def pressed(client: Client, key: str | None, a_second: float, until: float) -> None:
    """Send requests at a steady rate: with this key, or each with a junk key that nobody has seen before."""
    due = time.perf_counter()
    while due < until:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        status = await client.get(key or f"junk{next(_numbers)}")
        assert status == (200 if key else status), status
        assert key or status in {401, 429}, status
        due += 1 / a_second


async def a_round(port: int, kind: str, seconds: float, a_second: float, connections: int) -> list[float]:
    """Return how long good requests took, in milliseconds."""
    clients = [Client(*await asyncio.open_connection("127.0.0.1", port)) for _ in range(connections + 1)]
    good, until, taken = clients.pop(), time.perf_counter() + seconds, list[float]()
    key = None if kind == KINDS[2] else "good-other"
    others = [] if kind == KINDS[0] else clients
    pressing = [asyncio.create_task(pressed(each, key, a_second / connections, until)) for each in others]
    while time.perf_counter() < until:
        begun = time.perf_counter()
        status = await good.get("good-mine")
        taken.append((time.perf_counter() - begun) * 1e3)
        assert status == 200, status
        await asyncio.sleep(0.002)
    await asyncio.gather(*pressing)
    for client in [*clients, good]:
        client._writer.close()
    return taken


def percentile(values: list[float], part: float) -> float:
    """Return the value below which this part of the values lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def main() -> int:
    """Measure and print; exit 1 when good keys suffer more than half as much again as from other traffic."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each round")
    parser.add_argument("--rate", type=float, default=1000.0, help="requests of others per second")
    parser.add_argument("--connections", type=int, default=8)
    told = parser.parse_args()
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    halves: dict[str, list[float]] = {kind: [] for kind in KINDS}
    with served() as port:
        for _ in range(told.rounds):
            for kind in KINDS:
                taken = asyncio.run(a_round(port, kind, told.seconds, told.rate, told.connections))
                found[kind].append(percentile(taken, 0.99))
                halves[kind].append(percentile(taken, 0.5))
    print(f"{told.rate:g} requests of others a second, {told.rounds} rounds of {told.seconds:g} s, medians of rounds")
    for kind in KINDS:
        low, high = min(found[kind]), max(found[kind])
        p50, p99 = statistics.median(halves[kind]), statistics.median(found[kind])
        print(f"{kind:24} p50 {p50:6.2f} ms   p99 {p99:6.2f} ms ({low:.2f} to {high:.2f})")
    alone, others, flood = (statistics.median(found[kind]) for kind in KINDS)
    print(f"p99 in the flood / beside others with good keys: {flood / others:.2f}")
    print(f"p99 in the flood / alone: {flood / alone:.2f}")
    return 0 if flood / others <= 1.5 else 1


if __name__ == "__main__":
    sys.exit(main())
