"""The example apps do what their texts say: asked in this process, with an issuer that answers over HTTP."""

import asyncio
import json
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import module_from_spec, spec_from_file_location
from threading import Thread
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs

import pytest

from rf_middleware.demo.stage import examples
from rf_middleware.exceptions import ConfigurationError
from tests.harness import Answer, Request, acall, call_wsgi

SCOPES = {"whole": "*", "narrow": "model:read"}


class Introspection(BaseHTTPRequestHandler):
    """An RFC 7662 issuer without a feed."""

    def do_GET(self) -> None:
        """Describe the issuer."""
        self.reply({"issuer": "http://127.0.0.1"})

    def do_POST(self) -> None:
        """Answer about a key."""
        key = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())["token"][0]
        known = key in SCOPES
        self.reply({"active": True, "workspace": "acme", "scope": SCOPES[key]} if known else {"active": False})

    def reply(self, body: object) -> None:
        """Send JSON."""
        text = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the signature of http.server
        """Say nothing."""


@contextmanager
def issuer() -> Generator[str]:
    """Serve the issuer and yield its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Introspection)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def load(name: str) -> ModuleType:
    """Import an example as a server does."""
    spec = spec_from_file_location(f"example_{name}", examples() / name / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ask_flask(requests: list[Request]) -> list[Answer]:
    """Ask the Flask app."""
    app = load("flask_app").app
    answers = [call_wsgi(app, request) for request in requests]
    app.extensions["rf_middleware"].validator.close()
    return answers


def ask_starlette(requests: list[Request]) -> list[Answer]:
    """Ask the Starlette app."""
    module = load("starlette_app")

    async def main() -> list[Answer]:
        answers = [await acall(module.app, request) for request in requests]
        await module.validator.aclose()
        return answers

    return asyncio.run(main())


@pytest.mark.parametrize("ask", [ask_flask, ask_starlette])
def test_an_example_does_what_it_says(ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A good key gets its workspace and the worker's pid, a scoped route wants its scope, and health wants no key."""
    with issuer() as url:
        monkeypatch.setenv("RF_ISSUER_URL", url)
        monkeypatch.setenv("RF_ISSUER_TOKEN", "a-validator-token")
        cases = {
            "/ whole": 200,
            "/ narrow": 200,
            "/ unknown": 401,
            "/ ": 401,
            "/infer whole": 200,
            "/infer narrow": 403,
            "/infer ": 401,
            "/healthz ": 200,
        }
        parts = [case.partition(" ") for case in cases]
        answers = ask([Request(target=path, headers=[("X-API-Key", key)] if key else []) for path, _, key in parts])
    assert dict(zip(cases, [answer.status for answer in answers], strict=True)) == cases
    assert answers[0].json["workspace"] == "acme"
    assert isinstance(answers[0].json["pid"], int)


@pytest.mark.parametrize("name", ["flask_app", "starlette_app"])
def test_an_example_without_an_issuer_says_so(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is started without RF_ISSUER_URL stops at once, and the last line says what to set."""
    monkeypatch.delenv("RF_ISSUER_URL", raising=False)
    with pytest.raises(ConfigurationError, match="set RF_ISSUER_URL"):
        load(name)


@pytest.mark.parametrize("name", ["flask_app", "starlette_app"])
def test_an_example_is_complete(name: str) -> None:
    """A folder to copy has the app, how to run it against both kinds of issuer, and what to install."""
    folder = examples() / name
    told = (folder / "README.md").read_text(encoding="utf-8")
    assert "RF_ISSUER_URL=https://api.roboflow.com" in told
    assert "RF_ISSUER_TOKEN=" in told
    assert f"rf-middleware[{name.removesuffix('_app')}]" in (folder / "requirements.txt").read_text(encoding="utf-8")
