"""The demo as a person runs it: a real command with real servers, alone on its machine afterwards."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import pytest

from rf_middleware.demo.line import Line

MAIN = "from rf_middleware.cli import main; main()"
HEARING = "import signal; [signal.signal(number, signal.SIG_DFL) for number in (signal.SIGHUP, signal.SIGINT)]; "
"""A run of the tests in the background, or under nohup, hands ignored signals down."""
SECRET = re.compile(r"rf[kv]_\w{20,}")
WORKER = re.compile(r"worker (\d+)")


@contextmanager
def demo(folder: Path, *arguments: str, **environment: str) -> Generator["subprocess.Popen[str]"]:
    """Run the demo with its temporary files in ``folder``; a test of it takes a minute at most."""
    process = subprocess.Popen(
        [sys.executable, "-c", HEARING + MAIN, "demo", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(folder), **environment},
    )
    limit = Timer(60, process.terminate)
    limit.start()
    try:
        with process:
            yield process
    finally:
        limit.cancel()


def printed_until(process: "subprocess.Popen[str]", sign: str) -> str:
    """Read what the demo prints up to a line that has ``sign`` in it."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if sign in line:
            return "".join(lines)
    message = f"the demo ended before it said {sign!r}: {''.join(lines)}"
    raise AssertionError(message)


def rest(process: "subprocess.Popen[str]") -> str:
    """Read what else the demo prints, and check that it complains of nothing."""
    shown, complaint = process.communicate()
    assert complaint == ""
    return shown


def nothing_left(folder: Path, shown: str) -> bool:
    """Say whether files and processes of the demo are gone."""
    pids = {int(pid) for pid in WORKER.findall(shown)}
    assert pids
    return list(folder.iterdir()) == [] and not any(runs(pid) for pid in pids)


def runs(pid: int) -> bool:
    """Say whether a process is there and has not ended; one that nobody has asked after yet has."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return not state.startswith(("Z", "X"))


def test_the_demo_is_true_and_leaves_nothing(tmp_path: Path) -> None:
    """One command shows it all, plainly where there is no terminal, without a key, ends by itself and says 0."""
    # Settings of the caller's own apps and servers are not the demo's.
    foreign = {"RF_SCOPES": "no:such", "RF_ISSUER_URL": "http://127.0.0.1:1", "WEB_CONCURRENCY": "7"}
    with demo(tmp_path, **foreign) as process:
        shown = rest(process)
    assert process.returncode == 0
    assert "\x1b" not in shown
    assert not SECRET.search(shown)
    assert len(shown.splitlines()) <= 25
    assert len(set(WORKER.findall(shown))) == 3
    assert shown.count("401   invalid-key") == 6
    assert re.search(r"DELETE +200   after .*: 3 workers confirmed\n", shown)
    assert re.search(r"DELETE +200   after [1-4]\.\d s: 2 workers confirmed, 1 lease ran out\n", shown)
    assert "As promised" in shown.splitlines()[-1]
    assert nothing_left(tmp_path, shown)


def test_the_demo_can_be_kept_and_tried(tmp_path: Path) -> None:
    """With --keep everything runs on: the commands it prints do what they say, and Ctrl-C is a good end."""
    with demo(tmp_path, "--keep") as process:
        shown = printed_until(process, "-X DELETE")
        assert "\x1b" not in shown
        tries = re.findall(r'"Authorization: Bearer (\w+)" (http://[\d.:]+)(\S+)$', shown, re.MULTILINE)
        (key, flask, _), (same, starlette, _), (workspace_key, issuer, path) = tries
        assert key == same
        lines = [Line(flask), Line(starlette)]
        assert [line.ask("/", key).status for line in lines] == [200, 200]
        revoking = Line(issuer)
        assert revoking.ask(path, workspace_key, "DELETE").body["revoked"] is True
        assert [line.ask("/", key).status for line in lines] == [401, 401]
        for line in (*lines, revoking):
            line.close()
        process.send_signal(signal.SIGINT)
        rest(process)
    assert process.returncode == 0
    assert nothing_left(tmp_path, shown)


@pytest.mark.parametrize(
    ("number", "sign"), [(signal.SIGTERM, ", at once"), (signal.SIGINT, "1. Key"), (signal.SIGHUP, "Once its")]
)
def test_a_demo_that_is_told_to_stop_leaves_nothing(tmp_path: Path, number: signal.Signals, sign: str) -> None:
    """Told to stop at any moment, with a worker or the issuer frozen too, the demo ends everything and says so."""
    with demo(tmp_path) as process:
        shown = printed_until(process, sign)
        process.send_signal(number)
        shown += rest(process)
    assert process.returncode == 128 + number
    assert "As promised" not in shown
    assert list(tmp_path.iterdir()) == []
    assert not any(runs(int(pid)) for pid in WORKER.findall(shown))


@pytest.mark.parametrize(
    ("hidden", "complaint"),
    [
        (["gunicorn"], 'rf-middleware: the demo needs gunicorn; pip install "rf-middleware[all]"\n'),
        (["flask", "uvicorn"], 'rf-middleware: the demo needs flask, uvicorn; pip install "rf-middleware[all]"\n'),
        (["fcntl"], "rf-middleware: the demo runs on Linux and macOS\n"),
    ],
)
def test_what_is_missing_is_told_before_anything_starts(hidden: list[str], complaint: str) -> None:
    """Where a package is not installed, one line says which and how to get it, and nothing is started."""
    code = f"import sys; sys.modules.update(dict.fromkeys({hidden})); sys.argv = ['rf-middleware', 'demo']; {MAIN}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", complaint)


def test_a_server_that_can_not_start_ends_the_demo(tmp_path: Path) -> None:
    """When a server fails to start, one line says which and why, and nothing stays behind."""
    broken = tmp_path / "path" / "gunicorn"
    broken.mkdir(parents=True)
    (broken / "__init__.py").touch()
    (broken / "__main__.py").write_text("raise RuntimeError('no room for workers')", encoding="utf-8")
    folder = tmp_path / "tmp"
    folder.mkdir()
    with demo(folder, PYTHONPATH=os.pathsep.join([str(broken.parent), os.environ.get("PYTHONPATH", "")])) as process:
        _, complaint = process.communicate()
    assert complaint == "rf-middleware: the Flask app did not start: RuntimeError: no room for workers\n"
    assert process.returncode == 1
    assert list(folder.iterdir()) == []
