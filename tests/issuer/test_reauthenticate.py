"""Showing again who one is, at the provider, before a secret is shown."""

import time
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.issuer.browsing import PASSWORD, Forms, add_person, held
from tests.issuer.company import Company, add_guest, company
from tests.issuer.rig import BY, in_loop

HERE = "/settings/api/acme"
AGAIN = f"/login/oidc?reauthenticate=yes&next={HERE}"


async def asked(browser: Company) -> str:
    """Click "Show" long after the last sign-in; return where the form goes."""
    workspace = browser.rig.store.list_workspaces()[0].id
    _, key = browser.rig.parts.minting().new("shown", None)
    browser.rig.store.create_key(workspace, key, BY)
    with browser.rig.store._database.writing() as connection:
        connection.execute(text("UPDATE sessions SET proved = proved - 1000"))
    at = f"{HERE}/keys/{key.id}/show"
    await browser.get(HERE)
    assert (await browser.send(at)).status_code == 200
    return at


def proved_lately(browser: Company) -> bool:
    """Say whether the session may see secrets."""
    session = browser.rig.store.session(held(browser.rig))
    assert session is not None
    return time.time() - session.proved < 300


@in_loop
async def test_a_person_without_a_password_shows_it_at_the_provider(tmp_path: Path) -> None:
    """There is a link and no field; back on the list of keys the click shows the secret, in the same session."""
    async with company(tmp_path) as browser:
        add_guest(browser.rig)
        await browser.enter()
        before = held(browser.rig)
        at = await asked(browser)
        assert AGAIN in browser.links()
        assert at not in Forms(browser.page).found
        query = await browser.leave(AGAIN)
        asked_for = browser.idp.codes[dict(query)["code"]]
        assert (asked_for["prompt"], asked_for["max_age"]) == ("login", "0")
        back = await browser.come_back(query)
        assert (back.status_code, back.headers["location"]) == (303, HERE)
        assert held(browser.rig) == before
        await browser.get(HERE)
        assert Forms((await browser.send(at)).text).secret.startswith("rfk_")


@in_loop
async def test_a_person_with_a_password_may_choose(tmp_path: Path) -> None:
    """The password will do, and so will the provider."""
    async with company(tmp_path) as browser:
        add_person(browser.rig, "ada@example.com", "admin")
        await browser.sign_in("ada@example.com")
        at = await asked(browser)
        assert AGAIN in browser.links()
        assert Forms((await browser.send(at, password=PASSWORD)).text).secret.startswith("rfk_")
        at = await asked(browser)
        assert (await browser.enter(AGAIN)).status_code == 303
        await browser.get(HERE)
        assert Forms((await browser.send(at)).text).secret.startswith("rfk_")


@in_loop
async def test_somebody_else_at_the_provider_shows_nothing(tmp_path: Path) -> None:
    """Whoever sits at the browser must be the one who is signed in; nobody is linked or made by the attempt."""
    async with company(tmp_path, frozenset({"example.com"})) as browser:
        add_guest(browser.rig)
        await browser.enter()
        await asked(browser)
        for email in ("bob@example.com", "new@example.com"):
            browser.idp.claims |= {"email": email, "sub": email}
            refused = await browser.enter(AGAIN)
            assert refused.status_code == 403
            assert not proved_lately(browser)
            assert browser.rig.store.person("new@example.com") is None
            if email == "bob@example.com":
                assert "no account here" in refused.text
                add_guest(browser.rig, email)
                refused = await browser.enter(AGAIN)
                assert "That is not who is signed in here" in refused.text
        with browser.rig.store._database.reading() as connection:
            assert connection.execute(text("SELECT count(*) FROM identities")).scalar() == 1


@pytest.mark.parametrize("then", ["left", "another"])
@in_loop
async def test_it_counts_for_the_session_that_began(then: str, tmp_path: Path) -> None:
    """Whoever left meanwhile, or signed in as somebody else, has shown nothing and is not signed in by it."""
    async with company(tmp_path) as browser:
        add_guest(browser.rig)
        add_person(browser.rig, "ann@example.com", "admin")
        await browser.enter()
        query = await browser.leave(AGAIN)
        await browser.get(HERE)
        await browser.send("/logout")
        if then == "another":
            await browser.sign_in()
            await asked(browser)
        refused = await browser.come_back(query)
        assert (refused.status_code, "was not begun here" in refused.text) == (400, True)
        if then == "another":
            assert not proved_lately(browser)
        else:
            assert (await browser.get(HERE)).status_code == 303


@in_loop
async def test_a_provider_that_did_not_ask_again_is_refused(tmp_path: Path) -> None:
    """An old sign-in is no proof of who sits there now; the page is that of somebody who is signed in."""
    async with company(tmp_path) as browser:
        add_guest(browser.rig)
        await browser.enter()
        await asked(browser)
        browser.idp.claims["auth_time"] = browser.idp.clock.time - 600
        refused = await browser.enter(AGAIN)
        assert (refused.status_code, "did not ask you to sign in again" in refused.text) == (403, True)
        assert "Sign out" in refused.text
        assert not proved_lately(browser)


@in_loop
async def test_whoever_is_not_signed_in_signs_in(tmp_path: Path) -> None:
    """A link that asks to show again who one is signs in where there is no session."""
    async with company(tmp_path) as browser:
        add_guest(browser.rig)
        query = await browser.leave(AGAIN)
        assert "prompt" not in browser.idp.codes[dict(query)["code"]]
        assert (await browser.come_back(query)).headers["location"] == HERE
        assert (await browser.get(HERE)).status_code == 200
