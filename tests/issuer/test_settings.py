"""The page of keys: who sees and does what there, and what is shown when."""

import asyncio
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from rf_middleware.issuer.audit import NOBODY
from rf_middleware.issuer.changes import edit, revoke
from tests.issuer.browsing import PASSWORD, Browser, Forms, held, signed_in
from tests.issuer.rig import BY, Rig, in_loop, new_key, until
from tests.issuer.test_audit import rows

HERE = "/settings/api/acme"


def keys(rig: Rig) -> list[str]:
    """Return the names of the keys of acme."""
    return [key.name for key in rig.store.keys_of(rig.store.list_workspaces()[0].id)]


async def make(browser: Browser, **fields: str) -> tuple[str, str]:
    """Make a key on the page; return secret and id."""
    await browser.get(HERE)
    answer = await browser.send(HERE, **{"name": "made", "access": "", "scopes": "model:infer", **fields})
    assert answer.status_code == 201, answer.text
    key = browser.rig.store.keys_of(browser.rig.store.list_workspaces()[0].id)[-1]
    return Forms(answer.text).secret, key.id


@in_loop
async def test_a_key_that_is_made_is_shown_and_works(tmp_path: Path) -> None:
    """It has the rights that were chosen, says who made it, and is in no page after that."""
    async with signed_in(tmp_path) as browser:
        secret, key_id = await make(browser, scopes=" model:infer,workspace:read ")
        assert (await browser.rig.introspect(secret))["scope"] == "model:infer workspace:read"
        full, _ = await make(browser, access="role:admin", scopes="")
        assert (await browser.rig.introspect(full))["scope"] == "*"
        assert "You can see it again here" in browser.page
        page = (await browser.get(HERE)).text
        assert secret not in page
        assert full not in page
        found = browser.rig.store.key_of(browser.rig.store.list_workspaces()[0].id, key_id)
        assert found is not None
        assert (found.made_by, found.sealed) == ("ann@example.com", True)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "\x07"}, "printable"),
        ({"name": "n" * 201}, "at most 200"),
        ({"scopes": "nonsense"}, "words like model:infer"),
        ({"scopes": " ".join(f"a:{n}" for n in range(101))}, "at most 100 words"),
        ({"access": "role:king"}, "Choose one of the list"),
        ({"access": "role:admin"}, "Choose “Only the scopes below” to have these"),
        ({"scopes": " , "}, "Name at least one scope"),
    ],
)
@in_loop
async def test_bad_input_is_said_and_what_was_typed_is_kept(fields: dict[str, str], said: str, tmp_path: Path) -> None:
    """Nothing is made."""
    async with signed_in(tmp_path) as browser:
        await browser.get(HERE)
        answer = await browser.send(HERE, **{"name": "kept", "access": "", "scopes": "a:b", **fields})
        assert answer.status_code == 422
        assert said in answer.text
        assert "kept" in answer.text or "name" in fields
        assert keys(browser.rig) == ["Default key"]


@in_loop
async def test_a_name_is_only_text(tmp_path: Path) -> None:
    """Markup in it is shown, not obeyed."""
    async with signed_in(tmp_path) as browser:
        await make(browser, name="<img src=x onerror=alert(1)>")
        assert "<img" not in browser.page
        assert "&lt;img src=x onerror=alert(1)&gt;" in browser.page


@in_loop
async def test_a_revoked_key_is_refused_and_the_receipt_is_shown(tmp_path: Path) -> None:
    """It is asked first; the answer says who confirmed it; the key is gone from the page."""
    async with signed_in(tmp_path) as browser:
        secret, key_id = await make(browser)
        at = f"{HERE}/keys/{key_id}/revoke"
        assert (await browser.get(at)).status_code == 200
        answer = await browser.send(at)
        assert "was revoked. Refused everywhere: no validator held a lease." in answer.text
        assert not (await browser.rig.introspect(secret))["active"]
        assert keys(browser.rig) == ["Default key"]
        assert (await browser.get(at)).status_code == 404


@in_loop
async def test_the_receipt_counts_the_validators(tmp_path: Path) -> None:
    """One that held a lease and did not answer is told of as well."""
    async with signed_in(tmp_path) as browser:
        _, key_id = await make(browser)
        epoch = (await browser.rig.poll()).json()["epoch"]
        await browser.rig.poll(0, epoch)
        at = f"{HERE}/keys/{key_id}/revoke"
        await browser.get(at)
        assert "Refused everywhere: 0 of 1 validator confirmed in " in (await browser.send(at)).text


