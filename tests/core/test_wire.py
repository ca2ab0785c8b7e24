"""The messages of the feed: what one end writes the other reads, and anything else is one kind of error."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware._wire import CHANGES, Event, Poll, Reply

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
TEXTS = st.text(min_size=1, max_size=20)
LABELS = st.text(st.characters(exclude_categories=("C", "Z")), max_size=50)  # printable
SECONDS = st.floats(0, 86_400)
DIGESTS = st.binary(min_size=32, max_size=32)
NAMES = st.sampled_from(sorted(CHANGES))
EVENTS = st.builds(Event, st.just(0), NAMES, fingerprint=DIGESTS) | st.builds(Event, st.just(0), NAMES, workspace=TEXTS)
POLL = {"session": "12345678", "epoch": None, "ack": 0, "wait": 3}
REPLY: dict[str, Any] = {"epoch": "e", "reset": False, "head": 9, "events": [], "lease": 10}
EVENT = {"seq": 3, "fingerprint": "00" * 32, "change": "revoked"}
HUGE = 2**63 - 1
WRONG_COUNTS: list[object] = [None, -1, 1.0, "1", True, [], float("nan"), 1 << 63, 10**400]
WRONG_SECONDS: list[object] = [None, -1, -0.1, "1", True, [], float("nan"), float("inf"), 10**400, 86_401]
WRONG_FLAGS: list[object] = [None, 0, 1, "true", []]
WRONG_LISTS: list[object] = [None, {}, "[]", 0]
WRONG_TEXTS: list[object] = [None, "", 1, True, [], {}, "half \ud800"]


@st.composite
def replies(draw: st.DrawFn) -> Reply:
    """Return any reply an issuer may give."""
    places = sorted(draw(st.sets(st.integers(1, 1000), max_size=5)))
    events = tuple(
        Event(seq, each.change, each.fingerprint, each.workspace) for seq in places for each in [draw(EVENTS)]
    )
    head = draw(st.integers(places[-1] if places else 0, 2000))
    return Reply(draw(TEXTS), draw(st.booleans()), head, events, draw(SECONDS))


def over_the_wire(message: object) -> Any:
    """Return what the other end reads."""
    return json.loads(json.dumps(message))


@given(
    st.builds(Poll, st.text(min_size=8, max_size=64), st.none() | TEXTS, st.integers(0, HUGE), SECONDS, LABELS, LABELS)
)
def test_a_poll_arrives_as_it_was_sent(poll: Poll) -> None:
    """What a validator writes is what the issuer reads."""
    assert Poll.parse(over_the_wire(poll.to_json())) == poll


@given(replies())
def test_a_reply_arrives_as_it_was_sent(reply: Reply) -> None:
    """What the issuer writes is what a validator reads."""
    assert Reply.parse(over_the_wire(reply.to_json())) == reply


@given(JSON)
def test_junk_is_an_error_of_one_kind(junk: object) -> None:
    """Whatever JSON comes, it is read or it is a ``ValueError``."""
    for parse in (Poll.parse, Reply.parse, Event.parse):
        with pytest.raises(ValueError, match="feed"):
            parse(junk)


@given(st.sampled_from(sorted(REPLY)), JSON)
def test_one_wrong_member_is_an_error_or_is_right(name: str, value: Any) -> None:
    """A reply with one member replaced by anything is read exactly as it stands, or refused."""
    raw = {**REPLY, name: value}
    try:
        reply = Reply.parse(raw)
    except ValueError:
        return
    assert getattr(reply, name) == (() if value == [] else value)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *[("session", each) for each in [*WRONG_TEXTS, "1234567", "x" * 65]],
        *[("epoch", each) for each in WRONG_TEXTS[1:]],
        *[("ack", each) for each in WRONG_COUNTS],
        *[("wait", each) for each in WRONG_SECONDS],
        *[("name", each) for each in [*WRONG_TEXTS, "x" * 101, "a\nb"]],
        *[("version", each) for each in [*WRONG_TEXTS, "x" * 51, "0.1\x1b[2J"]],
    ],
)
def test_a_poll_with_a_wrong_member_is_refused(name: str, wrong: object) -> None:
    """Each member of a poll has its type and its range."""
    with pytest.raises(ValueError, match=name):
        Poll.parse({**POLL, name: wrong})


def test_peers_of_another_version_understand_each_other() -> None:
    """A poll without name and version is read, and what a poll has beside what is known is left alone."""
    old = Poll("12345678", None, 0, 3.0)
    assert old.to_json() == POLL
    assert Poll.parse(POLL) == old
    assert Poll.parse({**POLL, "version": "0.2", "of_the_future": {}}) == Poll("12345678", None, 0, 3.0, "", "0.2")


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *[("epoch", each) for each in WRONG_TEXTS],
        *[("reset", each) for each in WRONG_FLAGS],
        *[("head", each) for each in WRONG_COUNTS],
        *[("events", each) for each in WRONG_LISTS],
        *[("lease", each) for each in WRONG_SECONDS],
    ],
)
def test_a_reply_with_a_wrong_member_is_refused(name: str, wrong: object) -> None:
    """Each member of a reply has its type and its range: a lease is never guessed."""
    with pytest.raises(ValueError, match=name):
        Reply.parse({**REPLY, name: wrong})


@pytest.mark.parametrize("name", ["epoch", "reset", "head", "events", "lease"])
def test_a_reply_without_a_member_is_refused(name: str) -> None:
    """Nothing in a reply is optional."""
    with pytest.raises(ValueError, match=name):
        Reply.parse({key: value for key, value in REPLY.items() if key != name})


@pytest.mark.parametrize("places", [[2, 1], [1, 1], [10], [0, 10]], ids=str)
def test_events_are_in_order_and_not_beyond_the_head(places: list[int]) -> None:
    """Events told twice, backwards or beyond the head make the reply one that can't be believed."""
    with pytest.raises(ValueError, match="order"):
        Reply.parse({**REPLY, "events": [{**EVENT, "seq": place} for place in places]})


