"""A small world for the demo's story: an issuer and two apps that answer as they are told to, one lie at a time.

The story freezes the processes it is shown, so the workers' pids are those of real processes that do nothing.
"""

import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from threading import Thread
from typing import Any

from rf_middleware.demo.child import Server
from rf_middleware.demo.stage import Scene

__all__ = ["World", "sleeper"]

WORKSPACE_KEY = "rfk_workspace-key-of-the-world"


class World:
    """What the servers of one test know and say.

    Args:
        lie: what they do wrong; nothing when it is empty.
    """

    def __init__(self, lie: str = "") -> None:
        self.lie = lie
        self.made = 0
        self.revoked: list[str] = []
        self.asked: dict[int, int] = {}
        self.asleep = 0

    def app(self, pid: int, key: str) -> tuple[int, object]:
        """Answer as a worker of an app."""
        if key in self.revoked:
            self.asked[pid] = self.asked.get(pid, 0) + 1
        if key not in self.revoked or self._accepts(pid, last=key != self.key(1)):
            workspace = "other" if self.lie == "another workspace" and self.revoked else "demo"
            return 200, {"workspace": workspace, "pid": pid}
        return 401, {"type": "urn:rf-middleware:problem:invalid-key"}

    def _accepts(self, pid: int, *, last: bool) -> bool:
        """Say whether a worker accepts a revoked key, the first or the last of the two that are shown."""
        if not last:
            return self.lie == "the first revoked key is accepted"
        if pid == self.asleep:
            return self.lie == "the frozen worker accepts"
        return self.lie == "nobody hears of it" or (self.lie == "news takes a moment" and self.asked[pid] == 2)

    def issuer(self, method: str, path: str) -> tuple[int, object]:
        """Answer as the issuer."""
        if method == "GET":
            return 200, {"revocation_bound_ms": 4540}
        if method == "POST":
            self.made += 1
            refuses = self.lie == "no key is made"
            return (403, {}) if refuses else (200, {"key": self.key(self.made), "keyId": str(self.made)})
        self.revoked.append(self.key(int(path.rpartition("/")[2])))
        return (500, {}) if self.lie == "DELETE fails" else (200, self.receipt())

    def receipt(self) -> dict[str, object]:
        """Return what the issuer says about the newest revocation: probes first, then the two that are shown."""
        last = self.revoked[-1]
        confirmed, expired, took = 3, 0, 12.0
        if self.lie == "one never follows" or (self.lie == "one follows late" and last == self.key(2)):
            confirmed = 2
        elif last == self.key(1) and self.lie == "a lease ran out":
            confirmed, expired = 2, 1
        elif last != self.key(1) and self.key(1) in self.revoked:
            confirmed, expired, took = (3, 0, 12.0) if self.lie == "nobody waited" else (2, 1, 3900.0)
            took = 9000.0 if self.lie == "DELETE takes too long" else took
        return {"revoked": True, "validators": {"confirmed": confirmed, "expired": expired}, "took_ms": took}

    def key(self, number: int) -> str:
        """Return the secret of the key with this id."""
        return f"rfk_secret-number-{number:04}"

    @contextmanager
    def scene(self) -> Generator[Scene]:
        """Serve."""
        with ExitStack() as stack:
            pids = [stack.enter_context(sleeper()).process.pid for _ in range(3)]
            self.asleep = pids[0]
            flask = pids[:1] if self.lie == "one worker takes everything" else pids[:2]
            yield Scene(
                stack.enter_context(sleeper()),
                stack.enter_context(self._server("issuer", [0])),
                stack.enter_context(self._server("flask", flask)),
                stack.enter_context(self._server("starlette", pids[2:])),
                WORKSPACE_KEY,
            )

    @contextmanager
    def _server(self, name: str, pids: list[int]) -> Generator[str]:
        # Two connections in a row go to the same worker.
        whose = cycle([pid for pid in pids for _ in range(2)])
        world = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                self.pid = next(whose)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature of http.server
                """Say nothing."""

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                key = self.headers.get("Authorization", "").removeprefix("Bearer ")
                if name == "issuer":
                    assert key in {WORKSPACE_KEY, ""}
                    status, body = world.issuer(self.command, self.path)
                else:
                    status, body = world.app(self.pid, key)
                if world.lie == "an app hangs up" and name == "starlette":
                    self.close_connection = True
                    return
                if world.lie == "an app talks nonsense" and name == "starlette":
                    body = ["nonsense"]
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


@contextmanager
def sleeper(code: str = "input()") -> Generator[Server]:
    """Run some Python as a server of the demo, and end it afterwards."""
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        server = Server("thing", process)
        try:
            yield server
        finally:
            server.end()
