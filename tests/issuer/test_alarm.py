"""The one timer of the leases."""

import asyncio

from rf_middleware.issuer.alarm import Alarm
from tests.issuer.rig import in_loop, until


@in_loop
async def test_it_rings_in_time_whatever_it_was_set_to_before() -> None:
    """A sooner time replaces the one it had, a later one or none at all does not; it rings once for them all."""
    rung: list[int] = []
    alarm = Alarm(lambda: rung.append(1))
    alarm.set(float("inf"), 10.0)
    assert alarm._timer is None
    alarm.set(1000.0, 10.0)
    late = alarm._timer
    assert late is not None
    alarm.set(5.0, 10.0)
    assert late.cancelled()
    alarm.set(2000.0, 10.0)
    await until(lambda: rung)
    assert (rung, alarm._timer) == ([1], None)
    alarm.set(2000.0, 10.0)
    assert alarm._timer is not None
    alarm.end()
    alarm.end()
    assert alarm._timer is None


@in_loop
async def test_what_it_rings_may_set_it_again() -> None:
    """Whoever is rung for says when it is needed next."""
    times = [3.0, 2.0, float("inf")]
    alarm = Alarm(lambda: alarm.set(times.pop(0), 10.0))
    alarm.set(1.0, 10.0)
    await until(lambda: not times)
    await asyncio.sleep(0)
    assert alarm._timer is None
