"""Logging in at a real issuer: server, command and Roboflow's client are processes, the test is the browser."""

import json
import signal
import stat
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from rf_middleware.issuer.database import Database
from rf_middleware.issuer.keys import KEY_PREFIX, mint
from rf_middleware.issuer.rows_people import new_person
from rf_middleware.issuer.store import Store
from tests.core.servers import until
from tests.issuer.browsing import PASSWORD, Forms
from tests.issuer.rig import BY, PASSWORDS
from tests.issuer.test_serve import Served, printed, served
from tests.login.issuing import COMMAND, command, environment
from tests.login.test_real_client import client, python


class Shop:
    """A running issuer with the workspaces acme and beta, and Ann, who sees both, at her browser."""

    def __init__(self, issuer: Served, database: Path, ann: httpx.Client) -> None:
        self.issuer, self.database, self.ann = issuer, database, ann

    def page(self, path: str) -> str:
        """Look at a page; sign in where that is asked for."""
        answer = self.ann.get(path)
        if answer.status_code == 303:
            form = Forms(self.ann.get(answer.headers["location"]).text).found["/login"]
            back = self.ann.post("/login", data={**form, "email": "ann@example.com", "password": PASSWORD})
            answer = self.ann.get(back.headers["location"])
        assert answer.status_code == 200, answer.text
        return answer.text

    def send(self, page: str, action: str, *slugs: str, **fields: str) -> str:
        """Fill in a form: tick these workspaces."""
        form = {**Forms(page).found[action], **{f"workspace-{self.id_of(slug)}": "yes" for slug in slugs}, **fields}
        answer = self.ann.post(action, data=form, headers={"Origin": self.issuer.url})
        assert answer.status_code == 200, answer.text
        return answer.text

    def id_of(self, slug: str) -> str:
        """Return the id of a workspace."""
        opened = Database(self.database)
        try:
            return next(each.id for each in Store(opened).list_workspaces() if each.slug == slug)
        finally:
            opened.close()

    def token(self, path: str, *slugs: str) -> str:
        """Have a one-time token made."""
        return Forms(self.send(self.page(path), "/auth-cli", *slugs)).secret

    def good(self, key: str) -> bool:
        """Say whether a key is good."""
        return self.issuer.call("GET", "/", key).status_code == 200


