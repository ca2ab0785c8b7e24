"""Members of a workspace: who sees and changes what, who is invited, what happens to keys when somebody leaves."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from rf_middleware._fingerprint import fingerprint
from rf_middleware.issuer.people import Person
from rf_middleware.issuer.rows_people import new_person
from tests.issuer.browsing import PASSWORD, Browser, Forms, Reader, add_person, beside, signed_in
from tests.issuer.rig import BY, Rig, in_loop, new_key, opened, until
from tests.issuer.test_audit import rows

HERE = "/settings/api/acme"
MEMBERS = f"{HERE}/members"
EVIL = "<img src=x onerror=alert(1)>"
FIRST = 4
"""Audit rows of the rig, its first person included."""


def acme(rig: Rig) -> str:
    """Return the id of the workspace acme."""
    return next(each.id for each in rig.store.list_workspaces() if each.slug == "acme")


def roles(rig: Rig, workspace: str | None = None) -> dict[str, str]:
    """Return who is what in a workspace."""
    return {each.email: each.role for each in rig.store.members(workspace or acme(rig))}


def invited(rig: Rig, email: str, role: str = "developer", workspace: str | None = None, **more: Any) -> Person:
    """Add somebody who never signed in."""
    person = new_person(email, "", None, admin=more.pop("admin", False))
    rig.store.create_person(person, BY, workspace or acme(rig), role)
    return person


def key_of(rig: Rig, name: str, *owners: str, **more: Any) -> str:
    """Add a key to acme; return the secret."""
    secret, key = new_key(name, None, owners=owners, **more)
    rig.store.create_key(acme(rig), key, BY)
    return secret


def execute(rig: Rig, statement: str, **values: object) -> None:
    """Write to the database."""
    with rig.store._database.writing() as connection:
        connection.execute(text(statement), values)


def told(rig: Rig) -> list[str]:
    """Return what the audit log says, newest first."""
    return [row["action"] for row in reversed(rows(rig.store._database))]


def link_of(answer: httpx.Response) -> str:
    """Return the path of the invitation that a page shows."""
    shown = Forms(answer.text).shown["link"]
    assert shown.startswith("http://issuer.test:8080/invite/")
    return shown.removeprefix("http://issuer.test:8080")


# Who may do what

ROLES: dict[str, dict[str, Any]] = {
    "nobody": {"role": None},
    "viewer": {"role": "viewer"},
    "developer": {"role": "developer"},
    "admin": {"role": "admin"},
    "administrator": {"role": None, "admin": True},
}
LEADS = {"admin", "administrator"}
WAYS = {
    "GET /members": (200, {*LEADS, "viewer", "developer"}),
    "GET /members/{}/remove": (200, LEADS),
    "POST /members": (201, LEADS),
    "POST /members/{}/role": (200, LEADS),
    "POST /members/{}/invite": (201, LEADS),
    "POST /members/{}/remove": (200, LEADS),
}


def asked(way: str) -> tuple[str, str]:
    """Return method and path of a way."""
    method, _, path = way.partition(" ")
    return method, HERE + path


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("who", ROLES)
@in_loop
async def test_each_role_does_what_it_may(who: str, way: str, tmp_path: Path) -> None:
    """What is for admins is not there for others, whatever they send, and nothing changes."""
    (method, path), (status, allowed) = asked(way), WAYS[way]
    async with signed_in(tmp_path, **ROLES[who]) as browser:
        bob = invited(browser.rig, "bob@example.com")
        before = roles(browser.rig)
        form = {**Forms((await browser.get("/account")).text).found["/logout"], "email": "eve@example.com"}
        data = {**form, "role": "viewer"} if method == "POST" else None
        answer = await browser.http.request(method, path.format(bob.id), data=data)
        assert answer.status_code == (status if who in allowed else 404)
        assert (roles(browser.rig) == before) is (method == "GET" or who not in allowed or "invite" in path)


@pytest.mark.parametrize("way", WAYS)
@in_loop
async def test_whoever_is_not_signed_in_is_sent_to_the_form(way: str, tmp_path: Path) -> None:
    """A good form of a browser without a session changes nothing."""
    method, path = asked(way)
    async with signed_in(tmp_path) as browser:
        bob, before = invited(browser.rig, "bob@example.com"), roles(browser.rig)
        async with beside(browser.rig) as stranger:
            await stranger.get("/login")
            form = {**Forms(stranger.page).found["/login"], "email": "eve@example.com", "role": "viewer"}
            data = form if method == "POST" else None
            answer = await stranger.http.request(method, path.format(bob.id), data=data)
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/login")
        assert roles(browser.rig) == before


@pytest.mark.parametrize("path", [*(asked(way)[1] for way in WAYS if way[0] == "P"), "/account", "/invite/x"])
@in_loop
async def test_a_form_from_elsewhere_changes_nothing(path: str, tmp_path: Path) -> None:
    """Without the token of the page, or sent from another site, it is refused."""
    async with signed_in(tmp_path) as browser:
        bob, before = invited(browser.rig, "bob@example.com"), roles(browser.rig)
        good = {**Forms((await browser.get("/account")).text).found["/logout"], "email": "eve@example.com"}
        for form, headers in (
            ({**good, "csrf": "0" * 64, "role": "admin"}, {}),
            ({"email": "eve@example.com", "role": "admin"}, {}),
            ({**good, "role": "admin"}, {"Origin": "https://evil.example"}),
            ({**good, "role": "admin"}, {"Sec-Fetch-Site": "cross-site"}),
        ):
            answer = await browser.http.post(path.format(bob.id), data=form, headers=headers)
            assert answer.status_code == 403
        assert roles(browser.rig) == before


@in_loop
async def test_who_changes_nothing_is_shown_no_forms(tmp_path: Path) -> None:
    """A viewer sees the list and the tabs, and no button."""
    async with signed_in(tmp_path, "viewer") as browser:
        page = (await browser.get(MEMBERS)).text
        assert set(Forms(page).found) == {"/logout"}
        links = Reader(page).all("a", "href")
        assert {HERE, MEMBERS} <= set(links)
        assert not [each for each in links if each.endswith("/remove")]
        assert MEMBERS in Reader((await browser.get(HERE)).text).all("a", "href")


# Adding


@in_loop
async def test_somebody_new_is_invited_and_comes_in(tmp_path: Path) -> None:
    """The link is shown once; by it they choose name and password, are signed in, and it is over."""
    async with signed_in(tmp_path) as browser:
        await browser.get(MEMBERS)
        added = await browser.send(MEMBERS, email=" Bob@Example.com ", role="viewer")
        assert added.status_code == 201
        assert "bob@example.com was added." in added.text
        path = link_of(added)
        assert path not in (await browser.get(MEMBERS)).text
        assert ">invited<" in browser.page
        async with beside(browser.rig) as bob:
            assert "bob@example.com" in (await bob.get(path)).text
            bad = await bob.send(path, name="\x07", password="short")
            assert bad.status_code == 422
            assert ["printable" in bad.text, "at least 10" in bad.text] == [True, True]
            kept = await bob.send(path, name="Bob B.", password="short")
            assert 'value="Bob B."' in kept.text
            done = await bob.send(path, name="Bob B.", password=PASSWORD)
            assert (done.status_code, done.headers["location"]) == (303, "/settings/api")
            assert "Bob B." in (await bob.get(MEMBERS)).text
            assert (await bob.get(path)).status_code == 410
            bob.http.cookies.clear()
            assert (await bob.sign_in("bob@example.com")).status_code == 303
        assert ">invited<" not in (await browser.get(MEMBERS)).text
        assert told(browser.rig)[:6] == [
            *("session.begin", "session.begin", "link.use", "link.create", "member.add", "person.create")
        ]


@in_loop
async def test_somebody_who_is_there_is_simply_added(tmp_path: Path) -> None:
    """They keep their password, and nobody is handed a link to their account."""
    async with signed_in(tmp_path) as browser:
        add_person(browser.rig, "bob@example.com", name="Bob")
        await browser.get(MEMBERS)
        added = await browser.send(MEMBERS, email="bob@example.com", role="developer")
        assert (added.status_code, "invite/" in added.text) == (201, False)
        assert roles(browser.rig)["bob@example.com"] == "developer"
        again = await browser.send(MEMBERS, email="bob@example.com", role="admin")
        assert (again.status_code, "They are a member already." in again.text) == (422, True)
        assert roles(browser.rig)["bob@example.com"] == "developer"


@pytest.mark.parametrize(
    ("email", "role", "said"),
    [
        ("nobody", "viewer", "like ann@example.com"),
        ("", "viewer", "like ann@example.com"),
        ("a@b\u202e", "viewer", "like ann@example.com"),
        ("bob@example.com", "king", "Choose one of the list."),
        ("bob@example.com", "", "Choose one of the list."),
    ],
)
@in_loop
async def test_what_was_typed_wrong_is_said_and_kept(email: str, role: str, said: str, tmp_path: Path) -> None:
    """Nobody is added; the fields hold what was typed."""
    async with signed_in(tmp_path) as browser:
        await browser.get(MEMBERS)
        answer = await browser.send(MEMBERS, email=email, role=role)
        assert (answer.status_code, said in answer.text) == (422, True)
        assert Forms(answer.text).found[MEMBERS]["email"] == email
        assert role != "viewer" or '<option value="viewer" selected>' in answer.text
        assert roles(browser.rig) == {"ann@example.com": "admin"}


@in_loop
async def test_a_name_is_only_text(tmp_path: Path) -> None:
    """Markup in names and addresses is shown, not obeyed, on each page that names people."""
    async with signed_in(tmp_path, name=EVIL) as browser:
        bob = new_person('"<b>@example.com', EVIL, None, admin=False)
        browser.rig.store.create_person(bob, BY, acme(browser.rig), "viewer")
        key_of(browser.rig, EVIL, '"<b>@example.com')
        for path in (MEMBERS, f"{MEMBERS}/{bob.id}/remove", "/account", "/audit"):
            page = (await browser.get(path)).text
            assert page.count("<img") == page.count('"<b>') == 0
            assert "&lt;img src=x onerror=alert(1)&gt;" in page


# Inviting again


@in_loop
async def test_a_new_invitation_replaces_the_old_one(tmp_path: Path) -> None:
    """Only the newest link works; who has signed in gets no other."""
    async with signed_in(tmp_path) as browser:
        await browser.get(MEMBERS)
        old = link_of(await browser.send(MEMBERS, email="bob@example.com", role="viewer"))
        (bob,) = [each for each in browser.rig.store.members(acme(browser.rig)) if each.invited]
        again = f"{MEMBERS}/{bob.id}/invite"
        new = link_of(await browser.send(again))
        async with beside(browser.rig) as other:
            assert (await other.get(old)).status_code == 410
            await other.get(new)
            assert (await other.send(new, name="Bob", password=PASSWORD)).status_code == 303
        refused = await browser.send(again)
        assert (refused.status_code, "has signed in" in refused.text, "/invite/" in refused.text) == (409, True, False)
        assert again not in Forms((await browser.get(MEMBERS)).text).found


@pytest.mark.parametrize("mighty", ["administrator", "elsewhere"])
@in_loop
async def test_nobody_is_handed_an_account_that_may_do_more_than_they(mighty: str, tmp_path: Path) -> None:
    """Whoever has the link becomes that person everywhere: so the host has to manage wherever they belong."""
    async with signed_in(tmp_path) as browser:
        rig = browser.rig
        other = rig.store.create_workspace("other", "", new_key("k", None)[1], BY)
        bob = invited(rig, "bob@example.com", "viewer", other, admin=mighty == "administrator")
        await browser.get(MEMBERS)
        added = await browser.send(MEMBERS, email="bob@example.com", role="admin")
        assert (added.status_code, "invite/" in added.text.replace(f"{bob.id}/invite", "")) == (201, False)
        assert roles(rig)["bob@example.com"] == "admin"
        again = await browser.send(f"{MEMBERS}/{bob.id}/invite")
        assert (again.status_code, "that you do not manage" in again.text) == (409, True)
        execute(rig, "UPDATE people SET admin = 1 WHERE email = 'ann@example.com'")
        assert (await browser.send(f"{MEMBERS}/{bob.id}/invite")).status_code == 201
        assert rig.store.invited(fingerprint(b"x")) is None


@in_loop
async def test_an_invitation_ends_when_nothing_is_left_to_invite_to(tmp_path: Path) -> None:
    """Removed before they came, they can't come; added again, there is a new link."""
    async with signed_in(tmp_path) as browser:
        await browser.get(MEMBERS)
        old = link_of(await browser.send(MEMBERS, email="bob@example.com", role="viewer"))
        (bob,) = [each for each in browser.rig.store.members(acme(browser.rig)) if each.invited]
        await browser.get(f"{MEMBERS}/{bob.id}/remove")
        assert (await browser.send(f"{MEMBERS}/{bob.id}/remove")).status_code == 200
        assert (await browser.http.get(old)).status_code == 410
        again = await browser.send(MEMBERS, email="bob@example.com", role="viewer")
        assert (await browser.http.get(link_of(again))).status_code == 200


