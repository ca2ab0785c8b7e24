"""One-time links for people: how long they are good, for whom, and that two can't use one."""

import asyncio
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from rf_middleware._fingerprint import fingerprint
from rf_middleware.issuer.people import LinkOver, Person
from rf_middleware.issuer.rows_people import new_person
from rf_middleware.issuer.store_members import Invitation
from tests.issuer.browsing import PASSWORD, Browser, Forms, add_person, beside
from tests.issuer.rig import BY, Rig, in_loop, opened, running

LINK = "/invite/a-link"


def invited(rig: Rig, ends: float = 9e9) -> Person:
    """Add somebody who has a link."""
    person = new_person("bob@example.com", "", None, admin=False)
    rig.store.create_person(person, BY, link=(fingerprint(b"a-link"), ends))
    return person


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE links SET used = 1",
        "UPDATE links SET ends = 1",
        "UPDATE links SET purpose = 'first'",
        "DELETE FROM links",
        "UPDATE people SET status = 'disabled'",
        "UPDATE people SET password = 'one'",
        "INSERT INTO identities SELECT 'https://idp.example', 'bob', id FROM people",
    ],
)
@in_loop
async def test_a_link_that_is_over_makes_nobody(statement: str, tmp_path: Path) -> None:
    """Used, too old, unknown, of somebody who is disabled or has come another way: one page, before and after."""
    async with opened(tmp_path / "issuer.db") as rig:
        bob, browser = invited(rig), Browser(rig)
        assert (await browser.get(LINK)).status_code == 200
        with rig.store._database.writing() as connection:
            connection.execute(text(statement))
        sent = await browser.send(LINK, name="Bob", password=PASSWORD)
        for answer in (sent, await browser.get(LINK), await browser.get("/invite/nonsense")):
            assert (answer.status_code, "This link does not work any more" in answer.text) == (410, True)
        with pytest.raises(LinkOver):
            rig.store.accept(fingerprint(b"a-link"), bob, "a hash", BY)
        with rig.store._database.reading() as connection:
            assert connection.execute(text("SELECT count(*) FROM sessions")).scalar() == 0


@running
async def test_a_link_is_good_for_its_time(rig: Rig) -> None:
    """It ends by itself."""
    bob = invited(rig, time.time() + 3600)
    assert rig.store.invited(fingerprint(b"a-link")) == bob
    rig.store.reset_person(bob, fingerprint(b"a-link"), time.time() - 1, BY)
    assert rig.store.invited(fingerprint(b"a-link")) is None


@running
async def test_of_two_who_send_the_form_at_the_same_time_one_comes_in(rig: Rig) -> None:
    """Both were shown the form, and both passwords are hashed before the first is kept."""
    invited(rig)
    async with beside(rig) as one, beside(rig) as other:
        for browser in (one, other):
            await browser.get(LINK)
        sent = (
            one.send(LINK, name="One", password="the password of one"),
            other.send(LINK, name="Other", password="the password of another"),
        )
        answers = await asyncio.gather(*sent)
    assert sorted(answer.status_code for answer in answers) == [303, 410]
    names = ("One", "Other")
    found = rig.store.person("bob@example.com")
    assert found is not None
    assert found.name == names[[answer.status_code for answer in answers].index(303)]


@running
async def test_a_reset_keeps_the_name_and_ends_the_old_password(rig: Rig) -> None:
    """The person is signed out at once; the old password does not come back before the link is used."""
    ann = add_person(rig, "ann@example.com", "admin")
    browser = Browser(rig)
    await browser.sign_in()
    rig.store.reset_person(ann, fingerprint(b"a-link"), 9e9, BY)
    assert (await browser.get("/settings/api/acme")).status_code == 303
    assert (await browser.sign_in()).status_code == 401
    assert (await browser.get(LINK)).status_code == 200
    assert Forms(browser.page).found[LINK]["name"] == "Ann"
    assert (await browser.send(LINK, name="Ann", password="another password")).status_code == 303
    assert (await browser.get("/settings/api/acme")).status_code == 200
    assert not [each for each in rig.store.members(rig.store.list_workspaces()[0].id) if each.invited]


@running
async def test_whose_password_was_taken_away_is_not_taken_for_somebody_new(rig: Rig) -> None:
    """No workspace admin can make them another link."""
    ann = add_person(rig, "ann@example.com", "admin")
    workspace = rig.store.list_workspaces()[0].id
    rig.store.reset_person(ann, fingerprint(b"a-link"), 9e9, BY)
    assert not rig.store.invite_again(workspace, ann.id, Invitation(ann, fingerprint(b"other"), 9e9), BY)
    assert rig.store.invited(fingerprint(b"a-link")) is not None
    assert not rig.store.invite_again(workspace, "nobody", Invitation(ann, fingerprint(b"other"), 9e9), BY)


@running
async def test_who_came_by_another_way_is_not_somebody_new_when_that_is_over(rig: Rig) -> None:
    """Parted from their account elsewhere, neither the old invitation nor another one leads to what is theirs."""
    add_person(rig, "ann@example.com", "admin")
    ann, bob = rig.store.person("ann@example.com"), invited(rig)
    workspace = rig.store.list_workspaces()[0].id
    assert ann is not None
    with rig.store._database.writing() as connection:
        connection.execute(text("INSERT INTO identities VALUES ('https://idp.example', 'bob', :id)"), {"id": bob.id})
    rig.store.add_member(workspace, bob.email, "viewer", Invitation(ann, fingerprint(b"other"), 9e9), BY)
    assert rig.store.unlink(bob.email, BY) == 1
    assert rig.store.invited(fingerprint(b"a-link")) is None
    assert not rig.store.invite_again(workspace, bob.id, Invitation(ann, fingerprint(b"other"), 9e9), BY)
    rig.store.reset_person(bob, fingerprint(b"reset"), 9e9, BY)
    assert rig.store.invited(fingerprint(b"reset")) is not None
