"""The login file on disk: replaced whole or not at all, for nobody else to read, by many at once."""

import json
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest

from rf_middleware._login.content import Content
from rf_middleware._login.file import LoginFile, path_of
from rf_middleware._login.values import Login
from rf_middleware._secret import Secret
from rf_middleware.exceptions import LoginError
from tests.core.modules import in_place_of
from tests.login.worlds import ISSUER, KEY

ADVICE = "; nothing was changed; mend it, move it away, or name another with ROBOFLOW_CONFIG_DIR"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that is not there yet, nor is its folder."""
    return tmp_path / "home" / ".config" / "roboflow" / "config.json"


def add(file: LoginFile, name: str = "acme", key: str = KEY) -> None:
    """Put a key into a file."""
    login = Login(f"id-of-{name}", name, name.title(), Secret(key), ISSUER)
    file.change(lambda content: content.with_logins([login], name, "us"))


def mode(path: Path) -> int:
    """Return the permissions."""
    return stat.S_IMODE(path.stat().st_mode)


def around(path: Path) -> list[str]:
    """Return what is in the folder of a file."""
    return sorted(each.name for each in path.parent.iterdir())


def test_it_is_where_roboflows_client_has_it() -> None:
    """On Linux, macOS and Windows, and wherever ROBOFLOW_CONFIG_DIR says."""
    home = Path("h")
    assert path_of({}, lambda: home, windows=False) == home / ".config" / "roboflow" / "config.json"
    assert path_of({}, lambda: home, windows=True) == home / "roboflow" / "config.json"
    assert path_of({"ROBOFLOW_CONFIG_DIR": "x/y.json"}, lambda: home, windows=True) == Path("x/y.json")
    assert path_of({"ROBOFLOW_CONFIG_DIR": ""}, lambda: home, windows=True) == home / "roboflow" / "config.json"


def test_without_a_home_there_is_advice() -> None:
    """A user without a folder learns how to name a file."""

    def homeless() -> Path:
        raise RuntimeError

    with pytest.raises(LoginError, match="there is no home folder; ROBOFLOW_CONFIG_DIR can name the file"):
        path_of({}, homeless, windows=False)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o277])
def test_it_is_for_its_user_alone(path: Path, umask: int) -> None:
    """File 0600 and folders that had to be made 0700, whatever the umask; nothing else is left in the folder."""
    path.parent.parent.parent.mkdir(mode=0o755)
    before = os.umask(umask)
    try:
        add(LoginFile(path))
    finally:
        os.umask(before)
    assert mode(path) == 0o600
    assert (mode(path.parent), mode(path.parent.parent)) == (0o700, 0o700)
    assert around(path) == ["config.json"]
    whole = json.loads(path.read_text(encoding="utf-8"))
    assert whole["workspaces"]["id-of-acme"] == {"url": "acme", "name": "Acme", "apiKey": KEY, "issuer": ISSUER}
    assert (whole["RF_WORKSPACE"], whole["ROBOFLOW_CREDENTIALS_REGION"]) == ("acme", "us")


def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    """Roboflow's client leaves 0644 behind; the next write makes it 0600 and keeps the rest, folders as they were."""
    path.parent.mkdir(parents=True, mode=0o755)
    path.write_text('{"mine": [1]}', encoding="utf-8")
    path.chmod(0o644)
    add(LoginFile(path))
    assert (mode(path), mode(path.parent)) == (0o600, 0o755)
    assert json.loads(path.read_text(encoding="utf-8"))["mine"] == [1]


@pytest.mark.parametrize("there", [True, False])
def test_a_symbolic_link_stays_one(tmp_path: Path, *, there: bool) -> None:
    """The file it leads to is replaced, also one that is not there yet, and a lock is taken there."""
    real = tmp_path / "dotfiles" / "roboflow.json"
    link = tmp_path / "config.json"
    if there:
        real.parent.mkdir()
        real.write_text('{"mine": 1}', encoding="utf-8")
    link.symlink_to(Path("dotfiles/roboflow.json"))
    add(LoginFile(link))
    assert link.is_symlink()
    assert json.loads(real.read_text(encoding="utf-8")).get("mine") == (1 if there else None)
    assert mode(real) == 0o600
    assert around(real) == ["roboflow.json"]
    assert LoginFile(link).read().default == "acme"


