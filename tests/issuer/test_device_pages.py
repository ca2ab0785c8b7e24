"""``/device``: a person sees what asks, and says yes or no to it, once."""

import asyncio
import time
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from rf_middleware._fingerprint import fingerprint
from rf_middleware.issuer.audit import Query
from rf_middleware.issuer.changes import set_workspace
from rf_middleware.issuer.device_codes import user_code
from rf_middleware.issuer.schema_people import devices
from tests.issuer.browsing import Browser, Forms, Reader, add_person, held, signed_in
from tests.issuer.rig import BY, Turned, in_loop, new_key, opened, until
from tests.issuer.test_issuing import ask, error, poll

EVIL = "<img src=x onerror=alert(1)>"


def workspace(browser: Browser, slug: str) -> str:
    """Return the name of the tick of a workspace."""
    ids = {each.slug: each.id for each in browser.rig.store.list_workspaces()}
    return f"workspace-{ids[slug]}"


def another(browser: Browser, slug: str, status: str = "active") -> None:
    """Add a workspace."""
    made = browser.rig.store.create_workspace(slug, slug.title(), new_key("Default key", None)[1], BY)
    if status != "active":
        browser.rig.store.apply(set_workspace(made, status), BY)


def ticked(page: str) -> set[str]:
    """Return the names of what is ticked."""
    boxes = [each for tag, each in Reader(page).elements if tag == "input" and each.get("type") == "checkbox"]
    return {each["name"] for each in boxes if "checked" in each}


def offered(page: str) -> set[str]:
    """Return the names of what can be ticked."""
    boxes = [each for tag, each in Reader(page).elements if tag == "input" and each.get("type") == "checkbox"]
    return {each["name"] for each in boxes}


async def question(browser: Browser, begun: dict[str, Any]) -> httpx.Response:
    """Open the page that a device names."""
    return await browser.get(begun["verification_uri_complete"].removeprefix("http://issuer.test:8080"))


@in_loop
async def test_somebody_who_is_not_signed_in_comes_back_to_the_question(tmp_path: Path) -> None:
    """First they sign in; then there is the page that the device named, and nothing was decided."""
    async with opened(tmp_path / "issuer.db") as rig:
        add_person(rig, "ann@example.com", "admin")
        browser, begun = Browser(rig), await ask(rig)
        sent_on = await question(browser, begun)
        assert (sent_on.status_code, sent_on.headers["location"].startswith("/login?next=%2Fdevice")) == (303, True)
        await browser.get(sent_on.headers["location"])
        back = await browser.send("/login", email="ann@example.com", password="correct horse battery")
        page = (await browser.get(back.headers["location"])).text
        assert f">{begun['user_code']}<" in page.replace("</span>", ">")
        assert await error(rig, begun["device_code"]) == "authorization_pending"
        assert (await rig.http.post("/device", data={})).status_code == 403


@in_loop
async def test_a_code_that_is_typed_in_leads_to_the_question(tmp_path: Path) -> None:
    """The page asks for it; small letters and blanks do."""
    async with signed_in(tmp_path) as browser:
        page = (await browser.get("/device")).text
        assert Forms(page).found["/device"] == {"user_code": ""}
        begun = await ask(browser.rig)
        typed = begun["user_code"].lower().replace("-", " ")
        page = (await browser.http.get("/device", params={"user_code": typed})).text
        assert Forms(page).found["/device"]["user_code"] == begun["user_code"]


@in_loop
async def test_the_question_shows_what_asks_and_from_where(tmp_path: Path) -> None:
    """Program, device, address, agent and time, as text whatever it says; the only workspace is ticked."""
    async with signed_in(tmp_path) as browser:
        begun = await ask(browser.rig, client_id=EVIL, device_name=EVIL)
        page = (await question(browser, begun)).text
        assert EVIL not in page
        assert page.count("&lt;img src=x onerror=alert(1)&gt;") >= 3
        for shown in ("127.0.0.1", "python-httpx", "just now", "Acme &amp; Sons (acme)", begun["user_code"]):
            assert shown in page
        assert ticked(page) == {workspace(browser, "acme")}


