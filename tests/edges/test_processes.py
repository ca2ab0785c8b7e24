"""What shows only in a process of its own: no Starlette, the end of the interpreter, the lifespan of an app."""

import asyncio
import subprocess
import sys
from typing import Any

from rf_middleware import CallableIssuer, Grant, Validator, Workspace
from rf_middleware.asgi import APIKeyMiddleware

_BARE = """
import asyncio, sys
from rf_middleware import CallableIssuer, Grant, Validator, Workspace
from rf_middleware.asgi import APIKeyMiddleware

seen = {}

async def app(scope, receive, send):
    seen.update(scope)

validator = Validator(CallableIssuer(lambda key: Grant(Workspace("acme"))))
app = APIKeyMiddleware(app, validator=validator)
headers = [(b"authorization", b"Bearer k")]
scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": headers}
for _ in range(2):
    asyncio.run(app(dict(scope), None, None))
print(seen["state"]["workspace"].slug, "user" in seen, "starlette" in sys.modules)
"""

_END = """
import http.server, json, threading
from rf_middleware import IntrospectionIssuer, Validator

class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, members):
        body = json.dumps(members).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer({"issuer": "http://localhost", "revocation_feed_endpoint": "/feed"})

    def do_POST(self):
        asked = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/feed":
            epoch = json.loads(asked)["epoch"]
            if epoch is not None:
                leased.set()
                ended.wait(20)
            self.answer({"epoch": "one", "reset": epoch is None, "head": 0, "events": [], "lease": 10})
        else:
            self.answer({"active": True, "workspace": "acme", "epoch": "one", "head": 0})

    def do_DELETE(self):
        print("left", self.path.startswith("/feed/"), flush=True)
        ended.set()
        self.answer({})

    def log_message(self, *arguments):
        pass

leased, ended = threading.Event(), threading.Event()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
server.handle_error = lambda *connection: None  # this process ends while its own server still answers
threading.Thread(target=server.serve_forever, daemon=True).start()
validator = Validator(IntrospectionIssuer(f"http://localhost:{server.server_port}", "token"))
print(validator.check("rfk_key").workspace.slug, leased.wait(60), flush=True)
"""


def run(source: str) -> str:
    """Run a program to its end and return what it printed."""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_bare_asgi_app_gets_no_starlette() -> None:
    """Where Starlette is not loaded nothing loads it, and the request carries the workspace all the same."""
    assert run(_BARE) == "acme False False\n"


def test_a_process_that_ends_gives_its_lease_back() -> None:
    """At the end of the interpreter, when no thread can look up a name any more, the issuer is still told."""
    assert run(_END) == "acme True\nleft True\n"


def test_the_end_of_the_lifespan_releases_the_validator() -> None:
    """``lifespan.shutdown`` gives the lease back before the app hears of it; start-up passes untouched."""
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    heard: list[str] = []
    released: list[int] = []

    class Noting(Validator):
        def release(self) -> None:
            released.append(len(heard))
            super().release()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while len(heard) < 2:
            heard.append((await receive())["type"])

    async def receive() -> dict[str, str]:
        return messages.pop(0)

    async def send(message: Any) -> None: ...

    with Noting(CallableIssuer(lambda key: Grant(Workspace("acme")))) as validator:
        asyncio.run(APIKeyMiddleware(app, validator=validator)({"type": "lifespan"}, receive, send))
    assert (heard, released) == (["lifespan.startup", "lifespan.shutdown"], [1])
