"""How people come to a workspace and leave it, each in a browser of their own."""

import re
from pathlib import Path

from rf_middleware import IntrospectionIssuer, Validator
from tests.browser.test_keys import checked, secret
from tests.browser.window import Window, expect, window
from tests.issuer.browsing import PASSWORD
from tests.issuer.rig import in_loop
from tests.issuer.test_serve import printed

MEMBERS = "/settings/api/acme/members"
NEW_PASSWORD = "a new horse and battery"


async def choose(here: Window, who: str, what: str) -> None:
    """Choose something from the menu of a member."""
    line = here.page.get_by_role("row").filter(has=here.page.get_by_role("rowheader", name=who))
    await line.locator("summary").click()
    await line.get_by_text(what).click()


@in_loop
async def test_somebody_is_invited_works_and_leaves(tmp_path: Path) -> None:
    """The link lets them in once; they do what their role may; when they are removed their key ends, at once."""
    async with window(tmp_path) as ann:
        await ann.sign_up()
        await ann.press("Members")
        await ann.fill(email="bob@example.com")
        await ann.page.get_by_label("Role").select_option("viewer")
        await ann.press("Add")
        link = await ann.page.get_by_label("Invitation").input_value()

        bob = Window(await (await ann.fresh()).new_page(), ann.browser, ann.issuer, ann.database, ann.key)
        await bob.page.goto(link)
        await bob.fill(name="Bob <b>", password=PASSWORD)
        await bob.press("Go on")
        await bob.at("/settings/api/acme")
        await expect(bob.page.get_by_role("heading", name="New key")).to_have_count(0)
        await expect(bob.page.get_by_role("link", name="Audit")).to_have_count(0)
        await bob.page.goto(link)
        await expect(bob.page.get_by_role("heading", name="This link does not work any more")).to_be_visible()

        await ann.go(MEMBERS)
        await choose(ann, "Bob <b>", "Make developer")
        await expect(ann.page.get_by_text("bob@example.com is developer now.").first).to_be_visible()
        await bob.go("/auth-cli")
        await bob.press("Generate Token")
        token = await bob.page.get_by_label("One-time token").input_value()
        answer = await bob.page.request.get(f"{bob.issuer.url}/query/cliAuthToken/{token}")
        (handed,) = (await answer.json()).values()
        assert await checked(bob, handed["apiKey"]) == 200

        await choose(ann, "Bob <b>", "Remove…")
        await expect(ann.page.get_by_text("login by token")).to_be_visible()
        await ann.press("Remove")
        await expect(ann.page.locator(".flash.good")).to_contain_text("Refused everywhere")
        assert await checked(bob, handed["apiKey"]) == 401
        await bob.go("/settings/api/acme")
        await expect(bob.page.get_by_role("heading", name="Not Found")).to_be_visible()
        assert bob.wrong == []


@in_loop
async def test_a_password_is_changed(tmp_path: Path) -> None:
    """The old one is asked for; other browsers are signed out, this one stays; only the new one lets in."""
    async with window(tmp_path) as ann:
        await ann.sign_up()
        other = await ann.fresh()
        there = Window(await other.new_page(), ann.browser, ann.issuer, ann.database, ann.key)
        await there.go("/login")
        await there.fill(email="ann@example.com", password=PASSWORD)
        await there.press("Sign in")
        await there.at("/settings/api/acme")

        await ann.page.get_by_text("Ann Archer").first.click()
        await ann.page.get_by_role("link", name=re.compile("account", re.IGNORECASE)).click()
        await ann.fill(password="not the password", new=NEW_PASSWORD)
        await ann.press("Change it")
        await expect(ann.page.get_by_text("This is not your password.")).to_be_visible()
        await ann.fill(password=PASSWORD, new=NEW_PASSWORD)
        await ann.press("Change it")
        await expect(ann.page.locator(".flash.good")).to_contain_text("Your password was changed.")
        await there.go("/settings/api/acme")
        await expect(there.page.get_by_label("Password")).to_be_visible()
        for password, path in ((PASSWORD, "/login"), (NEW_PASSWORD, "/settings/api/acme")):
            await there.go("/login")
            await there.fill(email="ann@example.com", password=password)
            await there.press("Sign in")
            await there.at(path)
        assert there.wrong == []


@in_loop
async def test_the_audit_log_is_searched_and_checked(tmp_path: Path) -> None:
    """A search finds what was done just now and nothing else; the chain holds."""
    async with window(tmp_path) as ann:
        await ann.sign_up()
        await ann.fill(name="camera")
        await ann.press("Generate New Key")
        assert await secret(ann)
        await ann.press("Audit")
        await ann.page.get_by_label("Action").select_option("key.create")
        await ann.fill(text="camera")
        await ann.press("Search")
        await expect(ann.page.locator("tbody tr")).to_have_count(1)
        await expect(ann.page.locator("tbody tr")).to_contain_text("ann@example.com")
        await ann.fill(text="nothing of this kind")
        await ann.press("Search")
        await expect(ann.page.get_by_text("Nothing found")).to_be_visible()
        await ann.press("Check the chain")
        await expect(ann.page.locator(".flash.good")).to_contain_text("rows fit, each to the one before")


@in_loop
async def test_a_validator_shows_up_by_itself(tmp_path: Path) -> None:
    """Who holds a lease is on the page a moment later, without a reload; so is the revocation it confirmed."""
    async with window(tmp_path) as ann:
        await ann.sign_up()
        token = printed("token", "create", "--name", "shop", "--database", str(ann.database))["token"]
        await ann.press("Validators")
        await expect(ann.page.get_by_role("heading", name="No validator follows this issuer")).to_be_visible()
        async with Validator(IntrospectionIssuer(ann.issuer.url, token)) as validator:
            await validator.acheck(ann.key)
            await expect(ann.page.get_by_role("table", name="Validators")).to_contain_text("shop")
            made = ann.issuer.call("POST", "/acme/api-keys", ann.key, json={"name": "k"}).json()
            assert ann.issuer.call("DELETE", f"/acme/api-keys/{made['keyId']}", ann.key).status_code == 200
            await expect(ann.page.get_by_role("table", name="Last changes")).to_contain_text("1 of 1")
            await expect(ann.page.get_by_role("img", name="The last 1")).to_be_visible()
