"""Keys that were made elsewhere: what a file may say of them, and that it is taken as a whole or not at all."""

import json
from collections.abc import Generator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from rf_middleware import cli
from rf_middleware.issuer.access import actor_of
from rf_middleware.issuer.database import Database
from rf_middleware.issuer.schema import audit
from rf_middleware.issuer.store import Store
from tests.issuer.test_serve import printed, served

OLD = "aBcDeFgHiJkLmNoPqRsT"
"""A key as the hosted service makes them."""


def digest(key: str) -> str:
    """Return the fingerprint of a key as a file has it."""
    return sha256(key.encode()).hexdigest()


class Elsewhere:
    """A database with the workspace acme, and a file to import."""

    def __init__(self, folder: Path) -> None:
        self.database, self.file = folder / "issuer.db", folder / "keys"
        self.open = Database(self.database)
        self.store = Store(self.open)
        assert self.invoke("workspace", "create", "acme").exit_code == 0

    def invoke(self, *arguments: str) -> Result:
        """Run a command."""
        return CliRunner(env={"RF_DATABASE_URL": str(self.database)}).invoke(cli.group, arguments)

    def take(self, content: str | bytes, *more: str, slug: str = "acme") -> Result:
        """Import a file with this content."""
        self.file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return self.invoke("workspace", "import-keys", slug, str(self.file), *more)

    def names(self) -> list[str]:
        """Return the names of the keys of acme, but for the first."""
        return [key.name for key in self.store.keys_of(self.store.list_workspaces()[0].id)][1:]

    def actions(self) -> list[tuple[str, str]]:
        """Return what the audit log says that was done to what, but for the workspace's own beginning."""
        with self.open.reading() as connection:
            rows = connection.execute(select(audit).order_by(audit.c.seq)).all()
        return [(row.action, row.target) for row in rows][2:]


@pytest.fixture
def elsewhere(tmp_path: Path) -> Generator[Elsewhere]:
    """A fresh database."""
    made = Elsewhere(tmp_path)
    yield made
    made.open.close()


def test_lines_are_fingerprints_or_objects(elsewhere: Elsewhere) -> None:
    """Both kinds stand side by side; comments, blank lines, a byte-order mark and line ends of any system are fine."""
    more = {"name": "b", "scopes": ["role:inference"], "prefix": "aBc", "lastFour": "qRsT", "disabled": True}
    said = json.dumps({"fingerprint": digest("two").upper(), **more})
    done = elsewhere.take(f"\ufeff# old keys\r\n\r\n{digest(OLD)}  it is a\r\n{said}\r\n{digest('three')}", "--json")
    assert done.exit_code == 0, done.output
    told: Any = json.loads(done.stdout)
    assert told["workspace"] == "acme"
    assert [(each["name"], each["fingerprint"]) for each in told["imported"]] == [
        ("it is a", digest(OLD)),
        ("b", digest("two")),
        ("", digest("three")),
    ]
    found = {
        each["keyId"]: elsewhere.store.key_of(elsewhere.store.list_workspaces()[0].id, each["keyId"])
        for each in told["imported"]
    }
    first, second, _ = (key for key in found.values() if key is not None)
    assert (first.scopes, first.status, first.prefix, first.last_four) == (None, "active", "", "")
    assert (second.scopes, second.status) == (frozenset({"model:infer"}), "disabled")
    assert (second.prefix, second.last_four) == ("aBc", "qRsT")
    assert first.made_by.startswith("command line, ")
    assert elsewhere.actions() == [("key.import", key_id) for key_id in found]
    assert actor_of(elsewhere.store.look_up(bytes.fromhex(digest(OLD)))) is not None


def test_a_file_may_be_one_list(elsewhere: Elsewhere) -> None:
    """JSON of any layout is read; without ``--json`` the number of keys is said."""
    listed = [{"fingerprint": digest(each), "name": each} for each in ("one", "two")]
    done = elsewhere.take(json.dumps(listed, indent=1))
    assert (done.exit_code, done.stdout) == (0, "2 keys were added to acme\n")
    assert sorted(elsewhere.names()) == ["one", "two"]


GOOD = digest("good")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (f"{GOOD}\n{OLD}  my key", "line 2: the fingerprint is not 64 hexadecimal digits"),
        (f"{GOOD}\n{GOOD[:-1]}", "line 2: the fingerprint is not 64 hexadecimal digits"),
        (f"{GOOD}\n\n{GOOD.upper()} again", "line 3: the same key as line 1"),
        (f"{GOOD}\n{{", "line 2: not JSON that says what a key is"),
        (f"{GOOD}\n" + '{"a":' * 100_000, "line 2: not JSON that says what a key is"),
        (f"{GOOD}\n" + json.dumps({"name": "x"}), "line 2: the fingerprint is not 64"),
        (f"{GOOD}\n" + json.dumps({"fingerprint": 1}), "line 2: the fingerprint is not 64"),
        (f"{GOOD}\n" + json.dumps({"fingerprint": digest("x"), "scopes": "all"}), "line 2: scopes is null or a list"),
        (f"{GOOD}\n" + json.dumps({"fingerprint": digest("x"), "key": OLD}), "line 2: Unknown field: key"),
        (f"{GOOD}\n" + json.dumps({"fingerprint": digest("x"), "prefix": OLD}), "line 2: prefix is at most 4"),
        (f"{GOOD}\n" + json.dumps({"fingerprint": digest("x"), "lastFour": 1}), "line 2: lastFour is at most 4"),
        (f"{GOOD}\n" + json.dumps({"fingerprint": digest("x"), "disabled": 1}), "line 2: disabled is true or false"),
        (json.dumps([{"fingerprint": GOOD}, "x"]), "entry 2: the fingerprint is not 64"),
        (json.dumps([{"fingerprint": GOOD}, None]), "entry 2: not JSON that says what a key is"),
        ("[", "the file: not JSON that says what a key is"),
    ],
)
def test_a_damaged_line_is_named_and_nothing_is_added(content: str, complaint: str, elsewhere: Elsewhere) -> None:
    """The complaint has the line and the reason, on stderr, and never a value: it could be a key."""
    done = elsewhere.take(content, "--json")
    assert (done.exit_code, done.stdout) == (1, "")
    assert f"rf-middleware: {complaint}" in done.stderr
    assert OLD not in done.stderr
    assert "so none was added" in done.stderr.splitlines()[-1]
    assert (elsewhere.names(), elsewhere.actions()) == ([], [])


