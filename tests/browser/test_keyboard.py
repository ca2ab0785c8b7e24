"""Everything can be reached and done by keyboard alone."""

from pathlib import Path

from playwright.async_api import Page

from tests.browser.window import EMAIL, expect, window
from tests.issuer.browsing import PASSWORD
from tests.issuer.rig import in_loop

_FOCUSED = """() => {
  const on = document.activeElement;
  if (!on || on === document.body) return "";
  const box = on.getBoundingClientRect();
  const style = getComputedStyle(on);
  const seen = box.width > 0 && box.height > 0 && style.visibility !== "hidden";
  return (seen ? "" : "unseen: ") + (on.ariaLabel ?? on.labels?.[0]?.firstChild.textContent ?? on.textContent).trim();
}"""


async def tab_to(page: Page, name: str) -> None:
    """Press Tab until the control of this name has the focus."""
    passed: list[str] = []
    for _ in range(60):
        await page.keyboard.press("Tab")
        passed.append(await page.evaluate(_FOCUSED))
        if passed[-1].startswith(name):
            return
    raise AssertionError(f"{name} can't be reached; passed {passed}")


@in_loop
async def test_a_key_is_made_shown_and_revoked_without_a_mouse(tmp_path: Path) -> None:
    """Tab, Enter, Space and arrows do all of it; what has the focus is there to be seen."""
    async with window(tmp_path) as here:
        await here.sign_up()
        page, keys = here.page, here.page.keyboard
        await page.context.clear_cookies()
        await here.go("/settings/api/acme")
        await expect(page.get_by_label("Password")).to_be_visible()
        await tab_to(page, "E-mail")
        await keys.type(EMAIL)
        await tab_to(page, "Password")
        await keys.type(PASSWORD)
        await keys.press("Enter")
        await here.at("/settings/api/acme")

        await tab_to(page, "New key")
        await keys.press("Enter")
        await tab_to(page, "Name")
        await keys.type("robot")
        await tab_to(page, "Access")
        await keys.type("Inf")
        await tab_to(page, "Generate New Key")
        await keys.press("Enter")
        field = page.get_by_label("Private API key")
        await expect(field).to_have_count(1)
        made = await field.input_value()
        await tab_to(page, "Copy")
        await keys.press("Space")
        await expect(page.get_by_role("button", name="Copied")).to_be_visible()
        assert await page.evaluate("navigator.clipboard.readText()") == made

        await here.go("/settings/api/acme")
        await tab_to(page, "More about robot")
        await keys.press("Enter")
        await tab_to(page, "Revoke API Key…")
        await keys.press("Enter")
        await expect(page.get_by_role("heading", name="Revoke robot")).to_be_visible()
        await tab_to(page, "Revoke API Key")
        await keys.press("Enter")
        await expect(page.locator(".flash.good")).to_contain_text("robot")
        await expect(page.get_by_role("row", name="robot")).to_have_count(0)


@in_loop
async def test_the_skip_link_leads_past_the_header(tmp_path: Path) -> None:
    """It is the first stop, is seen when it has the focus, and leads to the content."""
    async with window(tmp_path) as here:
        await here.sign_up()
        await here.go("/settings/api/acme")
        await here.page.keyboard.press("Tab")
        skip = here.page.get_by_role("link", name="Skip to the content")
        await expect(skip).to_be_focused()
        await expect(skip).to_be_in_viewport()
        await here.page.keyboard.press("Enter")
        await expect(here.page.locator("#main")).to_be_focused()


@in_loop
async def test_a_menu_closes_by_escape(tmp_path: Path) -> None:
    """Escape closes it and gives the focus back to what opened it."""
    async with window(tmp_path) as here:
        await here.sign_up()
        await tab_to(here.page, "More about Default key")
        await here.page.keyboard.press("Enter")
        menu = here.page.locator("details.menu[open]")
        await expect(menu).to_have_count(1)
        await here.page.keyboard.press("Escape")
        await expect(menu).to_have_count(0)
        assert str(await here.page.evaluate(_FOCUSED)).startswith("More about Default key")
