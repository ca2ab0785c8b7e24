"""``keys`` and ``whoami`` against a real issuer, as a user of the command line sees them."""

import json
import re
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from rf_middleware import IntrospectionIssuer, Validator
from rf_middleware.cli import group
from tests.core.servers import until
from tests.issuer.test_serve import Served, printed, served
from tests.login.issuing import command, environment

KEY = re.compile(r"rfk_[0-9A-Za-z]{33}")


@dataclass
class Shop:
    """A real issuer with a workspace, and a login file with its first key."""

    issuer: Served
    key: str
    key_id: str
    path: Path
    token: str

    def run(self, *arguments: str, typed: str = "", **more: str) -> Result:
        """Run a command in this process."""
        environ = {**environment(self.path), **more}
        return CliRunner(env=environ).invoke(group, list(arguments), input=typed)

    def json(self, *arguments: str, **more: str) -> dict[str, Any]:
        """Run a command that prints JSON."""
        done = self.run(*arguments, "--json", **more)
        assert done.exit_code == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def stored(self) -> dict[str, Any]:
        """Return the workspaces in the login file."""
        found: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))["workspaces"]
        return found

    def good(self, key: str) -> bool:
        """Ask the issuer about a key."""
        return self.issuer.call("GET", "/", key).status_code == 200


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Served, Path]]:
    """A real issuer."""
    database = tmp_path_factory.mktemp("issuer") / "issuer.db"
    with served(database, lease=0.5) as issuer:
        yield issuer, database


@pytest.fixture
def shop(running: tuple[Served, Path], tmp_path: Path) -> Shop:
    """A workspace of its own, and a login to it."""
    issuer, database = running
    slug = f"w-{tmp_path.name}"[:60].rstrip("_-")
    made = printed("workspace", "create", slug, "--database", str(database))
    token = printed("token", "create", "--database", str(database))["token"]
    path = tmp_path / "config.json"
    entry = {"url": slug, "name": "Shop", "apiKey": made["key"], "issuer": issuer.url}
    path.write_text(json.dumps({"workspaces": {"id": entry}, "RF_WORKSPACE": slug}), encoding="utf-8")
    return Shop(issuer, made["key"], made["keyId"], path, token)


def test_a_key_is_made_shown_once_and_listed(shop: Shop) -> None:
    """The secret is in the output of ``create`` alone; lists have its ends."""
    made = shop.run("keys", "create", "--name", "ci", "--scope", "model:infer", "--expires", "30d")
    assert made.exit_code == 0, made.stderr
    (secret,) = KEY.findall(made.stdout)
    assert "(shown only now)" in made.stdout
    assert made.stderr == ""
    assert shop.good(secret)
    listed = shop.run("keys", "list")
    assert secret not in listed.stdout
    (row,) = [line for line in listed.stdout.splitlines() if "ci" in line.split()]
    assert f"{secret[:8]}...{secret[-4:]}" in row
    assert "model:infer" in row
    assert "until 20" in row
    assert listed.stdout.splitlines()[0].split() == ["KEY", "ID", "NAME", "KEY", "SCOPES", "STATE", "LAST", "USED"]
    key_id = row.split()[0]
    shown = shop.run("keys", "get", key_id).stdout
    assert secret not in shown
    assert re.search(r"^scopes +model:infer$", shown, re.MULTILINE)
    assert shop.json("keys", "get", key_id)["apiKey"]["keyId"] == key_id
    assert {each["keyId"] for each in shop.json("keys", "list")["apiKeys"]} == {key_id, shop.key_id}


def test_json_has_the_secret_too(shop: Shop) -> None:
    """A script takes it from there."""
    made = shop.json("keys", "create", "--no-scopes")
    assert shop.good(made["key"])
    assert made["scopes"] == []


@pytest.fixture
def validator(shop: Shop) -> Generator[Validator]:
    """An app that trusts its cache as long as it has a lease."""
    with Validator(IntrospectionIssuer(shop.issuer.url, shop.token)) as checking:
        checking.check(shop.key)
        until(lambda: checking.staleness.kind == "lease", 60)
        yield checking


def test_a_revoked_key_comes_with_the_receipt(shop: Shop, validator: Validator) -> None:
    """The line says how many validators confirmed and how long it took; the key is refused by then."""
    made = shop.json("keys", "create", "--name", "leaked")
    assert validator.check(made["key"]).key_id == made["keyId"]
    asked = shop.run("keys", "revoke", made["keyId"], typed="n\n")
    assert asked.exit_code == 1
    assert f"Revoke leaked ({made['prefix']}...{made['lastFour']}) of " in asked.stderr
    assert shop.good(made["key"])
    done = shop.run("keys", "revoke", made["keyId"], typed="y\n")
    assert done.exit_code == 0
    assert re.fullmatch(r"refused everywhere: 1 of 1 validators confirmed in [\d.]+ ms\n", done.stdout)
    assert not shop.good(made["key"])
    again = shop.run("keys", "revoke", made["keyId"], "--yes")
    assert (again.exit_code, again.stdout) == (1, "")
    assert again.stderr == (
        "rf-middleware: Not Found: there is no such thing in this workspace, or this key may not see it\n"
    )


