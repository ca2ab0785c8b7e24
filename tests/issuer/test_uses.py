"""When keys were last used: once a minute for each, and never more of them than fit."""

import time

import pytest

from rf_middleware.issuer.uses import Uses
from tests.issuer.rig import Rig, Turned, running


@pytest.mark.parametrize(("later", "noted"), [(0.0, False), (59.9, False), (60.0, True), (3600.0, True)])
def test_a_use_is_noted_once_a_minute(later: float, noted: bool) -> None:
    """The first counts, at the time of day; those of the same minute do not, written down or not."""
    clock = Turned()
    uses = Uses(clock)
    before = time.time()
    uses.note("key")
    assert before <= uses.take()["key"] <= time.time()
    clock.time += later
    uses.note("key")
    assert ("key" in uses.take()) is noted
    assert uses.take() == {}


def test_each_key_has_its_own_minute() -> None:
    """One key that is used all the time hides no other."""
    clock = Turned()
    uses = Uses(clock)
    for name in ("a", "b", "a"):
        uses.note(name)
        clock.time += 30.0
    assert uses.take().keys() == {"a", "b"}
    uses.note("b")
    assert uses.take().keys() == {"b"}


def test_what_is_remembered_is_bounded() -> None:
    """Of more keys than are remembered the ones used longest ago are let go, and what is to be written with them."""
    clock = Turned()
    uses = Uses(clock)
    for number in range(10_050):
        uses.note(f"key {number}")
    clock.time += 60.0
    uses.note("key 60")
    uses.note("another")
    assert len(uses._noted) == 10_000
    taken = uses.take()
    assert len(taken) == 10_000
    assert "key 50" not in taken
    assert {"key 51", "key 60", "another"} <= taken.keys()
    for number in range(100):
        uses.note(f"more {number}")
    uses.note("key 60")
    assert "key 60" not in uses.take()


@running
async def test_a_key_that_manages_keys_is_used_by_that(rig: Rig) -> None:
    """So is one that is only checked; one that is refused is not."""
    _, weak_id = weak = await rig.new_key([])
    rig.uses.take()
    await rig.call("GET", "/acme/api-keys", weak[0])
    await rig.call("GET", "/", "nonsense")
    assert rig.uses.take().keys() == {weak_id}


@running
async def test_only_good_keys_that_are_asked_about_are_used(rig: Rig) -> None:
    """Unknown, ended and publishable keys leave no trace."""
    dead, key_id = await rig.new_key()
    await rig.call("DELETE", f"/acme/api-keys/{key_id}")
    found = await rig.introspect(rig.key)
    for key in (dead, "nobody", f"rf_{found['workspace_id']}"):
        await rig.introspect(key)
    assert rig.uses.take().keys() == {rig.key_id}
