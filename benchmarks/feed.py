"""What the feed costs a real issuer: memory of an idle session, time to acknowledge. ``python -m benchmarks.feed``.

The validators are bare sockets in this process: they ack at once and do nothing else, so what is timed is the issuer.
Ends non-zero when a session got no lease or a revocation was not confirmed by all; never because of a time.
"""

import asyncio
import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

SESSIONS: Final = 10_000
WARM_UP: Final = 20
VALIDATORS: Final = 8
REVOCATIONS: Final = 200
_COMMAND: Final = (sys.executable, "-c", "from rf_middleware.cli import main; main()")
_HELD: Final = 1200.0
"""Seconds a poll may be held: a third of the lease."""


_read = lru_cache(8)(json.loads)
"""Reads an answer; after an event thousands get the very same one, and what is measured is not this process."""


class Connection(asyncio.Protocol):
    """One kept HTTP/1.1 connection; one request at a time."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._answer: asyncio.Future[Any] | None = None
        self.transport: asyncio.Transport | None = None

    @classmethod
    async def open(cls, address: tuple[str, int]) -> "Connection":
        """Connect."""
        return (await asyncio.get_running_loop().create_connection(cls, *address))[1]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See ``asyncio.Protocol``."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        self._received += data
        head, end, body = bytes(self._received).partition(b"\r\n\r\n")
        if end and len(body) >= int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]):
            assert self._answer is not None
            self._received.clear()
            if head.startswith(b"HTTP/1.1 200 "):
                self._answer.set_result(_read(body))
            else:
                self._answer.set_exception(AssertionError(f"not served: {head.decode()}"))

    def close(self) -> None:
        """Hang up."""
        assert self.transport is not None
        self.transport.close()

    def ask(self, method: str, path: str, secret: str, body: bytes = b"", kind: str = "json") -> "asyncio.Future[Any]":
        """Send a request; return what comes back."""
        lines = f"{method} {path} HTTP/1.1\r\nHost: issuer\r\nAuthorization: Bearer {secret}\r\n"
        lines += f"Content-Type: application/{kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        assert self.transport is not None
        self.transport.write(lines.encode() + body)
        self._answer = asyncio.get_running_loop().create_future()
        return self._answer


class Sessions:
    """Validators that poll and ack at once."""

    def __init__(self, address: tuple[str, int], token: str) -> None:
        self._address, self._token = address, token
        self._following: set[asyncio.Task[None]] = set()
        self._connections: list[Connection] = []

    async def add(self, count: int, name: str) -> None:
        """Open sessions, each with a lease and a parked poll."""
        gc.set_threshold(100_000)  # else this process looks for garbage for as long as the issuer works
        for first in range(0, count, 100):
            names = [f"{name}-session-{number}" for number in range(first, min(first + 100, count))]
            await asyncio.gather(*map(self._add, names))

    async def _add(self, session: str) -> None:
        connection = await Connection.open(self._address)
        self._connections.append(connection)
        reply = await self._poll(connection, session, None, 0)
        assert reply["reset"] is True
        self._following.add(asyncio.create_task(self._follow(connection, session, reply["epoch"], reply["head"])))

    def close(self) -> None:
        """Let every validator be gone."""
        for following in self._following:
            following.cancel()
        for connection in self._connections:
            connection.close()

    async def _follow(self, connection: Connection, session: str, epoch: str, head: int) -> None:
        while True:
            head = (await self._poll(connection, session, epoch, head))["head"]

    def _poll(self, connection: Connection, session: str, epoch: str | None, ack: int) -> "asyncio.Future[Any]":
        body = {"session": session, "epoch": epoch, "ack": ack, "wait": _HELD}
        return connection.ask("POST", "/feed", self._token, json.dumps(body).encode())


class Issuer:
    """A real issuer process with a workspace."""

    def __init__(self, database: Path, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        url = urlsplit(str(process.stdout.readline().split()[4]))
        assert url.hostname is not None
        assert url.port is not None
        self.address = (url.hostname, url.port)
        self.database, self._pid = database, process.pid
        self.key = self.made("workspace", "create", "acme")["key"]

    def made(self, *what: str) -> dict[str, str]:
        """Run a command that makes something."""
        command = [*_COMMAND, *what, "--database", str(self.database), "--json"]
        made: dict[str, str] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        return made

    def token(self) -> str:
        """Make a validator token."""
        return self.made("token", "create")["token"]

    async def memory(self) -> int:
        """Return the bytes of private memory once the process has nothing to do."""
        before = -1
        while (spent := self._ticks()) - before > 10:  # an idle one wakes up now and then
            before = spent
            await asyncio.sleep(1)
        return self.private()

    def private(self) -> int:
        """Return the bytes of private memory that it has now."""
        lines = self._told("smaps_rollup").splitlines()
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))

    def processor_time(self) -> float:
        """Return the seconds of processor time it has used."""
        return self._ticks() / os.sysconf("SC_CLK_TCK")

    def _ticks(self) -> int:
        """Return the processor time it has used, in hundredths of a second."""
        fields = self._told("stat").rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    def _told(self, what: str) -> str:
        return Path(f"/proc/{self._pid}/{what}").read_text("ascii")


@contextmanager
def served() -> Generator[Issuer]:
    """Run an issuer whose leases outlast the benchmark."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "issuer.db"
        arguments = ["serve", "--port", "0", "--lease", "3600", "--database", str(database)]
        with subprocess.Popen([*_COMMAND, *arguments], stdout=subprocess.PIPE, text=True) as process:
            try:
                yield Issuer(database, process)
            finally:
                process.terminate()