# Roles


@in_loop
async def test_a_role_is_changed(tmp_path: Path) -> None:
    """It holds at once, and the log says by whom; a role that is none is refused."""
    async with signed_in(tmp_path) as browser:
        bob = add_person(browser.rig, "bob@example.com", "viewer")
        await browser.get(MEMBERS)
        path = f"{MEMBERS}/{bob.id}/role"
        assert "bob@example.com is developer now." in (await browser.send(path, role="developer")).text
        assert (await browser.send(path, role="king")).status_code == 422
        assert roles(browser.rig)["bob@example.com"] == "developer"
        (last,) = [row for row in rows(browser.rig.store._database) if row["action"] == "member.role"]
        assert (last["actor_name"], last["target"], last["detail"]) == (
            *("ann@example.com", "bob@example.com"),
            {"role": "developer"},
        )


@in_loop
async def test_who_gives_their_own_role_away_sees_the_page_as_what_they_are_now(tmp_path: Path) -> None:
    """There are no forms any more."""
    async with signed_in(tmp_path) as browser:
        add_person(browser.rig, "bob@example.com", "admin")
        (ann,) = [each for each in browser.rig.store.members(acme(browser.rig)) if each.email == "ann@example.com"]
        await browser.get(MEMBERS)
        answer = await browser.send(f"{MEMBERS}/{ann.id}/role", role="viewer")
        assert (answer.status_code, set(Forms(answer.text).found)) == (200, {"/logout"})


