"""``login``, ``whoami`` and ``logout`` as real processes against a small issuer on a real socket."""

import json
import signal
import stat
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

import rf_middleware
from rf_middleware.exceptions import LoginError
from tests.login.issuing import COMMAND, Issuing, a_browser, command, environment, issuing


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A login file that is not there yet."""
    return tmp_path / "home" / "config.json"


@pytest.fixture
def issuer() -> Generator[Issuing]:
    """A running issuer."""
    with issuing(Issuing()) as running:
        yield running


def stored(path: Path) -> dict[str, Any]:
    """Return what is in the file."""
    whole: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return whole


def keys(path: Path) -> list[str]:
    """Return the keys in the file."""
    return [each["apiKey"] for each in stored(path)["workspaces"].values()]


def logged_in(path: Path, issuer: Issuing, *arguments: str) -> None:
    """Log in by pasting, which asks for nothing else."""
    done = command(path, "login", "--url", issuer.url, "--paste", *arguments, typed="a-good-token\n")
    assert done.returncode == 0, done.stderr


def test_login_opens_the_browser_and_waits(path: Path, issuer: Issuing, tmp_path: Path) -> None:
    """The key is kept at 0600, the result is JSON alone on stdout, and no output shows a secret."""
    done = command(path, "login", "--json", RF_ISSUER_URL=issuer.url, BROWSER=a_browser(tmp_path))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "workspace": "acme",
        "name": "Acme",
        "issuer": issuer.url,
        "new": [{"workspace": "acme", "name": "Acme", "workspaceId": "id-of-acme"}],
        "file": str(path),
    }
    assert f"{issuer.url}/device?user_code=BCDF-GHJK" in done.stderr
    assert "code  BCDF-GHJK" in done.stderr
    assert f"Logged in to acme at {issuer.url}; kept in {path}\n" in done.stderr
    (key,) = keys(path)
    assert issuer.keys == {key: "acme"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for secret in (key, "device-code-canary", "noise"):
        assert secret not in done.stdout + done.stderr
    assert [each for each in issuer.asked if key in each or "canary" in each] == []
    assert "@" in issuer.names[0]


def test_login_without_a_browser_shows_where_to_go(path: Path, issuer: Issuing, tmp_path: Path) -> None:
    """``--no-browser`` opens nothing; whoever opens the page elsewhere ends the wait; stdout stays empty."""
    environ = environment(path, BROWSER=a_browser(tmp_path))
    arguments = ["login", "--url", issuer.url, "--no-browser"]
    pipe = subprocess.PIPE
    with subprocess.Popen([*COMMAND, *arguments], env=environ, stdout=pipe, stderr=pipe, text=True) as process:
        assert issuer.polled.wait(60)
        assert not issuer.opened.is_set()
        issuer.opened.set()
        out, errors = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "")
    assert "Logged in to acme" in errors


def test_ctrl_c_gives_up_cleanly(path: Path, issuer: Issuing) -> None:
    """Exit 1, no traceback, nothing kept."""
    pipe = subprocess.PIPE
    arguments = [*COMMAND, "login", "--url", issuer.url]
    with subprocess.Popen(arguments, env=environment(path), stdout=pipe, stderr=pipe, text=True) as process:
        assert issuer.polled.wait(60)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert errors.endswith("Aborted!\n")
    assert "Traceback" not in errors
    assert not path.exists()


def test_a_denial_is_a_refusal(path: Path, tmp_path: Path) -> None:
    """Exit 1 and one line."""
    with issuing(Issuing(verdict="access_denied")) as issuer:
        done = command(path, "login", "--url", issuer.url, BROWSER=a_browser(tmp_path))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("\nrf-middleware: the login was denied on the page\n")
    assert not path.exists()


def test_two_logins_at_once_are_both_kept(path: Path, tmp_path: Path) -> None:
    """Each finds the other's key in the file."""
    browser = a_browser(tmp_path)
    with issuing(Issuing(("acme",))) as one, issuing(Issuing(("other", "third"))) as two:
        environ = environment(path, BROWSER=browser)
        started = [
            subprocess.Popen([*COMMAND, "login", "--url", each.url], env=environ, stderr=subprocess.PIPE, text=True)
            for each in (one, two)
        ]
        for each in started:
            _, errors = each.communicate(timeout=120)
            assert each.returncode == 0, errors
        assert {each["url"] for each in stored(path)["workspaces"].values()} == {"acme", "other", "third"}
        assert set(keys(path)) == {*one.keys, *two.keys}


