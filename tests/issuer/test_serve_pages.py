"""The pages of a running server: the link for the first administrator, and encrypted copies of keys beside it."""

import re
import signal
import stat
from pathlib import Path

import httpx
import pytest

from rf_middleware.issuer.kek import key_file
from tests.issuer.browsing import PASSWORD, Forms
from tests.issuer.test_serve import printed, run, served


def sealed(database: Path, page: httpx.Client) -> bool:
    """Say whether the page of acme offers to show a key again."""
    text = page.get("/settings/api/acme").text
    assert "Default key" in text
    return "/show" in text


def test_the_first_administrator_comes_by_the_link_that_was_printed(tmp_path: Path) -> None:
    """Then the page shows the first key again; a server that has an administrator prints no link."""
    database = tmp_path / "issuer.db"
    made = printed("workspace", "create", "acme", "--database", str(database))
    assert stat.S_IMODE(key_file(database).stat().st_mode) == 0o600
    with served(database) as issuer, httpx.Client(base_url=issuer.url, timeout=30) as page:
        assert issuer.process.stdout is not None
        link = issuer.process.stdout.readline().split()[-1]
        path = link.removeprefix(issuer.url)
        form = {**Forms(page.get(path).text).found[path], "email": "ann@example.com", "name": "Ann"}
        assert page.post(path, data={**form, "password": PASSWORD}).status_code == 303
        shown = page.get("/settings/api/acme").text
        at = next(action for action in Forms(shown).found if action.endswith("/show"))
        assert Forms(page.post(at, data=Forms(shown).found[at]).text).secret == made["key"]
    with served(database, write_once=True) as issuer, httpx.Client(base_url=issuer.url, timeout=30) as page:
        form = {**Forms(page.get("/login").text).found["/login"], "email": "ann@example.com", "password": PASSWORD}
        assert page.post("/login", data=form).status_code == 303
        assert not sealed(database, page)
        printed("workspace", "key", "acme", "--database", str(database))
        assert not sealed(database, page)
        assert issuer.end(signal.SIGTERM) == (0, "")


BAD_PORTS = ("http://h:0", "http://h:00", "http://h:65536", "https://[::1]:99999", "http://h:100000")


@pytest.mark.parametrize("url", ["keys.example.com", "https://keys.example.com/", "ftp://x", "https://a b", *BAD_PORTS])
def test_a_public_url_that_is_none_is_refused(url: str, tmp_path: Path) -> None:
    """It says what is allowed, and nothing is made."""
    done = run("serve", "--database", str(tmp_path / "issuer.db"), "--public-url", url)
    assert (done.returncode, "like https://keys.example.com" in done.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("https://Keys.Example.com:443", "https://keys.example.com"),
        ("http://keys.example.com:80", "http://keys.example.com"),
        ("https://keys.example.com:8443", "https://keys.example.com:8443"),
        ("http://[::1]:443", "http://[::1]:443"),
        ("https://keys.example.com:65535", "https://keys.example.com:65535"),
    ],
)
def test_a_public_url_is_taken_as_browsers_say_it(given: str, taken: str, tmp_path: Path) -> None:
    """Forms are compared with it: in small letters, without the port that goes without saying."""
    with served(tmp_path / "issuer.db", public_url=given) as issuer:
        assert issuer.process.stdout is not None
        assert issuer.process.stdout.readline().split()[-1].startswith(f"{taken}/first/")


def test_a_damaged_key_file_is_said_and_harms_nothing_else(tmp_path: Path) -> None:
    """A key is made and shown all the same; the file stays as it is."""
    database = tmp_path / "issuer.db"
    key_file(database).write_text("nonsense")
    key_file(database).chmod(0o600)
    done = run("workspace", "create", "acme", "--database", str(database))
    assert (done.returncode, "everything else works" in done.stderr) == (0, True)
    assert re.search(r"rfk_\w{33}", done.stdout)
    assert key_file(database).read_text() == "nonsense"


def test_a_key_encryption_key_that_is_none_is_refused(tmp_path: Path) -> None:
    """The variable is named, its value is not."""
    database = str(tmp_path / "issuer.db")
    done = run("workspace", "create", "acme", "--database", database, RF_KEY_ENCRYPTION_KEY="a-bad-value")
    assert (done.returncode, "RF_KEY_ENCRYPTION_KEY" in done.stderr, "a-bad-value" in done.stderr) == (1, True, False)
