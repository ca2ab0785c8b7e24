"""Starts real servers on loopback, waits until they answer, and ends them."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

__all__ = ["answered", "free_port", "gunicorn", "issuer_process", "pinned", "running", "uvicorn"]

_PATIENCE: Final = 60.0
_PAUSE: Final = 0.05


def free_port() -> int:
    """Return a port of the loopback address that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def uvicorn(app: str, port: int) -> list[str]:
    """Return the command that serves an ASGI app, as fast as uvicorn can."""
    given = ["--host", "127.0.0.1", "--port", str(port), "--http", "httptools", "--loop", _loop()]
    return [sys.executable, "-m", "uvicorn", app, *given, "--no-access-log", "--log-level", "warning"]


def _loop() -> str:
    try:
        import uvloop  # noqa: PLC0415 - whether it is there
    except ImportError:
        return "asyncio"
    return uvloop.__name__


def gunicorn(app: str, port: int) -> list[str]:
    """Return the command that serves a WSGI app with threads."""
    given = ["--bind", f"127.0.0.1:{port}", "--worker-class", "gthread", "--threads", "4", "--workers", "1"]
    return [sys.executable, "-m", "gunicorn", app, *given, "--log-level", "warning", "--keep-alive", "30"]


@contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str] | None = None
) -> Generator["subprocess.Popen[bytes]"]:
    """Run a server while the block runs."""
    env = {**os.environ, **(environment or {}), "NO_PROXY": "127.0.0.1"}
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def issuer_process() -> Generator[str]:
    """Run the fast issuer of ``issuer_app``; its URL."""
    port = free_port()
    with running(uvicorn("benchmarks.issuer_app:app", port)) as process:
        url = f"http://127.0.0.1:{port}"
        answered(process, f"{url}/calls")
        yield url
        process.kill()  # its polls are held; there is nothing to end in order


def answered(
    process: "subprocess.Popen[bytes]", url: str, headers: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    """Return status and body of a GET, as soon as the server answers at all."""
    give_up = time.monotonic() + _PATIENCE
    request = urllib.request.Request(url, headers=dict(headers or {}))  # noqa: S310 - http, to ourselves
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        try:
            with opener.open(request, timeout=_PATIENCE) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError as error:
            if process.poll() is not None or time.monotonic() > give_up:
                message = f"the server at {url} does not answer (exit code {process.poll()})"
                raise RuntimeError(message) from error
            time.sleep(_PAUSE)


@contextmanager
def pinned(core: int) -> Generator[None]:
    """Keep what is started in the block on one core, where there are two and the system can do it."""
    if not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(before)[core % len(before)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
