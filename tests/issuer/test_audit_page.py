"""``/audit``: who sees which rows, what is found, and what a log that was tampered with looks like."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from rf_middleware.issuer.audit import ACTIONS, By, Note
from rf_middleware.issuer.audit_page import asked
from rf_middleware.issuer.records import Workspace
from rf_middleware.issuer.store_members import Invitation
from tests.issuer.browsing import Browser, Reader, signed_in
from tests.issuer.rig import BY, Rig, in_loop, new_key
from tests.issuer.test_members import EVIL, FIRST, acme

ADMIN: dict[str, Any] = {"role": None, "admin": True}


def shown(browser: Browser) -> list[int]:
    """Return the numbers of the rows of the page."""
    return [int(each) for each in re.findall(r'<span class="under">no\. (-?[0-9]+)</span>', browser.page)]


async def found(browser: Browser, query: str = "") -> list[str]:
    """Search, and return what the rows are about."""
    assert (await browser.get(f"/audit?{query}")).status_code == 200
    return re.findall(r'data-name="What"><code>([^<]*)</code>', browser.page)


def other(rig: Rig) -> str:
    """Add a second workspace; return its id."""
    return rig.store.create_workspace("other", "", new_key("k", None)[1], BY)


@pytest.mark.parametrize(
    ("role", "admin", "seen"),
    [
        ("viewer", False, None),
        ("developer", False, None),
        (None, False, None),
        ("admin", False, {"in-acme"}),
        (None, True, {"in-acme", "in-other", "nowhere"}),
    ],
)
@in_loop
async def test_each_role_sees_its_rows(role: str | None, admin: bool, seen: set[str] | None, tmp_path: Path) -> None:
    """An admin of a workspace sees those of it, an administrator all, everybody else no page and no link to it."""
    async with signed_in(tmp_path, role, admin=admin) as browser:
        rig = browser.rig
        ours, theirs = acme(rig), other(rig)
        for target, workspace in (("in-acme", ours), ("in-other", theirs), ("nowhere", None)):
            rig.store.note(BY, Note("key.show", target, workspace))
        linked = "/audit" in Reader((await browser.get("/account")).text).all("a", "href")
        assert linked is (seen is not None)
        if seen is None:
            assert (await browser.get("/audit")).status_code == 404
            return
        assert set(await found(browser, "action=key.show")) == seen
        assert set(await found(browser, "action=key.show&workspace=other")) == (seen if not admin else {"in-other"})
        options = re.findall(r'<option value="([^"]*)"', browser.page)
        assert ("other" in options) is admin
        checked = (await browser.get("/audit?check=1")).text
        assert ("rows fit, each to the one before" in checked) is admin
        assert ("Check the chain" in checked) is admin


@in_loop
async def test_whoever_is_not_signed_in_is_sent_to_the_form(tmp_path: Path) -> None:
    """The search that was wanted comes after the password."""
    async with signed_in(tmp_path, **ADMIN) as browser:
        browser.http.cookies.clear()
        assert (await browser.get("/audit?text=x")).headers["location"] == "/login?next=%2Faudit%3Ftext%3Dx"


@in_loop
async def test_an_admin_of_a_deleted_workspace_has_nothing_to_see(tmp_path: Path) -> None:
    """The page goes with the workspace."""
    async with signed_in(tmp_path) as browser:
        assert (await browser.get("/audit")).status_code == 200
        with browser.rig.store._database.writing() as connection:
            connection.exec_driver_sql("UPDATE workspaces SET status = 'deleted'")
        assert (await browser.get("/audit")).status_code == 404


@in_loop
async def test_what_is_searched_for_is_found_and_shown_again(tmp_path: Path) -> None:
    """Text, action and workspace narrow together; the form keeps them; what others typed is only text."""
    async with signed_in(tmp_path, **ADMIN) as browser:
        rig = browser.rig
        rig.store.note(
            By("person", "p", EVIL, "192.0.2.7"),
            Note("key.show", "one", acme(rig), {"x": EVIL, "n": [1, "a:b"], "e": []}),
        )
        rig.store.note(BY, Note("key.show", "two", other(rig)))
        rig.store.note(BY, Note("key.refuse", "three", acme(rig)))
        assert await found(browser, "text=192.0.2.7&action=key.show&workspace=acme") == ["one"]
        assert 'value="192.0.2.7"' in browser.page
        assert browser.page.count('<option value="key.show" selected>') == 1
        assert browser.page.count('<option value="acme" selected>') == 1
        assert "x: &lt;img src=x onerror=alert(1)&gt;, n: 1 a:b, e: none" in browser.page
        assert "<img" not in browser.page
        assert await found(browser, "text=no-such-thing") == []
        assert "Nothing found" in browser.page


@in_loop
async def test_older_rows_are_a_link_away(tmp_path: Path) -> None:
    """Every row is on one page, in order, under the same search; from the second page there is a way back."""
    async with signed_in(tmp_path, **ADMIN) as browser:
        for number in range(120):
            browser.rig.store.note(BY, Note("key.show", f"k{number}"))
            browser.rig.store.note(BY, Note("key.refuse", f"k{number}"))
        path, seen, pages = "/audit?action=key.show", list[int](), 0
        while path:
            await browser.get(path)
            links = [each for each in Reader(browser.page).all("a", "href") if each.startswith("/audit?action")]
            path = next((each for each in links if "before=" in each), "")
            assert not path or parse_qs(urlsplit(path).query)["action"] == ["key.show"]
            assert ("/audit?action=key.show" in links) is (pages > 0)
            seen, pages = seen + shown(browser), pages + 1
        assert (pages, len(seen), seen) == (3, 120, sorted(seen, reverse=True))
        await browser.get("/audit?before=3")
        assert (shown(browser), "/audit" in Reader(browser.page).all("a", "href")) == ([2, 1], True)


WORKSPACES = [Workspace("1", "acme", ""), Workspace("2", "other", "")]
WORDS = st.sampled_from(["text", "action", "workspace", "before", "check"])
VALUES = st.text() | st.sampled_from(["key.show", "key", "acme", "other", "7", "0", "-1", "1e3", "٣", str(10**30)])


@given(st.lists(st.tuples(WORDS, VALUES), max_size=8))
def test_whatever_is_asked_is_something_that_can_be_searched_for(given_: list[tuple[str, str]]) -> None:
    """What can't be chosen is no filter; a number fits into the database."""
    wanted = asked(QueryParams(given_), WORKSPACES)
    assert wanted.keys() == {"text", "action", "workspace", "before"}
    assert wanted["action"] in {"", *ACTIONS}
    assert wanted["workspace"] in {"", "acme", "other"}
    assert not wanted["before"] or 0 < int(wanted["before"]) < 2**63
    assert len(wanted["text"]) <= 200
    for name, value in wanted.items():
        assert value in {"", *(text.strip()[:200] for key, text in given_ if key == name)}


