"""Commands on the database of a server that runs, or just died: real processes."""

import json
import signal
import subprocess
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from rf_middleware.issuer.serving import only_server
from tests.core.servers import until
from tests.issuer.browsing import PASSWORD, Forms
from tests.issuer.test_commands_workspace import left_behind, told
from tests.issuer.test_serve import COMMAND, Served, printed, run, served


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A file that is not there yet."""
    return tmp_path / "issuer.db"


def made(database: Path) -> tuple[str, str]:
    """Make a workspace and a token; return its key and the token."""
    key = printed("workspace", "create", "acme", "--database", str(database))["key"]
    return key, printed("token", "create", "--database", str(database))["token"]


def said(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return what a command printed, that went well."""
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@contextmanager
def started(database: Path, *arguments: str) -> Generator[subprocess.Popen[str]]:
    """Run a command about workspaces beside the test."""
    command = [*COMMAND, "workspace", *arguments, "--database", str(database)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def good(issuer: Served, token: str, key: str) -> bool:
    """Ask the server about a key."""
    return bool(issuer.call("POST", "/introspect", token, data={"token": key}).json()["active"])


def test_a_command_beside_a_server_ends_when_its_validators_know(database: Path) -> None:
    """The server tells the one that listens, whose confirmation is the end, and the command prints the receipt."""
    key, token = made(database)
    database_option = ("--json", "--database", str(database))
    with served(database, lease=3600.0) as issuer, ThreadPoolExecutor(1) as pool:
        epoch = issuer.poll(token).json()["epoch"]
        for seq, (command, change) in enumerate((("suspend", "suspended"), ("resume", "enabled")), 1):
            done = pool.submit(run, "workspace", command, "acme", *database_option)
            events: list[dict[str, Any]] = []
            while not events:
                events = issuer.poll(token, seq - 1, epoch, wait=20.0).json()["events"]
            assert events == [{"seq": seq, "workspace": "acme", "change": change}]
            assert good(issuer, token, key) is (command == "resume")
            assert not done.done()
            issuer.poll(token, seq, epoch)
            receipt = said(done.result(60))
            assert receipt.pop("took_ms") >= 0
            assert receipt == {"seq": seq, "validators": {"confirmed": 1, "expired": 0}}
        stored = issuer.call("GET", "/revocations/1", key).json()
        assert (stored["state"], stored["report"][0]["outcome"]) == ("done", "confirmed")
        assert issuer.end(signal.SIGTERM) == (0, "")


def test_a_silent_validator_is_waited_out(database: Path) -> None:
    """The command ends when the lease has, in words for people."""
    _, token = made(database)
    with served(database, lease=1.0) as issuer:
        issuer.poll(token)
        done = run("workspace", "delete", "acme", "--yes", "--database", str(database))
        assert (done.returncode, done.stderr) == (0, "")
        # On a slow machine the lease is over before the command has begun.
        assert done.stdout.startswith("acme is deleted; every validator knows (0 confirmed, ")
        assert done.stdout.endswith(" ms)\n")


def test_a_key_that_was_revoked_by_a_command_is_refused_over_http(database: Path) -> None:
    """The server's next answer about it is no, and its repeat over HTTP is told the same receipt."""
    key, token = made(database)
    with served(database, lease=1.0) as issuer:
        owned = issuer.call("POST", "/acme/api-keys", key, json={"owners": ["ann"]}).json()
        assert good(issuer, token, owned["key"])
        done = said(run("workspace", "remove-owner", "acme", "ann", "--json", "--database", str(database)))
        assert (done["revoked"], done["keyId"], done["seq"]) == (True, owned["keyId"], 1)
        assert not good(issuer, token, owned["key"])
        again = issuer.call("DELETE", f"/acme/api-keys/{owned['keyId']}", key)
        assert again.status_code == 404
        assert good(issuer, token, key)


def test_a_server_that_is_killed_is_waited_out_and_another_may_take_over(database: Path) -> None:
    """The command ends after the leases that may run, whether it waits for them itself or the next server does."""
    _, token = made(database)
    with served(database, lease=5.0) as issuer, started(database, "suspend", "acme", "--json") as command:
        while not told(database):
            issuer.poll(token)  # a lease is out all the time
        killed = time.monotonic()
        assert issuer.end(signal.SIGKILL)[0] == -signal.SIGKILL
        with served(database, lease=1.0) as heir:
            text, errors = command.communicate(timeout=60)
            assert time.monotonic() - killed >= 5.0
            assert command.returncode == 0
            assert errors in {"", "no server is running: waiting 5.0 s for leases of the last one\n"}
            nobody = {"confirmed": 0, "expired": 0}
            assert json.loads(text).get("validators", nobody) == nobody
            until(lambda: heir.call("GET", "/revocations/1", token).json()["state"] == "done", 30)


def test_leases_run_from_the_death_of_the_server_not_from_when_it_was_last_seen(database: Path) -> None:
    """A command that was stopped itself does not count that time: the server lived, and granted leases, meanwhile."""
    made(database)
    left_behind(database, 1.0)
    with started(database, "suspend", "acme") as command:
        with only_server(database):
            until(lambda: told(database), 30)
            command.send_signal(signal.SIGSTOP)
            with pytest.raises(subprocess.TimeoutExpired):
                command.communicate(timeout=1.3)
        died = time.monotonic()
        command.send_signal(signal.SIGCONT)
        assert command.communicate(timeout=60) == (
            "acme is suspended; no validator holds a lease\n",
            "no server is running: waiting 1.0 s for leases of the last one\n",
        )
        assert time.monotonic() - died >= 1.0


def test_a_person_is_disabled_beside_a_server(database: Path) -> None:
    """The link that was printed brings them in; disabled, they are out at once and their key is refused everywhere."""
    key, token = made(database)
    at = ("--database", str(database))
    with served(database) as issuer:
        url = issuer.url
        added = printed("user", "create", "ann@example.com", "--workspace", "acme", "--url", url, *at)
        with httpx.Client() as http:
            page = http.get(added["link"])
            form = {**Forms(page.text).found[added["link"].removeprefix(url)], "name": "", "password": PASSWORD}
            assert http.post(added["link"], data=form).status_code == 303
            assert http.get(f"{url}/settings/api/acme").status_code == 200
            body = {"name": "hers", "scopes": [], "owners": ["ann@example.com"]}
            hers = issuer.call("POST", "/acme/api-keys", key, json=body).json()["key"]
            assert good(issuer, token, hers)
            disabled = said(run("user", "disable", "ann@example.com", "--json", *at))
            assert (disabled["revoked"], disabled["validators"]) == (True, {"confirmed": 0, "expired": 0})
            assert not good(issuer, token, hers)
            assert http.get(f"{url}/settings/api/acme").status_code == 303
            assert good(issuer, token, key)
