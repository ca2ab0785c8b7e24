"""A small issuer on a real socket that plays both ways to log in, checks keys and ends them."""

import json
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from urllib.parse import parse_qs, urlsplit

from rf_middleware.issuer.keys import KEY_PREFIX, mint

COMMAND = [sys.executable, "-c", "from rf_middleware.cli import main; main()"]
Reply = tuple[int, object]


@dataclass
class Issuing:
    """What the issuer knows and does.

    Attributes:
        slugs: the workspaces that are allowed on the page.
        by_code: whether it knows the way with a code.
        verdict: what the person says on the page, once it is opened.
        revoking: the answer to a revocation, unless it is carried out.
        keys: the good keys and their workspaces.
        asked: method and path of each request.
        polled: set when somebody polls.
    """

    slugs: tuple[str, ...] = ("acme",)
    by_code: bool = True
    verdict: str = "allowed"
    revoking: Reply | None = None
    url: str = ""
    keys: dict[str, str] = field(default_factory=dict[str, str])
    asked: list[str] = field(default_factory=list[str])
    names: list[str] = field(default_factory=list[str])
    opened: Event = field(default_factory=Event)
    polled: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)

    def answer(self, method: str, path: str, key: str, body: str) -> Reply:
        """Answer one request."""
        form = {name: values[0] for name, values in parse_qs(body).items()}
        place = urlsplit(path).path
        self.asked.append(f"{method} {path}")
        if place == "/device_authorization":
            self.names.append(form["device_name"])
            return (200, self._asked()) if self.by_code else (404, {"error": "Not Found"})
        if place == "/device":
            self.opened.set()
            return 200, {"opened": True}
        if place == "/token":
            self.polled.set()
            return self._polled(form)
        if place.startswith("/query/cliAuthToken/"):
            return 200, self._minted() if place.endswith("/a-good-token") else None
        if place == "/revoke":
            return self.revoking or self._revoked(form["token"])
        if key not in self.keys:
            return 401, {"error": "This key is not valid"}
        if place == "/":
            return 200, {"workspace": self.keys[key]}
        return 404, {"error": "Not Found"}

    def _asked(self) -> dict[str, object]:
        return {
            "device_code": "device-code-canary",
            "user_code": "BCDF-GHJK",
            "verification_uri": f"{self.url}/device",
            "verification_uri_complete": f"{self.url}/device?user_code=BCDF-GHJK",
            "expires_in": 600,
            "interval": 0.05,
        }

    def _polled(self, form: dict[str, str]) -> Reply:
        if form["device_code"] != "device-code-canary":
            return 400, {"error": "invalid_grant"}
        if not self.opened.is_set():
            return 400, {"error": "authorization_pending"}
        if self.verdict != "allowed":
            return 400, {"error": self.verdict}
        workspaces = self._minted()
        return 200, {"token_type": "Bearer", "workspace": self.slugs[0], "workspaces": workspaces}

    def _minted(self) -> dict[str, object]:
        with self.lock:
            made = {slug: mint(KEY_PREFIX) for slug in self.slugs}
            self.keys |= {key: slug for slug, key in made.items()}
        return {f"id-of-{slug}": {"url": slug, "name": slug.title(), "apiKey": key} for slug, key in made.items()}

    def _revoked(self, key: str) -> Reply:
        known = self.keys.pop(key, None)
        counts = {"revoked": True, "validators": {"confirmed": 8, "expired": 0}, "took_ms": 12.3}
        return 200, counts if known else {}


@contextmanager
def issuing(issuer: Issuing) -> Generator[Issuing]:
    """Run an issuer until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            length = int(self.headers.get("content-length", 0))
            key = self.headers.get("authorization", "").removeprefix("Bearer ")
            status, body = issuer.answer(self.command, self.path, key, self.rfile.read(length).decode())
            sent = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = handle_any  # noqa: N815 - the names of http.server

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of http.server
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join(30)


def a_browser(folder: Path) -> str:
    """Return a BROWSER that opens pages without showing them."""
    script = folder / "browser"
    code = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1]).read()"
    script.write_text(f"#!/bin/sh\necho noise\nexec {sys.executable} -c '{code}' \"$1\"\n", encoding="utf-8")
    script.chmod(0o755)
    return f"{script} %s"


def environment(path: Path, **more: str) -> dict[str, str]:
    """Return the environment of a command with this login file, and nothing that would change what it does."""
    ours = ("RF_ISSUER_URL", "RF_API_KEY", "ROBOFLOW_API_KEY", "ROBOFLOW_REGION", "BROWSER", "SSH_CONNECTION")
    clean = {name: value for name, value in os.environ.items() if name not in (*ours, "DISPLAY", "WAYLAND_DISPLAY")}
    return {**clean, "ROBOFLOW_CONFIG_DIR": str(path), **more}


def command(path: Path, *arguments: str, typed: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end as a process."""
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(path, **more),
        input=typed,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
