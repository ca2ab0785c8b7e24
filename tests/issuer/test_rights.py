"""What somebody may do on a page is looked at again in the transaction that does it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from rf_middleware.issuer.audit import By
from rf_middleware.issuer.changes import edit, set_workspace
from rf_middleware.issuer.changes_people import disable_person, remove_member
from rf_middleware.issuer.people import Person
from rf_middleware.issuer.rights import NotTheirs, Right
from tests.issuer.browsing import Forms, add_person, signed_in
from tests.issuer.rig import BY, Rig, in_loop, opened, until
from tests.issuer.test_audit import rows
from tests.issuer.test_members import HERE, MEMBERS, acme, roles

Loss = Callable[[Rig, Person], object]


def removed(rig: Rig, ann: Person) -> None:
    """Take Ann out of the workspace."""
    rig.store.apply(remove_member(acme(rig), ann.id, ann.email, last_too=True), BY)


def demoted(rig: Rig, ann: Person) -> None:
    """Make Ann a viewer."""
    member = next(each for each in rig.store.members(acme(rig)) if each.id == ann.id)
    rig.store.set_role(acme(rig), member, "viewer", BY, last_too=True)


def disabled(rig: Rig, ann: Person) -> None:
    """Keep Ann out altogether."""
    rig.store.apply(disable_person(ann.id, ann.email), BY)


def deleted(rig: Rig, ann: Person) -> None:
    """Delete the workspace."""
    rig.store.apply(set_workspace(acme(rig), "deleted"), BY)


WRITES = {
    HERE: {"name": "k", "access": "role:admin", "scopes": ""},
    HERE + "/keys/{key}/roll": {"grace": "now"},
    HERE + "/keys/{key}/revoke": {},
    HERE + "/keys/{key}/protect": {"on": "yes"},
    HERE + "/keys/{key}/show": {},
    MEMBERS: {"email": "eve@example.com", "role": "admin"},
    MEMBERS + "/{bob}/role": {"role": "admin"},
    MEMBERS + "/{carol}/invite": {},
    MEMBERS + "/{bob}/remove": {},
}


@pytest.mark.parametrize("lose", [removed, demoted, disabled, deleted])
@pytest.mark.parametrize("path", WRITES)
@in_loop
async def test_a_right_that_is_lost_while_a_page_writes_writes_nothing(path: str, lose: Loss, tmp_path: Path) -> None:
    """Lost after the page looked and before it wrote: a plain 404, no row anywhere, no secret."""
    async with signed_in(tmp_path) as browser:
        rig, held_up, go_on = browser.rig, Event(), Event()
        ann, bob = rig.store.person("ann@example.com"), add_person(rig, "bob@example.com", "viewer")
        assert ann is not None
        await browser.get(MEMBERS)
        await browser.send(MEMBERS, email="carol@example.com", role="viewer")
        carol = next(each.id for each in rig.store.members(acme(rig)) if each.email == "carol@example.com")
        secret, key = rig.parts.minting().new("shown", None)
        rig.store.create_key(acme(rig), key, BY)

        def late() -> tuple[object, ...]:
            """Hold up the one thread that writes; then take the right away."""
            held_up.set()
            assert go_on.wait(30)
            lose(rig, ann)
            return state(rig)

        losing = asyncio.create_task(rig.revocations.write(late))
        await until(held_up.is_set)
        where = path.format(key=key.id, bob=bob.id, carol=carol)
        form = {**Forms(browser.page).found["/logout"], **WRITES[path]}
        writing = asyncio.create_task(browser.http.post(where, data=form))
        await until(lambda: rig.revocations._writer._work_queue.qsize() == 1)
        go_on.set()
        after, answer = await losing, await writing
        assert answer.status_code == 404
        assert secret not in answer.text
        assert state(rig) == after


def state(rig: Rig) -> tuple[object, ...]:
    """Return what a write would change."""
    return rows(rig.store._database), roles(rig), rig.told(), rig.store.keys_of(acme(rig))


@in_loop
async def test_an_administrator_needs_no_role(tmp_path: Path) -> None:
    """Who sees every workspace may write there, as long as they are not disabled."""
    async with opened(tmp_path / "issuer.db") as rig:
        root = add_person(rig, "root@example.com", admin=True)
        by = By("person", root.id, root.email, right=Right(root.id, acme(rig), ("admin",)))
        assert not (await rig.revocations.apply(edit(rig.key_id, {"name": "x"}), by)).missed
        none = By("person", root.id, root.email, right=Right(root.id, acme(rig), ()))
        assert not (await rig.revocations.apply(edit(rig.key_id, {"name": "z"}), none)).missed
        disabled(rig, root)
        with pytest.raises(NotTheirs):
            await rig.revocations.apply(edit(rig.key_id, {"name": "y"}), by)