def test_a_server_without_codes_is_pasted_at(path: Path) -> None:
    """The token comes from stdin and is not shown."""
    with issuing(Issuing(by_code=False)) as issuer:
        done = command(path, "login", "--url", issuer.url, typed="a-good-token\n")
        assert done.returncode == 0, done.stderr
        assert f"{issuer.url}/auth-cli\n" in done.stderr
        assert "a-good-token" not in done.stderr
        bad = command(path, "login", "--url", issuer.url, "--force", typed="another\n")
    assert bad.returncode == 1
    assert bad.stderr.endswith("rf-middleware: this token is not good: used before, too old, or not copied whole\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["login", "--url", "http://issuer.example"], "rf-middleware: url: https is needed"),
        (["login", "--url", "nonsense"], "rf-middleware: url: what is given is not an address"),
        (["login", "--workspace", "a b", "--url", "https://issuer.example"], "rf-middleware: workspace: letters"),
        (["login", "--nonsense"], "Usage:"),
        (["login", "--api-key", "secret"], "Usage:"),
        (["whoami", "--url", "ftp://x"], "rf-middleware: url: "),
        (["logout", "--url", "ftp://x"], "rf-middleware: url: "),
    ],
)
def test_bad_usage_is_two(path: Path, arguments: list[str], said: str) -> None:
    """Exit 2, nothing on stdout, and nothing is done."""
    done = command(path, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(said)
    assert not path.exists()


def test_a_login_that_is_there_is_said(path: Path, issuer: Issuing) -> None:
    """A second login asks nobody anything but whether the key is good; ``--force`` makes a new key."""
    logged_in(path, issuer)
    (first,) = keys(path)
    again = command(path, "login", "--url", issuer.url)
    assert again.returncode == 0
    assert again.stderr == f"Already logged in to acme at {issuer.url}; --force logs in anew\n"
    assert keys(path) == [first]
    logged_in(path, issuer, "--force")
    assert keys(path) != [first]


def test_a_key_in_the_environment_is_mentioned(path: Path, issuer: Issuing) -> None:
    """Who logs in should know that another key is used."""
    logged_in(path, issuer)
    done = command(path, "login", "--url", issuer.url, ROBOFLOW_API_KEY="x")
    assert "Note: ROBOFLOW_API_KEY is set, and is used in place of what is stored." in done.stderr


def test_whoami_tells_a_good_key_from_a_bad_one(path: Path, issuer: Issuing) -> None:
    """Workspace, issuer and the ends of the key; exit 1 and one line once it is refused."""
    logged_in(path, issuer)
    (key,) = keys(path)
    good = command(path, "whoami", "--json")
    assert good.returncode == 0, good.stderr
    said = {
        "workspace": "acme",
        "name": "Acme",
        "issuer": issuer.url,
        "key": f"{key[:8]}...{key[-4:]}",
        "source": str(path),
        "keyId": None,
        "scopes": None,
        "valid": True,
    }
    assert json.loads(good.stdout) == said
    issuer.keys.clear()
    bad = command(path, "whoami", "--json")
    assert (bad.returncode, json.loads(bad.stdout)) == (1, {**said, "valid": False})
    assert bad.stderr == (
        f"rf-middleware: the key {key[:8]}...{key[-4:]} from {path} is not good at {issuer.url}: unknown, revoked, "
        "expired or disabled; rf-middleware login --force gets a new one\n"
    )
    plain = command(path, "whoami")
    assert "\nvalid      no\n" in plain.stdout
    assert key not in plain.stdout + plain.stderr + bad.stderr


def test_whoami_of_nobody_is_a_refusal(path: Path) -> None:
    """Exit 1 and what to do."""
    done = command(path, "whoami")
    assert (done.returncode, done.stderr) == (
        1,
        "rf-middleware: you are not logged in; rf-middleware login does that\n",
    )


def test_logout_ends_the_key_and_forgets_it(path: Path, issuer: Issuing) -> None:
    """The receipt is said, and Roboflow's own client would not find a default either."""
    logged_in(path, issuer)
    (key,) = keys(path)
    done = command(path, "logout")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == (
        f"acme at {issuer.url}: the key {key[:8]}...{key[-4:]}: "
        "refused everywhere: 8 of 8 validators confirmed in 12.3 ms; forgotten\n"
    )
    assert issuer.keys == {}
    assert stored(path) == {"workspaces": {}, "ROBOFLOW_CREDENTIALS_REGION": "us"}
    again = command(path, "logout")
    assert (again.returncode, again.stderr) == (
        1,
        "rf-middleware: you are not logged in; rf-middleware login does that\n",
    )


def test_logout_of_a_key_that_had_ended_forgets_it(path: Path, issuer: Issuing) -> None:
    """RFC 7009: an unknown key is answered 200 as well."""
    logged_in(path, issuer)
    issuer.keys.clear()
    assert command(path, "logout").stderr.endswith(": revoked before; forgotten\n")


@pytest.mark.parametrize("gone", [True, False])
def test_a_key_that_can_not_be_ended_is_not_forgotten(path: Path, *, gone: bool) -> None:
    """Whoever forgot it could not end it any more: exit 1, but ``--keep-key`` does it all the same."""
    with issuing(Issuing()) as issuer:
        logged_in(path, issuer)
        before = path.read_bytes()
        issuer.revoking = (503, {"error": "\x1b[31mshutting down"})
        done = command(path, "logout", "--json") if not gone else None
    done = done or command(path, "logout", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["workspaces"] == [
        {"workspace": "acme", "issuer": issuer.url, "revoked": False, "forgotten": False}
    ]
    assert ("(shutting down)" in done.stderr) is not gone
    assert f"so it may still be good; still in {path}; try again, or --keep-key only forgets it\n" in done.stderr
    assert path.read_bytes() == before
    kept = command(path, "logout", "--keep-key", "--json")
    assert kept.returncode == 0
    assert json.loads(kept.stdout)["workspaces"][0] == {
        "workspace": "acme",
        "issuer": issuer.url,
        "revoked": False,
        "forgotten": True,
    }
    assert stored(path)["workspaces"] == {}


def test_logout_of_one_workspace_leaves_the_others(path: Path) -> None:
    """The only one that is left becomes the default; without a default one has to be named."""
    with issuing(Issuing(("acme", "other", "third"))) as issuer:
        logged_in(path, issuer)
        assert command(path, "logout", "--workspace", "acme").returncode == 0
        assert [each["url"] for each in stored(path)["workspaces"].values()] == ["other", "third"]
        assert "RF_WORKSPACE" not in stored(path)
        which = command(path, "logout")
        assert which.returncode == 1
        assert which.stderr == (
            f"rf-middleware: which workspace? --workspace names one of: other ({issuer.url}), third ({issuer.url})\n"
        )
        unknown = command(path, "logout", "--workspace", "acme")
        assert unknown.stderr.startswith("rf-middleware: you are not logged in to acme; you are to: other (")
        elsewhere = command(path, "logout", "--url", "https://second.example")
        assert "not logged in at https://second.example; you are to: " in elsewhere.stderr
        assert command(path, "logout", "--workspace", "other").returncode == 0
        assert stored(path)["RF_WORKSPACE"] == "third"
        assert set(issuer.keys.values()) == {"third"}


def test_logout_of_all_ends_only_what_our_login_made(path: Path) -> None:
    """A key that another program wrote down may be in use elsewhere, and Roboflow ends keys on its page alone."""
    with issuing(Issuing(("acme", "other"))) as issuer:
        logged_in(path, issuer)
        whole = stored(path)
        whole["workspaces"] |= {
            "by-another": {"url": "x", "name": "X", "apiKey": "a-key-of-another-program"},
            "hosted": {"url": "y", "name": "Y", "apiKey": "key-y", "issuer": "https://api.roboflow.com"},
            "edited": {"url": "z", "name": "Z", "apiKey": "key-z", "issuer": "http://evil.example"},
            "empty": {"url": "e", "name": "E", "apiKey": None},
        }
        path.write_text(json.dumps(whole), encoding="utf-8")
        done = command(path, "logout", "--all", "--json")
        assert issuer.keys == {}
    assert done.returncode == 1
    said = {each["workspace"]: (each["revoked"], each["forgotten"]) for each in json.loads(done.stdout)["workspaces"]}
    assert said == {
        "acme": (True, True),
        "other": (True, True),
        "x": (False, True),
        "y": (False, True),
        "z": (False, False),
    }
    assert "x: the key ...gram: another program wrote it down, so it stays good; forgotten\n" in done.stderr
    assert "Roboflow ends keys at https://app.roboflow.com/settings/api only" in done.stderr
    assert "z at http://evil.example: the key ...: the issuer in the login file: https is needed" in done.stderr
    assert set(stored(path)["workspaces"]) == {"edited", "empty"}


def test_python_logs_in_too(
    path: Path, issuer: Issuing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``rf_middleware.login()`` returns the workspace, says where, and knows a login that is there."""
    for name, value in environment(path, BROWSER=a_browser(tmp_path), RF_ISSUER_URL=issuer.url).items():
        monkeypatch.setenv(name, value)
    for name in ("RF_API_KEY", "ROBOFLOW_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    found = rf_middleware.login()
    assert found == rf_middleware.Workspace("acme", "Acme", "id-of-acme")
    assert rf_middleware.login("acme") == found
    issuer.opened.clear()
    issuer.verdict = "access_denied"
    with pytest.raises(LoginError, match="denied"):
        rf_middleware.login("acme", True)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"\nLogged in to acme ({issuer.url})\n" in shown.err
    assert f"\nAlready logged in to acme ({issuer.url})\n" in shown.err
    path.write_text('{"workspaces": {"a": {"url": "a", "apiKey": "x"}}}', encoding="utf-8")
    monkeypatch.delenv("RF_ISSUER_URL")
    assert rf_middleware.login().slug == "a"
    assert capsys.readouterr().err == "Already logged in to a\n"


def test_the_package_has_no_other_names_by_surprise() -> None:
    """A misspelt name is an AttributeError as anywhere."""
    with pytest.raises(AttributeError, match="module 'rf_middleware' has no attribute 'logni'"):
        getattr(rf_middleware, "logni")  # noqa: B009 - a type checker would see it
