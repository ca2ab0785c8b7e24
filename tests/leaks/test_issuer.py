"""The issuer as a process: its database with all its files, its log at DEBUG, its metrics and its audit log.

Everything that is a secret is made, used and ended, rightly and wrongly: keys, tokens, passwords, sessions, codes,
links. None of it stands in anything that was written; what encrypts the copies of keys stands in its own file alone.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.issuer.browsing import Forms
from tests.issuer.test_serve import printed, run
from tests.leaks.canary import grep, made

TALKATIVE = """
import logging
logging.basicConfig(level=logging.DEBUG)
logging.getLogger("sqlalchemy").setLevel(logging.DEBUG)
from rf_middleware.cli import main
main()
"""
FIRST = re.compile(r"/first/(\S+)")


@dataclass
class Life:
    """An issuer that runs, and every secret that there was.

    Attributes:
        secrets: by what each is.
    """

    url: str
    folder: Path
    secrets: dict[str, str] = field(default_factory=dict[str, str])

    def call(self, method: str, path: str, secret: str, **more: Any) -> httpx.Response:
        """Send a request with a secret as Bearer."""
        return httpx.request(method, self.url + path, headers={"Authorization": f"Bearer {secret}"}, timeout=60, **more)

    def command(self, *arguments: str) -> dict[str, str]:
        """Run a command beside the server."""
        return printed(*arguments, "--database", str(self.folder / "issuer.db"))


class Person:
    """Somebody at a browser."""

    def __init__(self, life: Life, http: httpx.Client) -> None:
        self.life, self.http = life, http

    def sends(self, page: str, action: str, **fields: str) -> httpx.Response:
        """Fill in the form of a page that goes somewhere, tick all workspaces in it, and send it."""
        answer = self.http.get(page)
        ticks = dict.fromkeys(re.findall(r'name="(workspace-[^"]+)"', answer.text), "yes")
        form = {**Forms(answer.text).found[action], **ticks, **fields}
        self.life.secrets[f"the token against forgery of {page}"] = form.get("csrf", made("none"))
        return self.http.post(action, data=form, headers={"Origin": self.life.url})

    def cookie(self, when: str) -> None:
        """Note the session."""
        self.life.secrets[f"a session {when}"] = self.http.cookies["rf_session"]


@contextmanager
def living(folder: Path) -> Generator[Life]:
    """Run an issuer that says all it can."""
    log = folder.parent / "log"
    arguments = ["serve", "--port", "0", "--lease", "0.3", "--database", str(folder / "issuer.db")]
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [sys.executable, "-c", TALKATIVE, *arguments],
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        ready, link = process.stdout.readline(), process.stdout.readline()
        life = Life(ready.split()[4], folder)
        first = FIRST.search(link)
        assert first
        life.secrets["the first link"] = first[1]
        try:
            yield life
            process.send_signal(signal.SIGTERM)
            rest, _ = process.communicate(timeout=60)
            assert (process.returncode, rest) == (0, "")
        finally:
            process.kill()


def keys(life: Life) -> None:
    """Make, use, roll, disable and revoke keys, and ask about them."""
    secrets = life.secrets
    secrets["the first key"] = first = life.command("workspace", "create", "acme")["key"]
    secrets["a token"] = token = life.command("token", "create")["token"]
    created = life.call("POST", "/acme/api-keys", first, json={"name": "one"}).json()
    secrets["a key"] = created["key"]
    path = f"/acme/api-keys/{created['keyId']}"
    rolled = life.call("POST", f"{path}/roll", first, json={"graceSeconds": 60}).json()
    secrets["a key after it was rolled"] = rolled["key"]
    for key in [*secrets.values(), made("unknown")]:
        life.call("POST", "/introspect", token, data={"token": key})
        life.call("POST", "/introspect", key, data={"token": first})
        life.call("GET", "/", key)
        httpx.get(life.url, params={"api_key": key}, headers={"Referer": f"{life.url}/?api_key={key}"}, timeout=60)
        httpx.post(f"{life.url}/revoke", data={"token": made("unknown")}, timeout=60)
    body = {"session": secrets.setdefault("a session of the feed", made("feed")), "epoch": None, "ack": 0, "wait": 0}
    assert life.call("POST", "/feed", token, json=body).status_code == 200
    assert life.call("PATCH", path, first, json={"disabled": True}).status_code == 200
    assert life.call("DELETE", path, first).status_code == 200
    secrets["a key that nobody made"] = made("unknown")


def logins(life: Life, ann: Person) -> None:
    """Log a device in, by a code and by a token that is pasted; be wrong, too."""
    secrets = life.secrets
    asked = ann.http.post("/device_authorization", data={"client_id": "a client", "device_name": "a laptop"}).json()
    secrets["a device code"], secrets["a user code"] = asked["device_code"], asked["user_code"]
    page = f"/device?user_code={asked['user_code']}"
    assert ann.sends(page, "/device", answer="yes").status_code == 200
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    form = {"grant_type": grant, "client_id": "a client", "device_code": asked["device_code"]}
    secrets["a key of a device"] = ann.http.post("/token", data=form).json()["access_token"]
    secrets["a wrong device code"] = made("device code")
    ann.http.post("/token", data={**form, "device_code": made("device code")})
    secrets["a token to paste"] = token = Forms(ann.sends("/auth-cli", "/auth-cli").text).secret
    (pasted,) = ann.http.get(f"/query/cliAuthToken/{token}").json().values()
    secrets["a key by a token"] = pasted["apiKey"]
    secrets["a wrong token to paste"] = made("paste")
    ann.http.get(f"/query/cliAuthToken/{made('paste')}")


def people(life: Life) -> None:
    """Invite somebody, who signs in, logs a device in, forgets the password and is given another link."""
    secrets = life.secrets
    add = ("user", "create", "ann@example.com", "--admin", "--url", life.url)
    with httpx.Client(base_url=life.url, timeout=60) as http:
        ann = Person(life, http)
        for when, arguments in (("first", add), ("later", ("user", "reset", "ann@example.com", "--url", life.url))):
            link = life.command(*arguments)["link"].removeprefix(life.url)
            secrets[f"a link {when}"] = link.removeprefix("/invite/")
            secrets[f"a password {when}"] = password = made(f"password {when}")
            assert ann.sends(link, link, name="Ann", password=password).status_code == 303
            ann.cookie(f"{when}, by the link")
            http.cookies.clear()
            secrets[f"a wrong password {when}"] = made(f"wrong password {when}")
            ann.sends("/login", "/login", email="ann@example.com", password=made(f"wrong password {when}"))
            secrets[f"a password for a name {when}"] = made(f"password as a name {when}")
            ann.sends("/login", "/login", email=made("nobody"), password=made(f"password as a name {when}"))
            assert ann.sends("/login", "/login", email="ann@example.com", password=password).status_code == 303
            ann.cookie(f"{when}, by the password")
            if when == "first":
                logins(life, ann)
        assert http.get("/settings/api/acme").status_code == 200


def files(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_no_secret_stands_in_what_the_issuer_writes(tmp_path: Path) -> None:
    """Neither in the database and the files beside it, then and later, nor in the log, the metrics or the audit."""
    folder = tmp_path / "issuer"
    folder.mkdir()
    with living(folder) as life:
        keys(life)
        people(life)
        written = files(folder)
        assert {"issuer.db", "issuer.db-wal", "issuer.db-shm"} <= set(written)
        metrics = life.call("GET", "/metrics", life.secrets["a token"])
        assert "rf_" in metrics.text
        written["metrics"] = metrics.content
        done = run("audit", "list", "--json", "--database", str(folder / "issuer.db"))
        assert "login" in done.stdout
        written["audit"] = done.stdout.encode()
    written.update({f"{name}, after it": each for name, each in files(folder).items()})
    written["log"] = b"\n".join(dict.fromkeys((tmp_path / "log").read_bytes().splitlines()))
    assert b"DEBUG:sqlalchemy.engine" in written["log"]
    assert b"INSERT INTO sessions" in written["log"]
    assert len(life.secrets) > 25
    for name, each in written.items():
        found = grep(each, life.secrets.values())
        assert [what for what, secret in life.secrets.items() if secret in found] == [], name
    assert life.secrets["a user code"].encode() not in written["issuer.db-wal"] + written["issuer.db"]
