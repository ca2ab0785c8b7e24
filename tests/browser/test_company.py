"""Signing in at a provider that is another site, with cookies and policies as a real Chromium has them."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import async_playwright

from tests.browser.test_sight import look
from tests.browser.window import DESKTOP, PHONE, Window, chromium, expect
from tests.issuer.rig import in_loop
from tests.issuer.test_serve import printed
from tests.issuer.test_serve_oidc import beside_a_provider

HERE = "/settings/api/acme"
LOOKS: list[tuple[tuple[int, int], Literal["light", "dark"]]] = [(DESKTOP, "light"), (PHONE, "dark")]


def join(database: Path) -> None:
    """Make Ada an admin of the workspace who signed in long ago."""
    with closing(sqlite3.connect(database, timeout=30)) as connection, connection:
        ada = "SELECT (SELECT id FROM workspaces), id, 'admin' FROM people WHERE email = 'ada@example.com'"
        connection.execute(f"INSERT INTO members (workspace_id, person_id, role) {ada}")
        connection.execute("UPDATE sessions SET proved = 0")


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
@in_loop
async def test_a_person_comes_from_another_site_and_sees_a_key_again(
    size: tuple[int, int], scheme: Literal["light", "dark"], tmp_path: Path
) -> None:
    """Cookies come along on the way back, no policy is in the way, and what is shown again there counts here."""
    database = tmp_path / "issuer.db"
    made = printed("workspace", "create", "acme", "--database", str(database))
    with beside_a_provider(database) as issuer:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
            context = await browser.new_context(
                viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, reduced_motion="reduce"
            )
            here = Window(await context.new_page(), browser, issuer, database, made["key"])
            how = f"{size[0]}-{scheme}"
            await here.sign_up()
            await context.clear_cookies()

            await here.go("/settings/api")
            await look(here, "company-sign-in", how)
            await here.press("Sign in with your company account")
            await here.press("I am Ada")
            await here.at("/settings/api")
            await expect(here.page.get_by_text("signed in as ada@example.com")).to_be_visible()
            await look(here, "company-no-workspace", how)

            join(database)
            show = here.page.get_by_role("button", name="Show Default key")
            await here.go(HERE)
            await show.click()
            await expect(here.page.get_by_role("heading", name="Is it you?")).to_be_visible()
            await look(here, "company-prove", how)
            await here.press("Show that it is you")
            await here.press("I am Ada")
            await here.at(HERE)
            await show.click()
            await expect(here.page.get_by_label("Private API key")).to_have_value(made["key"])

            await here.go("/login/oidc/callback?code=x&state=y")
            await look(here, "company-refused-inside", how)
            await context.clear_cookies()
            await here.go("/login/oidc/callback?code=x&state=y")
            await expect(here.page.get_by_role("alert")).to_contain_text("was not begun here")
            await look(here, "company-refused", how)
            await browser.close()
        assert here.wrong == []
