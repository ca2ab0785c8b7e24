"""What the store gives back of a key that nothing more was said of, and what follows from its state and its end."""

import math

import pytest

from rf_middleware.issuer.records import ENDED, Ended, Key, Life, Lookup, NewKey, Workspace

ACME = Workspace("w", "acme", "Acme")


def key(status: str = "active", expires: float | None = None) -> Key:
    """Return a key with no more than it has to have."""
    return Key("k", ACME, "n", "rfk_abcd", "wxyz", None, False, status, 1.0, expires, None)


def test_what_is_not_said_of_a_key_is_nothing() -> None:
    """Nobody in particular owns it, it is in no folder, not protected, not due, not sealed, and was never used."""
    bare = key()
    assert (bare.owners, bare.last_used, bare.folders, bare.metadata) == ((), None, (), {})
    assert (bare.protected, bare.rotation_due, bare.made_by, bare.sealed) == (False, None, "", False)
    new = NewKey("k", bytes(32), "rfk_abcd", "wxyz", "n", None)
    assert (new.expires, new.owners, new.disabled, new.folders, new.metadata) == (None, (), False, (), {})
    assert (new.protected, new.rotation_due, new.made_by, new.sealed) == (False, None, "", None)
    assert ACME.status == "active"


@pytest.mark.parametrize(
    ("status", "ended"),
    [("active", False), ("disabled", False), ("revoked", True), ("rolled", True), ("expired", True)],
)
def test_a_key_ends_for_good_in_three_ways(status: str, *, ended: bool) -> None:
    """One that is disabled can be enabled again."""
    assert key(status).ended is ended
    assert (status in ENDED) is ended


@pytest.mark.parametrize(("expires", "left"), [(None, math.inf), (12.0, 2.0), (10.0, 0.0), (9.0, -1.0)])
def test_a_key_has_the_time_to_its_end(expires: float | None, left: float) -> None:
    """Without one it has all the time there is."""
    assert key(expires=expires).left(10.0) == left


def test_what_is_found_and_what_comes_of_a_change_is_little_at_first() -> None:
    """A change that missed what it was for is as good as none, when two are compared."""
    assert Ended(1, before=False).missed is False
    assert Ended(1, before=False, missed=True) == Ended(1, before=False)
    assert Ended(1, before=True) != Ended(1, before=False)
    assert Life("e", 1, 0.0, ()).put_back is False
    assert Lookup("e", 1) == Lookup("e", 1, None, None)