@pytest.mark.parametrize(
    "query", ["before=%00", "text=%ff%00", "action=%f0%9f", "before=1&before=x", "workspace=%2e", "x"]
)
@in_loop
async def test_nonsense_in_the_address_is_no_accident(query: str, tmp_path: Path) -> None:
    """The page comes, with what could be made of it."""
    async with signed_in(tmp_path, **ADMIN) as browser:
        assert (await browser.get(f"/audit?{query}")).status_code == 200


TAMPERED = [
    "detail = 'no JSON'",
    "detail = '[1]'",
    "detail = x'00'",
    "detail = '" + "[" * 100_000 + "'",
    "detail = CAST(x'ff7b7d' AS TEXT)",
    "at = 'noon'",
    "at = 1e300",
    "at = -1",
    "at = 9e999",
    "target = x'00ff'",
    "target = CAST(x'ff' AS TEXT)",
    "actor_name = CAST(x'c3' AS TEXT), address = CAST(x'80' AS TEXT)",
    "action = 'key.update'",
    "workspace_id = 'w'",
    "chain = zeroblob(32)",
    "workspace_id = x'41'",
    "workspace_id = CAST(x'ff' AS TEXT)",
    "chain = 'text'",
    "chain = CAST(x'ff' AS TEXT)",
]


def tamper(path: Path, change: str) -> None:
    """Change a row as somebody does who has the file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("DROP TRIGGER IF EXISTS audit_is_history")
        file.execute(f"UPDATE audit SET {change} WHERE seq = {FIRST}")  # noqa: S608 - our own


@pytest.mark.parametrize("change", TAMPERED)
@in_loop
async def test_a_row_that_was_tampered_with_is_shown_as_that(change: str, tmp_path: Path) -> None:
    """It is said on top and in the row, the other rows are there, and the check names it."""
    async with signed_in(tmp_path, **ADMIN) as browser:
        browser.rig.store.note(BY, Note("key.show", "whole", detail={"x": "\ud800"}))
        await browser.get("/audit")
        before = shown(browser)
        assert "tampered" not in browser.page
        tamper(tmp_path / "issuer.db", change)
        assert (await browser.get("/audit")).status_code == 200
        assert shown(browser) == before
        assert "Somebody tampered with the log: a row that is shown here" in browser.page
        assert 1 <= browser.page.count(">tampered with<") <= 2  # the next is chained to what was changed
        assert (await browser.get("/audit?check=1")).status_code == 200
        assert f"Row {FIRST} does not fit to those before it: the log was tampered with." in browser.page
        assert (await browser.get("/audit?text=whole")).status_code == 200
        assert "tampered" not in browser.page


@in_loop
async def test_a_row_that_was_taken_out_is_missed(tmp_path: Path) -> None:
    """The row after it does not fit, on the page and in the check."""
    async with signed_in(tmp_path, **ADMIN) as browser:
        await browser.get("/audit?check=1")
        assert f"All {FIRST + 1} rows fit" in browser.page
        with closing(sqlite3.connect(tmp_path / "issuer.db", isolation_level=None)) as file:
            file.execute("DROP TRIGGER audit_is_kept")
            file.execute("DELETE FROM audit WHERE seq = 2")
        assert "Row 3 does not fit" in (await browser.get("/audit?check=1")).text
        assert browser.page.count(">tampered with<") == 1


@in_loop
async def test_an_admin_of_two_workspaces_may_look_at_one(tmp_path: Path) -> None:
    """The rows of a workspace where they are only a developer stay out."""
    async with signed_in(tmp_path) as browser:
        rig = browser.rig
        second, third = other(rig), rig.store.create_workspace("third", "", new_key("k", None)[1], BY)
        person = rig.store.person("ann@example.com")
        assert person is not None
        for workspace, role in ((second, "admin"), (third, "developer")):
            host = Invitation(person, b"", 0.0)
            rig.store.add_member(workspace, person.email, role, host, BY)
        for target, workspace in (("a", acme(rig)), ("b", second), ("c", third)):
            rig.store.note(BY, Note("key.show", target, workspace))
        assert set(await found(browser, "action=key.show")) == {"a", "b"}
        assert await found(browser, "action=key.show&workspace=other") == ["b"]
