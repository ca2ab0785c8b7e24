"""The targets of ``tests/fuzz``, each for as long as ``RF_FUZZ_SECONDS`` says; ten minutes when it says nothing."""

import os
import sys

import pytest

from tests.fuzz.running import fuzz
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_no_input_breaks_a_rule(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A search that follows coverage finds no input that breaks a rule of the target."""
    found = fuzz(name, int(os.environ.get("RF_FUZZ_SECONDS", "600")))
    with capsys.disabled():
        sys.stdout.write(f"\nfuzz {name}: {found.tried:,} inputs\n")
    assert found.crash is None, str(found)
    assert found.tried > 10_000
