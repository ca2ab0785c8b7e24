"""An issuer that notes what it is asked, servers as processes, and bytes sent to them."""

import json
import re
import socket
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs

from rf_middleware.demo.child import Server
from tests.contract.subjects import SUBJECTS, Subject
from tests.core.servers import Server as Listening
from tests.core.servers import requests, serving
from tests.real.raw import FOREIGN, GOOD, OTHER
from tests.real.started import started

__all__ = ["Answer", "Asked", "Target", "issuing", "run"]

PATIENCE = 60.0
"""Seconds that an answer may take: far more than it needs, on a slow machine too."""

UVICORN = "-m uvicorn --port 0 --log-level info --timeout-keep-alive 2 tests.real.raw_apps:app --lifespan on"
GUNICORN = """\
bind = "127.0.0.1:0"
control_socket_disable = True
forwarded_allow_ips = "192.0.2.1"
accesslog = "-"
graceful_timeout = 5
keepalive = 2
timeout = 120
"""
"""No proxy of ours is on the loopback: what comes from there is a stranger's."""

SERVERS: list[tuple[str, str, str]] = [
    ("uvicorn", "--http h11", "asgi"),
    ("uvicorn", "--http h11 --root-path /mounted", "fastapi-require-key"),
    ("uvicorn", "--http httptools --root-path /mounted", "asgi"),
    ("uvicorn", "--http httptools", "starlette-in-middleware"),
    ("uvicorn", "--http httptools", "starlette-require-key"),
    ("gunicorn", "worker_class = 'asgi'", "fastapi-in-middleware"),
    ("gunicorn", "worker_class = 'sync'", "wsgi"),
    ("gunicorn", "worker_class = 'sync'", "flask-require-key"),
    ("gunicorn", "worker_class = 'gthread'; threads = 4", "flask-in-middleware"),
]


@dataclass(frozen=True)
class Answer:
    """One response; status 0 stands for a connection that was closed without one."""

    status: int
    body: bytes = b""

    @property
    def json(self) -> dict[str, Any]:
        """The body, if it is a JSON object."""
        try:
            whole = json.loads(self.body)
        except ValueError:
            return {}
        return cast("dict[str, Any]", whole) if isinstance(whole, dict) else {}

    @property
    def problem(self) -> str:
        """The end of the problem type; empty when the body is none of ours."""
        return str(self.json.get("type", "")).rpartition(":")[2]


@dataclass
class Asked:
    """An issuer, and the keys it was asked about by the holder of each token."""

    url: str = ""
    keys: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def __call__(self, connection: socket.socket, server: Listening) -> None:
        """Answer what comes on a connection."""
        for head, body in requests(connection):
            answer = json.dumps(self._answer(head, body.decode())).encode()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer))

    def _answer(self, head: str, body: str) -> dict[str, object]:
        if not head.startswith("POST /introspect "):
            return {"issuer": self.url}
        (token,) = re.findall(r"(?i)authorization: bearer (\S+)", head)
        (key,) = parse_qs(body)["token"]
        self.keys.setdefault(token, []).append(key)
        workspace = {GOOD: "acme", OTHER: "acme", FOREIGN: "initech"}.get(key)
        return {"active": workspace is not None, "workspace": workspace, "scope": "*"}


@contextmanager
def issuing() -> Generator[Asked]:
    """Run the issuer."""
    asked = Asked()
    with serving(asked) as server:
        asked.url = server.url
        yield asked


@dataclass
class Target:
    """A server that is running.

    Attributes:
        hangs_up: whether it gives up on a client that has nothing more to send, also when it has all it needs.
    """

    name: str
    subject: Subject
    server: Server
    asked: Asked
    hangs_up: bool
    _seen: int = 0

    @property
    def exempts(self) -> bool:
        """Whether it stands before a whole app, with paths that need no key."""
        return "exempt" not in self.subject.lacks

    def complaint(self) -> str:
        """Return the traceback that it has printed since the last time, if any; a client that left is none of ours."""
        said = ""
        while self.server._lines:
            said += self.server._lines.popleft()
        return said[said.index("Traceback") :] if "Traceback" in said and not self.hangs_up else ""

    def newly_asked(self) -> set[str]:
        """Return what the issuer was asked about by it since the last time."""
        keys = self.asked.keys.get(self.name, [])
        new, self._seen = keys[self._seen :], len(keys)
        return set(new)

    def connect(self) -> socket.socket:
        """Return a connection to it."""
        host, _, port = self.server._address.removeprefix("http://").partition(":")
        connection = socket.create_connection((host, int(port)), timeout=PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def send(self, raw: bytes, *, answers: int, ends: bool = False, piece: int = 1 << 20) -> list[Answer]:
        """Send bytes in pieces, and return so many answers, and those that come beyond them.

        Where fewer come the rest have the status 0.
        """
        methods = re.findall(rb"(?:\A|\r\n\r\n)(?:\r\n)*(\S+) ", raw)
        with self.connect() as connection:
            try:
                for start in range(0, len(raw), piece):
                    connection.sendall(raw[start : start + piece])
                if ends:
                    connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it has refused what came so far
            file = _Kept(connection.makefile("rb"))
            found: list[Answer] = []
            while not found or found[-1].status not in {0, 101}:
                if len(found) == answers:  # what comes now was not asked for
                    with suppress(OSError):
                        connection.shutdown(socket.SHUT_WR)
                method = methods[len(found)].decode("latin-1") if len(found) < len(methods) else "GET"
                found.append(_next(file, method))
            if found[-1].status == 0 and len(found) > answers:
                found.pop()
            return found + [Answer(0)] * (answers - len(found))


class _Kept:
    """The bytes that come, for one response after another."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def makefile(self, *_: object) -> "_Kept":
        """Return itself, as a socket does for a response."""
        return self

    def close(self) -> None:
        """Stay open for the next response."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _next(file: _Kept, method: str) -> Answer:
    response = HTTPResponse(cast("socket.socket", file), method=method)
    try:
        response.begin()
        return Answer(response.status, b"" if response.status == 101 else response.read())
    except (HTTPException, ConnectionError):
        return Answer(0)


@contextmanager
def run(
    asked: Asked, folder: Path, servers: Sequence[tuple[str, str, str]] = SERVERS, **more: str
) -> Generator[Sequence[Target]]:
    """Run every server until the block ends, with more in their environment."""
    with ExitStack() as stack:
        targets = [_start(stack, asked, folder, each, more) for each in servers]
        for target in targets:
            assert target.server._said.wait(PATIENCE)
            assert target.server._address, list(target.server._lines)
        yield targets
        for target in targets:  # all at once
            target.server.process.terminate()


def _start(stack: ExitStack, asked: Asked, folder: Path, which: tuple[str, str, str], more: dict[str, str]) -> Target:
    kind, how, subject = which
    name = re.sub(r"\W+", "-", f"{kind} {how} {subject}")
    if kind == "uvicorn":
        command = [*UVICORN.split(), *how.split()]
    else:
        settings = folder / f"{name}.conf.py"
        settings.write_text(f"{GUNICORN}{how}\n", encoding="utf-8")
        command = ["-m", "gunicorn", "--config", str(settings), "tests.real.raw_apps:app"]
    told = {"RAW_SUBJECT": subject, "RAW_ISSUER": asked.url, "RAW_TOKEN": name}
    server = started(name, command, **told, **more)
    stack.callback(server.end)
    which_subject = next(each for each in SUBJECTS if str(each) == subject)
    return Target(name, which_subject, server, asked, hangs_up="'asgi'" in how)
