"""How much is measured: ``BENCH_QUICK=1`` tries every part with little, for a look at whether all of it still works."""

import os
from typing import Final

__all__ = ["QUICK", "scaled"]

QUICK: Final = os.environ.get("BENCH_QUICK", "") not in {"", "0"}


def scaled(full: int, quick: int) -> int:
    """Return the number for this run."""
    return quick if QUICK else full
