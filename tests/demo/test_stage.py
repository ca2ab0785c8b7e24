"""The processes of the demo: found, quoted when they fail, ended whatever they do."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rf_middleware.demo.child import Command, Server
from rf_middleware.demo.failed import Failed
from rf_middleware.demo.signals import Signals, Told
from rf_middleware.demo.stage import Stage, examples
from tests.demo.world import sleeper

LEAVING = (
    "import select, socket; s = socket.create_server(('127.0.0.1', 0));"
    "print('http://127.0.0.1:%d' % s.getsockname()[1], flush=True);"
    "s.accept()[0].close(); s.close(); select.select([], [], [], 0.2); raise OSError('gone')"
)
"""A server that hangs up, does not listen any more, and ends."""


def example(folder: Path) -> Path:
    """Put an example app into a folder."""
    app = folder / "flask_app" / "app.py"
    app.parent.mkdir(parents=True)
    app.touch()
    return folder


def test_the_examples_are_found_where_they_are(tmp_path: Path) -> None:
    """They are part of the installed package, or stand beside its source in a checkout, or their absence is told."""
    package = tmp_path / "src" / "rf_middleware"
    with pytest.raises(Failed, match=r"the example apps are neither in .*_examples nor in .*examples"):
        examples(package)
    beside = example(tmp_path / "examples")
    assert examples(package) == beside
    within = example(package / "_examples")
    assert examples(package) == within
    assert (examples() / "starlette_app" / "app.py").is_file()


@pytest.mark.parametrize(
    ("code", "quoted"),
    [
        ("print('hello'); raise ValueError('no room'); print('bye')", "ValueError: no room"),
        ("print('rf-middleware: can not listen'); print('really')", "rf-middleware: can not listen"),
        ("print('first'); print('last'); print()", "last"),
        ("pass", "it said nothing"),
        (LEAVING, "OSError: gone"),
    ],
)
def test_a_server_that_does_not_start_is_quoted(code: str, quoted: str) -> None:
    """One line says which server did not start, and the most telling line of its output."""
    with sleeper(code) as server, pytest.raises(Failed) as failed:
        server.address()
    assert str(failed.value) == f"the thing did not start: {quoted}"


def test_a_server_that_never_answers_is_given_up() -> None:
    """A server that gives no address, or one where nothing works, is waited for so long and no longer."""
    with sleeper() as silent, pytest.raises(Failed, match="said nothing"):
        silent.address(patience=0.1)
    with sleeper("print('http://127.0.0.1:1', flush=True); input()") as unreachable, pytest.raises(Failed):
        unreachable.address(patience=1.0)


def command(code: str) -> Command:
    """Run some Python as a command of the demo."""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    return Command("thing", process)


def test_a_command_that_fails_is_quoted_without_its_output() -> None:
    """What a command complains about is told, but not what it printed, which may be a key."""
    broken = command("import sys; print('rfk_secret'); sys.exit('rf-middleware: no space left')")
    with pytest.raises(Failed) as failed:
        broken.answer()
    broken.end()
    assert str(failed.value) == "the thing did not start: rf-middleware: no space left"


def test_a_command_that_hangs_is_given_up() -> None:
    """A command is waited for so long and no longer."""
    hanging = command("import select; select.select([], [], [], 60)")
    with pytest.raises(Failed, match="it takes too long"):
        hanging.answer(patience=0.1)
    hanging.end()
    assert hanging.process.returncode == -signal.SIGTERM


def test_what_does_not_want_to_end_is_ended() -> None:
    """A process that ignores the request to end, or is frozen, ends all the same, and so does what it has started."""
    stubborn = (
        "import os, select, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "os.fork() and print('http://127.0.0.1:1', flush=True); select.select([], [], [], 60)"
    )
    with sleeper(stubborn) as server:
        assert server._said.wait(60)
        server.freeze()
        server.end(patience=0.2)
        assert server.process.returncode == -signal.SIGKILL
        assert not server._reader.is_alive()  # nobody is left who could print


def test_a_signal_is_put_off_while_a_process_starts() -> None:
    """A signal in the middle of a start raises after it, once, and the handlers are as before in the end."""
    before = signal.getsignal(signal.SIGTERM)
    written_down: list[bool] = []

    def start() -> None:
        with signals.held():
            os.kill(os.getpid(), signal.SIGTERM)
            written_down.append(True)

    with Signals() as signals:
        with pytest.raises(Told) as told:
            start()
        os.kill(os.getpid(), signal.SIGINT)
        with signals.held():
            os.kill(os.getpid(), signal.SIGTERM)
        signals.done()
    assert written_down == [True]
    assert told.value.number == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) == before


def test_an_ignored_signal_stays_ignored() -> None:
    """Whoever started the demo under nohup wants it to go on."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Signals():
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_stage_that_was_never_set_up_is_struck() -> None:
    """Clearing up works from the first moment on."""
    stage = Stage(Signals())
    stage.strike()
    assert stage.ended() == ""


def test_a_server_says_its_address_once() -> None:
    """The first address that a server prints is its own; others in its log are not."""
    honest = (
        "import http.server as h\n"
        "class H(h.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        print('http://127.0.0.1:1 asked', flush=True); self.send_response(200)\n"
        "        self.send_header('Content-Length', '2'); self.end_headers(); self.wfile.write(b'{}')\n"
        "    log_message = print\n"
        "s = h.HTTPServer(('127.0.0.1', 0), H)\n"
        "print('http://127.0.0.1:%d' % s.server_port, flush=True); print('http://127.0.0.1:2', flush=True)\n"
        "s.serve_forever()"
    )
    with sleeper(honest) as server:
        assert server.address() == server.address()
        assert isinstance(server, Server)
