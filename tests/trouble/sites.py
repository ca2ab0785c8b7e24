"""One uvicorn and one gunicorn worker as processes, whose issuer may be in trouble."""

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rf_middleware.demo.child import Server
from rf_middleware.demo.line import Line
from tests.core.servers import until
from tests.real.started import started
from tests.trouble.unwell import Unwell

__all__ = ["START", "Site", "Start", "gunicorn", "uvicorn"]

_UVICORN = (
    "-m uvicorn --port 0 --http httptools --loop uvloop --no-access-log --timeout-keep-alive 900"
    " --timeout-graceful-shutdown 2 tests.real.apps:asgi_app"
)
# A file, because an option that a version does not know is passed over there.
_GUNICORN = """\
bind = "127.0.0.1:0"
workers = 1
worker_class = "gthread"
threads = 4
keepalive = 900
timeout = 900
graceful_timeout = 2
control_socket_disable = True
"""


@dataclass
class Site:
    """A server that runs.

    Attributes:
        name: uvicorn or gunicorn.
        url: its address.
    """

    name: str
    url: str
    server: Server

    def line(self) -> Line:
        """Open a connection that is kept."""
        return Line(self.url)

    def remembers(self, issuer: Unwell, *keys: str) -> None:
        """Wait until a lease is held and these keys are in the cache: then nobody is asked about them."""
        line = self.line()

        def cached() -> bool:
            before = issuer.questions
            answers = [line.ask("/", key).status for key in keys]
            return answers == [200] * len(keys) and issuer.questions == before

        until(cached, 60)
        line.close()

    def threads(self) -> int:
        """Return how many threads its processes have."""
        return sum(len(list((each / "task").iterdir())) for each in self._processes())

    def _processes(self) -> list[Path]:
        first = Path(f"/proc/{self.server.process.pid}")
        children = (first / "task" / first.name / "children").read_text(encoding="ascii").split()
        return [first, *(Path(f"/proc/{child}") for child in children)]


class Start(Protocol):
    """Runs a server; ``timeout`` is that of a check, ``more`` goes into its environment."""

    def __call__(self, issuer: Unwell, folder: Path, timeout: float, /, **more: str) -> AbstractContextManager[Site]:
        """Run it until the block ends."""
        ...


@contextmanager
def _running(name: str, command: list[str], issuer: Unwell, timeout: float, more: dict[str, str]) -> Generator[Site]:
    settings = {"RF_ISSUER_URL": issuer.url, "RF_ISSUER_TOKEN": "validator-token", "RF_TIMEOUT": str(timeout), **more}
    server = started(name, command, **settings)
    try:
        yield Site(name, server.address(60), server)
    finally:
        server.end()


@contextmanager
def uvicorn(issuer: Unwell, _folder: Path, timeout: float, /, **more: str) -> Generator[Site]:
    """Run uvicorn."""
    with _running("uvicorn", list[str](_UVICORN.split()), issuer, timeout, more) as site:
        yield site


@contextmanager
def gunicorn(issuer: Unwell, folder: Path, timeout: float, /, **more: str) -> Generator[Site]:
    """Run gunicorn with one worker of four threads."""
    settings = folder / "gunicorn.conf.py"
    settings.write_text(_GUNICORN, encoding="utf-8")
    command = ["-m", "gunicorn", "--config", str(settings), "tests.real.apps:wsgi_app"]
    with _running("gunicorn", command, issuer, timeout, more) as site:
        yield site


START: dict[str, Start] = {"uvicorn": uvicorn, "gunicorn": gunicorn}
