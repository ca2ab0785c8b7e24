"""Makes each change of the store again and again, killed at one statement or commit after the other.

A program of its own (``python -m tests.issuer.crashing FOLDER``): it forks for each time, and is small, so quick.
It prints what was left, by change, as JSON: how often that was the database as before, as after, or neither.
"""

import json
import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing, nullcontext
from pathlib import Path
from shutil import copyfile
from typing import Any, Final

from sqlalchemy import Engine, event

from rf_middleware._fingerprint import fingerprint
from rf_middleware.issuer.changes import edit, expire, remove_owner, revoke, roll, set_workspace
from rf_middleware.issuer.changes_people import disable_person, remove_member
from rf_middleware.issuer.database import Database
from rf_middleware.issuer.device import Device
from rf_middleware.issuer.minting import Minting, sealing
from rf_middleware.issuer.oidc_token import Claims
from rf_middleware.issuer.rows_people import new_person
from rf_middleware.issuer.store import Store
from rf_middleware.issuer.store_members import Invitation
from tests.issuer.rig import BY, VAULT

Dump = dict[str, list[tuple[object, ...]]]

MINTING: Final = Minting(sealing(VAULT))
new_key: Final = MINTING.new
WORKSPACE: Final = "acme"
OWNER: Final = "ann@example.com"
ANN: Final = new_person(OWNER, "Ann", "a hash", admin=False)
BOB: Final = new_person("bob@example.com", "Bob", "a hash", admin=True)
KEYS: Final = [new_key(f"key {each}", None, owners=(OWNER,), expires=2e9 if each else 1.0)[1] for each in range(4)]
BOBS: Final = new_key("his", None, owners=(BOB.email,))[1]
NEW: Final = new_key("new", frozenset({"a:b", "c:d"}), owners=(OWNER, "bob"))[1]
ADA: Final = Claims("https://idp.example", "ada-0001", "ada@example.com", "Ada", None)
LINK: Final = fingerprint(b"a link")
SESSION: Final = fingerprint(b"a session")
PASTE: Final = fingerprint(b"a token")
INVITED: Final = fingerprint(b"an invitation")
INVITED_BEFORE: Final = fingerprint(b"an earlier invitation")
CAROL: Final = new_person("carol@example.com", "", None, admin=False)
MIGRATION: Final = "migration"
SCHEMA_1: Final = Path(__file__).with_name("schema_1.sql")


def here(store: Store) -> str:
    """Return the id of the workspace."""
    return store.list_workspaces()[0].id


def rolled(store: Store) -> None:
    """Replace a key, which stays good for a while."""
    old = store.key_of(here(store), KEYS[1].id)
    assert old is not None
    store.apply(roll(old, NEW, 1.9e9), BY)


def asked(name: str) -> Device:
    """Return a login that a device asks for."""
    return Device(name, "a client", "a device", "", "", "", 1e9, 2e9)


def accepted(store: Store) -> None:
    """Use a link."""
    person = store.invited(INVITED_BEFORE)
    assert person is not None
    store.accept(INVITED_BEFORE, person, "a hash", BY)


CHANGES: Final[dict[str, Callable[[Store], object]]] = {
    "workspace.create": lambda store: store.create_workspace("other", "Other", NEW, BY),
    "key.create": lambda store: store.create_key(here(store), NEW, BY),
    "key.import": lambda store: store.import_keys(here(store), [NEW, new_key("b", None)[1]], BY),
    "key.update": lambda store: store.apply(edit(KEYS[1].id, {"name": "x", "scopes": ["a:b"]}, ["bob", "eve"]), BY),
    "key.revoke": lambda store: store.apply(revoke(KEYS[1].id), BY),
    "key.roll": rolled,
    "key.expire": lambda store: store.apply(expire(1000.0), BY),
    "workspace.delete": lambda store: store.apply(set_workspace(here(store), "deleted"), BY),
    "owner.remove": lambda store: store.apply(remove_owner(here(store), OWNER), BY),
    "member.add": lambda store: store.add_member(here(store), OWNER, "viewer", Invitation(BOB, INVITED, 2e9), BY),
    "member.role": lambda store: store.set_role(
        here(store), store.members(here(store))[0], "viewer", BY, last_too=True
    ),
    "member.remove": lambda store: store.apply(remove_member(here(store), BOB.id, BOB.email, last_too=True), BY),
    "person.invite": lambda store: store.create_person(ANN, BY, here(store), "viewer", (INVITED, 2e9)),
    "person.disable": lambda store: store.apply(disable_person(BOB.id, BOB.email), BY),
    "password.reset": lambda store: store.reset_person(BOB, INVITED, 2e9, BY),
    "password.change": lambda store: store.change_password(BOB, "another hash", b"", BY),
    "link.use": accepted,
    "token.create": lambda store: store.create_token(fingerprint(b"t"), "t", BY),
    "person.create": lambda store: store.create_person(ANN, BY, here(store), "viewer"),
    "person.first": lambda store: store.become_first(LINK, ANN, BY),
    "session.begin": lambda store: store.begin_session(SESSION, BOB.id, 2e9, "a browser", BY),
    "identity.link": lambda store: store.recognise(ADA, BY, new=True),
    "login.ask": lambda store: store.ask_login(asked("new"), (fingerprint(b"d"), fingerprint(b"u")), BY),
    "login.approve": lambda store: store.decide_login("pending", BOB, (here(store),), BY),
    "login.deny": lambda store: store.decide_login("pending", BOB, (), BY),
    "login.poll": lambda store: store.poll_login("pending", MINTING, ""),
    "login.exchange": lambda store: store.poll_login("approved", MINTING, ""),
    "login.paste": lambda store: store.offer_paste(fingerprint(b"new"), BOB, [here(store)], BY),
    "login.pasted": lambda store: store.exchange_paste(PASTE, MINTING, ""),
    "write-once": lambda store: store.set_write_once(on=True),
    "life": lambda store: store.begin_life(10.0),
}


