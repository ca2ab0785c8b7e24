"""The one clock of the package: seconds that only go forward, through suspend too.

Wall-clock time is used nowhere: it is stepped by NTP and by people, and a lease
measured on it could be stretched.
"""

import time
from collections.abc import Callable
from functools import partial

__all__ = ["Clock", "now"]

Clock = Callable[[], float]


def _pick() -> Clock:
    """CLOCK_BOOTTIME counts the time a machine was suspended; CLOCK_MONOTONIC on Linux does not."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return partial(time.clock_gettime, time.CLOCK_BOOTTIME)
    return time.monotonic


now: Clock = _pick()
