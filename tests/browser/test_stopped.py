"""A form whose answer never came can be sent again."""

from pathlib import Path

from playwright.async_api import Route

from tests.browser.window import expect, window
from tests.issuer.rig import in_loop

BUSY = "Asking every validator…"


@in_loop
async def test_a_form_that_was_stopped_can_be_sent_again(tmp_path: Path) -> None:
    """While it waits it is sent once; Escape, or half a minute, takes that back, without a reload."""
    posts: list[str] = []

    async def stopped(route: Route) -> None:
        if route.request.method != "POST":
            await route.continue_()
            return
        posts.append(route.request.url)
        await route.abort("aborted")  # the page stays, as when somebody presses Stop

    async with window(tmp_path) as here:
        page = here.page
        await page.clock.install()
        await here.sign_up()
        await page.locator("summary[aria-label], .acts summary").first.click()
        await page.get_by_role("link", name="Revoke API Key…").click()
        idle = page.get_by_role("button", name="Revoke API Key", exact=True)
        busy = page.get_by_role("button", name=BUSY, exact=True)
        await page.route("**/revoke", stopped)

        await idle.click()
        await expect(busy).to_be_visible()
        assert await page.evaluate("document.querySelector('form[data-sent]').requestSubmit()") is None
        await page.keyboard.press("Escape")
        await idle.click()
        await expect(busy).to_be_visible()
        assert len(posts) == 2

        await page.clock.fast_forward(31_000)
        await expect(idle).to_be_visible()
        await page.unroute("**/revoke", stopped)
        await idle.click()
        await expect(page.locator(".flash.good")).to_be_visible()
