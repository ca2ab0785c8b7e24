"""A browser without a window: keeps cookies, fills the forms of pages in, as a person would."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx

from rf_middleware._fingerprint import fingerprint
from rf_middleware.issuer.people import Person
from rf_middleware.issuer.rows_people import new_person
from tests.issuer.rig import BY, PASSWORDS, Rig, opened

__all__ = ["PASSWORD", "Browser", "Forms", "Reader", "add_person", "beside", "held", "signed_in"]

PASSWORD = "correct horse battery"


class Forms(HTMLParser):
    """The forms of a page: action and fields; and what its other inputs show, by their ids."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, dict[str, str]] = {}
        self.shown: dict[str, str] = {}
        self._open: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take in forms and their inputs."""
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = self.found[values["action"]] = {}
        ticked = values.get("type") not in {"checkbox", "radio"} or "checked" in values
        if tag == "input" and "name" not in values:
            self.shown[values["id"]] = values["value"]
        elif ticked and tag == "input":
            self._open[values["name"]] = values["value"]

    @property
    def secret(self) -> str:
        """The secret that is shown; empty without one."""
        return self.shown.get("secret") or self.shown.get("token", "")


class Reader(HTMLParser):
    """Reads a page: its elements with their attributes, in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take in an element."""
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def all(self, tag: str, name: str) -> list[str]:
        """Return an attribute of the elements with this tag that have it."""
        return [attrs[name] for each, attrs in self.elements if each == tag and name in attrs]


class Browser:
    """Somebody who looks at pages."""

    def __init__(self, rig: Rig, http: httpx.AsyncClient | None = None) -> None:
        self.rig, self.http = rig, http or rig.http
        self.page = ""

    async def get(self, path: str) -> httpx.Response:
        """Look at a page."""
        answer = await self.http.get(path)
        self.page = answer.text
        return answer

    async def send(self, action: str, **fields: str) -> httpx.Response:
        """Fill in the form of the page that goes there, and send it."""
        form = {**Forms(self.page).found[action], **fields}
        answer = await self.http.post(action, data=form, headers={"Origin": "http://issuer.test:8080"})
        self.page = answer.text
        return answer

    async def sign_in(self, email: str = "ann@example.com", password: str = PASSWORD) -> httpx.Response:
        """Sign in."""
        await self.get("/login")
        return await self.send("/login", email=email, password=password)


def add_person(rig: Rig, email: str, role: str | None = None, **more: Any) -> Person:
    """Add a person, to the workspace acme if they have a role."""
    person = new_person(email, more.pop("name", "Ann"), PASSWORDS.hash(PASSWORD), admin=more.pop("admin", False))
    workspace = rig.store.list_workspaces()[0].id if role else None
    rig.store.create_person(person, BY, workspace, role or "admin")
    return person


@asynccontextmanager
async def signed_in(path: Path, role: str | None = "admin", **more: Any) -> AsyncGenerator[Browser]:
    """Run an issuer, with somebody of this role signed in."""
    async with opened(path / "issuer.db") as rig:
        add_person(rig, "ann@example.com", role, **more)
        browser = Browser(rig)
        assert (await browser.sign_in()).status_code == 303
        yield browser


@asynccontextmanager
async def beside(rig: Rig) -> AsyncGenerator[Browser]:
    """Yield a browser of somebody else."""
    async with httpx.AsyncClient(transport=rig.http._transport, base_url=rig.http.base_url) as http:
        yield Browser(rig, http)


def held(rig: Rig) -> bytes:
    """Return the fingerprint of the cookie of the browser."""
    return fingerprint(rig.http.cookies["rf_session"].encode())
