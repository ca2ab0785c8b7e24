"""``/auth-cli``: workspaces are picked, a token is shown once, and pasted into a program."""

from pathlib import Path

import pytest

from rf_middleware.issuer.audit import Query
from rf_middleware.issuer.changes import set_workspace
from rf_middleware.issuer.login_choice import called
from rf_middleware.issuer.records import Workspace
from tests.issuer.browsing import Browser, Forms, add_person, held, signed_in
from tests.issuer.rig import BY, in_loop, opened
from tests.issuer.test_device_pages import another, offered, ticked, workspace


async def made(browser: Browser, *slugs: str) -> str:
    """Tick workspaces and have a token made."""
    ticks = {workspace(browser, slug): "yes" for slug in slugs}
    answer = await browser.send("/auth-cli", **ticks)
    assert answer.status_code == 200
    return Forms(answer.text).secret


@pytest.mark.parametrize("path", ["/auth-cli", "/auth-cli/", "/auth-cli/?workspace=acme"])
@in_loop
async def test_the_addresses_that_the_client_names_lead_here(path: str, tmp_path: Path) -> None:
    """By way of the sign-in, with the only workspace ticked."""
    async with opened(tmp_path / "issuer.db") as rig:
        add_person(rig, "ann@example.com", "admin")
        browser = Browser(rig)
        sent_on = await browser.get(path)
        await browser.get(sent_on.headers["location"])
        back = await browser.send("/login", email="ann@example.com", password="correct horse battery")
        assert back.headers["location"] == path
        assert ticked((await browser.get(path)).text) == {workspace(browser, "acme")}


@in_loop
async def test_a_token_is_exchanged_for_keys_of_what_was_ticked(tmp_path: Path) -> None:
    """It is on the page that answers the click and nowhere else; the one that was asked for comes first."""
    async with signed_in(tmp_path, None, admin=True) as browser:
        another(browser, "beta")
        another(browser, "zeta")
        page = (await browser.get("/auth-cli/?workspace=zeta")).text
        assert ticked(page) == {workspace(browser, "zeta")}
        token = await made(browser, "beta", "zeta")
        assert "It makes a key for Zeta, Beta." in browser.page
        assert "next 10 minutes" in browser.page
        assert token not in (await browser.get("/auth-cli")).text
        found = (await browser.http.get(f"/query/cliAuthToken/{token}")).json()
        assert [each["url"] for each in found.values()] == ["zeta", "beta"]
        for each in found.values():
            assert (await browser.rig.introspect(each["apiKey"]))["scope"] == "*"
        (row,) = browser.rig.store.search_audit(Query(action="login.paste"))
        assert (row.by.name, len(row.detail["workspaces"])) == ("ann@example.com", 2)  # type: ignore[arg-type]  # a list
        assert "login by token" in (await browser.get("/settings/api/beta")).text


@pytest.mark.parametrize(("name", "said"), [("", "acme"), ("acme", "acme"), ("Acme", "Acme (acme)")])
def test_a_workspace_is_called_by_its_name_and_slug(name: str, said: str) -> None:
    """The slug alone where there is no other name: two workspaces may have the same."""
    assert called(Workspace("id", "acme", name)) == said


@in_loop
async def test_nothing_ticked_is_said_and_makes_nothing(tmp_path: Path) -> None:
    """Also where only what is not theirs is ticked; what was asked for is kept."""
    async with signed_in(tmp_path) as browser:
        another(browser, "foreign")
        page = (await browser.get("/auth-cli/?workspace=foreign")).text
        assert "It asks for foreign, which is none of your workspaces." in page
        assert offered(page) == {workspace(browser, "acme")}
        answer = await browser.send("/auth-cli", **{workspace(browser, "foreign"): "yes"})
        assert (answer.status_code, "Choose at least one workspace." in answer.text) == (422, True)
        assert Forms(answer.text).found["/auth-cli"]["workspace"] == "foreign"
        assert not browser.rig.store.search_audit(Query(action="login"))


@in_loop
async def test_what_is_asked_for_is_text(tmp_path: Path) -> None:
    """Whatever stands in the address is shown as text, cut short."""
    async with signed_in(tmp_path) as browser:
        page = (await browser.get("/auth-cli/?workspace=<img src=x>" + "x" * 5000)).text
        assert "<img" not in page
        assert "x" * 101 not in page


@in_loop
async def test_whoever_has_no_workspace_is_told(tmp_path: Path) -> None:
    """Also at the moment of the click: it was suspended meanwhile."""
    async with signed_in(tmp_path) as browser:
        await browser.get("/auth-cli")
        browser.rig.store.apply(set_workspace(browser.rig.store.list_workspaces()[0].id, "suspended"), BY)
        answer = await browser.send("/auth-cli", **{workspace(browser, "acme"): "yes"})
        assert (answer.status_code, "You have no workspace yet" in answer.text) == (403, True)
        assert (await browser.get("/auth-cli")).status_code == 403


@in_loop
async def test_whose_session_ended_meanwhile_comes_back_to_the_page(tmp_path: Path) -> None:
    """No token is made; after the sign-in the page is there again, for the workspace that was asked for."""
    async with signed_in(tmp_path) as browser:
        await browser.get("/auth-cli/?workspace=acme")
        browser.rig.store.end_session(held(browser.rig), BY)
        sent_on = await browser.send("/auth-cli")
        await browser.get(sent_on.headers["location"])
        back = await browser.send("/login", email="ann@example.com", password="correct horse battery")
        assert (sent_on.status_code, back.headers["location"]) == (303, "/auth-cli/?workspace=acme")
        assert not browser.rig.store.search_audit(Query(action="login"))


@in_loop
async def test_a_form_of_another_site_makes_no_token(tmp_path: Path) -> None:
    """Neither without what our forms carry, nor from elsewhere."""
    async with signed_in(tmp_path) as browser:
        await browser.get("/auth-cli")
        form = {**Forms(browser.page).found["/auth-cli"], workspace(browser, "acme"): "yes"}
        forged = await browser.http.post("/auth-cli", data=form, headers={"Origin": "https://evil.example"})
        bare = await browser.http.post("/auth-cli", data={**form, "csrf": "0"})
        assert (forged.status_code, bare.status_code) == (403, 403)
        assert not browser.rig.store.search_audit(Query(action="login"))
