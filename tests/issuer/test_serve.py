"""``rf-middleware serve`` as a real process: the ready line, refusals at the start, signals, kill -9."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from rf_middleware.cli import group
from rf_middleware.issuer.serve import CannotListen, Options, serve

COMMAND = [sys.executable, "-c", "from rf_middleware.cli import main; main()"]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    env = {**os.environ, **environment}
    return subprocess.run([*COMMAND, *arguments], env=env, capture_output=True, text=True, check=False, timeout=60)


def printed(*arguments: str) -> dict[str, str]:
    """Run a command that prints JSON."""
    done = run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


class Served:
    """A running issuer: its process and its address."""

    def __init__(self, process: subprocess.Popen[str], ready: str) -> None:
        self.process, self.ready = process, ready
        self.url = ready.split()[4]

    def call(self, method: str, path: str, secret: str, **more: object) -> httpx.Response:
        """Send a request."""
        headers = {"Authorization": f"Bearer {secret}"}
        return httpx.request(method, self.url + path, headers=headers, timeout=30, **more)  # type: ignore[arg-type]  # passed on

    def poll(self, token: str, ack: int = 0, epoch: str | None = None, wait: float = 0.0) -> httpx.Response:
        """Poll the feed."""
        body = {"session": "a-session-here", "epoch": epoch, "ack": ack, "wait": wait}
        return self.call("POST", "/feed", token, json=body)

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """Send a signal; return exit code and what was said on stderr."""
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=30)
        return self.process.returncode, errors


@contextmanager
def served(
    database: Path,
    lease: float = 1.0,
    *,
    write_once: bool = False,
    public_url: str = "",
    port: int = 0,
    more: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Generator[Served]:
    """Run an issuer, on a free port unless told."""
    arguments = ["serve", "--port", str(port), "--database", str(database), "--lease", str(lease), *more]
    arguments += ["--write-once"] * write_once + ["--public-url", public_url] * bool(public_url)
    pipe, env = subprocess.PIPE, {**os.environ, **(environment or {})}
    with subprocess.Popen([*COMMAND, *arguments], stdout=pipe, stderr=pipe, text=True, env=env) as process:
        try:
            assert process.stdout is not None
            ready = process.stdout.readline()
            assert ready, process.communicate()[1]
            yield Served(process, ready)
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A file that is not there yet."""
    return tmp_path / "issuer.db"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_from_the_ready_line_to_the_signal(database: Path, number: signal.Signals) -> None:
    """The line names the real address, commands work meanwhile, and a signal ends it with 0 and no noise."""
    with served(database) as issuer:
        assert issuer.ready == f"rf-middleware issuer ready on {issuer.url} (database {database}, lease 1 s)\n"
        made = printed("workspace", "create", "acme", "--database", str(database))
        token = printed("token", "create", "--database", str(database))["token"]
        answer = httpx.get(f"{issuer.url}/", params={"api_key": made["key"]})
        assert answer.json()["workspace"] == "acme"
        assert issuer.call("POST", "/introspect", token, data={"token": made["key"]}).json()["active"] is True
        second = run("serve", "--port", "0", "--database", str(database))
        assert second.returncode == 1
        assert second.stdout == ""
        assert second.stderr == (
            f"rf-middleware: {database} is already served by another process (pid {issuer.process.pid})\n"
        )
        assert issuer.end(number) == (0, "")


def test_nobody_on_the_same_machine_is_taken_for_a_proxy(database: Path) -> None:
    """Headers of proxies count when proxies are named, and only then."""
    with served(database) as issuer:
        headers = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
        asked = httpx.post(f"{issuer.url}/device_authorization", data={"client_id": "a"}, headers=headers).json()
        assert asked["verification_uri"] == f"{issuer.url}/device"
    done = run("audit", "list", "--database", str(database))
    assert ("login.ask" in done.stdout, "203.0.113.7" in done.stdout) == (True, False), done.stdout


def test_a_signal_answers_those_who_wait(database: Path) -> None:
    """A revocation that waits for a lease of a minute is answered with its receipt's address, and the exit is 0."""
    made = printed("workspace", "create", "acme", "--database", str(database))
    token = printed("token", "create", "--database", str(database))["token"]
    with served(database, lease=60.0) as issuer, ThreadPoolExecutor(1) as pool:
        issuer.poll(token)
        deleted = pool.submit(issuer.call, "DELETE", f"/acme/api-keys/{made['keyId']}", made["key"])
        deadline = time.monotonic() + 60
        while issuer.call("GET", "/revocations/1", token).json().get("waiting_for") != 1:
            assert time.monotonic() < deadline
        assert not deleted.done()
        assert issuer.end(signal.SIGTERM) == (0, "")
        assert (deleted.result().status_code, deleted.result().json()) == (202, {"receipt": "/revocations/1"})


