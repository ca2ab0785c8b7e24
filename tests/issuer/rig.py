"""A running issuer in this process, with a workspace, a key and a token, asked through httpx's ASGI transport."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from typing import Any, ParamSpec

import httpx
from argon2 import PasswordHasher
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from rf_middleware._clock import Clock, now
from rf_middleware._fingerprint import fingerprint
from rf_middleware.issuer.app import build_app
from rf_middleware.issuer.audit import By
from rf_middleware.issuer.database import Database
from rf_middleware.issuer.keys import TOKEN_PREFIX, mint
from rf_middleware.issuer.minting import Minting
from rf_middleware.issuer.oidc import OpenIDConnect
from rf_middleware.issuer.parking import PARK
from rf_middleware.issuer.parts import Parts
from rf_middleware.issuer.passwords import Passwords
from rf_middleware.issuer.revocations import Revocations
from rf_middleware.issuer.store import Store
from rf_middleware.issuer.uses import Uses
from rf_middleware.issuer.vault import Vault

__all__ = [
    "BY",
    "PASSWORDS",
    "SESSION",
    "VAULT",
    "Rig",
    "Turned",
    "in_loop",
    "new_key",
    "opened",
    "running",
    "store_of",
    "until",
]

SESSION = "a-session-of-this-validator"

BY = By("command", name="tests")
PASSWORDS = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
"""Cheap ones."""

VAULT = Vault(bytes(32))
new_key = Minting().new

P = ParamSpec("P")


class Turned:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


@dataclass
class Rig:
    """The issuer under test and what one needs to talk to it."""

    http: httpx.AsyncClient
    store: Store
    revocations: Revocations
    key: str
    key_id: str
    token: str
    uses: Uses
    parts: Parts

    async def call(self, method: str, path: str, key: str | None = None, **more: Any) -> httpx.Response:
        """Send a request with a key as Bearer, the first key unless told."""
        return await self.http.request(method, path, headers={"Authorization": f"Bearer {key or self.key}"}, **more)

    async def new_key(self, scopes: list[str] | None = None) -> tuple[str, str]:
        """Create a key with these scopes; return secret and id."""
        made = (await self.call("POST", "/acme/api-keys", json={"name": "made", "scopes": scopes})).json()
        return made["key"], made["keyId"]

    async def poll(
        self, ack: int = 0, epoch: str | None = None, wait: float = 0.0, session: str = SESSION, **more: object
    ) -> httpx.Response:
        """Send a poll of the feed."""
        body = {"session": session, "epoch": epoch, "ack": ack, "wait": wait, **more}
        return await self.call("POST", "/feed", self.token, json=body)

    async def introspect(self, key: str) -> dict[str, Any]:
        """Ask about a key."""
        found: dict[str, Any] = (await self.call("POST", "/introspect", self.token, data={"token": key})).json()
        return found

    def told(self) -> list[str]:
        """Return what every event so far says that happened."""
        return [event.change for event in self.store.events_after(0)]


@contextmanager
def store_of(path: Path) -> Generator[Store]:
    """Open a database, as a command does beside a server."""
    database = Database(path)
    yield Store(database)
    database.close()


class Parking:
    """Stands in for the connections of the issuer's server: a request may be answered after its handler ended."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        parked = _Parked()
        await self._app({**scope, "state": {PARK: lambda: parked}}, receive, send)
        if parked.hang_up is not None:
            try:
                response = await parked.answered
            finally:
                parked.hang_up()
            await response(scope, receive, send)


class _Parked:
    def __init__(self) -> None:
        self.answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self.answer = self.answered.set_result
        self.hang_up: Callable[[], None] | None = None

    def wait(self, number: int, hang_up: Callable[[int], None], again: object) -> None:
        del again  # each request comes alone here
        self.hang_up = partial(hang_up, number)


@asynccontextmanager
async def opened(
    path: Path, lease: float = 0.3, clock: Clock = now, oidc: OpenIDConnect | None = None
) -> AsyncGenerator[Rig]:
    """Run an issuer on this file; with a workspace, a key and a token if it is new."""
    database = Database(path)
    try:
        store = Store(database)
        key, stored = new_key("Default key", None)
        if not store.list_workspaces():
            store.create_workspace("acme", "Acme & Sons", stored, BY)
        token = mint(TOKEN_PREFIX)
        store.create_token(fingerprint(token.encode()), "a validator", BY)
        revocations = Revocations(store, lease, clock)
        uses = Uses(clock)
        parts = Parts(
            store=store,
            revocations=revocations,
            uses=uses,
            lease=lease,
            clock=clock,
            vault=VAULT,
            passwords=PASSWORDS,
            oidc=oidc,
        )
        transport = httpx.ASGITransport(Parking(build_app(parts)))
        async with httpx.AsyncClient(transport=transport, base_url="http://issuer.test:8080") as http:
            try:
                yield Rig(http, store, revocations, key, stored.id, token, uses, parts)
            finally:
                await revocations.close()
    finally:
        database.close()


def running(test: Callable[[Rig], Coroutine[Any, Any, None]]) -> Callable[[Path], None]:
    """Make a test of a coroutine that takes a running issuer."""

    def run(tmp_path: Path) -> None:
        async def main() -> None:
            async with opened(tmp_path / "issuer.db") as rig:
                await test(rig)

        asyncio.run(main())

    run.__doc__, run.__name__ = test.__doc__, test.__name__
    return run


async def until(condition: Callable[[], object]) -> None:
    """Let the loop go on until something is so, for a minute at most."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - the state of a part that knows nothing of tests
            await asyncio.sleep(0)


def in_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Make a test of a coroutine that takes fixtures and cases."""

    @wraps(test)
    def run(*given: P.args, **named: P.kwargs) -> None:
        asyncio.run(test(*given, **named))

    return run
