"""The app that a server serves: ``BENCH_STACK`` and ``BENCH_SUBJECT`` say which. ``uvicorn benchmarks.served:app``."""

import os
from contextlib import ExitStack
from typing import Final

from benchmarks.subjects import STACKS, made, world

__all__ = ["app"]

_open: Final = ExitStack()
"""Open as long as the process lives."""
_stack: Final = os.environ["BENCH_STACK"]
_subject: Final = next(each for each in STACKS[_stack] if each.name == os.environ["BENCH_SUBJECT"])
app: Final = made(_stack, _subject, _open.enter_context(world(os.environ.get("BENCH_ISSUER", ""))))
