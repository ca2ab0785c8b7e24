"""What the presets of scopes stand for."""

import pytest

from rf_middleware.issuer.presets import PRESETS, expanded


def test_each_preset_has_what_the_smaller_ones_have() -> None:
    """An admin has every scope, and a developer all that viewers and inference keys have."""
    assert PRESETS["role:admin"] is None
    names = ("developer", "viewer", "inference")
    developer, viewer, inference = (PRESETS[f"role:{name}"] or frozenset[str]() for name in names)
    assert inference == frozenset({"model:infer"})
    assert viewer == frozenset({"workspace:read", "api-key:read"})
    assert developer == viewer | inference | {"api-key:create", "api-key:update", "api-key:revoke"}


def test_presets_are_spelled_out_beside_other_scopes() -> None:
    """Sets are joined, every scope swallows the rest, and no scope stays none."""
    assert expanded(["role:inference", "a:b"]) == frozenset({"model:infer", "a:b"})
    assert expanded(["a:b", "role:admin"]) is None
    assert expanded([]) == frozenset()
    with pytest.raises(KeyError):
        expanded(["role:owner"])