@in_loop
async def test_after_the_last_key_was_revoked_a_new_one_is_a_click_away(tmp_path: Path) -> None:
    """The button makes a key with full access."""
    async with signed_in(tmp_path) as browser:
        browser.rig.store.apply(revoke(browser.rig.key_id), BY)
        assert "Generate Private API Key" in (await browser.get(HERE)).text
        answer = await browser.http.post(
            HERE, data={**Forms(browser.page).found[HERE], "name": "Default key", "access": "role:admin"}
        )
        assert (await browser.rig.introspect(Forms(answer.text).secret))["scope"] == "*"
        assert "Generate Private API Key" not in answer.text


@pytest.mark.parametrize(("grace", "old_works"), [("now", False), ("hour", True)])
@in_loop
async def test_a_rolled_key_has_a_successor(grace: str, old_works: bool, tmp_path: Path) -> None:
    """The new one has the rights of the old, which ends at once or when it was said."""
    async with signed_in(tmp_path) as browser:
        secret, key_id = await make(browser)
        at = f"{HERE}/keys/{key_id}/roll"
        assert (await browser.get(at)).status_code == 200
        stale = browser.page
        answer = await browser.send(at, grace=grace)
        assert "was rolled." in answer.text
        assert ("still works" in answer.text) is old_works
        new = Forms(answer.text).secret
        assert (await browser.rig.introspect(new))["scope"] == "model:infer"
        assert (await browser.rig.introspect(secret))["active"] is old_works
        browser.page = stale
        again = await browser.send(at, grace=grace)
        assert again.status_code == (409 if old_works else 404)


@in_loop
async def test_a_grace_that_is_not_offered_is_not_taken(tmp_path: Path) -> None:
    """Nothing is rolled."""
    async with signed_in(tmp_path) as browser:
        _, key_id = await make(browser)
        at = f"{HERE}/keys/{key_id}/roll"
        await browser.get(at)
        assert (await browser.send(at, grace="for ever")).status_code == 404
        assert browser.rig.told() == []


@in_loop
async def test_a_protected_key_is_neither_rolled_nor_revoked(tmp_path: Path) -> None:
    """Only on this page it is unprotected; then it can be revoked."""
    async with signed_in(tmp_path) as browser:
        secret, key_id = await make(browser)
        at = f"{HERE}/keys/{key_id}"
        await browser.get(f"{at}/revoke")
        revoking = browser.page
        await browser.get(f"{at}/roll")
        rolling = browser.page
        await browser.get(HERE)
        assert "is protected now" in (await browser.send(f"{at}/protect")).text
        unprotecting = browser.page
        for page, path in ((revoking, "revoke"), (rolling, "roll")):
            browser.page = page
            refused = await browser.send(f"{at}/{path}", **({"grace": "now"} if path == "roll" else {}))
            assert refused.status_code == 409
            assert "is protected." in refused.text
        assert (await browser.rig.introspect(secret))["active"]
        browser.page = unprotecting
        assert "is not protected now" in (await browser.send(f"{at}/protect")).text
        browser.page = revoking
        assert (await browser.send(f"{at}/revoke")).status_code == 200


@in_loop
async def test_a_secret_is_shown_again_after_the_password(tmp_path: Path) -> None:
    """Given lately it is enough; later it is asked for again; each time there is a row in the audit log."""
    async with signed_in(tmp_path) as browser:
        rig = browser.rig
        secret, key_id = await make(browser)
        at = f"{HERE}/keys/{key_id}/show"
        await browser.get(HERE)
        assert Forms((await browser.send(at)).text).secret == secret
        with rig.store._database.writing() as connection:
            connection.execute(text("UPDATE sessions SET proved = proved - 400"))
        await browser.get(HERE)
        asked = await browser.send(at)
        assert (asked.status_code, secret in asked.text) == (200, False)
        wrong = await browser.send(at, password="wrong password")
        assert (wrong.status_code, "not your password" in wrong.text) == (401, True)
        assert Forms((await browser.send(at, password=PASSWORD)).text).secret == secret
        await browser.get(HERE)
        assert Forms((await browser.send(at)).text).secret == secret
        actions = [row["action"] for row in rows(rig.store._database)]
        assert (actions.count("key.show"), actions.count("session.fail")) == (3, 1)


@in_loop
async def test_passwords_are_not_guessed_here_either(tmp_path: Path) -> None:
    """After a few failures the next has to wait."""
    async with signed_in(tmp_path) as browser:
        _, key_id = await make(browser)
        with browser.rig.store._database.writing() as connection:
            connection.execute(text("UPDATE sessions SET proved = 0"))
        at = f"{HERE}/keys/{key_id}/show"
        await browser.get(HERE)
        await browser.send(at)
        for _ in range(5):
            assert "not your password" in (await browser.send(at, password="wrong password")).text
        assert "Too many failed attempts" in (await browser.send(at, password=PASSWORD)).text


