"""What a key may do to keys over HTTP: what is read of each body, and what is refused in which words."""

from collections.abc import Callable
from typing import Any

import pytest

from rf_middleware.issuer.access import Actor
from rf_middleware.issuer.answers import Problem
from rf_middleware.issuer.key_rules import (
    WAITED_FOR,
    check_change,
    check_roll,
    protected,
    read_change,
    read_new,
    read_roll,
    takes_away,
)
from rf_middleware.issuer.records import Key, Workspace

ACME = Workspace("w1", "acme", "Acme")
ALL = Actor(ACME, None, "id-1")
SOME = Actor(ACME, frozenset({"a:b", "c:d"}), "id-2", expires=33_000_000_000.0, name="deploy", folders=("f1", "f2"))
LATER, LATER_AT = "2990-01-01T00:00:00Z", 32_188_147_200.0
PROTECTED = "This key is protected: only a person can change that, on the page with the keys"
UNPROTECT = "Only a person can take the protection off a key, on the page with the keys"
RESTORE = "A key can't restore one that may do more than it may itself"
FOLDERS = "A key can't give anything to one with folders that it does not have itself"
ROLLED = "This key was rolled: its time can only be cut short"
ROLL = "A key can't roll one that may do more than it may itself"


def key(**said: Any) -> Key:
    """Return a stored key, a good one with scope ``a:b`` in folder ``f1`` that ends in a while, unless said."""
    fields: dict[str, Any] = {
        "id": "k",
        "workspace": ACME,
        "name": "n",
        "prefix": "rfk_abcd",
        "last_four": "wxyz",
        "scopes": frozenset({"a:b"}),
        "is_default": False,
        "status": "active",
        "created": 1.0,
        "expires": LATER_AT,
        "replaced_by": None,
        "folders": ("f1",),
    }
    return Key(**{**fields, **said})


def refusal(does: Callable[[], object]) -> tuple[int, str] | None:
    """Return with what something is refused; ``None`` when it is not."""
    try:
        does()
    except Problem as problem:
        return problem.status, str(problem)
    return None


def test_a_new_key_is_all_that_is_said_of_it() -> None:
    """Every field of the body is taken, and the key that makes it is named."""
    body = {
        "name": "n",
        "scopes": ["c:d"],
        "expiresAt": LATER,
        "owners": ["bob", "ann"],
        "folderIds": ["f2"],
        "customMetadata": {"team": "x"},
        "protected": True,
        "rotationDueAt": LATER,
    }
    assert read_new(body, SOME) == (
        "n",
        frozenset({"c:d"}),
        {
            "expires": LATER_AT,
            "owners": ("ann", "bob"),
            "folders": ("f2",),
            "metadata": {"team": "x"},
            "protected": True,
            "rotation_due": LATER_AT,
            "made_by": "key deploy",
        },
    )


def test_what_is_not_said_of_a_new_key_is_what_its_maker_has() -> None:
    """Scopes, folders and end come from the key that makes it, the rest is empty."""
    more: dict[str, object] = {"owners": (), "metadata": {}, "protected": False, "rotation_due": None}
    own = {"expires": SOME.expires, "folders": SOME.folders, "made_by": "key deploy"}
    assert read_new({}, SOME) == ("", SOME.scopes, {**more, **own})
    assert read_new({}, ALL) == ("", None, {**more, "expires": None, "folders": (), "made_by": "key id-1"})


def test_a_maker_s_long_name_is_cut() -> None:
    """What is said of who made a key is 200 characters at most."""
    actor = Actor(ACME, None, "id", name="x" * 500)
    assert read_new({}, actor)[2].get("made_by") == "key " + "x" * 196


@pytest.mark.parametrize(
    ("field", "given", "column", "value"),
    [
        ("name", "n", "name", "n"),
        ("scopes", ["c:d", "a:b"], "scopes", ["a:b", "c:d"]),
        ("disabled", True, "status", "disabled"),
        ("disabled", False, "status", "active"),
        ("expiresAt", LATER, "expires", LATER_AT),
        ("customMetadata", {"a": 1}, "metadata", {"a": 1}),
        ("rotationDueAt", LATER, "rotation_due", LATER_AT),
        ("rotationDueAt", None, "rotation_due", None),
        ("protected", True, "protected", True),
    ],
)
def test_each_field_changes_its_column_and_no_other(field: str, given: object, column: str, value: object) -> None:
    """A change has the columns that were named, owners apart from them."""
    assert read_change({field: given}, SOME) == ({column: value}, None)


def test_every_scope_and_new_owners_can_be_given() -> None:
    """``null`` is every scope, and owners are no column of the key."""
    assert read_change({"scopes": None}, ALL) == ({"scopes": None}, None)
    assert read_change({"owners": ["bob", "ann"]}, ALL) == ({}, ("ann", "bob"))
    assert read_change({"owners": []}, ALL) == ({}, ())


def test_a_roll_takes_what_its_successor_is_to_be() -> None:
    """A grace, owners and a date, each if it is said; and who rolled it, always."""
    made_by = {"made_by": "key deploy"}
    assert read_roll({}, SOME) == (0.0, made_by)
    assert read_roll({"graceSeconds": 5}, SOME) == (5.0, made_by)
    assert read_roll({"owners": ["ann"]}, SOME) == (0.0, {**made_by, "owners": ("ann",)})
    assert read_roll({"rotationDueAt": LATER}, SOME) == (0.0, {**made_by, "rotation_due": LATER_AT})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("scopes", ["x:y"]), ("scopes", None), ("expiresAt", None), ("expiresAt", "3999-01-01T00:00:00Z")),
        ("folderIds", ["f3"]),
    ],
)
def test_a_key_gives_only_what_it_has(field: str, value: object) -> None:
    """Neither to a new key nor to another: more scopes, more time or other folders are refused with 403."""
    assert (refusal(lambda: read_new({field: value}, SOME)) or (0,))[0] == 403
    if field != "folderIds":
        assert (refusal(lambda: read_change({field: value}, SOME)) or (0,))[0] == 403


