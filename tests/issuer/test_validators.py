"""The state of the validators: who holds a lease, how far each is, how long the last changes took."""

from pathlib import Path
from typing import Any

import pytest

from rf_middleware._wire import Event
from rf_middleware.issuer.changes import edit, revoke
from rf_middleware.issuer.database import Database
from rf_middleware.issuer.decisions import Seen
from rf_middleware.issuer.records import Account, Held, Token
from rf_middleware.issuer.store import Store
from rf_middleware.issuer.validators import ValidatorsState, overview
from tests.issuer.browsing import Browser, Reader, add_person, signed_in
from tests.issuer.rig import BY, SESSION, Turned, in_loop, new_key, opened, until

TOKENS = [Token("t1", "web", 0.0, None), Token("t2", "jobs", 0.0, 5.0)]


def test_each_validator_is_a_row_in_the_order_of_tokens_and_names() -> None:
    """A lease that ended is none; the session is cut short, so that nobody can end it who reads this."""
    seen = [
        Seen("t1", "session-number-two", "b", "0.2", 3.14159, 7, 1.05),
        Seen("t1", "session-number-one", "a", "", 0.0, 5, 62.0),
        Seen("t2", "session-of-a-job", "z", "", 0.0001, 7, 0.0),
    ]
    said: Any = overview(seen, 7, TOKENS, [])
    assert said["head"] == 7
    assert [(row["token"], row["name"], row["session"]) for row in said["validators"]] == [
        ("jobs", "z", "session-"),
        ("web", "a", "session-"),
        ("web", "b", "session-"),
    ]
    assert [(row["lease_left"], row["applied"], row["behind"]) for row in said["validators"]] == [
        (0.0, 7, 0),
        (None, 5, 2),
        (3.1, 7, 0),
    ]
    assert [(row["version"], row["heard_ago"]) for row in said["validators"]] == [("", 0.0), ("", 62.0), ("0.2", 1.1)]


def test_a_token_that_is_not_known_has_no_name() -> None:
    """A validator is shown, whatever is known of its token."""
    said: Any = overview([Seen("t3", "session-a", "", "", 1.0, 0, 0.0)], 0, TOKENS, [])
    assert [row["token"] for row in said["validators"]] == [""]


def test_the_newest_changes_that_hold_are_told_newest_first(tmp_path: Path) -> None:
    """What is on its way is left out, and so is the list of validators."""
    database = Database(tmp_path / "issuer.db")
    store = Store(database)
    assert store.newest_held(5) == []
    workspace = store.create_workspace("acme", "", new_key("Default key", None)[1], BY)
    key = store.create_key(workspace, new_key("k", None)[1], BY)
    for change in (edit(key, {"status": "disabled"}), edit(key, {"status": "active"}), revoke(key)):
        store.apply(change, BY)
    report: list[dict[str, object]] = [{"session": "a"}]
    store.finish(1, Account(2, 1, 1203.5, report))
    store.finish(2, Account(3, 0, 4.0, report))
    newest, oldest = found = store.newest_held(5)
    assert newest == Held(2, "enabled", newest.at, 4.0, 3, 0)
    assert oldest == Held(1, "disabled", oldest.at, 1203.5, 2, 1)
    assert 0 < oldest.at <= newest.at
    assert store.newest_held(1) == found[:1]
    assert store.events_after(2) == [Event(3, "revoked", fingerprint=store.events_after(0)[0].fingerprint)]
    database.close()


@in_loop
async def test_the_state_is_that_of_the_running_issuer(tmp_path: Path) -> None:
    """Rows follow the polls and the clock of the leases; receipts follow the changes."""
    clock = Turned()
    async with opened(tmp_path / "issuer.db", lease=10.0, clock=clock) as rig:
        state = ValidatorsState(rig.store, rig.revocations)
        assert await state.state() == {"head": 0, "validators": [], "acknowledged": []}
        epoch = (await rig.poll(name="web-1", version="0.1.0")).json()["epoch"]
        seq = (await rig.revocations.apply(revoke((await rig.new_key())[1]), BY)).seq
        clock.time += 4
        said: Any = await state.state()
        (row,) = said["validators"]
        assert row == {
            "session": SESSION[:8],
            "name": "web-1",
            "token": "a validator",
            "version": "0.1.0",
            "lease_left": 6.0,
            "applied": 0,
            "behind": 1,
            "heard_ago": 4.0,
        }
        assert said["acknowledged"] == []
        await rig.poll(seq, epoch)
        await until(lambda: rig.store.newest_held(1))  # the receipt is stored after it was told
        said = await state.state()
        (row,), (done,) = said["validators"], said["acknowledged"]
        assert (row["applied"], row["behind"], row["lease_left"], row["version"]) == (1, 0, 10.0, "")
        assert (done["seq"], done["change"], done["confirmed"], done["expired"], done["took_ms"]) == (
            1,
            "revoked",
            1,
            0,
            4000.0,
        )
        assert (await state.state(newest=0))["acknowledged"] == []


@in_loop
async def test_the_page_shows_who_holds_a_lease_and_how_fast_the_last_changes_were(tmp_path: Path) -> None:
    """A validator that is behind is marked; names are only text; the part that stays fresh is marked for the script."""
    async with signed_in(tmp_path, None, admin=True) as browser:
        assert "No validator follows this issuer" in (await browser.get("/validators")).text
        epoch = (await browser.rig.poll(name="<b>web-1</b>", version="0.1.0")).json()["epoch"]
        ended = await browser.rig.revocations.apply(revoke((await browser.rig.new_key())[1]), BY)
        during = (await browser.get("/validators")).text
        assert "1 behind" in during
        assert "&lt;b&gt;web-1&lt;/b&gt;" in during
        await browser.rig.poll(ended.seq, epoch, name="web-1")
        await until(lambda: browser.rig.store.newest_held(1))
        page = (await browser.get("/validators")).text
        assert 'data-live="5"' in page
        assert "behind" not in page
        assert "Revoked" in page
        assert "Time until a key was refused everywhere" in page


@in_loop
async def test_a_lease_that_ended_is_said(tmp_path: Path) -> None:
    """The row stays, with the time since it was heard."""
    clock = Turned()
    async with opened(tmp_path / "issuer.db", lease=10.0, clock=clock) as rig:
        add_person(rig, "ann@example.com", admin=True)
        browser = Browser(rig)
        await browser.sign_in()
        await rig.poll(name="web-1")
        assert "10 s left" in (await browser.get("/validators")).text
        clock.time += 61
        page = (await browser.get("/validators")).text
        assert "61 s ago" in page
        assert ">ended<" in page


@pytest.mark.parametrize("role", [None, "viewer", "developer", "admin"])
@in_loop
async def test_who_does_not_run_the_issuer_is_told_nothing(role: str | None, tmp_path: Path) -> None:
    """There is no such page for them, and no link to it."""
    async with signed_in(tmp_path, role) as browser:
        assert (await browser.get("/validators")).status_code == 404
        assert "/validators" not in Reader((await browser.get("/account")).text).all("a", "href")
        browser.http.cookies.clear()
        assert (await browser.get("/validators")).headers["location"] == "/login?next=%2Fvalidators"
