"""An issuer whose people sign in at the provider of ``idp.py``, and a browser that goes there and back."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx

from rf_middleware.issuer.oidc import OpenIDConnect
from rf_middleware.issuer.oidc_settings import Settings
from rf_middleware.issuer.people import Person
from rf_middleware.issuer.rows_people import new_person
from tests.issuer.browsing import Browser, Reader
from tests.issuer.idp import Idp
from tests.issuer.rig import BY, Rig, Turned, opened

__all__ = ["CALLBACK", "Company", "add_guest", "company"]

CALLBACK = "/login/oidc/callback"


class Company(Browser):
    """A browser, and the provider at which its person signs in."""

    def __init__(self, rig: Rig, idp: Idp) -> None:
        super().__init__(rig)
        self.idp = idp

    async def leave(self, path: str = "/login/oidc") -> list[tuple[str, str]]:
        """Go to the provider and sign in there; return the query with which it sends the browser back."""
        sent = await self.get(path)
        assert sent.status_code == 303, sent.text
        return self.idp.sign_in(sent.headers["location"])

    async def come_back(self, query: list[tuple[str, str]]) -> httpx.Response:
        """Come back with a query."""
        answer = await self.http.get(f"{CALLBACK}?{urlencode(query)}")
        self.page = answer.text
        return answer

    async def enter(self, path: str = "/login/oidc") -> httpx.Response:
        """Go to the provider and back."""
        return await self.come_back(await self.leave(path))

    def links(self) -> list[str]:
        """Return where the links of the page lead."""
        return Reader(self.page).all("a", "href")


@asynccontextmanager
async def company(path: Path, domains: frozenset[str] = frozenset(), **bent: Any) -> AsyncGenerator[Company]:
    """Run an issuer and a provider, which share a clock that stands still."""
    clock = Turned()
    clock.time = time.time()
    idp = Idp(clock, **bent)
    settings = Settings(idp.issuer, idp.client_id, idp.secret, f"http://issuer.test:8080{CALLBACK}", domains)
    oidc = OpenIDConnect(idp.client(), settings, clock)
    async with opened(path / "issuer.db", clock=clock, oidc=oidc) as rig:
        yield Company(rig, idp)


def add_guest(rig: Rig, email: str = "ada@example.com", role: str | None = "admin") -> Person:
    """Add a person without a password."""
    person = new_person(email, "Ada", None, admin=False)
    workspace = rig.store.list_workspaces()[0].id if role else None
    rig.store.create_person(person, BY, workspace, role or "admin")
    return person