@pytest.mark.parametrize("other", ["none", "invited", "disabled", "developer"])
@in_loop
async def test_the_last_admin_who_can_sign_in_stays(other: str, tmp_path: Path) -> None:
    """Neither demoted nor removed, and nothing is lost; an administrator of the issuer may all the same."""
    async with signed_in(tmp_path) as browser:
        rig = browser.rig
        if other == "invited":
            invited(rig, "bob@example.com", "admin")
        elif other != "none":
            add_person(rig, "bob@example.com", "developer" if other == "developer" else "admin")
            if other == "disabled":
                execute(rig, "UPDATE people SET status = 'disabled' WHERE email = 'bob@example.com'")
        (ann,) = [each for each in rig.store.members(acme(rig)) if each.email == "ann@example.com"]
        secret, before = key_of(rig, "hers", "ann@example.com"), roles(rig)
        await browser.get(f"{MEMBERS}/{ann.id}/remove")
        removed = await browser.send(f"{MEMBERS}/{ann.id}/remove")
        demoted = await browser.send(f"{MEMBERS}/{ann.id}/role", role="viewer")
        for answer in (removed, demoted):
            assert (answer.status_code, "is the last admin who can sign in here" in answer.text) == (409, True)
        assert (roles(rig), (await rig.introspect(secret))["active"]) == (before, True)
        assert (await browser.send(f"{MEMBERS}/{ann.id}/role", role="admin")).status_code == 200
        execute(rig, "UPDATE people SET admin = 1 WHERE email = 'ann@example.com'")
        assert (await browser.send(f"{MEMBERS}/{ann.id}/role", role="viewer")).status_code == 200
        assert roles(rig)["ann@example.com"] == "viewer"


