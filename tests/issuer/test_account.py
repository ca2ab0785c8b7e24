"""``/account``: a person changes their password, and nobody else can."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.issuer.browsing import PASSWORD, Forms, Reader, add_person, beside, signed_in
from tests.issuer.rig import BY, Rig, in_loop, running
from tests.issuer.test_audit import rows

NEW = "another good password"


@in_loop
async def test_a_password_is_changed_and_every_other_session_ends(tmp_path: Path) -> None:
    """This one stays; the new password gets in, the old one does not; the log tells of it."""
    async with signed_in(tmp_path) as browser, beside(browser.rig) as other:
        await other.sign_in()
        assert "/account" in Reader((await browser.get("/settings/api/acme")).text).all("a", "href")
        await browser.get("/account")
        changed = await browser.send("/account", password=PASSWORD, new=NEW)
        assert (changed.status_code, "Your password was changed." in changed.text) == (200, True)
        assert (await browser.get("/account")).status_code == 200
        assert (await other.get("/account")).status_code == 303
        assert (await other.sign_in()).status_code == 401
        assert (await other.sign_in(password=NEW)).status_code == 303
        log = rows(browser.rig.store._database)
        assert [row["target"] for row in log if row["action"] == "password.change"] == ["ann@example.com"]
        assert PASSWORD not in str(log)
        assert NEW not in str(log)


@in_loop
async def test_what_waits_for_an_exchange_ends_with_the_password(tmp_path: Path) -> None:
    """A one-time token that was made by whoever knew the old password gets no key."""
    async with signed_in(tmp_path) as browser:
        await browser.get("/auth-cli")
        await browser.send("/auth-cli")
        token = Forms(browser.page).secret
        await browser.get("/account")
        await browser.send("/account", password=PASSWORD, new=NEW)
        assert (await browser.rig.http.get(f"/query/cliAuthToken/{token}")).json() is None


@pytest.mark.parametrize(
    ("password", "new", "said"),
    [
        ("wrong password", NEW, "This is not your password."),
        (PASSWORD, "short", "at least 10"),
        (PASSWORD, "ann@example.com", "other than your name"),
        ("", NEW, "This is not your password."),
    ],
)
@in_loop
async def test_a_change_that_is_refused_changes_nothing(password: str, new: str, said: str, tmp_path: Path) -> None:
    """What is wrong is said at its field, nothing typed is in the page, and everybody stays signed in."""
    async with signed_in(tmp_path) as browser, beside(browser.rig) as other:
        await other.sign_in()
        await browser.get("/account")
        refused = await browser.send("/account", password=password, new=new)
        assert (refused.status_code, said in refused.text) == (422, True)
        assert refused.text.count("aria-invalid") == 1
        assert 'value="wrong password"' not in refused.text
        assert NEW not in refused.text
        assert (await other.get("/account")).status_code == 200
        other.http.cookies.clear()
        assert (await other.sign_in()).status_code == 303


@in_loop
async def test_old_passwords_are_not_guessed_here(tmp_path: Path) -> None:
    """After a few failures even the right one has to wait."""
    async with signed_in(tmp_path) as browser:
        await browser.get("/account")
        for _ in range(5):
            await browser.send("/account", password="wrong password", new=NEW)
        refused = await browser.send("/account", password=PASSWORD, new=NEW)
        assert (refused.status_code, "Too many failed attempts" in refused.text) == (422, True)


@in_loop
async def test_who_signs_in_elsewhere_has_no_password_to_change(tmp_path: Path) -> None:
    """It is said, and no form is shown."""
    async with signed_in(tmp_path) as browser:
        with browser.rig.store._database.writing() as connection:
            connection.execute(text("UPDATE people SET password = NULL"))
        page = (await browser.get("/account")).text
        assert "You have no password here" in page
        assert "/account" not in Reader(page).all("form", "action")


@running
async def test_of_two_changes_at_the_same_time_one_is_kept(rig: Rig) -> None:
    """The other proved a password that is not theirs any more."""
    ann = add_person(rig, "ann@example.com", "admin")
    assert rig.store.change_password(ann, "a hash", b"", BY)
    assert not rig.store.change_password(ann, "another hash", b"", BY)
    found = rig.store.person("ann@example.com")
    assert found is not None
    assert found.password == "a hash"


@in_loop
async def test_a_change_that_came_second_is_said(tmp_path: Path) -> None:
    """Of two forms that are sent at once, each with the right password, one changes it."""
    async with signed_in(tmp_path) as browser:
        await browser.get("/account")
        form = {**Forms(browser.page).found["/account"], "password": PASSWORD}
        sent = [browser.http.post("/account", data={**form, "new": f"{NEW} {number}"}) for number in range(2)]
        answers = await asyncio.gather(*sent)
        assert sorted(answer.status_code for answer in answers) in ([200, 409], [200, 422])
        log = rows(browser.rig.store._database)
        assert [row["action"] for row in log].count("password.change") == 1
