"""Logins in the database: each code and token works once, also in a race; keys are what the person may have by then."""

import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import delete, func, select, text, update

from rf_middleware.issuer.changes import revoke, set_workspace
from rf_middleware.issuer.database import Database
from rf_middleware.issuer.device import LASTS, Device
from rf_middleware.issuer.logins import Handed, LoginOver, TooManyLogins
from rf_middleware.issuer.minting import Minting, sealing
from rf_middleware.issuer.people import Person
from rf_middleware.issuer.presets import PRESETS
from rf_middleware.issuer.records import Key
from rf_middleware.issuer.rows_people import new_person
from rf_middleware.issuer.schema_people import devices, members, pastes, people
from rf_middleware.issuer.store import Store
from rf_middleware.issuer.store_logins import MOST_OF_ONE, MOST_PENDING, _went_on
from tests.issuer.rig import BY, VAULT, new_key
from tests.issuer.test_audit import told

MINTING = Minting(sealing(VAULT))
ROLES = {"one": "admin", "two": "developer", "three": "viewer"}


class Shop:
    """A database with three workspaces, and a person who has another role in each."""

    def __init__(self, path: Path) -> None:
        self.database = Database(path)
        self.store = Store(self.database)
        self.ids = {
            slug: self.store.create_workspace(slug, slug.title(), new_key("Default key", None)[1], BY) for slug in ROLES
        }
        self.ann = self.person("ann@example.com")
        with self.database.writing() as connection:
            for slug, role in ROLES.items():
                row = {"workspace_id": self.ids[slug], "person_id": self.ann.id, "role": role}
                connection.execute(members.insert().values(row))
        self.start = len(self.log())

    def person(self, email: str, *, admin: bool = False) -> Person:
        """Add a person."""
        person = new_person(email, "", None, admin=admin)
        self.store.create_person(person, BY)
        return person

    def device(self, name: str = "d", **more: object) -> Device:
        """Add a login whose codes are made of its id."""
        now = time.time()
        made = replace(Device(name, "a client", "ann@laptop", "192.0.2.1", "", "", now, now + LASTS), **more)  # type: ignore[arg-type]  # fields by name
        self.store.ask_login(made, (name.encode().rjust(32), name.encode().rjust(32, b"u")), BY)
        return made

    def approved(self, name: str = "d", *slugs: str) -> Device:
        """Add a login that Ann allowed."""
        made = self.device(name)
        self.store.decide_login(name, self.ann, tuple(self.ids[slug] for slug in slugs or ROLES), BY)
        return made

    def pasted(self, held: bytes = b"p", *slugs: str) -> bytes:
        """Add a one-time token of Ann's."""
        fingerprint = held.rjust(32)
        self.store.offer_paste(fingerprint, self.ann, [self.ids[slug] for slug in slugs or ROLES], BY)
        return fingerprint

    def exchange(self, way: str) -> str | tuple[Handed, ...]:
        """Ask for the keys of a login."""
        if way == "code":
            return self.store.poll_login("d", MINTING, "198.51.100.7")
        return self.store.exchange_paste(b"p".rjust(32), MINTING, "198.51.100.7")

    def made(self) -> list[Key]:
        """Return the keys that logins made."""
        return [key for each in self.ids.values() for key in self.store.keys_of(each) if key.made_by]

    def log(self) -> list[tuple[str, str, str]]:
        """Return who did what to what since the start."""
        return told(self.database, 0)

    def do(self, statement: str) -> None:
        """Write to the database."""
        with self.database.writing() as connection:
            connection.execute(text(statement))


@pytest.fixture
def shop(tmp_path: Path) -> Generator[Shop]:
    """Open a new one."""
    made = Shop(tmp_path / "issuer.db")
    yield made
    made.database.close()


def begun(shop: Shop, way: str) -> None:
    """Add a login that can be exchanged for keys of all workspaces."""
    if way == "code":
        shop.approved()
    else:
        shop.pasted()


WAYS = pytest.mark.parametrize("way", ["code", "token"])


@WAYS
def test_each_key_is_by_the_role_of_its_person(way: str, shop: Shop) -> None:
    """An admin's may do everything, the others' as much as their preset; the person owns it, its name says why."""
    begun(shop, way)
    handed = shop.exchange(way)
    assert not isinstance(handed, str)
    assert {each.workspace.slug: each.scopes for each in handed} == {
        slug: PRESETS[f"role:{role}"] for slug, role in ROLES.items()
    }
    name = "login on ann@laptop" if way == "code" else "login by token"
    for key in shop.made():
        assert (key.name, key.owners, key.made_by, key.sealed) == (name, (shop.ann.email,), shop.ann.email, True)
    assert len(shop.made()) == 3
    assert "rfk_" not in repr(handed)