def test_a_relative_path_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ROBOFLOW_CONFIG_DIR may name a file in the folder one is in."""
    monkeypatch.chdir(tmp_path)
    add(LoginFile(Path("here.json")))
    assert around(tmp_path / "here.json") == ["here.json"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"{", "is not JSON"),
        (b"[]", "is not a JSON object"),
        (b'{"workspaces": 5}', "has something else than an object as workspaces"),
    ],
)
def test_a_damaged_file_is_never_written_to(path: Path, text: bytes, said: str) -> None:
    """Reading, getting ready and changing all say what is wrong and what to do, and leave it byte for byte."""
    path.parent.mkdir(parents=True)
    path.write_bytes(text)
    file = LoginFile(path)
    for attempt in (file.read, file.ready, lambda: add(file)):
        with pytest.raises(LoginError) as refused:
            attempt()
        assert str(refused.value) == f"the login file {path} {said}{ADVICE}"
    assert path.read_bytes() == text
    assert around(path) == ["config.json"]


@pytest.mark.parametrize("kind", ["folder", "pipe", "below a file", "a loop", "a long name", "a NUL"])
def test_what_is_no_file_is_said_to_be_that(tmp_path: Path, kind: str) -> None:
    """A folder, a pipe, a path that can't be: one clear line, no waiting, nothing written."""
    path = tmp_path / "config.json"
    said = {
        "folder": "is a folder (ROBOFLOW_CONFIG_DIR names the file itself, as for Roboflow's client)",
        "pipe": "is not a file",
        "below a file": "can't be written: Not a directory",
        "a loop": "can't be read: Too many levels of symbolic links",
        "a long name": "can't be written: File name too long",
        "a NUL": "can't be written: ValueError",
    }[kind]
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "below a file":
        path.write_text("{}", encoding="utf-8")
        path /= "config.json"
    elif kind == "a loop":
        path.symlink_to(path)
    else:
        path = tmp_path / ("x" * 300 if kind == "a long name" else "a\0b")
    with pytest.raises(LoginError) as refused:
        LoginFile(path).ready()
    assert said in str(refused.value)
    with pytest.raises(LoginError, match=r"nothing was changed"):
        add(LoginFile(path))
    if kind not in {"folder", "pipe"}:
        with pytest.raises(LoginError, match=r"can't be read"):
            LoginFile(path).read()


PROCESS = """
import sys
from pathlib import Path
from tests.login.test_file import add
from rf_middleware._login.file import LoginFile
file, name, times = LoginFile(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
for number in range(times):
    add(file, f"{name}-{number}")
    print(number, flush=True)
"""


