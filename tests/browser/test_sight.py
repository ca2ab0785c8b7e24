"""Every page as it looks: nothing that axe objects to, nothing cut off, wide and narrow, light and dark.

``SCREENSHOTS=folder`` keeps a picture of each, to be looked at.
"""

import os
from collections.abc import Awaitable, Callable
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import pytest

from rf_middleware import IntrospectionIssuer, Validator
from tests.browser.window import DESKTOP, PHONE, Window, window
from tests.issuer.browsing import PASSWORD
from tests.issuer.rig import in_loop
from tests.issuer.test_serve import printed

_LONG = "a-name-that-is-as-long-as-names-of-keys-may-be-" * 3
_AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
_CUT_OFF = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


async def look(here: Window, name: str, how: str) -> None:
    """Have a page looked at.

    Raises:
        AssertionError: axe objects, or the page is wider than the window.
    """
    if folder := os.environ.get("SCREENSHOTS"):
        await here.page.screenshot(path=f"{folder}/{name}-{how}.png", full_page=True)
    await here.page.evaluate(_AXE)
    found: dict[str, Any] = await here.page.evaluate("axe.run()")
    assert found["passes"]
    assert found["violations"] == [], name
    assert await here.page.evaluate(_CUT_OFF) == 0, f"{name} is cut off"


async def all_pages(here: Window, see: Callable[[str], Awaitable[None]]) -> None:
    """Go through every page as a person would."""
    page = here.page
    await here.go("/")
    await see("home")
    await here.go("/login")
    await see("sign-in")
    await here.fill(email="nobody@example.com", password="wrong password")
    await here.press("Sign in")
    await page.get_by_role("alert").wait_for()
    await see("sign-in-wrong")
    await here.go("/first/nothing")
    await see("link-over")
    assert here.issuer.process.stdout is not None
    await page.goto(here.issuer.process.stdout.readline().split()[-1])
    await see("first")
    await here.fill(email="ann@example.com", name="Ann Archer", password="short")
    await here.press("Create the account")
    await page.locator("[aria-invalid]").first.wait_for()
    await see("first-wrong")
    await here.fill(password=PASSWORD)
    await here.press("Create the account")
    await here.at("/settings/api/acme")
    await see("keys")
    await here.fill(name=_LONG, scopes="not a scope")
    await page.get_by_label("Access").select_option("")
    await here.press("Generate New Key")
    await page.locator("[aria-invalid]").first.wait_for()
    await see("keys-wrong")
    await here.fill(scopes="model:infer workspace:read api-key:read")
    await here.press("Generate New Key")
    await page.get_by_label("Private API key").wait_for()
    await see("keys-made")
    await page.locator(".acts summary").first.click()
    await see("keys-menu")
    paths = [await each.get_attribute("href") for each in await page.locator(".acts a").all()]
    for name in ("roll", "revoke"):
        await here.go(next(path for path in paths if path is not None and path.endswith(name)))
        await see(name)
    await here.press("Revoke API Key")
    await page.locator(".flash.good").wait_for()
    await see("revoked")
    await people(here, see)
    await logins(here, see)


async def people(here: Window, see: Callable[[str], Awaitable[None]]) -> None:
    """Go through the pages about people, and those for administrators."""
    page = here.page
    await here.go("/settings/api/acme/members")
    await here.fill(email="bob@example")
    await see("members")
    await here.fill(email=f"{'bob' * 20}@example.com")
    await here.press("Add")
    await page.get_by_label("Invitation").wait_for()
    await see("members-added")
    link = await page.get_by_label("Invitation").input_value()
    await page.locator(".acts summary").last.click()
    await page.get_by_text("Remove…").last.click()
    await see("member-remove")
    await here.go("/account")
    await here.fill(password="x", new="short")
    await here.press("Change it")
    await page.locator("[aria-invalid]").first.wait_for()
    await see("account-wrong")
    await here.go("/validators")
    await see("validators-none")
    token = printed("token", "create", "--name", "shop", "--database", str(here.database))["token"]
    async with Validator(IntrospectionIssuer(here.issuer.url, token)) as validator:
        key = printed("workspace", "key", "acme", "--database", str(here.database))["key"]
        await validator.acheck(key)
        for _ in range(3):
            made = here.issuer.call("POST", "/acme/api-keys", key, json={"name": "k"}).json()
            assert here.issuer.call("DELETE", f"/acme/api-keys/{made['keyId']}", key).status_code == 200
        await here.go("/validators")
        await see("validators")
    await here.go("/audit?check=1")
    await see("audit")
    await page.goto(link)
    await see("invite")


async def logins(here: Window, see: Callable[[str], Awaitable[None]]) -> None:
    """Go through the pages of logins."""
    page = here.page
    await here.go("/device?user_code=nonsense")
    await see("device-wrong")
    asked: dict[str, str | float | bool] = {
        "client_id": "rf-middleware",
        "device_name": "ann@a-laptop-with-quite-a-long-name.example.com",
    }
    answer = await page.request.post(f"{here.issuer.url}/device_authorization", form=asked)
    await page.goto((await answer.json())["verification_uri_complete"])
    await see("device-ask")
    await here.press("No")
    await page.get_by_role("heading", name="Refused").wait_for()
    await see("device-no")
    await here.go("/auth-cli")
    await see("auth-cli")
    await here.press("Generate Token")
    await page.get_by_label("One-time token").wait_for()
    await see("auth-cli-token")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
@in_loop
async def test_every_page_is_fit_to_be_seen(
    size: tuple[int, int], scheme: Literal["light", "dark"], tmp_path: Path
) -> None:
    """Contrast, labels, order and landmarks are as they should be, and everything is inside the window."""
    seen: list[str] = []
    async with window(tmp_path, size=size) as here:
        await here.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")

        async def see(name: str) -> None:
            seen.append(name)
            await look(here, name, f"{size[0]}-{scheme}")

        await all_pages(here, see)
    assert len(set(seen)) == len(seen) >= 25