def test_nobody_has_to_wait(shop: Shop) -> None:
    """``--no-wait`` says where the receipt will be; ``keys receipt`` tells when the change holds everywhere."""
    made = shop.json("keys", "create")
    silent = {"session": "a-session-that-never-acks", "epoch": None, "ack": 0, "wait": 0.0}
    assert shop.issuer.call("POST", "/feed", shop.token, json=silent).status_code == 200
    accepted = shop.run("keys", "revoke", made["keyId"], "--no-wait", "--yes")
    assert accepted.exit_code == 0
    said = re.fullmatch(
        r"(?:accepted, but not confirmed everywhere yet: rf-middleware keys receipt (\d+)|refused everywhere: .*)\n",
        accepted.stdout,
    )
    assert said
    seq = said[1] or str(shop.json("keys", "disable", shop.json("keys", "create")["keyId"])["seq"])
    until(lambda: shop.json("keys", "receipt", seq)["state"] == "done", 60)
    assert "holds everywhere: " in shop.run("keys", "receipt", seq).stdout
    assert shop.run("keys", "receipt", "999999").exit_code == 1


def test_a_key_is_disabled_enabled_and_changed(shop: Shop) -> None:
    """Each change says what holds now."""
    made = shop.json("keys", "create", "--name", "one")
    done = shop.run("keys", "disable", made["keyId"])
    assert (done.exit_code, done.stdout.startswith("refused everywhere: ")) == (0, True)
    assert not shop.good(made["key"])
    assert made["keyId"] not in shop.run("keys", "list").stdout
    assert "disabled" in shop.run("keys", "list", "--all").stdout
    assert shop.json("keys", "enable", made["keyId"])["apiKey"]["disabled"] is False
    assert shop.good(made["key"])
    renamed = shop.run("keys", "update", made["keyId"], "--name", "two")
    assert (renamed.exit_code, renamed.stdout) == (0, "done\n")
    shrunk = shop.run("keys", "update", made["keyId"], "--no-scopes")
    assert shrunk.stdout.startswith("changed everywhere: ")
    nothing = shop.run("keys", "update", made["keyId"])
    assert (nothing.exit_code, "nothing to change was given" in nothing.stderr) == (2, True)


def test_a_rolled_key_is_followed_by_its_new_secret(shop: Shop) -> None:
    """Asked first, shown once, with the receipt, or with how long the old one is still good."""
    made = shop.json("keys", "create", "--name", "old")
    asked = shop.run("keys", "roll", made["keyId"], typed="\n")
    assert (asked.exit_code, shop.good(made["key"])) == (1, True)
    assert "The old key is refused everywhere at once. [y/N]" in asked.stderr
    late = shop.run("keys", "roll", made["keyId"], "--grace", "600", "--owner", "ann", typed="y\n")
    assert "refused everywhere after 600 s." in late.stderr
    assert "\nthe old key is good for 600 s more; that is known everywhere: " in late.stdout
    assert shop.good(made["key"])
    (second,) = KEY.findall(late.stdout)
    second_id = late.stdout.split()[2]
    assert shop.json("keys", "get", second_id)["apiKey"]["owners"] == ["ann"]
    third = shop.json("keys", "roll", second_id, "--yes")
    assert (shop.good(second), shop.good(third["key"]), third["rolled"]) == (False, True, second_id)
    assert "\nthe old key is refused everywhere: " in shop.run("keys", "roll", third["keyId"], "--yes").stdout
    assert shop.run("keys", "roll", third["keyId"], "--grace", "-1").exit_code == 2
    due = shop.run("keys", "roll", third["keyId"], "--rotation-due", "soon")
    assert (due.exit_code, "'soon' is no time" in due.stderr) == (2, True)


def test_the_login_follows_its_own_key(shop: Shop) -> None:
    """Rolling the key one is logged in with puts the new one into the file, revoking it takes it out."""
    rolled = shop.run("keys", "roll", shop.key_id, "--yes")
    assert "That was the key you are logged in with: the login file has the new one." in rolled.stderr
    (new,) = KEY.findall(rolled.stdout)
    assert shop.stored()["id"]["apiKey"] == new
    assert shop.json("whoami")["valid"] is True
    ended = shop.run("keys", "revoke", rolled.stdout.split()[2], "--yes")
    assert "That was the key you were logged in with." in ended.stderr
    assert shop.stored() == {}


