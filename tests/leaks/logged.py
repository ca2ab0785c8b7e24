"""Real servers whose every word goes to a file, and an issuer that answers by the key in every way."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs

from tests.core.servers import Behave, Server, requests, until
from tests.real.started import ROOT

__all__ = ["Logged", "answering", "logged"]

_ADDRESS: Final = re.compile(r"http://(127\.0\.0\.1):(\d+)")


@dataclass
class Logged:
    """A server that runs, where it is, and the file with all that it wrote."""

    port: int
    file: Path

    def said(self) -> str:
        """Return what it has written so far."""
        return self.file.read_text(encoding="utf-8", errors="replace")

    def send(self, request: bytes) -> bytes:
        """Send bytes, and return what came back until the connection was closed."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            connection.sendall(request)
            answer = b""
            with suppress(ConnectionResetError):
                while part := connection.recv(65536):
                    answer += part
            return answer


@contextmanager
def logged(command: str, file: Path, environment: Mapping[str, str]) -> Generator[Logged]:
    """Run a server until the block ends; then it is told to end, so that it has said everything."""
    with (
        file.open("wb") as output,
        subprocess.Popen(
            [sys.executable, *command.split()],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        server = Logged(0, file)
        try:
            until(lambda: _ADDRESS.search(server.said()) or process.poll() is not None, 60)
            found = _ADDRESS.search(server.said())
            assert found, server.said()
            server.port = int(found[2])
            until(lambda: _healthy(server), 60)
            yield server
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _healthy(server: Logged) -> bool:
    try:
        return b" 200 " in server.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    except OSError:
        return False


def answering(ends: Callable[[str], str]) -> Behave:
    """Return an issuer that answers about a key as ``ends`` says: in the words of this function."""

    def behave(connection: socket.socket, server: Server) -> None:
        for head, body in requests(connection):
            key = parse_qs(body.decode()).get("token", [""])[0]
            answer = _answer(ends(key) if key else "has no feed", head.encode() + body)
            if not answer:
                server.ending.wait(60)
                return
            connection.sendall(answer)

    return behave


def _answer(how: str, request: bytes) -> bytes:
    good = {"active": True, "workspace": "acme"}
    status, body = {
        "good": ("200 OK", json.dumps(good).encode()),
        "unknown": ("200 OK", b'{"active": false}'),
        "has no feed": ("200 OK", b'{"issuer": "http://issuer.example"}'),
        "breaks": ("500 Oh No", request),
        "says nonsense": ("200 OK", b"<html>" + request),
        "redirects": (f"307 Elsewhere\r\nLocation: /?{request.decode().rpartition('token=')[2]}", b""),
        "forbids": ("403 No", request),
        "is slow": ("", b""),
    }[how]
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(body), body) if status else b""