def test_a_key_that_is_there_is_named_and_nothing_is_added(elsewhere: Elsewhere) -> None:
    """Also one of another workspace, and one that was ended: it does not come back."""
    assert elsewhere.take(digest("one")).exit_code == 0
    assert elsewhere.invoke("workspace", "create", "other").exit_code == 0
    before = elsewhere.names(), elsewhere.actions()
    done = elsewhere.take(f"{digest('new')}\n{digest('one')}", slug="other")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        "rf-middleware: line 2: there is such a key already\n"
        "rf-middleware: 1 of 2 keys are not good, so none was added\n"
    )
    assert (elsewhere.names(), elsewhere.actions()) == before


def test_many_complaints_are_cut_short(elsewhere: Elsewhere) -> None:
    """Twenty are shown, and how many there are."""
    done = elsewhere.take("x\n" * 300)
    assert len(done.stderr.splitlines()) == 21
    assert "300 of 300 keys" in done.stderr


def test_what_can_not_be_read_is_refused(elsewhere: Elsewhere) -> None:
    """No such file is bad usage; no text, no such workspace and a deleted one are refusals."""
    assert elsewhere.invoke("workspace", "import-keys", "acme", "nowhere").exit_code == 2
    assert (elsewhere.take(b"\xff\xfe").exit_code, elsewhere.names()) == (1, [])
    done = elsewhere.take(GOOD, slug="nowhere")
    assert (done.exit_code, done.stderr) == (1, "rf-middleware: there is no workspace nowhere\n")
    elsewhere.invoke("workspace", "delete", "acme", "--yes")
    assert "deleted" in elsewhere.take(GOOD).stderr


def test_an_imported_key_works_and_is_revoked_beside_a_server(tmp_path: Path) -> None:
    """A running issuer takes a key of the old kind at once, and refuses it once it is revoked."""
    database, file = tmp_path / "issuer.db", tmp_path / "keys"
    file.write_text(f"{digest(OLD)}  from before\n")
    with served(database) as issuer:
        where = ("--database", str(database))
        made = printed("workspace", "create", "acme", *where)
        assert issuer.call("GET", "/", OLD).status_code == 401
        told: Any = printed("workspace", "import-keys", "acme", str(file), *where)
        assert issuer.call("GET", "/", OLD).json()["workspace"] == "acme"
        key_id = told["imported"][0]["keyId"]
        assert issuer.call("DELETE", f"/acme/api-keys/{key_id}", made["key"]).json()["revoked"] is True
        assert issuer.call("GET", "/", OLD).status_code == 401


def test_tokens_are_listed_and_withdrawn(elsewhere: Elsewhere) -> None:
    """The list has names and dates, never a token; one that was withdrawn stays in it and is not withdrawn twice."""
    token = json.loads(elsewhere.invoke("token", "create", "--name", "web", "--json").stdout)["token"]
    elsewhere.invoke("token", "create")
    listed = elsewhere.invoke("token", "list", "--json").stdout
    first, second = json.loads(listed)
    assert token not in listed
    assert (first["name"], first["ended"], second["name"]) == ("web", None, "")
    done = elsewhere.invoke("token", "revoke", first["tokenId"], "--json")
    assert json.loads(done.stdout) == {"revoked": True, "tokenId": first["tokenId"]}
    plain = elsewhere.invoke("token", "revoke", second["tokenId"])
    assert (plain.exit_code, plain.stdout) == (0, f"the token {second['tokenId']} is withdrawn\n")
    assert elsewhere.store.token_id(bytes.fromhex(digest(token))) is None
    lines = elsewhere.invoke("token", "list").stdout.splitlines()
    assert [line.split("  ")[0] for line in lines] == [first["tokenId"], second["tokenId"]]
    assert "  web  (ended 20" in lines[0]
    for unknown in (first["tokenId"], "nobody"):
        again = elsewhere.invoke("token", "revoke", unknown)
        assert (again.exit_code, "no good token" in again.stderr) == (1, True)
    kept = [("token.create", first["tokenId"]), ("token.create", second["tokenId"])]
    ended = [("token.revoke", first["tokenId"]), ("token.revoke", second["tokenId"])]
    assert elsewhere.actions() == kept + ended


def test_a_good_token_is_listed_without_an_end(elsewhere: Elsewhere) -> None:
    """A line is id, date and name."""
    elsewhere.invoke("token", "create", "--name", "web")
    assert elsewhere.invoke("token", "list").stdout.endswith("  web\n")
