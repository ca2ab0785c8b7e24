"""The page of keys, from the first administrator to the last key, in a real browser."""

import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from rf_middleware import Denied, IntrospectionIssuer, Validator
from tests.browser.window import Window, expect, window
from tests.issuer.browsing import PASSWORD
from tests.issuer.rig import in_loop
from tests.issuer.test_serve import printed


async def checked(here: Window, key: str) -> int:
    """Ask the issuer whether a key is good."""
    async with httpx.AsyncClient(timeout=30) as http:
        return (await http.get(here.issuer.url, headers={"Authorization": f"Bearer {key}"})).status_code


async def secret(here: Window) -> str:
    """Return the key that the page shows."""
    field = here.page.get_by_label("Private API key")
    await expect(field).to_have_count(1)
    return await field.input_value()


async def row(here: Window, name: str, choice: str) -> None:
    """Choose something from the menu of a key."""
    line = here.page.get_by_role("row").filter(has=here.page.get_by_role("rowheader", name=name))
    await line.locator("summary").click()
    await line.get_by_text(choice).click()


@pytest.mark.parametrize("script", [True, False])
@in_loop
async def test_a_key_from_its_making_to_its_end(script: bool, tmp_path: Path) -> None:
    """With and without script: made, shown again with the password, rolled, revoked; the last one leaves a button."""
    async with window(tmp_path, script=script) as here:
        await here.sign_up()
        await here.fill(name="camera")
        await here.page.get_by_label("Access").select_option("role:inference")
        await here.press("Generate New Key")
        made = await secret(here)
        assert await checked(here, made) == 200

        await here.go("/settings/api/acme")
        assert made not in await here.page.content()
        await here.page.get_by_role("row", name="camera").get_by_role("button", name="Show").click()
        assert await secret(here) == made  # the account was made a moment ago

        await row(here, "camera", "Roll API Key…")
        await here.press("Roll API Key")
        await expect(here.page.locator(".flash.good")).to_contain_text("was rolled. Refused everywhere")
        rolled = await secret(here)
        assert [await checked(here, each) for each in (made, rolled)] == [401, 200]

        for name in ("camera", "Default key"):
            await row(here, name, "Revoke API Key…")
            await here.press("Revoke API Key")
            await expect(here.page.locator(".flash.good")).to_contain_text("was revoked. Refused everywhere")
        assert [await checked(here, each) for each in (rolled, here.key)] == [401, 401]
        await here.press("Generate Private API Key")
        assert await checked(here, await secret(here)) == 200
        await expect(here.page.get_by_role("row", name="Default key")).to_have_count(1)


@in_loop
async def test_what_is_revoked_on_the_page_is_refused_where_it_was_cached(tmp_path: Path) -> None:
    """A validator that had the key cached refuses it when the receipt is shown, and is counted in it."""
    async with window(tmp_path) as here:
        token = printed("token", "create", "--database", str(here.database))["token"]
        validator = Validator(IntrospectionIssuer(here.issuer.url, token))
        try:
            assert (await validator.acheck(here.key)).workspace.slug == "acme"
            await here.sign_up()
            await row(here, "Default key", "Revoke API Key…")
            await here.press("Revoke API Key")
            await expect(here.page.locator(".flash.good")).to_contain_text("1 of 1 validator confirmed in")
            with pytest.raises(Denied):
                await validator.acheck(here.key)
        finally:
            await validator.aclose()


@in_loop
async def test_a_secret_is_asked_for_with_the_password(tmp_path: Path) -> None:
    """Who signed in long ago gives it again; a wrong one shows nothing and is said beside the field."""
    async with window(tmp_path) as here:
        await here.sign_up()
        with closing(sqlite3.connect(here.database)) as database, database:
            database.execute("UPDATE sessions SET proved = 0")
        await here.page.get_by_role("button", name="Show").click()
        await here.fill(password="not the password")
        await here.press("Show the key")
        await expect(here.page.get_by_text("This is not your password.")).to_be_visible()
        assert here.key not in await here.page.content()
        await here.fill(password=PASSWORD)
        await here.press("Show the key")
        assert await secret(here) == here.key