@pytest.mark.parametrize("field", ["disabled", "graceSeconds", "colour"])
def test_a_field_of_another_route_is_refused(field: str) -> None:
    """What would be passed over in silence is named in a 400."""
    assert refusal(lambda: read_new({field: True}, ALL)) == (400, f"Unknown field: {field}")
    if field != "disabled":
        assert refusal(lambda: read_change({field: True}, ALL)) == (400, f"Unknown field: {field}")
    if field != "graceSeconds":
        assert refusal(lambda: read_roll({field: True}, ALL)) == (400, f"Unknown field: {field}")


@pytest.mark.parametrize("read", [read_new, read_change])
def test_a_wrong_flag_is_refused_by_its_name(read: Callable[[dict[str, object], Actor], object]) -> None:
    """Whoever sends it reads which field was wrong."""
    assert refusal(lambda: read({"protected": 1}, ALL)) == (400, "protected is true or false")


def test_a_wrong_word_for_disabled_is_refused_by_its_name() -> None:
    """Whoever sends it reads which field was wrong."""
    assert refusal(lambda: read_change({"disabled": 1}, ALL)) == (400, "disabled is true or false")


@pytest.mark.parametrize(
    ("old", "values", "refused"),
    [
        (key(), {"name": "x"}, None),
        (key(protected=True), {"protected": True}, None),
        (key(), {"protected": False}, (403, UNPROTECT)),
        # A key that may do as much gives back what was taken, and one that may do less does not.
        (key(), {"status": "active"}, None),
        (key(scopes=frozenset({"x:y"})), {"status": "active"}, (403, RESTORE)),
        (key(scopes=frozenset({"x:y"})), {"status": "disabled"}, None),
        (key(scopes=None), {"expires": LATER_AT + 0.5}, (403, RESTORE)),
        (key(scopes=None), {"expires": None}, (403, RESTORE)),
        (key(scopes=None), {"expires": LATER_AT}, None),
        (key(scopes=None), {"expires": LATER_AT - 1}, None),
        (key(scopes=None, expires=None), {"expires": None}, None),
        (key(), {"expires": LATER_AT + 1}, None),
        # Nor does it give anything to a key with folders that it does not have.
        (key(folders=()), {"status": "active"}, (403, FOLDERS)),
        (key(folders=("f3",)), {"scopes": ["a:b"]}, (403, FOLDERS)),
        (key(folders=("f3",)), {"expires": LATER_AT + 1}, (403, FOLDERS)),
        (key(folders=("f3",)), {"status": "disabled", "name": "x"}, None),
        # A key that was rolled ends in time.
        (key(replaced_by="k2"), {"expires": LATER_AT + 1}, (409, ROLLED)),
        (key(replaced_by="k2"), {"expires": LATER_AT - 1}, None),
        (key(replaced_by="k2"), {"status": "active"}, None),
    ],
)
def test_what_gives_a_key_more_is_looked_at(old: Key, values: dict[str, object], refused: object) -> None:
    """To enable, to lengthen and to give scopes takes as much as the key will have; to take away takes nothing."""
    assert refusal(lambda: check_change(old, values, SOME)) == refused


@pytest.mark.parametrize(
    ("old", "refused"),
    [
        (key(), None),
        (key(expires=SOME.expires), None),
        (key(expires=33_000_000_000.5), (403, ROLL)),
        (key(expires=None), (403, ROLL)),
        (key(scopes=None), (403, ROLL)),
        (key(folders=()), (403, ROLL)),
        (key(protected=True), (409, PROTECTED)),
        (key(protected=True, scopes=None), (403, ROLL)),
        (key(protected=True, status="revoked"), None),
    ],
)
def test_a_key_rolls_none_that_may_do_more(old: Key, refused: object) -> None:
    """Whoever rolls a key has its successor: so it may have no more scopes, folders or time; a protected one stays."""
    assert refusal(lambda: check_roll(old, SOME)) == refused


def test_a_key_without_end_rolls_any_other() -> None:
    """It has all the time there is."""
    assert refusal(lambda: check_roll(key(expires=None), ALL)) is None


@pytest.mark.parametrize(
    ("values", "takes"),
    [
        ({"status": "disabled"}, True),
        ({"status": "active"}, False),
        ({"scopes": []}, True),
        ({"expires": None}, True),
        ({"name": "x", "metadata": {}, "protected": True}, False),
        ({}, False),
    ],
)
def test_what_could_take_something_from_a_key_is_not_for_protected_ones(
    values: dict[str, object], *, takes: bool
) -> None:
    """To disable, and any new scopes or end."""
    assert takes_away(values) is takes


def test_validators_are_told_of_what_they_keep() -> None:
    """Scopes, status and end are what a grant is made of; the rest of a key is of no account to them."""
    assert frozenset({"scopes", "status", "expires"}) == WAITED_FOR
    assert (protected().status, str(protected())) == (409, PROTECTED)