def test_a_key_from_the_environment_acts_too(shop: Shop) -> None:
    """RF_API_KEY before ROBOFLOW_API_KEY before the file, unless the workspace of a login is named; the file stays."""
    made = shop.json("keys", "create", "--name", "ci", "--scope", "api-key:create", "--scope", "api-key:read")
    environ = {"RF_API_KEY": f" {made['key']}\n", "ROBOFLOW_API_KEY": "another", "RF_ISSUER_URL": shop.issuer.url}
    who = shop.json("whoami", **environ)
    assert (who["source"], who["keyId"], who["valid"]) == ("RF_API_KEY", made["keyId"], True)
    assert who["scopes"] == ["api-key:create", "api-key:read"]
    assert shop.json("keys", "create", **environ)["scopes"] == ["api-key:create", "api-key:read"]
    slug = next(iter(shop.stored().values()))["url"]
    named = shop.json("whoami", "--workspace", slug, **environ)
    assert (named["source"], named["scopes"]) == (str(shop.path), ["*"])
    before = shop.path.read_bytes()
    refused = shop.run("keys", "revoke", made["keyId"], "--yes", **environ)
    assert refused.exit_code == 1
    assert shop.path.read_bytes() == before
    bad = shop.run("whoami", RF_API_KEY="rfk_nonsense", RF_ISSUER_URL=shop.issuer.url)
    assert bad.stderr.endswith("unknown, revoked, expired or disabled\n")
    assert bad.exit_code == 1


def test_a_key_that_may_not_see_itself_says_so(shop: Shop) -> None:
    """Scopes are not known then, and a revocation is asked for by id."""
    made = shop.json("keys", "create", "--scope", "api-key:revoke")
    environ = {"RF_API_KEY": made["key"], "RF_ISSUER_URL": shop.issuer.url}
    who = shop.json("whoami", **environ)
    assert (who["keyId"], who["scopes"], who["valid"]) == (None, None, True)
    asked = shop.run("keys", "revoke", shop.key_id, typed="n\n", **environ)
    assert f"Revoke {shop.key_id} of " in asked.stderr
    assert re.search(r"^scopes +-$", shop.run("whoami", **environ).stdout, re.MULTILINE)


def test_a_workspace_that_the_key_is_not_for_is_not_there(shop: Shop) -> None:
    """A foreign one and an unknown one are the same to it."""
    environ = {"RF_API_KEY": shop.key, "RF_ISSUER_URL": shop.issuer.url}
    done = shop.run("keys", "list", "--workspace", "foreign", **environ)
    assert (done.exit_code, done.stdout) == (1, "")


@pytest.mark.parametrize("arguments", [["create"], ["create", "--json"], ["roll"]])
def test_a_secret_that_can_not_be_shown_comes_with_advice(shop: Shop, arguments: list[str]) -> None:
    """A full disk under stdout is one line, which says how to get another key, and exit 1."""
    if arguments == ["roll"]:
        arguments = ["roll", shop.json("keys", "create")["keyId"], "--yes"]
    code = "from rf_middleware.cli import main; main()"
    done = subprocess.run(
        ["sh", "-c", '"$@" >/dev/full', "sh", sys.executable, "-c", code, "keys", *arguments],
        env=environment(shop.path, PYTHONUNBUFFERED="1"),
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert re.fullmatch(
        r"rf-middleware: standard output can't be written: No space left on device; "
        r"the key could not be shown; rf-middleware keys roll \w+ makes another\n",
        done.stderr,
    )


def test_no_command_line_shows_a_key(shop: Shop) -> None:
    """Keys are not in the arguments of any process, and ``--api-key`` does not exist."""
    done = command(shop.path, "keys", "list", "--api-key", shop.key)
    assert done.returncode == 2
    assert "No such option" in done.stderr


def test_everything_that_a_key_can_have_is_an_option(shop: Shop) -> None:
    """Role, folders, metadata, owners and a date to be rolled by are the API's own fields."""
    given = ["--role", "inference", "--folder", "f1", "--metadata", "team=vision", "--owner", "ann"]
    made = shop.json("keys", "create", *given, "--rotation-due", "2099-01-31", "--expires", "2099-12-31")
    assert made["scopes"]
    assert made["customMetadata"] == {"team": "vision"}
    assert (made["owners"], made["rotationDueAt"][:10], made["expiresAt"][:10]) == (["ann"], "2099-01-31", "2099-12-31")
    cleared = shop.json("keys", "update", made["keyId"], "--rotation-due", "never", "--no-metadata", "--no-owners")
    assert (cleared["apiKey"]["rotationDueAt"], cleared["apiKey"]["customMetadata"]) == (None, {})
    assert cleared["apiKey"]["owners"] == []
    rolled = shop.json("keys", "roll", made["keyId"], "--rotation-due", "2098-01-31", "--yes")
    assert rolled["rotationDueAt"][:10] == "2098-01-31"


def test_a_protected_key_is_kept_and_the_reason_is_said(shop: Shop) -> None:
    """The API's own words are shown, and the exit is 1."""
    made = shop.json("keys", "create", "--protected")
    for arguments in (["revoke", "--yes"], ["disable"], ["roll", "--yes"]):
        done = shop.run("keys", arguments[0], made["keyId"], *arguments[1:])
        assert (done.exit_code, done.stdout) == (1, "")
        assert "protected" in done.stderr
    assert shop.good(made["key"])
    assert "protected" in shop.run("keys", "list").stdout


def test_a_scope_that_one_has_not_oneself_is_refused(shop: Shop) -> None:
    """What the issuer answers is one line."""
    made = shop.json("keys", "create", "--scope", "api-key:create")
    environ = {"RF_API_KEY": made["key"], "RF_ISSUER_URL": shop.issuer.url}
    done = shop.run("keys", "create", "--full-access", **environ)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (1, "", 1)