@in_loop
async def test_whoever_has_no_password_any_more_proves_nothing(tmp_path: Path) -> None:
    """A person that is gone from the database is not asked for long."""
    async with signed_in(tmp_path) as browser:
        _, key_id = await make(browser)
        with browser.rig.store._database.writing() as connection:
            connection.execute(text("UPDATE people SET password = NULL"))
            connection.execute(text("UPDATE sessions SET proved = 0"))
        at = f"{HERE}/keys/{key_id}/show"
        await browser.get(HERE)
        assert "You have no password here" in (await browser.send(at)).text
        await browser.get(HERE)
        assert (await browser.send(at, password=PASSWORD)).status_code == 401
        assert browser.rig.store.session(held(browser.rig)) is not None


@in_loop
async def test_a_secret_that_can_not_be_shown_is_said(tmp_path: Path) -> None:
    """It is not kept, damaged, or encrypted with another key; everything else goes on."""
    async with signed_in(tmp_path) as browser:
        rig = browser.rig
        _, key_id = await make(browser)
        at = f"{HERE}/keys/{key_id}/show"
        for statement, said in (
            ("UPDATE secrets SET sealed = x'00'", "can&#39;t be shown: the encrypted secret is damaged."),
            ("UPDATE secrets SET kek = 'another'", "which is not here."),
            ("DELETE FROM secrets", "is not kept here."),
        ):
            await browser.get(HERE)
            with rig.store._database.writing() as connection:
                connection.execute(text(statement))
            answer = await browser.send(at)
            assert (answer.status_code, said in answer.text) == (409, True)
        assert "/show" not in (await browser.get(HERE)).text


@in_loop
async def test_a_viewer_looks_and_changes_nothing(tmp_path: Path) -> None:
    """No button, and what is sent all the same is not there."""
    async with signed_in(tmp_path, "viewer") as browser:
        page = (await browser.get(HERE)).text
        assert "Default key" in page
        assert set(Forms(page).found) == {"/logout"}
        form = Forms(page).found["/logout"]
        at = f"{HERE}/keys/{browser.rig.key_id}"
        for path in ("revoke", "roll", "show", "protect"):
            assert (await browser.http.post(f"{at}/{path}", data=form)).status_code == 404
        made = await browser.http.post(HERE, data={**form, "name": "k", "access": "role:inference"})
        assert (made.status_code, keys(browser.rig)) == (422, ["Default key"])


@in_loop
async def test_a_developer_handles_keys_that_do_no_more_than_they(tmp_path: Path) -> None:
    """They revoke any key, but neither make, see, roll nor unprotect one that could do more than they may."""
    async with signed_in(tmp_path, "developer") as browser:
        page = (await browser.get(HERE)).text
        at = f"{HERE}/keys/{browser.rig.key_id}"
        assert set(Forms(page).found) == {"/logout", HERE}
        form = Forms(page).found["/logout"]
        for path in ("roll", "show", "protect"):
            answer = await browser.http.post(f"{at}/{path}", data={**form, "grace": "now"})
            assert answer.status_code == 404
        refused = await browser.send(HERE, name="k", access="role:admin")
        assert (refused.status_code, "can&#39;t give this much" in refused.text) == (422, True)
        refused = await browser.send(HERE, name="k", access="", scopes="model:infer payments:write")
        assert (refused.status_code, "can&#39;t give this much" in refused.text) == (422, True)
        assert (await browser.send(HERE, name="k", access="role:developer", scopes="")).status_code == 201
        secret, _ = await make(browser)
        assert (await browser.rig.introspect(secret))["active"]
        await browser.get(f"{at}/revoke")
        assert "was revoked" in (await browser.send(f"{at}/revoke")).text


@in_loop
async def test_what_is_of_others_is_not_there(tmp_path: Path) -> None:
    """Another workspace, its keys and an unknown page are a plain 404, whatever the path says."""
    async with signed_in(tmp_path) as browser:
        secret, stored = new_key("k", None)
        browser.rig.store.create_workspace("other", "", stored, BY)
        await browser.get(HERE)
        form = Forms(browser.page).found["/logout"]
        for path in ("/settings/api/other", "/settings/api/nobody", f"{HERE}/keys/{stored.id}/revoke"):
            assert (await browser.get(path)).status_code == 404
            assert (await browser.http.post(path, data=form)).status_code == 404
        assert (await browser.get(f"{HERE}/keys/{browser.rig.key_id}/nothing")).status_code == 404
        assert (await browser.rig.introspect(secret))["active"]


