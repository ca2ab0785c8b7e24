"""Starts a server as a process whose output is read."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rf_middleware.demo.child import Server

__all__ = ["ROOT", "started"]

ROOT = Path(__file__).resolve().parent.parent.parent


def started(name: str, command: Sequence[str], **settings: str) -> Server:
    """Start Python with these arguments, and with these variables beside those of the test."""
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, **settings, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    return Server(name, process)
