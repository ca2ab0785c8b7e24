"""The changes as the store carries them out: one transaction each, nothing by halves, and who is told about it."""

import time
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path

import pytest

from rf_middleware.issuer.changes import Change, edit, expire, remove_owner, revoke, roll, set_workspace
from rf_middleware.issuer.database import Database
from rf_middleware.issuer.records import Ended, Key
from rf_middleware.issuer.store import Store
from tests.issuer.rig import BY, new_key


@pytest.fixture
def store(tmp_path: Path) -> Generator[Store]:
    """A store with the workspaces acme, which has a key, and other."""
    database = Database(tmp_path / "issuer.db")
    store = Store(database)
    for slug in ("acme", "other"):
        store.create_workspace(slug, "", new_key("Default key", None)[1], BY)
    yield store
    database.close()


def workspace(store: Store, slug: str = "acme") -> str:
    """Return the id of a workspace."""
    return next(each.id for each in store.list_workspaces() if each.slug == slug)


def add(store: Store, *owners: str, scopes: frozenset[str] | None = None, slug: str = "acme") -> Key:
    """Add a key to a workspace."""
    key_id = store.create_key(workspace(store, slug), new_key("k", scopes, owners=owners)[1], BY)
    return read(store, key_id, slug)


def read(store: Store, key_id: str, slug: str = "acme") -> Key:
    """Read a key."""
    key = store.key_of(workspace(store, slug), key_id)
    assert key is not None
    return key


def told(store: Store) -> list[str]:
    """Return what every event so far says that happened."""
    return [event.change for event in store.events_after(0)]


def rolled(key: Key, old_ends: float | None = None, owners: tuple[str, ...] = ()) -> tuple[Change, str]:
    """Return the roll of a key, as it was read, to a copy of it, and the id of that."""
    new = new_key(key.name, key.scopes, expires=key.expires, disabled=key.status == "disabled", owners=owners)[1]
    return roll(key, new, old_ends), new.id


def test_every_kind_of_change_writes_one_event(store: Store) -> None:
    """Each change that ends, shrinks or restores is told once, and its number is what is waited for."""
    key, acme = add(store), workspace(store)
    soon = time.time() + 1000
    changes = [
        (edit(key.id, {"status": "disabled"}), "disabled"),
        (edit(key.id, {"status": "active"}), "enabled"),
        (edit(key.id, {"scopes": ["a:b"]}), "updated"),
        (edit(key.id, {"scopes": None}), "updated"),
        (edit(key.id, {"expires": soon, "name": "new"}, ["ann"]), "updated"),
        (set_workspace(acme, "suspended"), "suspended"),
        (set_workspace(acme, "active"), "enabled"),
        (edit(key.id, {"expires": None}), "updated"),
    ]
    for seq, (change, _) in enumerate(changes, 1):
        assert store.apply(change, BY) == Ended(seq, before=False)
    assert store.apply(rolled(read(store, key.id), soon)[0], BY) == Ended(9, before=False)
    assert store.apply(revoke(key.id), BY) == Ended(10, before=False)
    assert store.apply(set_workspace(acme, "deleted"), BY) == Ended(11, before=False)
    assert told(store) == [change for _, change in changes] + ["updated", "revoked", "suspended"]
    subjects = [(event.fingerprint is None, event.workspace) for event in store.events_after(10)]
    assert subjects == [(True, "acme")]


def test_names_owners_and_uses_are_no_events(store: Store) -> None:
    """What no validator caches is told to none."""
    key = add(store, "ann")
    store.apply(edit(key.id, {"name": "new"}), BY)
    store.apply(edit(key.id, {}, ["bob", "ann", "bob"]), BY)
    store.used({key.id: 5.0})
    store.used({key.id: 6.0})
    assert store.apply(edit(key.id, {}), BY) == Ended(0, before=True)
    found = read(store, key.id)
    assert (found.name, found.owners, found.last_used, told(store)) == ("new", ("ann", "bob"), 6.0, [])


def test_a_repeat_is_told_the_event_of_the_first(store: Store) -> None:
    """What is so already is no second event, and whoever asks again waits for the first."""
    key, acme = add(store), workspace(store)
    for change in (edit(key.id, {"status": "disabled"}), revoke(key.id), set_workspace(acme, "suspended")):
        first = store.apply(change, BY)
        assert not first.before
        assert store.apply(change, BY) == Ended(first.seq, before=True)
    assert told(store) == ["disabled", "revoked", "suspended"]


def test_an_ended_key_is_left_alone(store: Store) -> None:
    """Neither columns nor owners of it change, and the answer is the event that ended it."""
    key = add(store, "ann")
    store.apply(revoke(key.id), BY)
    ended = read(store, key.id)
    assert store.apply(edit(key.id, {"name": "new", "scopes": []}, ["bob"]), BY) == Ended(1, before=True)
    assert store.apply(rolled(ended)[0], BY) == Ended(1, before=True)
    assert read(store, key.id) == ended
    assert told(store) == ["revoked"]


