"""Where a login is shown: on stderr in a terminal, as a link in a notebook. And the browser, where there is one."""

import getpass
import html
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Thread
from typing import Any, Final, Protocol

from rf_middleware.exceptions import LoginError

__all__ = ["Notebook", "Screen", "Terminal", "browse", "headless", "hidden_input", "the_screen"]

_DISPLAYS: Final = ("DISPLAY", "WAYLAND_DISPLAY")


class Screen(Protocol):
    """Shows what a login has to say."""

    can_browse: bool

    def say(self, text: str) -> None:
        """Show a line."""
        ...

    def link(self, before: str, url: str, code: str, after: str) -> None:
        """Show where to go and, if there is one, the code to compare."""
        ...


class Terminal:
    """Writes to stderr, so that stdout has nothing but results."""

    can_browse = True

    def say(self, text: str) -> None:
        """Print a line."""
        print(text, file=sys.stderr, flush=True)  # noqa: T201 - it is the screen

    def link(self, before: str, url: str, code: str, after: str) -> None:
        """Print the address on a line of its own, so that it can be copied or clicked."""
        lines = [before, "", f"    {url}", *([f"    code  {code}"] if code else []), "", *([after] if after else [])]
        self.say("\n".join(lines))


class Notebook:
    """Publishes to the notebook; the browser is where its user is, the kernel may be anywhere."""

    can_browse = False

    def __init__(self, publish: Callable[[dict[str, str]], object]) -> None:
        self._publish = publish

    def say(self, text: str) -> None:
        """Show a line."""
        self._publish({"text/plain": text})

    def link(self, before: str, url: str, code: str, after: str) -> None:
        """Show a link that can be clicked."""
        shown = html.escape(url)
        link = f'<a href="{shown}" target="_blank" rel="noopener noreferrer">{shown}</a>'
        rich = f"<p>{html.escape(before)} {link}</p>"
        rich += f'<p>Code: <code style="font-size: 1.4em">{html.escape(code)}</code></p>' if code else ""
        said = f"{before} {url}\n{f'Code: {code}' if code else ''}\n{after}"
        self._publish({"text/html": f"{rich}<p>{html.escape(after)}</p>", "text/plain": said})


def the_screen(modules: Mapping[str, Any]) -> Screen:
    """Return the screen there is. IPython is asked only if it is loaded: in a notebook it is."""
    ipython = modules.get("IPython")
    shell: Any = None if ipython is None else ipython.get_ipython()
    in_notebook = getattr(shell, "kernel", None) is not None  # IPython in a terminal is a terminal
    return Notebook(shell.display_pub.publish) if in_notebook else Terminal()


def headless(environ: Mapping[str, str], platform: str) -> bool:
    """Say whether no browser can be shown here; one that BROWSER names is always tried."""
    if environ.get("BROWSER"):
        return False
    if environ.get("SSH_CONNECTION"):
        return True
    return platform not in {"darwin", "win32"} and not any(environ.get(name) for name in _DISPLAYS)


def browse(url: str, python: str = sys.executable) -> None:
    """Open a page, in a process of its own: a browser that talks or stays disturbs nothing. Failing is no error."""
    Thread(target=_browse, args=([python, "-m", "webbrowser", url],), daemon=True).start()


def _browse(command: list[str]) -> None:
    nothing = subprocess.DEVNULL
    with suppress(OSError):  # the address was shown, too
        # In a session of its own: Ctrl-C at the login does not close the browser.
        subprocess.run(command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True, check=False)  # noqa: S603 - the address was checked


def hidden_input(prompt: str, screen: Screen) -> str:
    """Ask for a secret: hidden in a terminal or a notebook, from a pipe as it comes.

    Raises:
        LoginError: nobody answers.
    """
    try:
        if screen.can_browse and not sys.stdin.isatty():
            screen.say(prompt)
            return sys.stdin.readline()
        return getpass.getpass(prompt)
    except EOFError:
        message = "no token was given"
        raise LoginError(message) from None
