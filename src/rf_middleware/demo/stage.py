"""What the demo needs to be there: a folder, the issuer with a workspace, and the two example apps.

The processes are of the same Python. Nothing of the caller's own settings reaches them.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from rf_middleware.demo.child import Child, Command, Server
from rf_middleware.demo.failed import Failed
from rf_middleware.demo.signals import Signals

__all__ = ["LEASE", "Scene", "Stage", "examples"]

LEASE: Final = 4
"""Seconds: short enough to watch one run out."""

_PACKAGE: Final = Path(__file__).resolve().parent.parent
_FOREIGN: Final = ("RF_", "GUNICORN_", "UVICORN_", "FLASK_", "WEB_CONCURRENCY")
_MAIN: Final = "from rf_middleware.cli import main; main()"
_UVICORN: Final = "--port 0 --no-access-log --timeout-keep-alive 300 --timeout-graceful-shutdown 2"

# A file, because an option that this version does not know is passed over there.
# gthread keeps connections open, so that each of ours stays with one worker.
_GUNICORN: Final = """\
bind = "127.0.0.1:0"
workers = 2
worker_class = "gthread"
threads = 4
keepalive = 300
graceful_timeout = 2
control_socket_disable = True
"""

_Kind = TypeVar("_Kind", bound=Child)


def examples(package: Path = _PACKAGE) -> Path:
    """Return the folder of the example apps: in the installed package, or beside it in a checkout.

    Args:
        package: the folder of ``rf_middleware``.

    Raises:
        Failed: it is in neither place.
    """
    places = (package / "_examples", package.parent.parent / "examples")
    for place in places:
        if (place / "flask_app" / "app.py").is_file():
            return place
    message = f"the example apps are neither in {places[0]} nor in {places[1]}"
    raise Failed(message)


@dataclass(frozen=True)
class Scene:
    """Everything runs.

    Attributes:
        issuer: its process.
        issuer_url: its address; those of the two apps are beside it.
        key: the first key of the workspace ``demo``, which may create and revoke others.
    """

    issuer: Server
    issuer_url: str
    flask_url: str
    starlette_url: str
    key: str = field(repr=False)


class Stage:
    """The processes and their folder.

    Args:
        signals: held off while a process is being started.
    """

    def __init__(self, signals: Signals) -> None:
        self._signals = signals
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._children: list[Child] = []

    def set_up(self) -> Scene:
        """Start everything.

        Raises:
            Failed: something did not start.
        """
        apps = examples()
        with self._signals.held():
            self._folder = tempfile.TemporaryDirectory(prefix="rf-middleware-demo-", ignore_cleanup_errors=True)
        folder = Path(self._folder.name)
        database = ["--database", str(folder / "issuer.db")]
        settings = folder / "gunicorn.conf.py"
        settings.write_text(_GUNICORN, encoding="utf-8")

        # The first of them makes the database; from there on they may run side by side.
        workspace = self._start(
            Command, "workspace", folder, ["-c", _MAIN, "workspace", "create", "demo", "--json", *database]
        )
        key = workspace.answer()["key"]
        token = self._start(Command, "token", folder, ["-c", _MAIN, "token", "create", "--json", *database])
        serve = ["-c", _MAIN, "serve", "--port", "0", "--lease", str(LEASE), *database]
        issuer = self._start(Server, "issuer", folder, serve)
        url = issuer.address()
        asks = {"RF_ISSUER_URL": url, "RF_ISSUER_TOKEN": token.answer()["token"]}

        gunicorn = ["-m", "gunicorn", "--config", str(settings), "--chdir", str(apps / "flask_app"), "app:app"]
        uvicorn = ["-m", "uvicorn", *_UVICORN.split(), "--app-dir", str(apps / "starlette_app"), "app:app"]
        flask = self._start(Server, "Flask app", folder, gunicorn, asks)
        starlette = self._start(Server, "Starlette app", folder, uvicorn, asks)
        return Scene(issuer, url, flask.address(), starlette.address(), key)

    def ended(self) -> str:
        """Return the name of a server that has ended by itself, or nothing."""
        servers = (child for child in self._children if isinstance(child, Server))
        return next((server.name for server in servers if server.process.poll() is not None), "")

    def strike(self) -> None:
        """End every process, the issuer after the apps, and remove the folder."""
        for child in reversed(self._children):
            child.end()
        if self._folder is not None:
            self._folder.cleanup()

    def _start(
        self, kind: type[_Kind], name: str, folder: Path, command: list[str], more: Mapping[str, str] | None = None
    ) -> _Kind:
        with self._signals.held():
            process = subprocess.Popen(  # noqa: S603 - our own commands, without a shell
                [sys.executable, *command],
                cwd=folder,  # empty: no module and no settings of the caller are found in it
                env=_environment(more or {}),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if kind is Server else subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
            child = kind(name, process)
            self._children.append(child)
        return child


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return {**kept, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "PYTHONUNBUFFERED": "1", **more}
