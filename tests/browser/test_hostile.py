"""What others try in a browser: forms from elsewhere, frames, names that are markup, a look at what it keeps."""

from pathlib import Path

import pytest

from tests.browser.window import EMAIL, Window, expect, window
from tests.core.servers import ok, serving
from tests.issuer.browsing import PASSWORD
from tests.issuer.rig import in_loop

EVIL = "<img src=x onerror=alert(1)>"


def page(html: str) -> bytes:
    """Return the body of a page of somebody else's."""
    return f"<!doctype html><title>Nice things</title>{html}".encode()


async def revoking(here: Window) -> str:
    """Return the address that a form which revokes the first key goes to."""
    await here.page.locator("summary[aria-label], .acts summary").first.click()
    path = await here.page.get_by_role("link", name="Revoke API Key…").get_attribute("href")
    return f"{here.issuer.url}{path}"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@in_loop
async def test_a_form_from_elsewhere_changes_nothing(host: str, tmp_path: Path) -> None:
    """Neither another site (no cookie comes along) nor another port of this one (Origin) can revoke a key."""
    async with window(tmp_path) as here:
        await here.sign_up()
        target = await revoking(here)
        body = page(f'<form method="post" action="{target}"><button>Win a prize</button></form>')
        with serving(ok(body)) as other:
            await here.page.goto(other.url.replace("127.0.0.1", host))
            await here.press("Win a prize")
            await expect(here.page.get_by_text("This form was not sent from a page of this server")).to_be_visible()
            assert here.page.url == target
        await here.go("/settings/api/acme")
        await expect(here.page.get_by_role("rowheader", name="Default key")).to_have_count(1)


@in_loop
async def test_a_page_is_shown_in_no_frame(tmp_path: Path) -> None:
    """Another page can't lay itself over ours and have a person click what they do not see."""
    async with window(tmp_path) as here:
        await here.sign_up()
        with serving(ok(page(f'<iframe src="{here.issuer.url}/settings/api/acme"></iframe>'))) as other:
            async with here.page.expect_console_message(lambda message: "frame-ancestors" in message.text):
                await here.page.goto(other.url)
        await here.page.close()  # Chromium may say it again, a while later
        assert "frame-ancestors" in here.wrong[0]
        here.wrong.clear()


@in_loop
async def test_a_name_that_is_markup_is_a_name(tmp_path: Path) -> None:
    """It is shown as it was typed, wherever the key is named, and nothing of it runs."""
    async with window(tmp_path) as here:
        await here.sign_up()
        await here.fill(name=EVIL)
        await here.press("Generate New Key")
        for choice in ("Roll API Key…", "Revoke API Key…"):
            await here.go("/settings/api/acme")
            line = here.page.get_by_role("row", name=EVIL)
            await line.locator("summary").click()
            await line.get_by_text(choice).click()
            await expect(here.page.get_by_role("heading", name=EVIL)).to_be_visible()
        await here.press("Revoke API Key")
        await expect(here.page.locator(".flash.good")).to_contain_text(EVIL)
        assert await here.page.locator("img").count() == 0


@in_loop
async def test_the_browser_keeps_no_secret(tmp_path: Path) -> None:
    """One cookie, which no script can read and no other site sends; no storage, no key or password in any address."""
    async with window(tmp_path) as here:
        asked: list[str] = []
        here.page.on("request", lambda request: asked.append(request.url))
        await here.sign_up()
        await here.page.get_by_role("button", name="Show").click()
        await expect(here.page.get_by_label("Private API key")).to_have_value(here.key)
        (cookie,) = await here.page.context.cookies()
        assert (cookie.get("name"), cookie.get("httpOnly"), cookie.get("sameSite")) == ("rf_session", True, "Lax")
        assert here.key not in str(cookie)
        kept = "[document.cookie, JSON.stringify(localStorage), JSON.stringify(sessionStorage)]"
        assert await here.page.evaluate(kept) == ["", "{}", "{}"]
        assert asked
        assert not [url for url in asked if here.key in url or PASSWORD in url or "correct" in url]
        await here.page.go_back()
        assert here.key not in await here.page.content()


@in_loop
async def test_who_signed_out_sees_nothing_by_going_back(tmp_path: Path) -> None:
    """Pages are not kept by the browser: after signing out, going back asks to sign in."""
    async with window(tmp_path) as here:
        await here.sign_up()
        await here.page.get_by_text("Ann Archer").first.click()
        await here.press("Sign out")
        await here.at("/login")
        await here.page.go_back()
        await expect(here.page.get_by_label("Password")).to_be_visible()
        assert EMAIL not in await here.page.content()