@pytest.mark.parametrize(
    "wrong",
    [
        {"fingerprint": "00" * 31},
        {"fingerprint": "00" * 33},
        {"fingerprint": "zz" * 32},
        {"fingerprint": 7},
        {"fingerprint": None},
        {"seq": "3"},
        {"change": None},
        {"change": 1},
    ],
    ids=str,
)
def test_an_event_that_names_no_key_is_refused(wrong: dict[str, object]) -> None:
    """An event that can't be read may be the one that matters, so the reply is refused whole."""
    with pytest.raises(ValueError):
        Reply.parse({**REPLY, "events": [{**EVENT, **wrong}]})


@pytest.mark.parametrize("workspace", [None, "", 3])
def test_an_event_names_a_key_or_a_workspace(workspace: object) -> None:
    """An event without a fingerprint is about a workspace, named by a text."""
    with pytest.raises(ValueError, match="workspace"):
        Event.parse({"seq": 1, "change": "suspended", "workspace": workspace})


def test_the_names_of_changes_are_part_of_the_protocol() -> None:
    """Peers of another version know these; a name that changed would be one more kind of change to them."""
    assert frozenset(["revoked", "disabled", "enabled", "updated", "rolled", "expired", "suspended"]) == CHANGES


def test_what_an_event_is_about() -> None:
    """It is a key or a workspace, never both, and an event that is about neither has an empty name."""
    key = Event(1, "revoked", fingerprint=bytes(32))
    assert (key.name, key.workspace) == (bytes(32), None)
    workspace = Event(1, "suspended", workspace="acme")
    assert (workspace.name, workspace.fingerprint) == ("acme", None)
    assert Event(1, "revoked").name == ""


@pytest.mark.parametrize(
    ("parse", "what"), [(Event.parse, "event"), (Poll.parse, "request"), (Reply.parse, "answer")], ids=str
)
def test_the_error_says_which_message_is_none(parse: Callable[[object], object], what: str) -> None:
    """Who reads the log sees which end is to blame."""
    with pytest.raises(ValueError, match=f"^feed: the {what} is not a JSON object$"):
        parse([])


def test_a_digest_of_another_length_is_named() -> None:
    """A fingerprint that is hexadecimal but no SHA-256 is refused as that."""
    with pytest.raises(ValueError, match=r"^feed: fingerprint is not a SHA-256$"):
        Event.parse({**EVENT, "fingerprint": "00" * 33})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("session", "x" * length) for length in (8, 64)],
        *[("wait", seconds) for seconds in (0, 86_400)],
        ("ack", 0),
        ("name", "x" * 100),
        ("version", "x" * 50),
    ],
)
def test_the_bounds_of_a_poll_belong_to_it(name: str, value: object) -> None:
    """The longest and the shortest that are allowed are allowed."""
    assert getattr(Poll.parse({**POLL, name: value}), name) == value
