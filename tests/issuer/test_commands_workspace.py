"""``workspace suspend`` and its like, on the database itself: alone, beside a server that runs, after one that died."""

import json
import time
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import update

from rf_middleware import cli
from rf_middleware._fingerprint import fingerprint
from rf_middleware._models import SLUG
from rf_middleware.issuer import schema
from rf_middleware.issuer.access import actor_of
from rf_middleware.issuer.app import build_app
from rf_middleware.issuer.database import Database
from rf_middleware.issuer.store import Store
from tests.issuer.rig import BY, in_loop, new_key, opened


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A file with the workspace acme."""
    assert invoke(tmp_path / "issuer.db", "create", "acme").exit_code == 0
    return tmp_path / "issuer.db"


def invoke(database: Path, *arguments: str, said: str = "") -> Result:
    """Run a command about workspaces."""
    runner = CliRunner(env={"RF_DATABASE_URL": str(database)})
    return runner.invoke(cli.group, ["workspace", *arguments], input=said)


def added(database: Path, *owners: str) -> tuple[str, str]:
    """Add a key to acme; return secret and id."""
    secret, key = new_key("k", None, owners=owners)
    opened = Database(database)
    store = Store(opened)
    key_id = store.create_key(store.list_workspaces()[0].id, key, BY)
    opened.close()
    return secret, key_id


def good(database: Path, secret: str) -> bool:
    """Say whether a key is good."""
    opened = Database(database)
    found = Store(opened).look_up(fingerprint(secret.encode()))
    opened.close()
    return actor_of(found) is not None


def told(database: Path) -> list[str]:
    """Return what every event so far says that happened."""
    opened = Database(database)
    events = Store(opened).events_after(0)
    opened.close()
    return [event.change for event in events]


def left_behind(database: Path, longest: float) -> None:
    """Write into the file what a server that died leaves behind."""
    opened = Database(database)
    with opened.writing() as connection:
        connection.execute(update(schema.meta).values(outstanding=True, longest_lease=longest))
    opened.close()


@pytest.mark.parametrize(
    ("command", "arguments", "status", "event"),
    [
        ("suspend", (), "suspended", "suspended"),
        ("delete", ("--yes",), "deleted", "suspended"),
        ("resume", (), "active", "enabled"),
    ],
)
def test_without_a_server_and_without_leases_it_is_done_at_once(
    command: str, arguments: tuple[str, ...], status: str, event: str, database: Path
) -> None:
    """One event, said in one line; the same again is no second event and no error, here and in JSON."""
    if command == "resume":
        invoke(database, "suspend", "acme")
    before, (secret, _) = told(database), added(database)
    done = invoke(database, command, "acme", *arguments)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == f"acme is {status}; no validator holds a lease\n"
    assert told(database) == [*before, event]
    assert good(database, secret) is (status == "active")
    again = invoke(database, command, "acme", *arguments, "--json")
    assert (again.exit_code, json.loads(again.stdout)) == (0, {"seq": len(before) + 1})
    assert told(database) == [*before, event]
    listed = invoke(database, "list").stdout
    assert listed == ("acme\n" if status == "active" else f"acme  ({status})\n")


@pytest.mark.parametrize("said", ["", "n\n"])
def test_a_workspace_is_not_deleted_by_mistake(said: str, database: Path) -> None:
    """Without ``--yes`` the question is asked, and no answer is a no; with a yes it is done."""
    refused = invoke(database, "delete", "acme", said=said)
    assert (refused.exit_code, told(database)) == (1, [])
    assert (refused.stdout, "The keys of acme end for good. Go on?" in refused.stderr) == ("", True)
    assert invoke(database, "delete", "acme", said="y\n").exit_code == 0
    assert told(database) == ["suspended"]


@pytest.mark.parametrize(
    "arguments",
    [["suspend"], ["resume"], ["delete", "--yes"], ["key"], ["remove-owner", "ann"], ["suspend", "--no-wait"]],
)
def test_an_unknown_workspace_is_a_refusal(arguments: list[str], database: Path) -> None:
    """Exit 1 and one line; the slug is compared as it is."""
    command, *more = arguments
    for slug in ("nobody", "ACME"):
        done = invoke(database, command, slug, *more)
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr == f"rf-middleware: there is no workspace {slug}\n"
    assert told(database) == []


@pytest.mark.parametrize("command", ["resume", "suspend", "key"])
def test_a_deleted_workspace_is_past(command: str, database: Path) -> None:
    """It is not resumed or suspended, gets no new key, and its name is not given away."""
    invoke(database, "delete", "acme", "--yes")
    done = invoke(database, command, "acme")
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", "rf-middleware: the workspace acme is deleted\n")
    assert invoke(database, "create", "acme").stderr == "rf-middleware: there is a workspace acme already\n"
    assert told(database) == ["suspended"]


@pytest.mark.parametrize(("made", "seq"), [(True, 1), (False, 0)])
def test_without_waiting_the_place_of_the_receipt_is_said(made: bool, seq: int, database: Path) -> None:
    """Also while leases of an hour are out; where nothing was ever changed there is no place to name."""
    left_behind(database, 3600.0)
    command = "suspend" if made else "resume"
    done = invoke(database, command, "acme", "--no-wait", "--json")
    assert (done.exit_code, json.loads(done.stdout)) == (0, {"receipt": "/revocations/1"} if made else {"seq": 0})
    plain = invoke(database, command, "acme", "--no-wait")
    status = "suspended" if made else "active"
    assert plain.stdout == f"acme is {status}" + ("; see /revocations/1\n" if seq else "\n")


def test_leases_of_a_server_that_died_are_waited_for(database: Path) -> None:
    """It takes as long as the longest lease may run, and a little for clocks that run slow."""
    left_behind(database, 0.3)
    opened = Database(database)
    assert Store(opened).longest_wait() == 0.3
    opened.close()
    begun = time.monotonic()
    done = invoke(database, "suspend", "acme")
    assert (done.exit_code, done.stdout) == (0, "acme is suspended; no validator holds a lease\n")
    assert time.monotonic() - begun >= 0.3


def test_an_owner_who_leaves_takes_their_keys_along(database: Path) -> None:
    """Keys that nobody else owns are revoked, each with its event; there is no such owner twice."""
    (alone, _), (second, _), (both, _) = added(database, "ann"), added(database, "ann"), added(database, "ann", "bob")
    done = invoke(database, "remove-owner", "acme", "ann")
    assert (done.exit_code, done.stdout) == (
        0,
        "ann is off 3 keys of acme, 2 of them revoked; no validator holds a lease\n",
    )
    assert [good(database, secret) for secret in (alone, second, both)] == [False, False, True]
    for arguments in (["ann", "--json"], ["nobody", "--no-wait"], [""]):
        again = invoke(database, "remove-owner", "acme", *arguments)
        assert (again.exit_code, again.stdout) == (1, "")
        assert again.stderr == f"rf-middleware: {arguments[0]} owns no key of acme\n".replace(":  ", ": ")
    assert told(database) == ["revoked", "revoked"]


def test_keys_are_revoked_by_their_ids(database: Path) -> None:
    """All that are named end, in one go and for good; a second time changes nothing."""
    made: list[dict[str, Any]] = [json.loads(invoke(database, "key", "acme", "--json").stdout) for _ in range(3)]
    ids = [each["keyId"] for each in made]
    done = invoke(database, "revoke-key", "acme", *ids[:2])
    assert (done.exit_code, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()] == ids[:2]
    assert "no validator holds a lease" in done.stdout
    assert [good(database, each["key"]) for each in made] == [False, False, True]
    assert invoke(database, "revoke-key", "acme", ids[0], "--json").exit_code == 0
    assert told(database) == ["revoked", "revoked"]


def test_where_one_key_is_not_there_none_is_revoked(database: Path) -> None:
    """A mistyped id, or one of another workspace, is named, and nothing was done."""
    made: dict[str, Any] = json.loads(invoke(database, "key", "acme", "--json").stdout)
    invoke(database, "create", "beta")
    key_id = made["keyId"]
    for slug, ids, wrong in (("acme", [key_id, "mistyped"], "mistyped"), ("beta", [key_id], key_id)):
        done = invoke(database, "revoke-key", slug, *ids)
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr == f"rf-middleware: {slug} has no key {wrong}; nothing was done\n"
    assert good(database, made["key"])
    assert invoke(database, "revoke-key", "acme").exit_code == 2
    assert told(database) == []


def test_a_new_key_when_the_last_one_is_gone(database: Path) -> None:
    """It has full access, its name or a plain one, and is shown once in each form."""
    plain = invoke(database, "key", "acme").stdout
    assert plain.startswith("workspace  acme\nkey id     ")
    made: dict[str, Any] = json.loads(invoke(database, "key", "acme", "--name", "mine", "--json").stdout)
    assert made.keys() == {"workspace", "keyId", "key"}
    assert good(database, made["key"])
    opened = Database(database)
    store = Store(opened)
    key = store.key_of(store.list_workspaces()[0].id, made["keyId"])
    assert key is not None
    assert (key.name, key.scopes, key.is_default) == ("mine", None, False)
    opened.close()


@in_loop
async def test_no_workspace_is_named_like_a_path_of_the_issuer(tmp_path: Path) -> None:
    """Its routes could not be told from those of the server: every first segment is refused, in capitals too."""
    async with opened(tmp_path / "issuer.db") as rig:
        app = cast("Any", build_app(rig.parts))
        firsts = {route.path.split("/")[1] for route in app._app.routes}
    slugs = {each for each in firsts if SLUG.fullmatch(each)}
    assert len(slugs) > 15
    for slug in slugs | {each.upper() for each in slugs}:
        refused = invoke(tmp_path / "other.db", "create", slug)
        assert (refused.exit_code, "a path of the issuer itself" in refused.stderr) == (2, True), slug
    assert not (tmp_path / "other.db").exists()