@WAYS
def test_it_works_once(way: str, shop: Shop) -> None:
    """What is spent gives nothing any more."""
    begun(shop, way)
    assert len(shop.exchange(way)) == 3
    assert shop.exchange(way) == ("invalid_grant" if way == "code" else ())
    assert len(shop.made()) == 3


@WAYS
def test_of_many_at_the_same_moment_one_gets_keys(way: str, shop: Shop) -> None:
    """However many threads exchange it in a race: one set of keys is there."""
    begun(shop, way)
    at_once = Barrier(8, timeout=60)

    def exchange(_: int) -> str | tuple[Handed, ...]:
        at_once.wait()
        return shop.exchange(way)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(exchange, range(8)))
    assert sorted(len(each) for each in answers if not isinstance(each, str) and each) == [3]
    assert len(shop.made()) == 3


@WAYS
def test_who_was_removed_meanwhile_gets_nothing_there(way: str, shop: Shop) -> None:
    """Memberships are looked at again; the rest is handed out."""
    begun(shop, way)
    with shop.database.writing() as connection:
        connection.execute(delete(members).where(members.c.workspace_id == shop.ids["one"]))
        connection.execute(update(members).where(members.c.workspace_id == shop.ids["two"]).values(role="viewer"))
    handed = shop.exchange(way)
    assert not isinstance(handed, str)
    assert [(each.workspace.slug, each.scopes) for each in handed] == [
        ("two", PRESETS["role:viewer"]),
        ("three", PRESETS["role:viewer"]),
    ]


def disabled(shop: Shop) -> None:
    """Disable the person."""
    shop.do("UPDATE people SET status = 'disabled'")


def removed(shop: Shop) -> None:
    """Remove the person from every workspace."""
    shop.do("DELETE FROM members")


def suspended(shop: Shop) -> None:
    """Suspend every workspace but one, and delete that."""
    for slug in ROLES:
        shop.store.apply(set_workspace(shop.ids[slug], "deleted" if slug == "one" else "suspended"), BY)


@WAYS
@pytest.mark.parametrize("change", [disabled, removed, suspended])
def test_where_nothing_is_left_nothing_is_handed_out(way: str, change: Callable[[Shop], None], shop: Shop) -> None:
    """The code is spent all the same, and the audit log tells of it."""
    begun(shop, way)
    change(shop)
    assert shop.exchange(way) == ("access_denied" if way == "code" else ())
    assert shop.made() == []
    assert shop.log()[-1][1] == "login.fail"
    assert shop.exchange(way) == ("invalid_grant" if way == "code" else ())


def test_an_administrator_gets_keys_of_every_workspace(shop: Shop) -> None:
    """They are no member of any, and admin of all."""
    root = shop.person("root@example.com", admin=True)
    shop.device()
    shop.store.decide_login("d", root, (shop.ids["three"],), BY)
    handed = shop.exchange("code")
    assert not isinstance(handed, str)
    assert [(each.workspace.slug, each.scopes) for each in handed] == [("three", None)]


@WAYS
def test_keys_and_the_spent_code_are_there_together_or_not_at_all(way: str, shop: Shop) -> None:
    """What fails at the last statement leaves the login as it was."""
    begun(shop, way)
    shop.do(
        "CREATE TRIGGER broken BEFORE INSERT ON audit WHEN NEW.action = 'login.exchange'"
        " BEGIN SELECT RAISE(ABORT, 'broken'); END"
    )
    with pytest.raises(Exception, match="broken"):
        shop.exchange(way)
    assert shop.made() == []
    shop.do("DROP TRIGGER broken")
    assert len(shop.exchange(way)) == 3


def test_the_audit_log_tells_of_each_step(shop: Shop) -> None:
    """Who asked, who allowed, who got what; no code or fingerprint."""
    shop.approved("d", "one")
    shop.exchange("code")
    shop.device("e")
    shop.store.decide_login("e", shop.ann, (), BY)
    shop.pasted(b"p", "two")
    shop.exchange("token")
    actions = [action for _, action, _ in shop.log()[shop.start :]]
    assert actions == [
        "login.ask",
        "login.approve",
        "key.create",
        "login.exchange",
        "login.ask",
        "login.deny",
        "login.paste",
        "key.create",
        "login.exchange",
    ]
    assert {kind for kind, action, _ in shop.log() if action == "login.exchange"} == {"person"}


def test_a_login_is_answered_once(shop: Shop) -> None:
    """Neither a second yes nor a late no is taken; one that is gone or too old neither."""
    shop.approved()
    shop.device("old", ends=time.time() - 1)
    for name in ("d", "old", "nobody"):
        with pytest.raises(LoginOver):
            shop.store.decide_login(name, shop.ann, (), BY)
    assert len(shop.exchange("code")) == 3
    assert shop.store.poll_login("nobody", MINTING, "") == "invalid_grant"