@in_loop
async def test_a_yes_hands_keys_out_and_is_asked_for_once(tmp_path: Path) -> None:
    """It says that it is done; the device gets its key; the same code is answered no second time."""
    async with signed_in(tmp_path, "viewer") as browser:
        begun = await ask(browser.rig)
        await question(browser, begun)
        done = await browser.send("/device", answer="yes")
        assert (done.status_code, "ann@laptop fetches its key for Acme &amp; Sons" in done.text) == (200, True)
        tokens = (await poll(browser.rig, begun["device_code"])).json()
        assert (await browser.rig.introspect(tokens["access_token"]))["scope"] == "api-key:read workspace:read"
        again = await question(browser, begun)
        assert (again.status_code, "answered already" in again.text) == (409, True)
        (made,) = browser.rig.store.search_audit(Query(action="login.approve"))
        assert (made.by.name, made.by.address, made.detail["device"]) == ("ann@example.com", "127.0.0.1", "ann@laptop")
        assert "login on ann@laptop" in (await browser.get("/settings/api/acme")).text


@in_loop
async def test_a_no_is_a_no(tmp_path: Path) -> None:
    """Whatever is ticked; the device is told."""
    async with signed_in(tmp_path) as browser:
        begun = await ask(browser.rig, device_name="")
        await question(browser, begun)
        refused = await browser.send("/device", answer="no")
        assert (refused.status_code, "a client gets no key" in refused.text) == (200, True)
        assert await error(browser.rig, begun["device_code"]) == "access_denied"


@pytest.mark.parametrize(("answer", "said"), [("yes", "Choose at least one workspace."), ("", "Say yes or no.")])
@in_loop
async def test_an_answer_that_is_none_keeps_what_was_ticked(answer: str, said: str, tmp_path: Path) -> None:
    """The page comes again with what is wrong, and nothing is decided."""
    async with signed_in(tmp_path, None, admin=True) as browser:
        another(browser, "beta")
        begun = await ask(browser.rig)
        page = (await question(browser, begun)).text
        assert ticked(page) == set()
        ticks = {} if answer else {workspace(browser, "beta"): "yes"}
        again = await browser.send("/device", answer=answer, **ticks)
        assert (again.status_code, said in again.text, ticked(again.text)) == (422, True, set(ticks))
        assert await error(browser.rig, begun["device_code"]) == "authorization_pending"
        done = await browser.send("/device", answer="yes", **{workspace(browser, "beta"): "yes"})
        assert done.status_code == 200
        assert (await poll(browser.rig, begun["device_code"])).json()["workspace"] == "beta"


@in_loop
async def test_the_workspace_that_was_asked_for_is_ticked_and_comes_first(tmp_path: Path) -> None:
    """One that is not theirs, or not in use, is said, and can't be had by sending its id."""
    async with signed_in(tmp_path, None, admin=True) as browser:
        another(browser, "beta")
        another(browser, "gone", "suspended")
        begun = await ask(browser.rig, workspace="beta")
        page = (await question(browser, begun)).text
        assert ticked(page) == {workspace(browser, "beta")}
        assert offered(page) == {workspace(browser, "acme"), workspace(browser, "beta")}
        names = {workspace(browser, each): "yes" for each in ("acme", "beta", "gone")}
        assert (await browser.send("/device", answer="yes", **names)).status_code == 200
        tokens = (await poll(browser.rig, begun["device_code"])).json()
        assert [each["url"] for each in tokens["workspaces"].values()] == ["beta", "acme"]
        begun = await ask(browser.rig, workspace="gone")
        page = (await question(browser, begun)).text
        assert "It asks for gone, which is none of your workspaces." in page
        assert ticked(page) == set()


@in_loop
async def test_whoever_is_in_no_workspace_is_told(tmp_path: Path) -> None:
    """There is nothing to tick, and the login stays open for somebody else."""
    async with signed_in(tmp_path, None) as browser:
        begun = await ask(browser.rig)
        page = await question(browser, begun)
        assert (page.status_code, "You have no workspace yet" in page.text) == (403, True)
        form = {**Forms(page.text).found["/logout"], "user_code": begun["user_code"], "answer": "yes"}
        sent = await browser.http.post("/device", data={**form, workspace(browser, "acme"): "yes"})
        assert sent.status_code == 422
        assert await error(browser.rig, begun["device_code"]) == "authorization_pending"