def killed_everywhere(
    start: Path, trial: Path, change: Callable[[Store], object], *, again: bool = False
) -> list[Dump]:
    """Make a change to copies of a database, killed at one point after the other; return what was left each time.

    Args:
        start: the database, which stays as it is.
        trial: where the copies are.
        change: what is done.
        again: open each database once more before it is looked at.
    """
    seen: list[Dump] = []
    while True:
        for side in ("-wal", "-shm"):
            trial.with_name(trial.name + side).unlink(missing_ok=True)
        copyfile(start, trial)
        through = killed(trial, change, len(seen))
        with closing(Database(trial)) if again else nullcontext():
            seen.append(dump(trial))
        if through:
            return seen


def prepared(path: Path, *, anybody: bool) -> None:
    """Make a database with a workspace, keys and people."""
    database = Database(path)
    store = Store(database)
    store.create_workspace(WORKSPACE, "Acme & Sons", KEYS[0], BY)
    for key in KEYS[1:]:
        store.create_key(here(store), key, BY)
    if anybody:
        store.create_person(BOB, BY, here(store))
        for name in ("pending", "approved"):
            store.ask_login(asked(name), (fingerprint(name.encode()), fingerprint(name.upper().encode())), BY)
        store.decide_login("approved", BOB, (here(store),), BY)
        store.offer_paste(PASTE, BOB, [here(store)], BY)
        store.create_person(CAROL, BY, link=(INVITED_BEFORE, 2e9))
        store.begin_session(fingerprint(b"an earlier session"), BOB.id, 2e9, "a browser", BY)
        store.create_key(here(store), BOBS, BY)
    store.create_first_link(LINK, 2e9, BY)
    database.close()


def killed(path: Path, change: Callable[[Store], object], at: int) -> bool:
    """Make a change in a process killed at its statement or commit of this number; say whether it got through."""
    child = os.fork()
    if not child:
        passed = 0

        def count(*_: object) -> None:
            nonlocal passed
            if passed == at:
                os.kill(os.getpid(), signal.SIGKILL)
            passed += 1

        for moment in ("before_cursor_execute", "after_cursor_execute", "commit"):
            event.listen(Engine, moment, count)
        change(Store(Database(path)))
        os.kill(os.getpid(), signal.SIGTERM)  # through, and gone without what a test does at its end
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status) == signal.SIGTERM


def dump(path: Path) -> Dump:
    """Return every row, but for what no two runs have in common: times, random numbers, and what is made of them.

    Raises:
        AssertionError: SQLite finds it damaged.
    """
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: _rows(connection, name) for name in tables}


def _rows(connection: sqlite3.Connection, table: str) -> list[tuple[object, ...]]:
    found: list[tuple[Any, ...]] = connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()  # noqa: S608 - our own names
    return [tuple("a time" if isinstance(each, float) else each for each in row if not _random(each)) for row in found]


def _random(value: object) -> bool:
    """Say whether a value is new in each run."""
    return isinstance(value, bytes) and value not in _KNOWN


_KNOWN: Final = {each.fingerprint for each in (*KEYS, BOBS, NEW)} | {
    LINK,
    SESSION,
    INVITED,
    INVITED_BEFORE,
    fingerprint(b"t"),
}


def outcome(seen: list[Dump], before: Dump) -> dict[str, int]:
    """Count what was left."""
    after = seen[-1]
    return {
        "before": sum(each == before != after for each in seen),
        "after": sum(each == after for each in seen),
        "neither": sum(each not in (before, after) for each in seen),
    }


def main(folder: Path) -> dict[str, dict[str, int]]:
    """Make every change, and bring a database of an older version up to date."""
    start, trial = folder / "start.db", folder / "trial.db"
    found: dict[str, dict[str, int]] = {}
    for name, change in CHANGES.items():
        start.unlink(missing_ok=True)
        prepared(start, anybody=name != "person.first")
        found[name] = outcome(killed_everywhere(start, trial, change), dump(start))
    start.unlink()
    with closing(sqlite3.connect(start)) as connection:
        connection.executescript(SCHEMA_1.read_text(encoding="utf-8"))
    found[MIGRATION] = outcome(killed_everywhere(start, trial, Store.list_workspaces, again=True), dump(start))
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(Path(sys.argv[1]))))