def test_a_signal_answers_a_parked_poll(database: Path) -> None:
    """A validator whose poll is held when the issuer is told to stop gets its answer, not a cut connection."""
    token = printed("token", "create", "--database", str(database))["token"]
    with served(database, lease=60.0) as issuer, ThreadPoolExecutor(2) as pool:
        epoch = issuer.poll(token).json()["epoch"]
        polls = {pool.submit(issuer.poll, token, 0, epoch, 20.0) for _ in range(2)}
        # The second poll of a session ends the first: when one is back, the other is held.
        answered, held = wait(polls, return_when=FIRST_COMPLETED)
        assert (len(answered), len(held)) == (1, 1)
        assert issuer.end(signal.SIGTERM) == (0, "")
        assert held.pop().result().json()["events"] == []


def test_kill_9_between_commit_and_acknowledgement(database: Path) -> None:
    """After a crash the revocation stands, and is acknowledged only when leases from before are over."""
    made = printed("workspace", "create", "acme", "--database", str(database))
    token = printed("token", "create", "--database", str(database))["token"]
    with served(database, lease=6.0) as issuer:
        issuer.poll(token)
        early = issuer.call("DELETE", f"/acme/api-keys/{made['keyId']}?wait=false", made["key"])
        assert early.status_code == 202
        assert issuer.end(signal.SIGKILL)[0] == -signal.SIGKILL
    begun = time.monotonic()
    with served(database, lease=0.5) as issuer:
        assert issuer.call("POST", "/introspect", token, data={"token": made["key"]}).json()["active"] is False
        assert issuer.call("GET", early.json()["receipt"], token).json()["state"] == "pending"
        assert httpx.post(f"{issuer.url}/revoke", timeout=30, data={"token": made["key"]}).json()["revoked"] is True
        assert time.monotonic() - begun > 6.0
        assert issuer.call("GET", early.json()["receipt"], token).json()["state"] == "done"


def test_a_port_in_use_is_one_line(database: Path) -> None:
    """The line names the address; nothing is printed on stdout."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("serve", "--port", str(port), "--database", str(database))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"rf-middleware: can't listen on 127.0.0.1 port {port}: Address already in use\n"


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["--host", "no such host"], 1, "can't listen on no such host: "),
        (["--lease", "0"], 2, "'--lease': the lease is 0.1 to 3600 seconds, not 0"),
        (["--lease", "nan"], 2, "the lease is 0.1 to 3600 seconds, not nan"),
        (["--port", "70000"], 2, "70000"),
        (["--lease", "soon"], 2, "soon"),
        (["--database", "postgresql://u:secret@h/d"], 1, "only SQLite is supported now, not postgresql"),
        (["--database", "missing/folder/x.db"], 1, "No such file or directory"),
        (["--database", ":memory:"], 1, "plain file"),
        (["--database", ""], 1, "plain file"),
    ],
)
def test_a_wrong_option_is_one_line(arguments: list[str], code: int, line: str, database: Path) -> None:
    """What can't work is refused before anything starts."""
    done = CliRunner().invoke(group, ["serve", "--port", "0", "--database", str(database), *arguments])
    assert done.exit_code == code
    assert line in done.stderr
    assert "secret" not in done.output
    if code == 1:
        assert done.stderr.startswith("rf-middleware: ")
        assert done.stderr.count("\n") == 1


def test_a_file_that_is_no_database_is_not_served(database: Path) -> None:
    """The file stays as it was, and there is no traceback."""
    database.write_bytes(b"not a database, but long enough to be looked at " * 10)
    before = database.read_bytes()
    done = run("serve", "--port", "0", "--database", str(database))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"rf-middleware: {database} is not a SQLite database\n"
    assert database.read_bytes() == before


@pytest.mark.parametrize("times", [1, 2])
def test_in_one_process_too_a_signal_ends_it(database: Path, times: int) -> None:
    """The server leaves signals as it found them and says its line once; told twice it does not wait for anyone."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        port = probe.getsockname()[1]
    lock = database.with_name("issuer.db.lock")
    open_connection: list[socket.socket] = []

    def tell() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                connection = socket.create_connection(("::1", port))
            except OSError:
                continue
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            if connection.recv(100):
                open_connection.append(connection)
                break
        for _ in range(times):
            os.kill(os.getpid(), signal.SIGTERM)

    teller = threading.Thread(target=tell)
    teller.start()
    done = CliRunner().invoke(group, ["serve", "--host", "::1", "--port", str(port), "--database", str(database)])
    teller.join()
    for connection in open_connection:
        connection.close()
    assert done.exit_code == 0, done.output
    ready, first = done.stdout.splitlines()
    assert ready == f"rf-middleware issuer ready on http://[::1]:{port} (database {database}, lease 10 s)"
    assert first.startswith(f"The first administrator signs up at http://[::1]:{port}/first/")
    assert lock.exists()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_host_that_is_none_is_one_line(tmp_path: Path) -> None:
    """A label of more than 63 letters is refused in words, not with a traceback."""
    with pytest.raises(CannotListen, match="not a host name"):
        serve(tmp_path / "issuer.db", Options(host="a" * 64 + ".example", port=0, lease=1.0), print)