@pytest.fixture
def shop(tmp_path: Path) -> Generator[Shop]:
    """Run an issuer; it says nothing that it should not, and ends well."""
    database = tmp_path / "issuer.db"
    for slug in ("acme", "beta"):
        printed("workspace", "create", slug, "--name", slug.title(), "--database", str(database))
    opened = Database(database)
    Store(opened).create_person(new_person("ann@example.com", "Ann", PASSWORDS.hash(PASSWORD), admin=True), BY)
    opened.close()
    with served(database) as issuer, httpx.Client(base_url=issuer.url, timeout=60) as ann:
        yield Shop(issuer, database, ann)
        assert issuer.end(signal.SIGTERM) == (0, "")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A login file that is not there yet."""
    return tmp_path / "home" / "config.json"


class Opened:
    """A browser that notes which page it was to open."""

    def __init__(self, folder: Path) -> None:
        self._noted = folder / "opened"
        script = folder / "browser"
        script.write_text(f'#!/bin/sh\nprintf %s "$1" > {self._noted}.part\nmv {self._noted}.part {self._noted}\n')
        script.chmod(0o755)
        self.variable = f"{script} %s"

    def page(self) -> str:
        """Wait for the page, and return its address."""
        until(self._noted.exists, 120)
        return self._noted.read_text()


@contextmanager
def waiting(
    shop: Shop, path: Path, arguments: list[str], folder: Path
) -> Generator[tuple[str, "subprocess.Popen[str]"]]:
    """Run a program that logs in; yield the path of the page it opened, and its process."""
    browser, pipe = Opened(folder), subprocess.PIPE
    environ = environment(path, BROWSER=browser.variable, RF_ISSUER_URL=shop.issuer.url)
    with subprocess.Popen(arguments, env=environ, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield browser.page().removeprefix(shop.issuer.url), process
        finally:
            if process.poll() is None:
                process.kill()


def stored(path: Path) -> dict[str, Any]:
    """Return what is in the login file."""
    whole: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return whole


def keys(path: Path) -> dict[str, str]:
    """Return the keys in the login file by workspace."""
    return {each["url"]: each["apiKey"] for each in stored(path)["workspaces"].values()}


def test_the_command_gets_its_keys_by_a_code(shop: Shop, path: Path, tmp_path: Path) -> None:
    """The page shows the code of the terminal and the device; a yes ends the wait; whoami and logout go on."""
    with waiting(shop, path, [*COMMAND, "login", "--json", "--workspace", "beta"], tmp_path) as (opened, process):
        page = shop.page(opened)
        code = opened.removeprefix("/device?user_code=")
        assert f"</span>{code}</p>" in page
        done = shop.send(page, "/device", "acme", answer="yes")
        assert "fetches its key for Beta, Acme now" in done
        out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert f"code  {code}" in errors
    assert json.loads(out)["workspace"] == "beta"
    assert [each["workspace"] for each in json.loads(out)["new"]] == ["beta", "acme"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    had = keys(path)
    assert not [key for key in had.values() if key in out + errors]
    who = command(path, "whoami", "--json")
    assert json.loads(who.stdout).items() >= {"workspace": "beta", "valid": True}.items()
    listed = json.loads(command(path, "keys", "list", "--json").stdout)["apiKeys"]
    (made,) = [each for each in listed if each["prefix"] == had["beta"][:8] and each["lastFour"] == had["beta"][-4:]]
    assert made["name"].startswith("login on ")
    assert "@" in made["name"]
    assert (made["owners"], made["createdBy"], made["scopes"]) == (["ann@example.com"], "ann@example.com", None)
    assert command(path, "logout", "--all").returncode == 0
    assert [shop.good(key) for key in had.values()] == [False, False]


def test_a_no_on_the_page_ends_the_command(shop: Shop, path: Path, tmp_path: Path) -> None:
    """Exit 1 and one line, and no key was made."""
    with waiting(shop, path, [*COMMAND, "login"], tmp_path) as (opened, process):
        assert "gets no key" in shop.send(shop.page(opened), "/device", "acme", answer="no")
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert errors.endswith("rf-middleware: the login was denied on the page\n")
    assert "login on" not in shop.page("/settings/api/acme")


def test_python_gets_its_key_by_a_code(shop: Shop, path: Path, tmp_path: Path) -> None:
    """``rf_middleware.login()`` returns the workspace; a second call finds the login that is there."""
    code = "import rf_middleware; print(rf_middleware.login().slug)"
    with waiting(shop, path, [sys.executable, "-c", code], tmp_path) as (opened, process):
        shop.send(shop.page(opened), "/device", "acme", answer="yes")
        out, errors = process.communicate(timeout=120)
    assert (process.returncode, out) == (0, "acme\n"), errors
    assert shop.good(keys(path)["acme"])
    again = subprocess.run(
        [sys.executable, "-c", code], env=environment(path), capture_output=True, text=True, check=False, timeout=120
    )
    assert again.stdout == "acme\n"
    assert "Already logged in to acme" in again.stderr


def test_the_command_gets_its_keys_by_a_token_that_is_pasted(shop: Shop, path: Path) -> None:
    """``--paste``: the token works once, and no output shows it."""
    token = shop.token("/auth-cli/?workspace=beta", "acme", "beta")
    done = command(path, "login", "--paste", "--url", shop.issuer.url, typed=f"{token}\n")
    assert done.returncode == 0, done.stderr
    assert token not in done.stdout + done.stderr
    assert stored(path)["RF_WORKSPACE"] == "beta"
    assert json.loads(command(path, "whoami", "--json").stdout)["valid"] is True
    again = command(path, "login", "--paste", "--force", "--url", shop.issuer.url, typed=f"{token}\n")
    assert (again.returncode, "this token is not good" in again.stderr) == (1, True)


def test_the_real_client_logs_in_by_a_token(shop: Shop, path: Path) -> None:
    """``roboflow.login()`` and ``roboflow login`` read what they expect, and then act with the keys."""
    token = shop.token("/auth-cli", "acme", "beta")
    library = python(path, shop.issuer.url, "import roboflow; roboflow.login()", f"{token}\n")
    assert library.returncode == 0, library.stderr
    first = keys(path)
    assert set(first) == {"acme", "beta"}
    assert client(path, shop.issuer.url, "auth", "status").returncode == 0
    assert client(path, shop.issuer.url, "--json", "--workspace", "beta", "api-key", "list").returncode == 0
    used = python(path, shop.issuer.url, "import roboflow; roboflow.login(force=True)", f"{token}\n")
    assert "ValueError: Invalid API key" in used.stderr
    assert keys(path) == first
    another = shop.token("/auth-cli", "beta")
    forced = client(path, shop.issuer.url, "auth", "login", "--force", typed=f"{another}\n")
    assert forced.returncode == 0, forced.stderr
    assert keys(path)["beta"] != first["beta"]
    assert all(shop.good(key) for key in (*first.values(), keys(path)["beta"]))
    wrong = python(path, shop.issuer.url, "import roboflow; roboflow.login(force=True)", f"{mint(KEY_PREFIX)}\n")
    assert "ValueError: Invalid API key" in wrong.stderr


def test_the_issuer_behind_a_public_address_names_that(tmp_path: Path) -> None:
    """A device is sent to where people reach the pages, whatever name it used itself."""
    with served(tmp_path / "issuer.db", public_url="https://keys.example.com") as issuer:
        begun = httpx.post(f"{issuer.url}/device_authorization", data={"client_id": "x"}, timeout=60).json()
        assert begun["verification_uri"] == "https://keys.example.com/device"
        assert begun["verification_uri_complete"].startswith("https://keys.example.com/device?user_code=")
