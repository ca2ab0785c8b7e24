"""A cached key, over real sockets: requests per second of each way beside the bare app, under uvicorn and gunicorn.

All servers run at once, on one core; wrk, on the other, loads one after the other in turn, round by round. Scatter is
large here: it is reported, and nothing is judged by it.
"""

import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from benchmarks import answers
from benchmarks.measure import Spread, spread
from benchmarks.scale import scaled
from benchmarks.servers import answered, free_port, gunicorn, issuer_process, pinned, running, uvicorn
from benchmarks.subjects import BARE, STACKS, Subject
from benchmarks.traffic import KEY, key_header, query

__all__ = ["RATE", "SERVERS", "Row", "Rows", "measure"]

SERVERS: Final[Mapping[str, tuple[str, ...]]] = {
    "uvicorn": ("ASGI", "Starlette", "FastAPI"),
    "gunicorn": ("WSGI", "Flask"),
}
_ROUNDS: Final = scaled(5, 2)
_SECONDS: Final = 1
_CONNECTIONS: Final = 16
RATE: Final = re.compile(r"Requests/sec:\s*([0-9.]+)")
_WRONG: Final = re.compile(r"(?:Non-2xx|Socket errors).*")


@dataclass(frozen=True)
class Row:
    """One subject: requests per second, and as a share of those of the bare app in the same round."""

    server: str
    stack: str
    subject: str
    rate: Spread
    share: Spread


@dataclass(frozen=True)
class Rows:
    """What was measured, and what could not be."""

    rows: tuple[Row, ...]
    missing: tuple[str, ...]


def measure() -> Rows:
    """Load each server in turn."""
    if shutil.which("wrk") is None:
        return Rows((), ("all of it: wrk is not installed (on Debian: apt-get install wrk)",))
    rows: list[Row] = []
    missing: list[str] = []
    with issuer_process() as issuer:
        for server, stacks in SERVERS.items():
            for stack in stacks:
                found, lacking = _stack(server, stack, issuer)
                rows += found
                missing += lacking
    return Rows(tuple(rows), tuple(missing))


def _stack(server: str, stack: str, issuer: str) -> tuple[list[Row], list[str]]:
    rates: dict[str, list[float]] = {}
    missing: list[str] = []
    with ExitStack() as open_:
        urls: dict[Subject, str] = {}
        for subject in STACKS[stack]:
            try:
                urls[subject] = open_.enter_context(_served(server, stack, subject, issuer))
            except (RuntimeError, AssertionError) as error:
                missing.append(f"{stack}: {subject.name} ({error})")
        order = list(urls)
        with pinned(1):
            for _ in range(_ROUNDS):
                for subject in order:
                    rates.setdefault(subject.name, []).append(_load(urls[subject], subject))
                order.append(order.pop(0))
    rows: list[Row] = []
    for name, found in rates.items():
        shares = [mine / base for mine, base in zip(found, rates[BARE], strict=True)]
        rows.append(Row(server, stack, name, spread(found), spread(shares)))
        print(f"{server}, {stack}: {name} {statistics.median(shares):.2f} of the bare app", file=sys.stderr)
    return rows, missing


@contextmanager
def _served(server: str, stack: str, subject: Subject, issuer: str) -> Generator[str]:
    """Start a server and see that it lets the good key in and, unless it is bare, a bad one not; its URL."""
    port = free_port()
    command = (uvicorn if server == "uvicorn" else gunicorn)("benchmarks.served:app", port)
    environment = {"BENCH_STACK": stack, "BENCH_SUBJECT": subject.name, "BENCH_ISSUER": issuer}
    url = f"http://127.0.0.1:{port}/infer"
    with ExitStack() as open_:
        with pinned(0):
            process = open_.enter_context(running(command, environment))
        for key, status in ((KEY, 200), (answers.BAD_KEY.encode(), 200 if subject.name == BARE else 401)):
            got = answered(process, _asked(url, subject, key), _headers(subject, key))[0]
            assert got == status, f"answered {got}, not {status}"
        yield url


def _asked(url: str, subject: Subject, key: bytes) -> str:
    asked = query(subject.place, key).decode()
    return f"{url}?{asked}" if asked else url


def _headers(subject: Subject, key: bytes) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in key_header(subject.place, key)}


def _load(url: str, subject: Subject) -> float:
    """Return requests per second."""
    command = ["wrk", "-t1", f"-c{_CONNECTIONS}", f"-d{_SECONDS}s"]
    for name, value in _headers(subject, KEY).items():
        command += ["-H", f"{name}: {value}"]
    told = subprocess.run([*command, _asked(url, subject, KEY)], capture_output=True, text=True, check=True).stdout
    wrong = _WRONG.search(told)
    assert wrong is None, f"{subject.name}: {told}"
    found = RATE.search(told)
    assert found is not None, told
    return float(found[1])
