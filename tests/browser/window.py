"""A window of a real Chromium, at a real issuer; whatever the browser complains about fails the test.

``scripts/chromium`` finds or installs the browser. Playwright is used through its asynchronous interface, from one
event loop for each test: the other one would leave a loop behind for the tests after it.
"""

import os
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, async_playwright, expect

from tests.issuer.browsing import PASSWORD
from tests.issuer.test_serve import Served, printed, served

__all__ = ["DESKTOP", "EMAIL", "PHONE", "Window", "chromium", "expect", "window"]

EMAIL = "ann@example.com"
DESKTOP = (1280, 900)
PHONE = (390, 844)
_PATIENCE = 60_000.0
"""Milliseconds for anything to happen: these machines stall."""

expect.set_options(timeout=_PATIENCE)


class Window:
    """A window at an issuer that has the workspace ``acme``.

    Attributes:
        key: the first key of the workspace.
        wrong: what the browser complained about, and every dialog that a page opened.
    """

    def __init__(self, page: Page, browser: Browser, issuer: Served, database: Path, key: str) -> None:
        self.page, self.browser, self.issuer, self.database, self.key = page, browser, issuer, database, key
        self.wrong: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("dialog", self._dialog)

    async def go(self, path: str) -> None:
        """Open a page of the issuer."""
        await self.page.goto(self.issuer.url + path)

    async def press(self, text: str) -> None:
        """Press the one button or link with this text."""
        page = self.page
        await (
            page.get_by_role("button", name=text, exact=True)
            .or_(page.get_by_role("link", name=text, exact=True))
            .click()
        )

    async def fill(self, **fields: str) -> None:
        """Fill in controls, by their names."""
        for name, text in fields.items():
            await self.page.locator(f"[name={name}]:visible").fill(text)

    async def sign_up(self) -> None:
        """Become the first administrator; ends on the page of the workspace."""
        assert self.issuer.process.stdout is not None
        await self.page.goto(self.issuer.process.stdout.readline().split()[-1])
        await self.fill(email=EMAIL, name="Ann Archer", password=PASSWORD)
        await self.press("Create the account")
        await self.at("/settings/api/acme")

    async def at(self, path: str) -> None:
        """Wait until a path is shown."""
        await expect(self.page).to_have_url(self.issuer.url + path)

    async def fresh(self, *, script: bool = True) -> BrowserContext:
        """Return a browser of somebody else."""
        context = await self.browser.new_context(java_script_enabled=script)
        context.set_default_timeout(_PATIENCE)
        return context

    async def _dialog(self, dialog: Dialog) -> None:
        self.wrong.append(f"a dialog: {dialog.message}")
        await dialog.dismiss()

    def _console(self, message: ConsoleMessage) -> None:
        # The status of a page that was refused is for the test to look at.
        if message.type in {"error", "warning"} and "the server responded with a status of 4" not in message.text:
            self.wrong.append(message.text)


@asynccontextmanager
async def window(folder: Path, *, script: bool = True, size: tuple[int, int] = DESKTOP) -> AsyncGenerator[Window]:
    """Run an issuer and open a window at it."""
    database = folder / "issuer.db"
    made = printed("workspace", "create", "acme", "--name", "Acme & Sons", "--database", str(database))
    with served(database) as issuer:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
            width, height = size
            context = await browser.new_context(java_script_enabled=script, viewport={"width": width, "height": height})
            context.set_default_timeout(_PATIENCE)
            await context.grant_permissions(["clipboard-read", "clipboard-write"])
            opened = Window(await context.new_page(), browser, issuer, database, made["key"])
            yield opened
            await browser.close()
        assert opened.wrong == [], opened.wrong
        assert issuer.process.poll() is None


def chromium() -> str:
    """Return where the browser is.

    Raises:
        AssertionError: it is not there; the text says what to install.
    """
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    assert found, (
        "the tests of the pages need Chromium; on Debian: apt-get install chromium (make test does it as root)"
    )
    return found