def test_what_changed_since_it_was_read_is_not_written_over(shop: Shop) -> None:
    """The statement itself looks at what was read: of two who read the same, one goes on."""
    device = shop.device()
    with shop.database.writing() as connection:
        assert _went_on(connection, device, replace(device, polled=1.0))
        assert not _went_on(connection, device, replace(device, state="denied"))
        assert not _went_on(connection, replace(device, state="approved", polled=1.0), replace(device, state="done"))


def test_polls_are_kept(shop: Shop) -> None:
    """The interval that a device was given holds for its next poll."""
    device = shop.device()
    assert shop.exchange("code") == "authorization_pending"
    shop.do("UPDATE devices SET interval = 500.0")  # however long the next poll takes
    assert shop.exchange("code") == "slow_down"
    found = shop.store.login_by_device_code(b"d".rjust(32))
    assert found is not None
    assert found.interval == 505.0
    assert found == replace(device, interval=505.0, polled=found.polled)
    assert shop.store.login_by_user_code(b"d".rjust(32, b"u")) == found
    assert shop.store.login_by_user_code(b"d".rjust(32)) is None


def test_a_code_that_is_taken_is_not_given_twice(shop: Shop) -> None:
    """Nothing is changed, and the device may ask again."""
    shop.device()
    with pytest.raises(TooManyLogins):
        shop.device(ends=0.0)
    assert shop.exchange("code") == "authorization_pending"


def crowd(database: Database) -> None:
    """Add as many logins as may wait at the same time."""
    now = time.time()
    shape = asdict(Device("", "a client", "", "", "", "", now, now + LASTS))
    rows = [
        {**shape, "id": str(each), "device_fingerprint": b"%032d" % each, "user_fingerprint": b"%032d" % each}
        for each in range(MOST_PENDING)
    ]
    with database.writing() as connection:
        connection.execute(devices.insert(), rows)


def test_only_so_many_logins_wait_at_the_same_time(shop: Shop) -> None:
    """Beyond that nobody adds one, until some are answered or over; those long over are cleared away."""
    count = select(func.count()).select_from(devices)
    now = time.time()
    for number in range(3):
        shop.device(f"over{number}", ends=now - LASTS - 1)
    crowd(shop.database)
    with pytest.raises(TooManyLogins):
        shop.device("more")
    shop.store.decide_login("7", shop.ann, (), BY)
    shop.device("more")
    with shop.database.reading() as connection:
        assert connection.execute(count).scalar_one() == MOST_PENDING + 1
    with pytest.raises(TooManyLogins):
        shop.device("still more")


def test_a_person_has_few_good_tokens(shop: Shop) -> None:
    """A new one takes the place of the oldest; used ones, and those of others, do not count."""
    bob = shop.person("bob@example.com")
    shop.store.offer_paste(b"bob".rjust(32), bob, [shop.ids["one"]], BY)
    held = [shop.pasted(b"%d" % number) for number in range(MOST_OF_ONE + 2)]
    assert [shop.store.paste_is_good(each) for each in held] == [False] * 2 + [True] * MOST_OF_ONE
    assert shop.store.paste_is_good(b"bob".rjust(32))
    assert shop.store.exchange_paste(b"bob".rjust(32), MINTING, "") == ()  # in no workspace
    assert len(shop.store.exchange_paste(held[-1], MINTING, "")) == 3
    assert not shop.store.paste_is_good(held[-1])
    shop.do("UPDATE pastes SET ends = 1 WHERE used IS NULL")
    assert not shop.store.paste_is_good(held[-2])
    assert shop.store.exchange_paste(held[-2], MINTING, "") == ()
    shop.pasted(b"new")
    with shop.database.reading() as connection:
        assert connection.execute(select(func.count()).select_from(pastes)).scalar_one() == 3


def test_what_a_login_made_ends_like_any_key(shop: Shop) -> None:
    """It is revoked by its id, and the person is told of by the audit log."""
    shop.approved("d", "one")
    shop.exchange("code")
    (key,) = shop.made()
    assert not shop.store.apply(revoke(key.id), BY).before
    assert shop.made() == []


def test_no_code_is_in_the_database(shop: Shop) -> None:
    """Rows and audit log have fingerprints at most, and the reprs of what is read have none of them."""
    shop.approved("d", "one")
    handed = shop.exchange("code")
    assert not isinstance(handed, str)
    with shop.database.reading() as connection:
        assert connection.execute(select(people.c.id)).all()
        dump = "\n".join(connection.connection.driver_connection.iterdump())  # type: ignore[union-attr]  # sqlite3's own
    assert handed[0].secret not in dump
