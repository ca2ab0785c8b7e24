"""A row of the audit log as a value: what is not said, and how it is chained, reckoned without the package."""

from hashlib import sha256

from rf_middleware.issuer.audit import ACTIONS, CLOCK, NOBODY, START, By, Entry, Note, Query, link
from rf_middleware.issuer.rights import Right


def test_a_row_is_chained_as_anybody_can_reckon_it() -> None:
    """SHA-256 of the chain before it and canonical JSON, the first after 32 zeros: an old log fits for ever."""
    text = (
        '{"action":"key.show","actor_id":"p","actor_kind":"person","actor_name":"\\u00e9","address":"",'
        '"at":1.5,"detail":{"a":[1,2],"b":null},"seq":1,"target":"t","workspace_id":null}'
    )
    row: dict[str, object] = {
        "seq": 1,
        "at": 1.5,
        "actor_kind": "person",
        "actor_id": "p",
        "actor_name": "é",
        "address": "",
        "action": "key.show",
        "target": "t",
        "workspace_id": None,
        "detail": {"b": None, "a": [1, 2]},
    }
    first = sha256(bytes(32) + text.encode()).digest()
    assert link(START, row) == first
    assert link(START, {**row, "chain": b"of this row"}) == first
    assert link(first, row) == sha256(first + text.encode()).digest()


def test_what_is_not_said_is_empty() -> None:
    """Who did something may have no id, name or address; a note may name nothing; a query excludes nothing."""
    assert By("person") == By("person", "", "", "", None)
    assert (By("clock"), By("nobody")) == (CLOCK, NOBODY)
    assert Note("key.show") == Note("key.show", "", None, {})
    assert Query() == Query("", "", "", None, None, 50)
    assert Entry(1, 1.5, CLOCK, "key.expire", "k", None, {}, bytes(32)).damaged is False


def test_a_right_is_not_shown_with_who_has_it() -> None:
    """The log names people, not what was looked up of them."""
    assert repr(By("person", "p", right=Right("p", "w", ("admin",)))) == repr(By("person", "p"))


def test_a_search_offers_what_happens_to_keys_first() -> None:
    """The list is in the order in which people look."""
    nouns = list(dict.fromkeys(action.partition(".")[0] for action in ACTIONS))
    assert nouns[:4] == ["key", "owner", "workspace", "member"]
