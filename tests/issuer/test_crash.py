"""A change is there as a whole or not at all, at whichever statement the process is killed (``crashing.py``)."""

import json
import os
import subprocess
import sys

import pytest

from tests.issuer.crashing import CHANGES, MIGRATION

Outcomes = dict[str, dict[str, int]]


@pytest.fixture(name="outcomes", scope="module")
def _outcomes(tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """Run all of them at once, without coverage: it would start anew in each of a thousand forks."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith("COVERAGE")}
    command = [sys.executable, "-m", "tests.issuer.crashing", str(tmp_path_factory.mktemp("crashing"))]
    done = subprocess.run(command, env=clean, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    found: Outcomes = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_there_or_it_is_not(name: str, outcomes: Outcomes) -> None:
    """Rows, events and audit log are those of before or of after, and nothing else; both are seen."""
    found = outcomes[name]
    assert found["neither"] == 0
    assert found["before"] > 10
    assert found["after"] > 0


def test_a_database_of_an_older_version_is_brought_up_to_date_or_left_alone(outcomes: Outcomes) -> None:
    """At whichever statement the process is killed, what is there can be opened, and ends as it should."""
    found = outcomes[MIGRATION]
    assert (found["neither"], found["before"]) == (0, 0)
    assert found["after"] > 10