async def idle_sessions(issuer: Issuer) -> None:
    """Print the memory of idle sessions, and one revocation that each of them acks."""
    await Sessions(issuer.address, issuer.token()).add(WARM_UP, "warm")
    asking = await Asking.open(issuer)
    await asking.revoke(WARM_UP)
    before = await issuer.memory()
    await Sessions(issuer.address, issuer.token()).add(SESSIONS, "idle")
    print(f"idle feed session: {(await issuer.memory() - before) / SESSIONS:,.0f} bytes, with {SESSIONS:,} of them")
    print(f"one revocation that all of them ack: {await asking.revoke(SESSIONS + WARM_UP):,.0f} ms")
    print(f"idle feed session after that: {(await issuer.memory() - before) / SESSIONS:,.0f} bytes")


async def acknowledgement(issuer: Issuer) -> None:
    """Print the time to acknowledge, beside round trips on the same connection in turn with it."""
    token = issuer.token()
    await Sessions(issuer.address, token).add(VALIDATORS, "busy")
    asking = await Asking.open(issuer)
    trips: dict[str, list[float]] = {"GET /healthz": [], "POST /introspect": [], "POST /acme/api-keys": []}
    revoked: list[float] = []
    for _ in range(REVOCATIONS):
        trips["GET /healthz"].append((await asking.timed("GET", "/healthz"))[0])
        trips["POST /introspect"].append(await asking.introspect(token))
        trips["POST /acme/api-keys"].append((await asking.timed("POST", "/acme/api-keys"))[0])
        revoked.append(await asking.revoke(VALIDATORS))
        await asyncio.sleep(0.01)  # meanwhile it stores the receipt, which is nobody's round trip
    print(f"acknowledged, {VALIDATORS} validators: {_spread(revoked)}, of {REVOCATIONS}")
    for name, times in trips.items():
        ratio = statistics.median(revoked) / statistics.median(times)
        print(f"  {name}: {_spread(times)}; an acknowledgement takes {ratio:.1f} of these")


class Asking:
    """Somebody with a key, on one connection. Times are in milliseconds."""

    def __init__(self, connection: Connection, key: str) -> None:
        self._connection, self._key = connection, key

    @classmethod
    async def open(cls, issuer: Issuer) -> "Asking":
        """Connect."""
        return cls(await Connection.open(issuer.address), issuer.key)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    async def timed(self, method: str, path: str) -> tuple[float, Any]:
        """Make a request with the key; return how long it took, and the answer."""
        begun = time.perf_counter()
        answer = await self._connection.ask(method, path, self._key)
        return (time.perf_counter() - begun) * 1000, answer

    async def introspect(self, token: str) -> float:
        """Ask about the key as a validator does; return how long it took."""
        begun = time.perf_counter()
        form = f"token={self._key}".encode()
        answer = await self._connection.ask("POST", "/introspect", token, form, "x-www-form-urlencoded")
        assert answer["active"] is True
        return (time.perf_counter() - begun) * 1000

    async def revoke(self, confirmed: int) -> float:
        """Make a key and revoke it; return how long that took, once this many validators confirmed it."""
        return await self.end(await self.make(), confirmed)

    async def make(self) -> str:
        """Make a key; its id."""
        made = (await self.timed("POST", "/acme/api-keys"))[1]
        return str(made["keyId"])

    async def end(self, key_id: str, confirmed: int) -> float:
        """Revoke a key; return how long that took, once this many validators confirmed it."""
        took, receipt = await self.timed("DELETE", f"/acme/api-keys/{key_id}")
        assert receipt["validators"]["confirmed"] == confirmed, receipt["validators"]
        return took


def _spread(times: Sequence[float]) -> str:
    hundredths = statistics.quantiles(times, n=100)
    return f"p50 {hundredths[49]:.2f} ms, p99 {hundredths[98]:.2f} ms"


def main() -> None:
    """Measure and print."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # the issuer inherits it
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    for measure in (idle_sessions, acknowledgement):
        with served() as issuer:
            asyncio.run(measure(issuer))


if __name__ == "__main__":
    main()