@in_loop
async def test_an_administrator_is_admin_of_every_workspace(tmp_path: Path) -> None:
    """Later ones too; deleted ones are not shown."""
    async with signed_in(tmp_path, None, admin=True) as browser:
        browser.rig.store.create_workspace("later", "The later", new_key("k", None)[1], BY)
        page = (await browser.get(HERE)).text
        assert "The later" in page
        assert f"{HERE}/keys/{browser.rig.key_id}/protect" in Forms(page).found


@in_loop
async def test_whoever_is_in_no_workspace_is_told(tmp_path: Path) -> None:
    """There is nothing to go to."""
    async with signed_in(tmp_path, None) as browser:
        assert "You are in no workspace yet" in (await browser.get("/settings/api")).text


@pytest.mark.parametrize(("what", "status"), [("revoke", 404), ("roll", 409)])
@in_loop
async def test_a_repeat_is_answered_when_the_first_holds(what: str, status: int, tmp_path: Path) -> None:
    """Who is told that a key is gone already can rely on it, as over HTTP."""
    async with signed_in(tmp_path) as browser:
        rig = browser.rig
        _, key_id = await make(browser)
        epoch = (await rig.poll()).json()["epoch"]
        await rig.poll(0, epoch)
        at = f"{HERE}/keys/{key_id}/{what}"
        await browser.get(at)
        form = {**Forms(browser.page).found[at], **({"grace": "hour"} if what == "roll" else {})}
        first = asyncio.create_task(browser.http.post(at, data=form))
        await until(lambda: rig.revocations.head == 1)
        again = asyncio.create_task(browser.http.post(at, data=form))
        await asyncio.wait({first, again}, return_when=asyncio.FIRST_COMPLETED)
        assert await rig.revocations.is_done(1)
        assert {(await each).status_code for each in (first, again)} == {200, status}


@in_loop
async def test_the_receipt_of_a_server_that_stops_says_where_to_look(tmp_path: Path) -> None:
    """What was done is said; who confirmed it is not known yet."""
    async with signed_in(tmp_path) as browser:
        rig = browser.rig
        _, key_id = await make(browser)
        at = f"{HERE}/keys/{key_id}/revoke"
        await browser.get(at)
        epoch = (await rig.poll()).json()["epoch"]
        await rig.poll(0, epoch)
        rig.revocations.stop()
        assert "The server is shutting down: /revocations/1" in (await browser.send(at)).text


@pytest.mark.parametrize(
    ("ago", "said"),
    [(None, "never"), (0, "just now"), (61, "1 minute ago"), (7300, "2 hours ago"), (90_000, "1 day ago")],
)
@in_loop
async def test_when_a_key_was_last_used_is_said(ago: float | None, said: str, tmp_path: Path) -> None:
    """In words, to the minute."""
    async with signed_in(tmp_path) as browser:
        rig = browser.rig
        if ago is not None:
            rig.store.used({rig.key_id: time.time() - ago})
        rig.store.apply(edit(rig.key_id, {"status": "disabled", "scopes": ["a:b"], "name": ""}), NOBODY)
        page = (await browser.get(HERE)).text
        assert said in page
        assert "(no name)" in page
        assert "disabled" in page


@pytest.mark.parametrize(
    ("path", "fields", "back"),
    [
        (HERE, {"name": "käse & brot", "access": "", "scopes": "a:b c:d"}, "käse &amp; brot"),
        (HERE, {"name": "x", "access": "", "scopes": "a:b " * 2000}, "New key"),
        (HERE + "/keys/{key}/roll", {"grace": "hour"}, "Roll Default key"),
        (HERE + "/keys/{key}/revoke", {}, "Revoke Default key"),
        (HERE + "/keys/{key}/protect", {"on": "yes"}, "API keys of"),
        (HERE + "/members", {"email": "eve@example.com", "role": "viewer"}, "eve@example.com"),
        ("/account", {"password": "a", "new": "b"}, "Your account"),
    ],
)
@in_loop
async def test_whose_session_ended_comes_back_to_what_they_typed(
    path: str, fields: dict[str, str], back: str, tmp_path: Path
) -> None:
    """The form is not sent by itself, but filled in as it was, on the page it was on; no password is kept."""
    async with signed_in(tmp_path) as browser:
        await browser.get(HERE)
        form = Forms(browser.page).found["/logout"]
        with browser.rig.store._database.writing() as connection:
            connection.execute(text("DELETE FROM sessions"))
        sent = await browser.http.post(path.format(key=browser.rig.key_id), data={**form, **fields})
        assert sent.status_code == 303
        assert "password" not in sent.headers["location"]
        await browser.get(sent.headers["location"])
        entered = await browser.send("/login", email="ann@example.com", password=PASSWORD)
        shown = await browser.get(entered.headers["location"])
        assert (shown.status_code, back in shown.text) == (200, True)
        assert keys(browser.rig) == ["Default key"]
