"""The memory of a process after a request: nothing that lives holds its key any more, however it ended."""

import json
import os
import subprocess
import sys

from tests.leaks.failing import ADAPTERS
from tests.leaks.remembering import KEEPING
from tests.real.started import ROOT


def test_after_a_request_nothing_holds_its_key() -> None:
    """Whatever the adapter, the place of the key, the answer about it and the failure: no object alive holds it."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.leaks.remembering"],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    told = json.loads(done.stdout)
    assert told["finds"] == dict.fromkeys(KEEPING, True)
    assert len(told["holders"]) == len(ADAPTERS) + 6
    assert {what: found for what, found in told["holders"].items() if found} == {}