# Removing


@in_loop
async def test_who_is_removed_is_off_the_keys(tmp_path: Path) -> None:
    """What nobody else answers for is refused everywhere; what has other owners, or none, stays and is named."""
    async with signed_in(tmp_path) as browser:
        rig = browser.rig
        bob = add_person(rig, "bob@example.com", "developer", name="Bob")
        made: dict[str, Any] = {"made_by": "bob@example.com"}
        alone = key_of(rig, "alone", "Bob@Example.com", protected=True, **made)
        both = key_of(rig, "both", "bob@example.com", "ann@example.com", **made)
        free, foreign = key_of(rig, "free", **made), key_of(rig, "foreign", "ann@example.com")
        other = rig.store.create_workspace("other", "", new_key("k", None)[1], BY)
        secret, elsewhere = new_key("elsewhere", None, owners=("bob@example.com",))
        rig.store.create_key(other, elsewhere, BY)
        path = f"{MEMBERS}/{bob.id}/remove"
        page = (await browser.get(path)).text
        facts = page[page.index("<dl") : page.index("</dl>")]
        names = [facts.index(each) for each in ("Revoked", "alone", "Kept by", "both", "Made by them", "both", "free")]
        assert (names[:5], "foreign" in facts, "elsewhere" in facts) == (sorted(names[:5]), False, False)
        epoch = (await rig.poll()).json()["epoch"]
        await rig.poll(0, epoch)
        answer = await browser.send(path)
        said = " ".join(answer.text.split())
        assert "bob@example.com was removed. Keys that nobody else answers for were revoked. Refused everywhere" in said
        assert "0 of 1 validator confirmed" in said
        assert "Made by them, and still good: both" in said
        good = [(await rig.introspect(each))["active"] for each in (alone, both, free, foreign, secret)]
        assert good == [False, True, True, True, True]
        assert roles(rig) == {"ann@example.com": "admin"}
        assert [key.owners for key in rig.store.keys_of(acme(rig)) if key.name == "both"] == [("ann@example.com",)]
        assert told(rig)[:2] == ["member.remove", "key.revoke"]
        assert (await browser.http.get(path)).status_code == 404