def test_a_roll_makes_the_new_key_and_ends_the_old_in_one(store: Store) -> None:
    """The old key says what took its place, once: the second roll makes nothing."""
    key = add(store, scopes=frozenset({"b:c", "a:b"}))
    change, new = rolled(key, None, ("ann",))
    assert store.apply(change, BY) == Ended(1, before=False)
    old = read(store, key.id)
    assert (old.status, old.replaced_by, read(store, new).owners) == ("rolled", new, ("ann",))
    assert read(store, new).scopes == key.scopes
    count = len(store.keys_of(key.workspace.id))
    again = roll(key, new_key("k", None)[1], None)
    assert store.apply(again, BY) == Ended(1, before=True)
    assert len(store.keys_of(key.workspace.id)) == count


@pytest.mark.parametrize("ends", [500.0, 1000.0])
def test_a_roll_with_time_to_go_is_told_even_if_that_is_all_the_time_it_had(ends: float, store: Store) -> None:
    """The old key stays good until its end, is not rolled twice, and the roll has an event to wait for."""
    key, end = add(store), time.time() + 1000
    store.apply(edit(key.id, {"expires": end}), BY)
    change, new = rolled(read(store, key.id), end - 1000 + ends)
    assert store.apply(change, BY) == Ended(2, before=False)
    old = read(store, key.id)
    assert (old.status, old.replaced_by, old.expires) == ("active", new, end - 1000 + ends)
    assert store.apply(rolled(old)[0], BY) == Ended(2, before=True)


@pytest.mark.parametrize(
    "values", [{"scopes": ["a:b"]}, {"scopes": None}, {"status": "disabled"}, {"expires": time.time() + 1000}]
)
def test_a_roll_of_a_key_that_changed_meanwhile_is_no_roll(values: dict[str, object], store: Store) -> None:
    """The new key is a copy of what was read: where that is not so any more, it would undo the change."""
    key = add(store, scopes=frozenset({"a:b", "b:c"}))
    change, new = rolled(key)
    store.apply(edit(key.id, values), BY)
    assert store.apply(change, BY) == Ended(1, before=True)
    assert store.key_of(key.workspace.id, new) is None
    assert read(store, key.id).replaced_by is None
    assert store.apply(rolled(read(store, key.id))[0], BY) == Ended(2, before=False)


def test_whoever_leaves_takes_their_own_keys_along(store: Store) -> None:
    """Each key that nobody else answers for ends with its owner, in this workspace, at once and with an event each."""
    alone = [add(store, "ann"), add(store, "ann")]
    both, bobs, nobodys, elsewhere = (
        add(store, "ann", "bob"),
        add(store, "bob"),
        add(store),
        add(store, "ann", slug="other"),
    )
    ended = add(store, "ann")
    store.apply(revoke(ended.id), BY)
    assert store.apply(remove_owner(both.workspace.id, "ann"), BY) == Ended(3, before=False)
    assert [read(store, key.id).status for key in (*alone, both, bobs, nobodys)] == ["revoked"] * 2 + ["active"] * 3
    assert read(store, both.id).owners == ("bob",)
    assert read(store, elsewhere.id, "other") == elsewhere
    assert told(store) == ["revoked"] * 3
    again = store.apply(remove_owner(both.workspace.id, "ann"), BY)
    assert (again, read(store, both.id).status) == (Ended(3, before=True), "active")


def test_keys_whose_time_has_come_end_together(store: Store) -> None:
    """Two that are due are two events in order, a disabled one too, and one that has time to go stays."""
    keys = [add(store) for _ in range(4)]
    end = time.time() + 1000
    for key, expires in zip(keys, (end, end, end + 1, None), strict=True):
        store.apply(edit(key.id, {"expires": expires}), BY)
    store.apply(edit(keys[1].id, {"status": "disabled"}), BY)
    head = store.events_after(0)[-1].seq
    assert not store.astir(head, end - 1)
    assert store.astir(head, end)
    assert store.apply(expire(end), BY) == Ended(head + 2, before=False)
    assert [event.change for event in store.events_after(head)] == ["expired", "expired"]
    assert [read(store, key.id).status for key in keys] == ["expired", "expired", "active", "active"]
    assert not store.astir(head + 2, end)
    assert store.astir(head, end)
    assert store.apply(expire(end), BY) == Ended(head + 2, before=True)


def test_a_key_whose_time_has_come_is_given_nothing(store: Store) -> None:
    """Also before anybody looked for it: whatever is asked for, it ends, and that is what is told."""
    asked: list[Callable[[Key], Change]] = [
        lambda key: edit(key.id, {"expires": None}),
        lambda key: edit(key.id, {"name": "new"}, ["ann"]),
        lambda key: rolled(key)[0],
        lambda key: revoke(key.id),
    ]
    for change in asked:
        key_id = store.create_key(workspace(store), new_key("k", None, expires=time.time() - 1)[1], BY)
        key = read(store, key_id)
        seq = len(told(store)) + 1
        assert store.apply(change(key), BY) == Ended(seq, before=True)
        assert told(store)[-1] == "expired"
        assert read(store, key_id) == replace(key, status="expired")
