"""Runs a target under atheris, as a process: it ends the interpreter when it has found something."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fuzz.targets import WORDS, corpus

__all__ = ["Found", "fuzz"]

ROOT = Path(__file__).resolve().parent.parent.parent
LONGEST = 400
"""Bytes of an input: more than any rule of these parts needs."""


@dataclass(frozen=True)
class Found:
    """What a run came to.

    Attributes:
        crash: the input that broke a rule.
        said: the end of what the process wrote: the rule, as a traceback.
        tried: inputs that were tried.
        inputs: the smallest ones that reach everything that was reached.
    """

    crash: bytes | None
    said: str
    tried: int
    inputs: list[bytes]

    def __str__(self) -> str:
        told = f"{self.tried:,} inputs tried, {len(self.inputs)} reach everything"
        return told if self.crash is None else f"{told}\n{self.said}\nbroken by {self.crash!r}"


def fuzz(name: str, seconds: int) -> Found:
    """Let a target look for as long as this, beginning with what is kept."""
    with TemporaryDirectory() as place:
        folder = Path(place)
        start, smallest = folder / "start", folder / "smallest"
        for each in (start, smallest):
            each.mkdir()
        for number, data in enumerate(corpus(name)):
            (start / f"{number}").write_bytes(data)
        words = folder / "words"
        words.write_text("".join(f'"{_escaped(each)}"\n' for each in WORDS[name]), encoding="ascii")
        said = _run(
            name,
            folder,
            start,
            f"-dict={words}",
            f"-max_total_time={seconds}",
            f"-max_len={LONGEST}",
            "-print_final_stats=1",
        )
        crash = next((each.read_bytes() for each in folder.glob("broken-*")), None)
        tried = re.findall(r"number_of_executed_units: (\d+)", said)
        if crash is None:
            assert tried, said
            _run(name, folder, smallest, start, "-merge=1")
        chosen = smallest if crash is None else start
        inputs = [each.read_bytes() for each in chosen.iterdir()]
        told = "\n".join(line for line in said.splitlines() if not line.startswith(("#", "INFO")))
        return Found(crash, told[-4000:], int(tried[-1]) if tried else 0, inputs)


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{each:02x}" for each in word)


def _run(name: str, folder: Path, *arguments: object) -> str:
    command = [sys.executable, "-m", "tests.fuzz.target", name, f"-artifact_prefix={folder}/broken-", "-timeout=60"]
    done = subprocess.run(
        [*command, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return done.stdout + done.stderr
