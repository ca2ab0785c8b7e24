"""The public client, unchanged, as processes against a real issuer: signing in, managing keys, its exit codes."""

import json
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.issuer.test_serve import printed, served

CLIENT = [sys.executable, "-c", "from roboflow.roboflowpy import main; main()"]
LIBRARY = """
import sys, roboflow
workspace = roboflow.Roboflow(sys.argv[1]).workspace()
print(workspace.name, workspace.url)
"""


class Client:
    """The client of one home directory, pointed at one issuer."""

    def __init__(self, home: Path, url: str) -> None:
        self.home, self.config = home, home / "roboflow" / "config.json"
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("ROBOFLOW", "RF_"))}
        # Parts of the client that are imported on their own would warn, and the environment of the tests makes that an
        # error.
        kept.pop("PYTHONWARNINGS", None)
        where = {"HOME": str(home), "ROBOFLOW_CONFIG_DIR": str(self.config), "API_URL": url, "APP_URL": url}
        self.environment = {**kept, **where, "NO_COLOR": "1", "COLUMNS": "200"}

    def process(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a Python process of the client to its end."""
        return subprocess.run(
            [sys.executable, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def run(self, *arguments: str, status: int = 0) -> str:
        """Run a command; return what it printed, or its complaint where it is to fail."""
        done = self.process(*CLIENT[1:], *arguments)
        assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
        return done.stderr if status else done.stdout

    def json(self, *arguments: str) -> dict[str, Any]:
        """Run a command; return the JSON it printed."""
        found: dict[str, Any] = json.loads(self.run("--json", *arguments))
        return found

    def refused(self, status: int, *arguments: str) -> str:
        """Run a command that is to fail; return the text of its error."""
        error: dict[str, str] = json.loads(self.run("--json", *arguments, status=status))["error"]
        assert not any(each in error.get("hint", "") for each in ("/pricing", "sales@", "plan tiers"))
        return error["message"]


@contextmanager
def signed_in(folder: Path) -> Generator[tuple[Client, str]]:
    """Run an issuer with a workspace, and sign in with its key; yield the client and the key."""
    database = folder / "issuer.db"
    made = printed("workspace", "create", "acme", "--name", "Acme & Sons", "--database", str(database))
    with served(database) as issuer:
        client = Client(folder, issuer.url)
        assert client.json("auth", "login", "--api-key", made["key"])["workspace"] == "acme"
        yield client, made["key"]
        assert issuer.process.poll() is None


def test_it_signs_in_and_finds_its_workspace(tmp_path: Path) -> None:
    """A key that is good signs in, and the client shows the name of its workspace; a bad one is refused with 2."""
    with signed_in(tmp_path) as (client, key):
        stored = json.loads(client.config.read_text())
        assert stored["RF_WORKSPACE"] == "acme"
        assert stored["workspaces"] == {"acme": {"url": "acme", "name": "Acme & Sons", "apiKey": key}}
        for command in (["auth", "status"], ["whoami"]):
            assert client.json(*command).items() >= {"url": "acme", "name": "Acme & Sons"}.items()
        assert client.json("workspace", "get", "acme")["workspace"]["name"] == "Acme & Sons"
        assert client.json("--api-key", key, "auth", "status")["url"] == "acme"
        assert "Invalid" in client.refused(2, "auth", "login", "--api-key", "rfk_nonsense")
        client.refused(2, "--api-key", "rfk_nonsense", "auth", "status")


def test_it_manages_keys(tmp_path: Path) -> None:
    """Every command about keys does what it says, with all of its options."""
    with signed_in(tmp_path) as (client, _):
        options = "--scope role:inference --scope a:b --folder f1 --metadata team=sight --owner m1"
        due = ["--rotation-due-at", "2990-01-01"]
        made = client.json("api-key", "create", "one", *options.split(), *due)
        key_id = made["keyId"]
        kept: dict[str, object] = {
            "name": "one",
            "scopes": ["a:b", "model:infer"],
            "folderIds": ["f1"],
            "customMetadata": {"team": "sight"},
            "owners": ["m1"],
            "rotationDueAt": "2990-01-01T00:00:00+00:00",
        }
        assert client.json("api-key", "get", key_id)["apiKey"].items() >= kept.items()
        assert client.run("--api-key", made["key"], "auth", "status")
        client.json("api-key", "disable", key_id)
        client.refused(2, "--api-key", made["key"], "auth", "status")
        listed = client.json("api-key", "list")
        assert [each["name"] for each in listed["apiKeys"]] == ["Default key"]
        assert client.json("api-key", "publishable")["publishableKey"] == listed["publishableKey"]
        everything = client.json("api-key", "list", "--include-disabled", "--include-folders")["apiKeys"]
        assert everything[1].items() >= {**kept, "disabled": True}.items()
        client.json("api-key", "disable", key_id, "--enable")
        rolled = client.json("api-key", "roll", key_id, "--yes")
        assert rolled.items() >= kept.items()
        assert rolled["keyId"] != key_id
        clear = ["--no-scopes", "--clear-metadata", "--clear-rotation-due-at", "--clear-owners", "--name", "two"]
        client.json("api-key", "update", rolled["keyId"], *clear)
        shown = client.json("api-key", "get", rolled["keyId"])["apiKey"]
        empty: dict[str, object] = {
            "name": "two",
            "scopes": [],
            "customMetadata": {},
            "rotationDueAt": None,
            "owners": [],
        }
        assert shown.items() >= empty.items()
        client.json("api-key", "update", rolled["keyId"])
        client.json("api-key", "update", rolled["keyId"], "--full-access")
        assert client.json("api-key", "get", rolled["keyId"])["apiKey"]["scopes"] is None
        client.json("api-key", "revoke", rolled["keyId"], "--yes")
        client.refused(2, "--api-key", rolled["key"], "auth", "status")


def test_it_shows_tables_and_secrets_to_people(tmp_path: Path) -> None:
    """Without ``--json`` the client finds all it wants to print."""
    with signed_in(tmp_path) as (client, _):
        created = client.run("api-key", "create", "one", "--full-access")
        key_id = created.split("keyId: ")[1].split(")")[0]
        assert "  Key: rfk_" in created
        assert f"Rolled API key 'one': revoked {key_id}" in client.run("api-key", "roll", key_id, "--yes")
        assert "Default key" in client.run("api-key", "list")
        assert client.run("api-key", "publishable").startswith("rf_")


def test_its_exit_codes_are_right(tmp_path: Path) -> None:
    """401 is 2, 404 is 3, all else 1; no error makes it speak of plans."""
    with signed_in(tmp_path) as (client, _):
        key_id = client.json("api-key", "create", "kept", "--protected")["keyId"]
        weak = client.json("api-key", "create", "weak", "--scope", "api-key:create")["key"]
        for command in ("get", "disable", "protect"):
            client.refused(3, "api-key", command, "nobody")
        for command in ("revoke", "roll"):
            assert "protected" in client.refused(1, "api-key", command, key_id, "--yes")
        client.refused(3, "api-key", "revoke", "nobody", "--yes")
        client.refused(3, "api-key", "roll", "nobody", "--yes")
        assert "protected" in client.refused(1, "api-key", "disable", key_id)
        assert client.json("api-key", "disable", key_id, "--enable")["apiKey"]["protected"] is True
        assert "preset" in client.refused(1, "api-key", "create", "x", "--scope", "role:owner")
        assert "rotationDueAt" in client.refused(1, "api-key", "create", "x", "--rotation-due-at", "1990-01-01")
        assert "scopes" in client.refused(1, "--api-key", weak, "api-key", "create", "x", "--full-access")
        client.refused(3, "--api-key", weak, "api-key", "list")
        client.refused(2, "--api-key", "rfk_nonsense", "api-key", "list")
        client.refused(3, "--workspace", "nowhere", "api-key", "list")


def test_its_library_opens_the_workspace(tmp_path: Path) -> None:
    """``Roboflow(key).workspace()`` has name and slug, and a bad key is an error at once."""
    with signed_in(tmp_path) as (client, key):
        opened = client.process("-c", LIBRARY, key)
        assert opened.returncode == 0, opened.stderr
        assert opened.stdout.splitlines()[-1] == "Acme & Sons acme"
        refused = client.process("-c", LIBRARY, "rfk_nonsense")
        assert "RuntimeError" in refused.stderr
        assert "This API key is not valid" in refused.stderr
        assert "retrying" not in refused.stdout