@in_loop
async def test_who_owns_no_key_just_leaves(tmp_path: Path) -> None:
    """No receipt is spoken of where nothing ended."""
    async with signed_in(tmp_path) as browser:
        bob = add_person(browser.rig, "bob@example.com", "viewer")
        page = (await browser.get(f"{MEMBERS}/{bob.id}/remove")).text
        assert ("no key" in page, "Made by them" in page) == (True, False)
        answer = await browser.send(f"{MEMBERS}/{bob.id}/remove")
        assert "bob@example.com was removed.</p>" in answer.text
        assert (await browser.http.get("/account")).status_code == 200
        async with beside(browser.rig) as other:
            await other.sign_in("bob@example.com")
            assert (await other.get(MEMBERS)).status_code == 404


@in_loop
async def test_who_leaves_is_told_so(tmp_path: Path) -> None:
    """The page of the workspace is not theirs any more, so it is said on another; an administrator stays on it."""
    async with signed_in(tmp_path) as browser:
        rig = browser.rig
        add_person(rig, "bob@example.com", "admin")
        (ann,) = [each for each in rig.store.members(acme(rig)) if each.email == "ann@example.com"]
        path = f"{MEMBERS}/{ann.id}/remove"
        await browser.get(path)
        left = await browser.send(path)
        assert (left.status_code, "You left Acme &amp; Sons" in left.text) == (200, True)
        assert (await browser.get(MEMBERS)).status_code == 404
        execute(rig, "UPDATE people SET admin = 1 WHERE email = 'ann@example.com'")
        await browser.get(MEMBERS)
        await browser.send(MEMBERS, email="ann@example.com", role="viewer")
        await browser.get(path)
        assert "Members of Acme &amp; Sons" in (await browser.send(path)).text


