"""The issuer and the servers as processes, and connections to them that are held open."""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rf_middleware.demo.child import Server
from rf_middleware.demo.workers import Key, Worker, find_workers
from tests.core.servers import until
from tests.issuer.test_serve import Served
from tests.real.started import started

__all__ = ["LEASE", "Issuer", "Receipt", "Site", "gunicorn", "uvicorn"]

LEASE = 6.0
UVICORN: str = (
    "-m uvicorn --port 0 --http httptools --loop uvloop --log-level debug --timeout-keep-alive 300"
    " --timeout-graceful-shutdown 2 tests.real.apps:asgi_app"
)
# A file, because an option that a version does not know is passed over there.
GUNICORN = """\
bind = "127.0.0.1:0"
workers = 2
worker_class = "gthread"
threads = 4
keepalive = 300
graceful_timeout = 10
control_socket_disable = True
loglevel = "debug"
accesslog = "-"
access_log_format = '%(r)s "%(U)s" "%(q)s" "%(f)s" "%({raw_uri}e)s"'
"""


@dataclass(frozen=True)
class Receipt:
    """What the issuer says when a revocation holds everywhere."""

    confirmed: int
    expired: int
    seconds: float


class Issuer:
    """The issuer, and what one needs to use it.

    Args:
        served: its process.
        secret: the first key of the workspace ``demo``.
        token: for validators.
    """

    def __init__(self, served: Served, secret: str, token: str) -> None:
        self.served, self.secret = served, secret
        self.settings = {"RF_ISSUER_URL": served.url, "RF_ISSUER_TOKEN": token}

    def create(self) -> Key:
        """Create a key."""
        answer = self.served.call("POST", "/demo/api-keys", self.secret, json={"name": "a test"})
        assert answer.status_code == 200, answer.text
        return Key(answer.json()["key"], answer.json()["keyId"])

    def revoke(self, key: Key) -> Receipt:
        """Revoke a key, and wait until that holds."""
        answer = self.served.call("DELETE", f"/demo/api-keys/{key.id}", self.secret)
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        return Receipt(said["validators"]["confirmed"], said["validators"]["expired"], said["took_ms"] / 1000)

    def followed(self, by: int) -> None:
        """Wait until so many validators confirm revocations, and no others hold a lease."""
        until(lambda: self.revoke(self.create()).confirmed == by)
        assert self.revoke(self.create()).expired == 0


@dataclass
class Site:
    """A server with its workers, each held by a connection of its own."""

    server: Server
    url: str
    workers: list[Worker]

    def said(self) -> str:
        """Return what it has printed."""
        return "".join(list(self.server._lines))


@contextmanager
def uvicorn(issuer: Issuer, key: Key) -> Generator[Site]:
    """Run uvicorn."""
    with _site(list[str](UVICORN.split()), 1, issuer, key) as site:
        yield site


@contextmanager
def gunicorn(issuer: Issuer, key: Key, folder: Path, *, preload: bool = False) -> Generator[Site]:
    """Run gunicorn with two workers; preloaded ones are forked from a master that has checked the key already."""
    settings = folder / "gunicorn.conf.py"
    settings.write_text(GUNICORN + f"preload_app = {preload}\n", encoding="utf-8")
    more = {"WARM_KEY": key.secret} if preload else {}
    command = ["-m", "gunicorn", "--config", str(settings), "tests.real.apps:wsgi_app"]
    with _site(command, 2, issuer, key, more) as site:
        yield site


@contextmanager
def _site(
    command: list[str], workers: int, issuer: Issuer, key: Key, more: dict[str, str] | None = None
) -> Generator[Site]:
    server = started(command[1], command, **issuer.settings, **(more or {}))
    with ExitStack() as lines:
        lines.callback(server.end)
        url = server.address()
        found = list(find_workers(command[1], url, workers, key, lines))
        yield Site(server, url, found)
