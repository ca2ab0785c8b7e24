"""Equal parts of grants become one object, and nobody sees a difference."""

from dataclasses import replace
from enum import StrEnum
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware import _interned
from rf_middleware._cache import Grants, Later
from rf_middleware._interned import Interned
from rf_middleware._models import Grant, Workspace

TEXTS = st.sampled_from(["", "a", "b"])
GRANTS = st.builds(
    Grant,
    st.builds(Workspace, TEXTS, TEXTS, TEXTS),
    TEXTS,
    st.none() | st.frozensets(TEXTS),
    st.booleans(),
    st.none() | st.just(1.5),
    st.none() | st.just(0.5),
)


class Scope(StrEnum):
    """Scopes as somebody's own texts."""

    INFER = "model:infer"


class OwnGrant(Grant):
    """Somebody's own grant."""


class OwnWorkspace(Workspace):
    """Somebody's own workspace."""


def anew(grant: Grant) -> Grant:
    """Return an equal grant of which each part is a new object."""
    scopes = None if grant.scopes is None else frozenset(list(grant.scopes))
    return replace(grant, workspace=replace(grant.workspace), scopes=scopes)


@given(st.lists(GRANTS, max_size=20))
def test_what_is_equal_is_one_and_nothing_changes(grants: list[Grant]) -> None:
    """Each grant equals what it was, and parts of two grants are the same object where they are equal."""
    interned = Interned()
    shared = [interned.grant(anew(grant)) for grant in grants]
    assert shared == grants
    for one in shared:
        for other in shared:
            assert (one.workspace is other.workspace) is (one.workspace == other.workspace)
            assert (one.scopes is other.scopes) is (one.scopes == other.scopes)


def test_a_grant_that_shares_already_is_kept_itself() -> None:
    """An issuer that keeps its grants has no second one of each made."""
    interned = Interned()
    grant = Grant(Workspace("acme"), "key-1", frozenset({"model:infer"}))
    assert interned.grant(grant) is grant
    assert interned.grant(grant) is grant


@pytest.mark.parametrize(
    "other",
    [
        Grant(Workspace("acme", "Acme"), "2", frozenset({"a"})),
        Grant(Workspace("acme"), "2", frozenset({"b"})),
    ],
    ids=["workspace", "scopes"],
)
def test_one_shared_part_is_enough(other: Grant) -> None:
    """What differs stays its own, what does not is shared all the same."""
    interned = Interned()
    first = interned.grant(Grant(Workspace("acme"), "1", frozenset({"a"})))
    second = interned.grant(anew(other))
    assert second == other
    assert (second.workspace is first.workspace) is (other.workspace == first.workspace)
    assert (second.scopes is first.scopes) is (other.scopes == first.scopes)


@pytest.mark.parametrize(
    "odd",
    [
        OwnGrant(Workspace("acme"), "1", frozenset({"model:infer"})),
        Grant(OwnWorkspace("acme"), "1", frozenset({"model:infer"})),
        Grant(Workspace("acme"), "1", frozenset({Scope.INFER})),
        Grant(Workspace("acme"), "1", frozenset({"a", cast("str", 1)})),
        Grant(Workspace(Scope.INFER), "1"),
        Grant(Workspace("acme", name=cast("str", ["no", "hash"])), "1"),
        Grant(Workspace("acme", id=cast("str", 7)), "1"),
    ],
)
def test_types_of_others_are_left_alone(odd: Grant) -> None:
    """A value of another type may be equal and yet not the same, or have no hash: it is nobody else's."""
    interned = Interned()
    interned.grant(Grant(Workspace("acme", id="7"), "2", frozenset({"model:infer"})))
    interned.grant(Grant(Workspace("model:infer"), "2"))
    kept = interned.grant(odd)
    assert kept is odd


def test_what_is_known_is_bounded() -> None:
    """However many workspaces there are, so many are known at most; then it begins anew."""
    interned = Interned()
    first = interned.one(Workspace("first"))
    most = 0
    for number in range(2 * _interned._AT_MOST):
        interned.one(Workspace(str(number)))
        most = max(most, len(interned._known))
    assert most == _interned._AT_MOST
    assert interned.one(Workspace("first")) is not first


def test_the_store_of_grants_shares() -> None:
    """What is put away shares workspace, scopes and times with what was put before; the id of the key is its own."""
    store = Grants(10)
    for number in range(2):
        grant = Grant(Workspace("acme"), f"key-{number}", frozenset({"model:infer"}))
        store.put(b"%d" % number, (float(number), grant, Later(12.0, 42.0)))
    one, other = store.get(b"0"), store.get(b"1")
    assert one is not None
    assert other is not None
    assert (one[0], other[0], one[1].key_id, other[1].key_id) == (0.0, 1.0, "key-0", "key-1")
    assert (one[1].workspace is other[1].workspace, one[1].scopes is other[1].scopes, one[2] is other[2]) == (True,) * 3