@in_loop
async def test_a_code_that_is_no_good_is_said(tmp_path: Path) -> None:
    """Not a code, not known, too old: each in its words, and what was typed is kept."""
    async with signed_in(tmp_path) as browser:
        begun = await ask(browser.rig)
        await question(browser, begun)
        for typed, status, said in (("<b>", 422, "This is no code"), (user_code(), 404, "is not known")):
            answer = await browser.http.get("/device", params={"user_code": typed})
            assert (answer.status_code, said in answer.text) == (status, True)
            assert Forms(answer.text).found["/device"]["user_code"] == typed
        with browser.rig.store._database.writing() as connection:
            connection.execute(update(devices).values(ends=time.time() - 1))
        late = await browser.send("/device", answer="yes")
        assert (late.status_code, "too old" in late.text) == (410, True)
        assert await error(browser.rig, begun["device_code"]) == "expired_token"


@in_loop
async def test_whose_session_ended_meanwhile_comes_back_to_the_question(tmp_path: Path) -> None:
    """The answer is not taken; after the sign-in the question is there again."""
    async with signed_in(tmp_path) as browser:
        begun = await ask(browser.rig)
        await question(browser, begun)
        browser.rig.store.end_session(held(browser.rig), BY)
        sent_on = await browser.send("/device", answer="yes")
        assert sent_on.status_code == 303
        await browser.get(sent_on.headers["location"])
        back = await browser.send("/login", email="ann@example.com", password="correct horse battery")
        assert back.headers["location"] == f"/device?user_code={begun['user_code']}"
        assert await error(browser.rig, begun["device_code"]) == "authorization_pending"


@in_loop
async def test_of_two_answers_at_the_same_moment_the_first_counts(tmp_path: Path) -> None:
    """A no that comes while a yes is written down finds it decided."""
    async with signed_in(tmp_path) as browser:
        rig, begun = browser.rig, await ask(browser.rig)
        await question(browser, begun)
        device = rig.store.login_by_user_code(fingerprint(begun["user_code"].encode()))
        person = rig.store.person("ann@example.com")
        assert device is not None
        assert person is not None
        form = {**Forms(browser.page).found["/device"], "answer": "no"}

        def decide() -> None:
            busy.set()
            go.wait(60)
            rig.store.decide_login(device.id, person, (rig.store.list_workspaces()[0].id,), BY)

        busy, go = Event(), Event()
        deciding = asyncio.create_task(rig.revocations.write(decide))
        await until(busy.is_set)
        sending = asyncio.create_task(browser.http.post("/device", data=form))
        await until(lambda: rig.revocations._writer._work_queue.qsize() == 1)
        go.set()
        await deciding
        late = await sending
        assert (late.status_code, "answered already" in late.text) == (409, True)
        assert (await poll(rig, begun["device_code"])).status_code == 200


@in_loop
async def test_who_guesses_codes_waits(tmp_path: Path) -> None:
    """Ten wrong ones, then one in half a minute, by person; codes that are right make up for none of them."""
    clock = Turned()
    async with opened(tmp_path / "issuer.db", clock=clock) as rig:
        add_person(rig, "ann@example.com", "admin")
        add_person(rig, "bob@example.com", "admin")
        browser, begun = Browser(rig), await ask(rig)
        await browser.sign_in()

        async def guess(code: str) -> httpx.Response:
            return await browser.get(f"/device?user_code={code}")

        for _ in range(10):
            assert (await guess(begun["user_code"])).status_code == 200
            assert (await guess(user_code())).status_code == 404
        for code in (user_code(), begun["user_code"]):
            refused = await guess(code)
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "30")
            assert "Try again in 30 seconds" in refused.text
        noted = rig.store.search_audit(Query(action="login.fail"))
        assert {(each.by.name, each.target, each.detail["reason"]) for each in noted} == {
            ("ann@example.com", "ann@example.com", "unknown user code")
        }
        assert len(noted) == 10
        clock.time += 30
        assert (await guess(begun["user_code"])).status_code == 200
        for person in range(5):
            add_person(rig, f"p{person}@example.com", "admin")
            rig.http.cookies.clear()
            await browser.sign_in(f"p{person}@example.com")
            for _ in range(10):
                assert (await guess(user_code())).status_code == 404
        rig.http.cookies.clear()
        await browser.sign_in("bob@example.com")
        last = [await guess(user_code()) for _ in range(10)][-1]
        assert (last.status_code, "Try again in" in last.text) == (429, True)