@in_loop
async def test_a_repeat_is_answered_when_the_first_holds(tmp_path: Path) -> None:
    """Who is told that somebody is gone already can rely on it."""
    async with signed_in(tmp_path) as browser:
        rig = browser.rig
        bob = add_person(rig, "bob@example.com", "viewer")
        key_of(rig, "alone", "bob@example.com")
        epoch = (await rig.poll()).json()["epoch"]
        path = f"{MEMBERS}/{bob.id}/remove"
        await browser.get(path)
        form = Forms(browser.page).found[path]
        first, again = (asyncio.create_task(browser.http.post(path, data=form)) for _ in range(2))
        await until(lambda: rig.told() == ["revoked"])
        assert (first.done(), again.done()) == (False, False)
        await rig.poll(1, epoch)
        assert sorted([(await first).status_code, (await again).status_code]) == [200, 404]
        assert rig.told() == ["revoked"]
        assert told(rig).count("member.remove") == 1


@in_loop
async def test_a_removal_is_answered_when_what_others_ended_holds_too(tmp_path: Path) -> None:
    """A key of theirs that somebody revokes just now is refused everywhere before it is said that they are gone."""
    async with opened(tmp_path / "issuer.db", lease=30.0) as rig:
        add_person(rig, "ann@example.com", "admin")
        browser = Browser(rig)
        await browser.sign_in()
        bob = add_person(rig, "bob@example.com", "viewer")
        _, key_id = await rig.new_key()
        epoch = (await rig.poll()).json()["epoch"]
        path = f"{MEMBERS}/{bob.id}/remove"
        await browser.get(path)
        form = Forms(browser.page).found[path]
        assert (await rig.call("DELETE", f"/acme/api-keys/{key_id}?wait=false")).status_code == 202
        removing = asyncio.create_task(browser.http.post(path, data=form))
        await until(lambda: "bob@example.com" not in roles(rig))
        assert not removing.done()
        await rig.poll(1, epoch)
        assert "bob@example.com was removed." in (await removing).text


@in_loop
async def test_a_lower_role_names_the_keys_that_do_more(tmp_path: Path) -> None:
    """Keys that others own too, and those within the role, are not named; none ends."""
    async with signed_in(tmp_path) as browser:
        rig = browser.rig
        bob = add_person(rig, "bob@example.com", "admin")
        mighty = key_of(rig, "mighty", "bob@example.com")
        key_of(rig, "shared", "bob@example.com", "ann@example.com")
        await browser.get(MEMBERS)
        said = (await browser.http.post(f"{MEMBERS}/{bob.id}/role", data={**fields(browser), "role": "viewer"})).text
        assert "Their keys that may do more stay good: mighty (" in said
        assert "shared" not in said
        assert (await rig.introspect(mighty))["active"]


def fields(browser: Browser) -> dict[str, str]:
    """Return what each form of the page carries."""
    return Forms(browser.page).found["/logout"]


@in_loop
async def test_a_member_and_their_keys_go_together_or_not_at_all(tmp_path: Path) -> None:
    """Where one statement of the removal fails nothing of it is there."""
    async with signed_in(tmp_path) as browser:
        rig = browser.rig
        bob = add_person(rig, "bob@example.com", "viewer")
        secret, before = key_of(rig, "alone", "bob@example.com"), told(rig)
        execute(rig, "CREATE TRIGGER broken BEFORE DELETE ON owners BEGIN SELECT RAISE(ABORT, 'broken'); END")
        path = f"{MEMBERS}/{bob.id}/remove"
        await browser.get(path)
        assert (await browser.send(path)).status_code == 500
        assert (roles(rig)["bob@example.com"], rig.told(), told(rig)) == ("viewer", [], before)
        assert (await rig.introspect(secret))["active"]
