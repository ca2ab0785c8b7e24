"""``user``: people, on the database itself; alone, and beside a server that runs."""

import json
import re
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from rf_middleware import cli
from rf_middleware._fingerprint import fingerprint
from rf_middleware.issuer.database import Database
from rf_middleware.issuer.people import Person
from rf_middleware.issuer.store import Store
from rf_middleware.issuer.texts import is_email
from tests.issuer.rig import BY, PASSWORDS, new_key, store_of
from tests.issuer.test_audit import rows
from tests.issuer.test_commands_workspace import left_behind


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A file with the workspaces acme and other."""
    path = tmp_path / "issuer.db"
    opened = Database(path)
    for slug in ("acme", "other"):
        Store(opened).create_workspace(slug, "", new_key("Default key", None)[1], BY)
    opened.close()
    return path


@pytest.fixture
def store(database: Path) -> Generator[Store]:
    """The store of that file."""
    with store_of(database) as store:
        yield store


def invoke(database: Path, *arguments: str) -> Result:
    """Run a command about people."""
    return CliRunner(env={"RF_DATABASE_URL": str(database)}).invoke(cli.group, ["user", *arguments])


def printed(database: Path, *arguments: str) -> Any:
    """Return the JSON that a command prints."""
    done = invoke(database, *arguments, "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    return json.loads(done.stdout)


def token(link: str, url: str = "http://127.0.0.1:8080") -> bytes:
    """Return the fingerprint of a link."""
    assert link.startswith(f"{url}/invite/")
    return fingerprint(link.rpartition("/")[2].encode())


def came_in(store: Store, link: str) -> Person:
    """Use a link."""
    person = store.invited(token(link))
    assert person is not None
    store.accept(token(link), person, PASSWORDS.hash("correct horse battery"), BY)
    return person


def actions(store: Store) -> list[str]:
    """Return what the log says beyond the workspaces."""
    return [row["action"] for row in rows(store._database)[4:]]


def test_a_person_is_added_with_a_link(database: Path, store: Store) -> None:
    """It is printed once and works for a week; the person is there in the same transaction, with role and name."""
    begun = time.time()
    made = printed(database, "create", " Ann@Example.com", "--name", "Ann", "--workspace", "acme", "--role", "admin")
    assert made.keys() == {"email", "link", "linkEnds"}
    assert made["email"] == "ann@example.com"
    assert store.invited(token(made["link"])) is not None
    with store._database.reading() as connection:
        ends = connection.execute(text("SELECT ends FROM links")).scalar_one()
    assert 7 * 86_400 <= ends - begun <= 7 * 86_400 + 60
    (ann,) = printed(database, "list")
    assert ann == {
        "email": "ann@example.com",
        "name": "Ann",
        "admin": False,
        "status": "invited",
        "workspaces": {"acme": "admin"},
    }
    assert actions(store) == ["person.create", "member.add", "link.create"]
    came_in(store, made["link"])
    assert printed(database, "list")[0]["status"] == "active"


def test_without_json_people_read_it(database: Path) -> None:
    """The link is on a line of its own; the list has a line for each, and nothing in it moves a cursor."""
    plain = invoke(database, "create", "ann@example.com", "--admin", "--url", "https://Keys.example.com:443").stdout
    assert re.fullmatch(
        r"person  ann@example\.com\nlink    https://keys\.example\.com/invite/[\w-]{43}   \(shown only now;.*\)\n",
        plain,
    )
    invoke(database, "create", "bob@example.com", "--name", "Bob", "--workspace", "other")
    invoke(database, "disable", "bob@example.com")
    assert invoke(database, "list").stdout.splitlines() == [
        "ann@example.com  administrator  (invited)",
        "bob@example.com  Bob  other: developer  (disabled)",
    ]


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        (["create", "ann@example.com"], "there is somebody with the address ann@example.com already", 1),
        (["create", "ANN@example.com"], "there is somebody with the address ann@example.com already", 1),
        (["create", "bob@example.com", "--workspace", "nobody"], "there is no workspace nobody", 1),
        (["create", "bob@example.com", "--role", "admin"], "--role needs --workspace", 2),
        (["create", "bob@example.com", "--workspace", "acme", "--role", "king"], "is not one of", 2),
        (["create", "bob"], "an e-mail address like ann@example.com", 2),
        (["create", "bob\x1b@example.com"], "an e-mail address like ann@example.com", 2),
        (["create", "bob@example.com", "--name", "\x07"], "printable", 2),
        (["create", "bob@example.com", "--url", "keys.example.com/x"], "like https://keys.example.com", 2),
        (["reset", "ann@example.com", "--url", "http://h:99999"], "like https://keys.example.com", 2),
        (["reset", "bob@example.com"], "there is nobody with the address bob@example.com", 1),
        (["disable", "bob@example.com"], "there is nobody with the address bob@example.com", 1),
        (["enable", "bob@example.com"], "there is nobody with the address bob@example.com", 1),
    ],
)
def test_what_can_not_be_done_is_said(arguments: list[str], said: str, code: int, database: Path, store: Store) -> None:
    """Exit 1 for a refusal, 2 for bad usage; nothing is on standard output and nothing is changed."""
    printed(database, "create", "ann@example.com")
    before = actions(store)
    done = invoke(database, *arguments)
    assert (done.exit_code, done.stdout, said in done.stderr) == (code, "", True)
    assert (actions(store), len(store.known())) == (before, 1)


def test_a_reset_ends_password_and_sessions(database: Path, store: Store) -> None:
    """The link before is over, the new one works; who never came in is still somebody new."""
    first = printed(database, "create", "ann@example.com")["link"]
    second = printed(database, "reset", "ann@example.com")["link"]
    assert (store.invited(token(first)), printed(database, "list")[0]["status"]) == (None, "invited")
    ann = came_in(store, second)
    store.begin_session(b"s", ann.id, 9e9, "", BY)
    store.offer_paste(b"p", ann, [], BY)
    third = printed(database, "reset", "ann@example.com", "--url", "https://keys.example.com")["link"]
    assert (store.session(b"s"), store.paste_is_good(b"p")) == (None, False)
    assert printed(database, "list")[0]["status"] == "active"
    found = store.person("ann@example.com")
    assert found is not None
    assert not PASSWORDS.verify(found.password, "correct horse battery")
    assert not PASSWORDS.verify(found.password, "")
    assert store.invited(token(third, "https://keys.example.com")) is not None
    assert actions(store)[-1] == "password.reset"


def test_who_is_disabled_is_out_everywhere(database: Path, store: Store) -> None:
    """Sessions, links, one-time tokens and logins on their way end, and they own no key in any workspace."""
    ann = came_in(store, printed(database, "create", "ann@example.com", "--workspace", "acme")["link"])
    store.begin_session(b"s", ann.id, 9e9, "", BY)
    acme, other = (each.id for each in store.list_workspaces())
    keys = {
        name: new_key(name, None, owners=owners, made_by="ann@example.com")
        for name, owners in {"one": ("Ann@example.com",), "two": ("ann@example.com", "bob"), "free": ()}.items()
    }
    for name, (_, key) in keys.items():
        store.create_key(other if name == "one" else acme, key, BY)
    with store._database.writing() as connection:
        connection.execute(text("INSERT INTO pastes VALUES (x'01', :id, '[]', 1, 9e9, NULL)"), {"id": ann.id})
        for device, state in (("waits", "approved"), ("done", "done")):
            row = "VALUES (:device, :print, :print, '', '', '', '', '', 1, 9e9, 5, NULL, :state, :id, '[]')"
            values = {"device": device, "print": device.encode(), "state": state, "id": ann.id}
            connection.execute(text(f"INSERT INTO devices {row}"), values)
    done = invoke(database, "disable", "ann@example.com")
    assert (done.exit_code, done.stdout) == (0, "ann@example.com is disabled; no validator holds a lease\n")
    assert done.stderr == "Made by them, and still good: two in acme, free in acme\n"
    assert store.session(b"s") is None
    assert [key.name for key in store.keys_of(acme)] == ["Default key", "two", "free"]
    assert [key.owners for key in store.keys_of(acme)] == [(), ("bob",), ()]
    assert [key.name for key in store.keys_of(other)] == ["Default key"]
    with store._database.reading() as connection:
        both = "SELECT (SELECT count(*) FROM links), (SELECT count(*) FROM pastes)"
        counts = tuple(connection.execute(text(both)).one())
        left = connection.execute(text("SELECT id FROM devices")).scalars().all()
    assert (counts, left) == ((0, 0), ["done"])
    assert actions(store)[-2:] == ["key.revoke", "person.disable"]
    refused = invoke(database, "reset", "ann@example.com")
    assert (refused.exit_code, "is disabled; rf-middleware user enable" in refused.stderr) == (1, True)
    again = invoke(database, "disable", "ann@example.com", "--json")
    assert json.loads(again.stdout) == {"seq": 0}
    assert actions(store)[-1] == "person.disable"
    assert (
        invoke(database, "disable", "ann@example.com").stdout == "ann@example.com is disabled; no key ended by that\n"
    )
    assert printed(database, "enable", "ann@example.com") == {"email": "ann@example.com", "status": "active"}
    assert invoke(database, "enable", "ann@example.com").stdout == "ann@example.com can sign in again\n"
    assert actions(store).count("person.enable") == 1
    assert printed(database, "list")[0]["workspaces"] == {"acme": "developer"}
    assert [key.name for key in store.keys_of(other)] == ["Default key"]


def test_the_last_administrator_is_missed(database: Path, store: Store) -> None:
    """It is done, and said what to do about it; as long as another can sign in nothing is said."""
    for email in ("ann@example.com", "bob@example.com"):
        came_in(store, printed(database, "create", email, "--admin")["link"])
    assert invoke(database, "disable", "ann@example.com").stderr == ""
    assert invoke(database, "disable", "bob@example.com").stderr == (
        "Nobody is left who sees everything: rf-middleware user enable bob@example.com, or create --admin\n"
    )


def test_without_waiting_the_place_of_the_receipt_is_said(database: Path, store: Store) -> None:
    """Also while leases of an hour are out."""
    left_behind(database, 3600.0)
    printed(database, "create", "ann@example.com")
    store.create_key(store.list_workspaces()[0].id, new_key("k", None, owners=("ann@example.com",))[1], BY)
    assert printed(database, "disable", "ann@example.com", "--no-wait") == {"receipt": "/revocations/1"}


def test_a_database_that_is_not_there_is_made(tmp_path: Path) -> None:
    """The first person can be added before the server has ever run."""
    assert printed(tmp_path / "new.db", "create", "ann@example.com", "--admin")["email"] == "ann@example.com"


@given(st.text() | st.from_regex(r"\A[\w.\u202e \x00@-]+\Z") | st.emails())
def test_an_address_has_one_at_sign_and_nothing_that_can_not_be_seen(given_: str) -> None:
    """What is taken fits into its column, is what it is looked up by, and can stand in a line of a terminal."""
    if is_email(given_):
        assert given_.count("@") == 1
        assert given_ == given_.lower() == given_.strip()
        assert given_.isprintable()
        assert 3 <= len(given_) <= 320
    elif given_.isascii() and re.fullmatch(r"[a-z0-9.]{1,64}@[a-z0-9.]{1,250}", given_):
        pytest.fail(given_)


def test_addresses_that_people_have_are_taken() -> None:
    """Also those of other scripts."""
    for good in ("a@b", "ann.o'neil+keys@mail.example.com", "ünal@exämple.de", "用户@例子.广告"):
        assert is_email(good)
    for bad in ("", "a", "@b", "a@", "a@b@c", "a b@c", "A@b", "a@b\n", "a" * 65 + "@b", "a@" + "b" * 251, "a\u200b@b"):
        assert not is_email(bad)
