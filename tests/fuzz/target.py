"""One target under atheris: ``python -m tests.fuzz.target NAME``, and arguments of libFuzzer."""

import shlex
import sys
from importlib import import_module
from typing import Any

atheris: Any = import_module("atheris")  # without types
with atheris.instrument_imports(include=["rf_middleware", "tests.fuzz"]):
    from tests.fuzz.targets import TARGETS

check = TARGETS[sys.argv[1]]
again = shlex.join([sys.executable, "-m", "tests.fuzz.target", sys.argv[1]])  # libFuzzer starts itself when it merges
atheris.Setup([again, *sys.argv[2:]], check)
atheris.Fuzz()