def writer(path: Path, name: str, times: int) -> subprocess.Popen[str]:
    """Start a process that logs in so many times."""
    command = [sys.executable, "-c", PROCESS, str(path), name, str(times)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_many_logins_at_once_lose_nothing(path: Path) -> None:
    """Processes that write at the same time find each other's keys in the file, and leave only it behind."""
    writers = [writer(path, f"process{number}", 10) for number in range(5)]
    for each in writers:
        _, errors = each.communicate(timeout=120)
        assert (each.returncode, errors) == (0, "")
    found = {each.slug for each in LoginFile(path).read().logins()}
    assert found == {f"process{number}-{time}" for number in range(5) for time in range(10)}
    assert around(path) == ["config.json"]


@pytest.mark.parametrize("after", range(5))
def test_a_login_that_is_killed_leaves_the_file_whole(path: Path, after: int) -> None:
    """A kill -9 at any moment leaves the content before or after a change, and nothing that stops the next login."""
    add(LoginFile(path))
    with writer(path, "killed", 10_000) as process:
        assert process.stdout is not None
        for _ in range(after + 1):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        done = [int(line) for line in process.stdout.read().split()]
    kept = {each.slug for each in LoginFile(path).read().logins()}
    assert {"acme", *(f"killed-{number}" for number in range(after + 1)), *(f"killed-{each}" for each in done)} <= kept
    add(LoginFile(path), "next")
    assert LoginFile(path).read().default == "next"
    assert around(path) == ["config.json"]


FULL = """
import resource, signal, sys
from pathlib import Path
from tests.login.test_file import add
from rf_middleware._login.file import LoginFile
from rf_middleware.exceptions import LoginError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
try:
    add(LoginFile(Path(sys.argv[1])), "second")
except LoginError as error:
    said = str(error)
finally:
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
print(said)
"""


def test_what_can_not_be_written_whole_is_not_written(path: Path) -> None:
    """A disk that is full, here a limit on files, leaves the old content and no piece of the new."""
    add(LoginFile(path))
    before = path.read_bytes()
    done = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == f"the login file {path} can't be written: File too large{ADVICE}\n"
    assert path.read_bytes() == before
    assert around(path) == ["config.json"]


def test_without_locks_a_login_works_all_the_same(path: Path) -> None:
    """Windows has no such locks, some network folders refuse them: then nobody waits for one."""
    with in_place_of("fcntl", None):
        add(LoginFile(path))
    refusing = ModuleType("fcntl")

    def flock(_file: int, _how: int) -> None:
        raise OSError(37, "No locks available")

    refusing.__dict__.update(flock=flock, LOCK_EX=2)
    with in_place_of("fcntl", refusing):
        add(LoginFile(path), "second")
    assert [each.slug for each in LoginFile(path).read().logins()] == ["acme", "second"]


def test_a_lock_that_its_holder_took_away_locks_nothing(path: Path) -> None:
    """Who waited for a lock file that is gone meanwhile takes a new one, else two would write at once."""
    file, taken = LoginFile(path), list[int]()
    real = sys.modules["fcntl"]
    stealing = ModuleType("fcntl")

    def flock(lock: int, how: int) -> None:
        real.flock(lock, how)
        taken.append(lock)
        if len(taken) == 1:  # the other's last act
            path.with_name("config.json.lock").unlink()
        elif len(taken) == 2:  # a third was faster
            path.with_name("config.json.lock").unlink()
            path.with_name("config.json.lock").touch()

    stealing.__dict__.update(flock=flock, LOCK_EX=real.LOCK_EX)
    with in_place_of("fcntl", stealing):
        add(file)
    assert len(taken) == 3
    assert around(path) == ["config.json"]


def test_who_gives_up_waiting_leaves_the_lock_alone(path: Path) -> None:
    """Ctrl-C while another login writes ends at once, and the other's lock stays."""
    interrupted = ModuleType("fcntl")

    def flock(_lock: int, _how: int) -> None:
        raise KeyboardInterrupt

    interrupted.__dict__.update(flock=flock, LOCK_EX=2)
    with in_place_of("fcntl", interrupted), pytest.raises(KeyboardInterrupt):
        add(LoginFile(path))
    assert around(path) == ["config.json.lock"]
    add(LoginFile(path))
    assert around(path) == ["config.json"]


def test_threads_take_turns_too(path: Path) -> None:
    """Two logins of one process, as in a notebook server, lose nothing either."""
    threads = [threading.Thread(target=add, args=(LoginFile(path), f"thread{number}")) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert {each.slug for each in LoginFile(path).read().logins()} == {f"thread{number}" for number in range(8)}


def test_a_change_that_fails_changes_nothing(path: Path) -> None:
    """What goes wrong inside is not hidden, and the lock goes with it."""

    def wrong(_content: Content) -> Content:
        raise ZeroDivisionError

    add(LoginFile(path))
    with pytest.raises(ZeroDivisionError):
        LoginFile(path).change(wrong)
    assert around(path) == ["config.json"]
    assert LoginFile(path).read().default == "acme"
