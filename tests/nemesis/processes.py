"""The processes of a run: the issuer, restarted on its database and port, and sites: servers with their workers.

A worker is known by its pid, and held by connections that reach it alone. A stopped worker accepts nothing, so enough
connections are opened while it runs.
"""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from rf_middleware.demo.child import Server
from tests.core.servers import until
from tests.issuer.test_serve import COMMAND, printed
from tests.nemesis.proxy import Proxy
from tests.nemesis.wire import Wire
from tests.real.started import ROOT

__all__ = ["LEASE", "IssuerProcess", "Kind", "Site", "Worker"]

LEASE = 2.0
IDLE = 16
"""Connections held open to each worker."""

_START = 120.0
"""Seconds a process may take to start, on any machine."""
_UVICORN = (
    "-m uvicorn --port 0 --http httptools --loop uvloop --no-access-log --timeout-keep-alive 900"
    " --timeout-graceful-shutdown 2 tests.nemesis.apps:asgi_app"
)
# A file, because an option that a version does not know is passed over there.
_GUNICORN = """\
bind = "127.0.0.1:0"
workers = 2
worker_class = "gthread"
threads = 4
keepalive = 900
timeout = 300
graceful_timeout = 2
control_socket_disable = True
"""


def _start(name: str, command: list[str], more: dict[str, str] | None = None) -> Server:
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **(more or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    return Server(name, process)


class IssuerProcess:
    """The issuer.

    Attributes:
        port: the same in all its lives.
        secret: the first key of the workspace ``demo``.
        token: for validators.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self.secret = printed("workspace", "create", "demo", "--database", str(database))["key"]
        self.token = printed("token", "create", "--database", str(database))["token"]
        self.port = 0
        self.server: Server | None = None

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        more = ["serve", "--port", str(self.port), "--database", str(self._database), "--lease", str(LEASE)]
        self.server = _start("issuer", [*COMMAND, *more])
        self.port = urlsplit(await asyncio.to_thread(self.server.address, _START)).port or 0

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.server is not None
        self.server.process.send_signal(number)

    async def end(self, number: signal.Signals) -> None:
        """End it by a signal, and wait until it is gone."""
        assert self.server is not None
        self.tell(number)
        await asyncio.to_thread(self.server.process.wait, _START)
        await asyncio.to_thread(self.server.end)


@dataclass
class Worker:
    """A process that serves requests.

    Attributes:
        idle: connections with nothing under way.
        stopped: whether it was sent SIGSTOP.
        gone: whether it has ended.
    """

    pid: int
    idle: list[Wire] = field(default_factory=list[Wire])
    stopped: bool = False
    gone: bool = False

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal; one that is gone does not mind."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def stop(self) -> None:
        """Stop it where it is."""
        self.stopped = True
        self.tell(signal.SIGSTOP)

    def wake(self) -> None:
        """Let it go on."""
        self.tell(signal.SIGCONT)
        self.stopped = False

    def hang_up(self) -> None:
        """Close the idle connections."""
        while self.idle:
            self.idle.pop().close()


@dataclass(frozen=True)
class Kind:
    """What a site is.

    Attributes:
        server: uvicorn or gunicorn.
        preload: gunicorn's workers are forked from a master that has used the validator.
        environment: for the app.
    """

    server: str
    preload: bool = False
    environment: dict[str, str] = field(default_factory=dict[str, str])


class Site:
    """A server with its workers, which reach the issuer through a proxy of their own."""

    def __init__(self, kind: Kind, proxy: Proxy, issuer: IssuerProcess, folder: Path) -> None:
        self.kind, self.proxy = kind, proxy
        self._folder = folder
        self._settings = {
            "RF_ISSUER_URL": f"http://127.0.0.1:{proxy.port}",
            "RF_ISSUER_TOKEN": issuer.token,
            **kind.environment,
        }
        if kind.preload:
            self._settings["NEMESIS_WARM"] = issuer.secret
        self.size = 2 if kind.server == "gunicorn" else 1
        self.workers: list[Worker] = []
        self._server: Server | None = None
        self._port = 0

    async def start(self) -> None:
        """Start the server, and connect to every worker."""
        self._server = _start(self.kind.server, [sys.executable, *self._command()], self._settings)
        self._port = urlsplit(await asyncio.to_thread(self._server.address, _START)).port or 0
        await self.find()

    async def find(self) -> None:
        """Connect until each worker is known and has its idle connections: which of them takes one is theirs to say."""
        async with asyncio.timeout(_START):
            while len(self.workers) < self.size or any(len(worker.idle) < IDLE for worker in self.workers):
                wire = await self.connect()
                pid: int = (await wire.ask("/healthz")).body["pid"]
                worker = next((each for each in self.workers if each.pid == pid), None)
                if worker is None:
                    self.workers.append(worker := Worker(pid))
                if len(worker.idle) < IDLE:
                    worker.idle.append(wire)
                else:
                    wire.close()

    async def connect(self) -> Wire:
        """Open a connection to some worker."""
        return await Wire.open(self._port)

    async def replace(self, worker: Worker, number: signal.Signals) -> None:
        """End a worker by a signal, using it to its end, and wait for the one that takes its place."""
        worker.tell(number)
        await asyncio.to_thread(until, lambda: not self._runs(worker), _START)
        worker.gone = True
        self.workers.remove(worker)
        worker.hang_up()
        if self.kind.server == "uvicorn":
            await self.end()
            await self.start()
        else:
            await self.find()  # the master starts another

    def _runs(self, worker: Worker) -> bool:
        assert self._server is not None
        if worker.pid == self._server.process.pid:
            return self._server.process.poll() is None
        try:
            os.kill(worker.pid, 0)
        except ProcessLookupError:
            return False
        return True

    async def end(self) -> None:
        """End the server."""
        for worker in self.workers:
            worker.hang_up()
        self.workers.clear()
        if self._server is not None:
            await asyncio.to_thread(self._server.end)

    def said(self) -> list[str]:
        """Return the last it printed."""
        return [] if self._server is None else list(self._server._lines)

    def _command(self) -> list[str]:
        if self.kind.server == "uvicorn":
            return list[str](_UVICORN.split())
        settings = self._folder / f"gunicorn-{self.proxy.port}.py"
        settings.write_text(_GUNICORN + f"preload_app = {self.kind.preload}\n", encoding="utf-8")
        return ["-m", "gunicorn", "--config", str(settings), "tests.nemesis.apps:wsgi_app"]
