"""The login file is shared with Roboflow's own client: what either writes works for the other. That client is real."""

import json
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from rf_middleware._login.file import LoginFile
from rf_middleware._login.values import Login
from rf_middleware._secret import Secret
from tests.issuer.test_serve import Served, printed, served
from tests.login.issuing import Issuing, command, environment, issuing

CLIENT = [sys.executable, "-W", "ignore", "-m", "roboflow.roboflowpy"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Served, dict[str, str]]]:
    """A real issuer with two workspaces, and their first keys."""
    database = tmp_path_factory.mktemp("issuer") / "issuer.db"
    with served(database) as issuer:
        yield (
            issuer,
            {
                slug: printed("workspace", "create", slug, "--name", slug.title(), "--database", str(database))["key"]
                for slug in ("acme", "other")
            },
        )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A login file that is not there yet."""
    return tmp_path / "home" / "config.json"


def log_in(path: Path, issuer: str, slug: str, key: str) -> None:
    """Write a key into the file as our login does."""
    login = Login(f"id-of-{slug}", slug, slug.title(), Secret(key), issuer)
    LoginFile(path).change(lambda content: content.with_logins([login], slug, "us"))


def client(path: Path, url: str, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run Roboflow's command line."""
    return process(path, url, [*CLIENT, *arguments], typed)


def python(path: Path, url: str, code: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run a script that uses Roboflow's package."""
    return process(path, url, [sys.executable, "-c", code], typed, PYTHONWARNINGS="ignore")


def process(path: Path, url: str, command: list[str], typed: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a program of Roboflow's to its end."""
    return subprocess.run(
        command,
        env={**environment(path, API_URL=url, APP_URL=url), **more},
        input=typed,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        start_new_session=True,  # without a terminal it reads the token from stdin
    )


def test_the_real_client_uses_what_our_login_wrote(path: Path, shop: tuple[Served, dict[str, str]]) -> None:
    """Its Python package and its command line act with our key, and the field we add disturbs neither."""
    issuer, keys = shop
    log_in(path, issuer.url, "other", keys["other"])
    log_in(path, issuer.url, "acme", keys["acme"])
    used = python(path, issuer.url, "import roboflow; print(roboflow.Roboflow().current_workspace)")
    assert used.stdout.splitlines()[-1:] == ["acme"], used.stderr
    status = client(path, issuer.url, "auth", "status")
    assert status.returncode == 0, status.stderr
    assert "Workspace: Acme" in status.stdout
    assert client(path, issuer.url, "--json", "api-key", "list").returncode == 0
    second = client(path, issuer.url, "--json", "--workspace", "other", "api-key", "list")
    assert json.loads(second.stdout)["apiKeys"][0]["prefix"] == keys["other"][:8]
    already = client(path, issuer.url, "auth", "login")
    assert "Already logged in. Default workspace: acme" in already.stdout


def test_what_the_real_client_changes_leaves_our_login_whole(path: Path, shop: tuple[Served, dict[str, str]]) -> None:
    """Another default, another region: our commands still know where each key came from."""
    issuer, keys = shop
    log_in(path, issuer.url, "other", keys["other"])
    log_in(path, issuer.url, "acme", keys["acme"])
    assert client(path, issuer.url, "auth", "set-workspace", "other").returncode == 0
    assert client(path, issuer.url, "auth", "set-region", "eu").returncode == 0
    done = command(path, "whoami", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["workspace"], found["issuer"], found["valid"]) == ("other", issuer.url, True)


def test_our_commands_use_what_the_real_client_wrote(path: Path, shop: tuple[Served, dict[str, str]]) -> None:
    """A login by key of the real client is a login for us, once the issuer is named; and is never revoked by logout."""
    issuer, keys = shop
    done = client(path, issuer.url, "auth", "login", "--api-key", keys["acme"])
    assert done.returncode == 0, done.stderr
    assert command(path, "whoami").returncode == 1
    named = command(path, "whoami", "--json", "--url", issuer.url)
    assert named.returncode == 0, named.stderr
    assert json.loads(named.stdout)["valid"] is True
    left = command(path, "logout", "--url", issuer.url)
    assert "another program wrote it down, so it stays good; forgotten" in left.stderr
    assert issuer.call("GET", "/", keys["acme"]).status_code == 200
    gone = client(path, issuer.url, "auth", "status")
    assert (gone.returncode, "Not logged in." in gone.stderr) == (2, True)


def test_both_log_in_by_the_same_page(path: Path) -> None:
    """``roboflow.login()`` pastes a token at the same address as ours, and each keeps what the other wrote."""
    with issuing(Issuing()) as issuer:
        path.parent.mkdir()
        path.write_text('{"mine": 1}', encoding="utf-8")
        theirs = python(path, issuer.url, "import roboflow; roboflow.login()", "a-good-token\n")
        assert theirs.returncode == 0, theirs.stderr
        ours = command(path, "login", "--url", issuer.url, "--paste", "--force", typed="a-good-token\n")
        assert ours.returncode == 0, ours.stderr
        whole = json.loads(path.read_text(encoding="utf-8"))
        assert whole["mine"] == 1
        assert set(whole["workspaces"]["id-of-acme"]) == {"url", "name", "apiKey", "issuer"}
        assert path.stat().st_mode & 0o777 == 0o600
        again = python(path, issuer.url, "import roboflow; roboflow.login(force=True)", "a-good-token\n")
        assert again.returncode == 0, again.stderr
        assert json.loads(path.read_text(encoding="utf-8"))["mine"] == 1
        assert json.loads(command(path, "whoami", "--json", "--url", issuer.url).stdout)["valid"] is True
