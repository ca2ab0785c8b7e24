"""Runs the issuer: one process, one database file, one ready line.

* Everything that can be wrong is found before the first connection is accepted, and said in one line.
* No access log: the public clients send keys in the query.
* SIGTERM and SIGINT answer what is parked, stop accepting, finish what runs.
"""

import asyncio
import gc
import logging
import secrets
import signal
import socket
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import uvicorn

from rf_middleware._clock import now
from rf_middleware._fingerprint import fingerprint
from rf_middleware.issuer.app import build_app
from rf_middleware.issuer.audit import By
from rf_middleware.issuer.database import Database, understood
from rf_middleware.issuer.oidc_client import open_id_connect
from rf_middleware.issuer.oidc_settings import Settings
from rf_middleware.issuer.parking import Connection
from rf_middleware.issuer.parts import Parts
from rf_middleware.issuer.revocations import Revocations
from rf_middleware.issuer.serving import last_start, new_start, only_server
from rf_middleware.issuer.store import Store
from rf_middleware.issuer.uses import Uses
from rf_middleware.issuer.vault import Vault
from rf_middleware.issuer.vault_of import vault_of
from rf_middleware.issuer.watch import watch

__all__ = ["LONGEST_LEASE", "SHORTEST_LEASE", "CannotListen", "Options", "serve"]

SHORTEST_LEASE: Final = 0.1
LONGEST_LEASE: Final = 3600.0
_log = logging.getLogger("rf_middleware.issuer")
_LINK: Final = 86_400.0
_GRACE: Final = 5
"""Seconds for requests that run when the server is told to stop."""

_RARELY: Final = 20_000
"""Objects made between two looks for rings of them, of which few are left behind here. With Python's 700 every event
that thousands of validators hear of makes it look at all it has, which takes 0.2 s with 10,000 of them."""

_KEEP_ALIVE: Final = 60
"""Seconds an idle connection stays open: longer than clients keep theirs, so that they close first."""


class CannotListen(Exception):  # noqa: N818 - not an error of the program
    """The address can't be listened on; the text says why, in one line."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to serve.

    Attributes:
        host: the address to listen on.
        port: 0 for any free one.
        lease: seconds a validator may trust its cache after it last heard from here.
        write_once: keep no encrypted secrets, and drop those that are there.
        public_url: the address people reach this server at, if that is another.
        trusted_proxies: how many proxies requests come through, each of which adds to ``X-Forwarded-For``.
        oidc: where people sign in with accounts of their company; ``None`` for nowhere.
    """

    host: str
    port: int
    lease: float
    write_once: bool = False
    public_url: str | None = None
    trusted_proxies: int = 0
    oidc: Settings | None = None


def serve(path: Path, options: Options, say: Callable[[str], None]) -> None:
    """Serve until told to stop.

    Args:
        path: the database file; created when it is not there.
        options: how.
        say: is given the ready line once connections are accepted, and the link for the first administrator.

    Raises:
        BadSettings: the OpenID provider can't be asked from here.
        CannotListen: port in use, unknown host.
        DatabaseProblem: the database can't be used, or is being served already.
    """
    gc.set_threshold(_RARELY)
    with only_server(path), _listening(options.host, options.port) as listener:
        database = Database(path, check=True)
        try:
            store = Store(database)
            with understood(path):
                store.set_write_once(on=options.write_once)
                vault = vault_of(store, _log.warning)
                about = f"(database {path}, lease {options.lease:g} s)"
                lines = [f"rf-middleware issuer ready on {_address(listener)} {about}"]
                if not store.anybody():
                    link = _first(store, options.public_url or _address(listener))
                    lines.append(f"The first administrator signs up at {link}")
                ready = partial(say, "\n".join(lines))
                asyncio.run(_run(store, options, listener, ready, vault))
        finally:
            database.close()


async def _run(
    store: Store, options: Options, listener: socket.socket, ready: Callable[[], None], vault: Vault | None
) -> None:
    async with open_id_connect(options.oidc) as oidc:
        with understood(store.path):
            starts = last_start(store.path), new_start(store.path)
            revocations, uses = Revocations(store, options.lease, starts=starts), Uses(now)
        parts = Parts(
            store=store,
            revocations=revocations,
            uses=uses,
            lease=options.lease,
            vault=vault,
            public_url=options.public_url,
            trusted_proxies=options.trusted_proxies,
            oidc=oidc,
        )
        watching = asyncio.create_task(watch(store, revocations, uses))
        try:
            await _Server(_config(parts), ready, revocations.stop).serve([listener])
        finally:
            watching.cancel()
            await revocations.close()


def _config(parts: Parts) -> uvicorn.Config:
    return uvicorn.Config(
        build_app(parts),
        http=Connection,
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # uvicorn would believe anybody on this machine: ``access.address`` counts the proxies
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=_GRACE,
    )


class _Server(uvicorn.Server):
    """Says when it is ready; answers parked requests when it is told to stop; exits with 0 after that."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None], stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready, self._stop = ready, stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        loop = asyncio.get_running_loop()
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        for number in before:
            loop.add_signal_handler(number, self._told_to_stop)
        try:
            yield
        finally:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler)

    def _told_to_stop(self) -> None:
        self.force_exit, self.should_exit = self.should_exit, True  # told twice: now
        self._stop()


def _first(store: Store, address: str) -> str:
    """Return a new one-time link, good for a day; the one that was printed before is not any more."""
    link = secrets.token_urlsafe(32)
    store.create_first_link(fingerprint(link.encode()), time.time() + _LINK, By("command"))
    return f"{address}/first/{link}"


@contextmanager
def _listening(host: str, port: int) -> Generator[socket.socket]:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except UnicodeError:
        message = f"can't listen on {host}: not a host name"
        raise CannotListen(message) from None
    except OSError as error:
        message = f"can't listen on {host}: {error.strerror}"
        raise CannotListen(message) from None
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError as error:
            message = f"can't listen on {host} port {port}: {error.strerror}"
            raise CannotListen(message) from None
        yield listener


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
