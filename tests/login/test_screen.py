"""Where a login is shown: a terminal, a notebook, a browser if there is one."""

import io
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from rf_middleware._login import the_world
from rf_middleware._login.screen import Notebook, Terminal, browse, headless, hidden_input, the_screen
from tests.core.servers import until
from tests.login.worlds import Shown

URL = "https://issuer.example/device?user_code=BCDF-GHJK"


def loaded(shell: object) -> dict[str, ModuleType]:
    """Return modules among which is IPython with this shell."""
    ipython = ModuleType("IPython")
    ipython.__dict__["get_ipython"] = lambda: shell
    return {"IPython": ipython}


def test_a_terminal_is_told_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """Results have stdout for themselves; the address stands on a line of its own, a code only if there is one."""
    Terminal().link("Open", URL, "BCDF-GHJK", "Waiting.")
    Terminal().link("Open", URL, "", "")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == f"Open\n\n    {URL}\n    code  BCDF-GHJK\n\nWaiting.\nOpen\n\n    {URL}\n\n"


def test_a_notebook_gets_a_link_that_can_be_clicked() -> None:
    """The page opens beside the notebook, what is shown is escaped, and there is plain text for everything else."""
    published: list[dict[str, str]] = []
    screen = Notebook(published.append)
    screen.say("hello")
    screen.link("Open <b>", f'{URL}&x="', "BCDF-GHJK", "Wait & see")
    screen.link("Open", URL, "", "")
    assert published[0] == {"text/plain": "hello"}
    rich, said = published[1]["text/html"], published[1]["text/plain"]
    assert f'<a href="{URL}&amp;x=&quot;" target="_blank" rel="noopener noreferrer">' in rich
    assert "Open &lt;b&gt;" in rich
    assert ">BCDF-GHJK</code>" in rich
    assert "Wait &amp; see" in rich
    assert said == f'Open <b> {URL}&x="\nCode: BCDF-GHJK\nWait & see'
    assert "<code" not in published[2]["text/html"]
    assert not screen.can_browse


def test_a_notebook_is_known_by_its_kernel() -> None:
    """IPython in a terminal, IPython without a shell and no IPython are terminals."""
    published: list[dict[str, str]] = []
    shell = SimpleNamespace(kernel=object(), display_pub=SimpleNamespace(publish=published.append))
    screen = the_screen(loaded(shell))
    screen.say("x")
    assert published == [{"text/plain": "x"}]
    for modules in ({}, loaded(None), loaded(SimpleNamespace(kernel=None)), loaded(SimpleNamespace())):
        assert isinstance(the_screen(modules), Terminal)


@pytest.mark.parametrize(
    ("environ", "platform", "none"),
    [
        ({}, "linux", True),
        ({"DISPLAY": ":0"}, "linux", False),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", False),
        ({"DISPLAY": "localhost:10.0", "SSH_CONNECTION": "a 1 b 2"}, "linux", True),
        ({"BROWSER": "firefox", "SSH_CONNECTION": "a 1 b 2"}, "linux", False),
        ({}, "darwin", False),
        ({"SSH_CONNECTION": "a 1 b 2"}, "darwin", True),
        ({}, "win32", False),
    ],
)
def test_no_browser_is_started_where_nobody_sees_it(environ: dict[str, str], platform: str, *, none: bool) -> None:
    """Without a display, or over SSH, only the address is shown, unless BROWSER says otherwise."""
    assert headless(environ, platform) is none


def test_the_browser_is_the_one_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets the address, and what it prints is not seen."""
    seen, script = tmp_path / "seen", tmp_path / "browser"
    script.write_text(f'#!/bin/sh\necho noise\nprintf %s "$1" > {seen}.part\nmv {seen}.part {seen}\n', encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{script} %s")
    browse(URL)
    until(seen.exists, 60)
    assert seen.read_text(encoding="utf-8") == URL


def test_a_browser_that_can_not_be_started_is_no_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The address was shown, too: not a word is lost about it."""
    browse(URL, str(tmp_path / "nothing"))
    assert capfd.readouterr() == ("", "")


def test_the_real_world_opens_nothing_when_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """``--no-browser`` and places without a display have a browser that does nothing."""
    monkeypatch.setenv("BROWSER", "/nonexistent/browser %s")
    assert the_world(browser=True).browse is browse
    quiet = the_world(browser=False)
    assert quiet.browse is not browse
    quiet.browse(URL)
    assert quiet.environ is os.environ
    monkeypatch.delenv("BROWSER")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSH_CONNECTION", "a 1 b 2")
    assert the_world(browser=True).browse is not browse


def test_a_token_comes_from_a_pipe_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripts can hand it over; the prompt is on the screen."""
    screen, before = Shown(), sys.stdin
    try:
        sys.stdin = io.StringIO("the-token\nmore\n")
        assert hidden_input("Token: ", screen) == "the-token\n"
    finally:
        sys.stdin = before
    assert screen.said == ["Token: "]


HIDDEN = """
from rf_middleware._login.screen import Terminal, hidden_input
from rf_middleware.exceptions import LoginError
try:
    print("got", hidden_input("Token: ", Terminal()))
except LoginError as error:
    print("failed:", error)
"""


@pytest.mark.parametrize(
    ("typed", "printed"), [(b"the-token\n", "got the-token"), (b"\x04", "failed: no token was given")]
)
def test_a_token_is_not_shown_while_it_is_typed(typed: bytes, printed: str) -> None:
    """In a terminal the input is hidden, and Ctrl-D is an answer of its own."""
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", HIDDEN],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    ) as process:
        os.close(theirs)
        shown = b""
        while b"Token: " not in shown:
            shown += os.read(ours, 1000)
        os.write(ours, typed)
        out, _ = process.communicate(timeout=60)
    with suppress(OSError):  # nothing more was shown
        shown += os.read(ours, 1000)
    os.close(ours)
    assert out.decode().strip() == printed
    assert b"the-token" not in shown


def test_a_notebook_asks_in_its_own_way() -> None:
    """There stdin is no terminal, and getpass is what shows the field; without one the answer is an error in words."""
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore",
            "-c",
            HIDDEN.replace("Terminal()", "Notebook(print)").replace("Terminal,", "Notebook,"),
        ],
        input="",
        capture_output=True,
        text=True,
        start_new_session=True,
        check=True,
    )
    assert done.stdout == "failed: no token was given\n"
