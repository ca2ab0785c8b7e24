"""The login file, and what is left of it by a login that is killed in the middle."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.real.started import ROOT


def test_a_login_that_is_killed_leaves_no_key_for_others(tmp_path: Path) -> None:
    """Keys are in the file and perhaps in the one that was to take its place, for the user alone and till next time."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.leaks.crashing", str(tmp_path)],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert len(told) > 5
    only, both = {"config.json": "0o600"}, {"config.json": "0o600", "config.json.new": "0o600"}
    assert all(left in (only, both) and cleared for left, cleared in told), told
    assert [only, True] in told
    assert [both, True] in told
