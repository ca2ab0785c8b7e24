"""The frozen values."""

import copy
import dataclasses
import pickle
import re

import pytest

from rf_middleware._models import SLUG, Grant, Reason, Refusal, Staleness, Workspace

GRANT = Grant(Workspace("acme", "Acme", "w1"), "k1", frozenset({"a"}), expires_in=5.0)


@pytest.mark.parametrize("value", [GRANT, GRANT.workspace, Refusal(Reason.PAUSED, "x"), Staleness("strict")])
def test_values_are_frozen_equal_and_copied_by_value(value: object) -> None:
    """No field can be set or added; a copy and a pickle are equal."""
    assert dataclasses.is_dataclass(value)
    for field in dataclasses.fields(value):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, field.name, None)
    with pytest.raises((AttributeError, TypeError)):
        setattr(value, "more", 1)  # noqa: B010 - what must not work
    assert copy.deepcopy(value) == value
    assert pickle.loads(pickle.dumps(value)) == value  # noqa: S301 - our own bytes
    assert hash(value) == hash(copy.deepcopy(value))


def test_what_is_not_said_is_empty() -> None:
    """Names and ids are empty texts, never ``None``; a key is secret and has every scope and no end."""
    assert Workspace("acme") == Workspace("acme", "", "")
    assert Grant(Workspace("acme")) == Grant(Workspace("acme"), "", None, False, None)
    assert Grant(Workspace("acme")).publishable is False
    assert Grant(Workspace("acme")).stale_for is None
    assert (Refusal(Reason.PAUSED).detail, Refusal(Reason.PAUSED).retry_after) == ("", None)


def test_each_reason_has_a_title_of_its_own() -> None:
    """A title is a line of plain words for people, and no two reasons share one."""
    titles = [reason.title for reason in Reason]
    assert len(set(titles)) == len(titles)
    assert [title for title in titles if not re.fullmatch(r"[A-Z][a-z]* [A-Za-z' ]+[a-z]", title)] == []


def test_scopes_become_a_frozen_set() -> None:
    """Scopes given as a list or set can't be changed later through it."""
    given = {"a"}
    grant = Grant(Workspace("acme"), scopes=given)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - users without types
    given.add("b")
    assert grant.scopes == frozenset({"a"})
    assert Grant(Workspace("acme")).scopes is None
    assert Grant(Workspace("acme"), scopes=[]).scopes == frozenset()  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - users without types


def test_a_bare_string_is_no_set_of_scopes() -> None:
    """A string would be read letter by letter, so it is refused."""
    with pytest.raises(TypeError, match="bare string"):
        Grant(Workspace("acme"), scopes="model:infer")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - what must not work


@pytest.mark.parametrize(
    ("slug", "fine"),
    [
        ("acme", True),
        ("A", True),
        ("7up", True),
        ("a-b_C9", True),
        ("", False),
        ("-a", False),
        ("_a", False),
        ("a b", False),
        ("a/b", False),
        ("..", False),
        ("ä", False),
        ("a\n", False),
    ],
)
def test_what_a_slug_is(slug: str, *, fine: bool) -> None:
    """A slug begins with a letter or digit and goes on with these, ``_`` and ``-``."""
    assert bool(SLUG.fullmatch(slug)) is fine


def test_staleness_says_its_promise_in_words() -> None:
    """What is promised can be printed as it is."""
    assert str(Staleness("strict")) == "strict: the issuer is asked about each request"
    assert str(Staleness("bounded", 2.5)) == "bounded: a revoked key is accepted for 2.5 s at most"
    lease = "lease: a revoked key is refused at once (lease good for 9.0 s more)"
    assert str(Staleness("lease", lease_left=9.0)) == lease
    assert Staleness("strict") == Staleness("strict", seconds=0.0, lease_left=0.0, if_error=0.0)
    assert str(Staleness("strict", if_error=1.5)).endswith("request; 1.5 s more while the issuer can't be asked")
