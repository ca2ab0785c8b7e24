"""Open streams end with their key, whenever it ends, and also those that open just then."""

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware import Validator
from rf_middleware._fingerprint import fingerprint
from rf_middleware._models import Refusal, Verdict
from rf_middleware._streams import REVOKED, Name, Streams
from rf_middleware._wire import Event
from tests.core.helpers import INVALID, KEY
from tests.core.scripted import Scripted, following, reply
from tests.core.servers import until


class Open:
    """A stream that notes whether it was told to end; a good one closes then."""

    def __init__(self, streams: Streams | None = None, key: str = KEY, workspace: str = "acme") -> None:
        self.key = key.encode()
        self.digest = fingerprint(self.key)
        self.workspace = workspace
        self.ended = threading.Event()
        self.told = threading.Event()
        self.streams = streams

    def judge(self, verdict: Verdict) -> Refusal | None:
        """Go on while the key is good."""
        return verdict if isinstance(verdict, Refusal) else None

    def end(self, why: Refusal = REVOKED) -> None:
        """Note it, and close."""
        self.told.set()
        if self.streams is not None:
            self.streams.close(self)


def opened(streams: Streams, key: str = KEY, workspace: str = "acme") -> Open:
    """Return a stream that is open."""
    stream = Open(streams, key, workspace)
    streams.open(stream, streams.mark)
    return stream


@pytest.mark.parametrize("name", [fingerprint(KEY.encode()), "acme"])
def test_a_stream_ends_with_its_key_and_with_its_workspace(name: Name) -> None:
    """What ended takes its streams along, and no others."""
    streams = Streams()
    mine, other = opened(streams), opened(streams, "rfk_other", "other")
    assert streams.end([name]) == [mine]
    assert (mine.told.is_set(), other.told.is_set()) == (True, False)


def test_a_stream_that_is_closed_is_forgotten() -> None:
    """A stream that ended by itself is not ended again, and those who wait for it go on."""
    streams = Streams()
    stream = opened(streams)
    streams.close(stream)
    streams.close(stream)
    assert stream.ended.is_set()
    assert streams.end([stream.digest]) == []


def test_a_stream_that_opens_on_an_old_look_at_its_key_ends_at_once() -> None:
    """The key ended between the look at it and the opening (revoked in between): the stream never gets going."""
    for name in (fingerprint(KEY.encode()), "acme"):
        streams = Streams()
        mark = streams.mark
        streams.end([name])
        late, fresh = Open(streams), Open(streams)
        streams.open(late, mark)
        streams.open(fresh, streams.mark)
        assert (late.told.is_set(), fresh.told.is_set()) == (True, False)


def test_what_ended_long_ago_is_not_forgotten_in_favour_of_old_looks() -> None:
    """Only the latest endings are remembered by name; on a look older than those a stream is asked about again."""
    streams = Streams()
    mark = streams.mark
    streams.end([fingerprint(KEY.encode())])
    streams.end([b"%d" % number for number in range(10_001)])
    assert len(streams._lately) == 10_000
    old, fresh = Open(streams), Open(streams)
    streams.open(old, mark)
    streams.open(fresh, streams.mark)
    assert streams.doubtful() == [old]


def test_after_a_reset_all_are_in_doubt() -> None:
    """A reset names no keys: all open streams are asked about again, once, and those that open on an older look."""
    streams = Streams()
    mark, stream = streams.mark, opened(streams)
    gone = opened(streams)
    streams.doubt()
    streams.close(gone)
    late, fresh = Open(streams), Open(streams)
    streams.open(late, mark)
    streams.open(fresh, streams.mark)
    assert set(streams.doubtful()) == {stream, late}
    assert streams.doubtful() == []
    assert not stream.told.is_set()


@given(st.lists(st.sampled_from(["look a", "look b", "open", "end a", "end b", "end acme", "doubt"]), max_size=30))
def test_no_stream_survives_its_key(steps: list[str]) -> None:
    """In any order of looks, openings and endings, what ended after the look at the key is not open at the end."""
    streams, looks = Streams(), list[tuple[str, int, int]]()
    ended = dict[str, int]()
    streams_open = list[tuple[Open, str, int]]()
    for moment, step in enumerate(steps):
        verb, _, name = step.partition(" ")
        if verb == "look":
            looks.append((name, streams.mark, moment))
        elif verb == "open" and looks:
            key, mark, looked = looks.pop(0)
            stream = Open(streams, key)
            streams.open(stream, mark)
            streams_open.append((stream, key, looked))
        elif verb == "end":
            streams.end([name if name == "acme" else fingerprint(name.encode())])
            ended[name] = moment
        elif verb == "doubt":
            streams.doubt()
    for stream, key, looked in streams_open:
        assert stream.told.is_set() or looked > max(ended.get(key, -1), ended.get("acme", -1))


def test_threads_may_open_and_end_at_once() -> None:
    """However openings and endings meet, no stream that looked before the last ending stays open."""
    streams, barrier = Streams(), threading.Barrier(5)
    made = list[tuple[Open, int]]()

    def serve() -> None:
        barrier.wait(60)
        for _ in range(300):
            mark, stream = streams.mark, Open(streams)
            streams.open(stream, mark)
            made.append((stream, mark))

    threads = [threading.Thread(target=serve) for _ in range(4)]
    for thread in threads:
        thread.start()
    barrier.wait(60)
    for _ in range(100):
        streams.end([fingerprint(KEY.encode())])
    last = streams.mark
    for thread in threads:
        thread.join(10)
    assert len(made) == 1200
    assert [stream for stream, mark in made if mark < last and not stream.told.is_set()] == []


def test_forget_ends_streams() -> None:
    """Who tells a validator to forget a key ends its streams too."""
    validator = Validator(Scripted())
    stream = opened(validator.streams)
    validator.forget(KEY)
    assert stream.told.is_set()


@pytest.fixture(name="fed")
def _fed() -> Iterator[tuple[Validator, Scripted]]:
    """A validator that holds a lease."""
    with following(True, reply(reset=True)) as (validator, issuer):
        validator.check(KEY)
        issuer.reached(3)
        yield validator, issuer


def test_an_event_ends_streams_before_it_is_acknowledged(fed: tuple[Validator, Scripted]) -> None:
    """The poll that acknowledges a revocation is sent when the streams of its key have closed."""
    validator, issuer = fed
    stream, other = Open(), opened(validator.streams, "rfk_other", "other")
    validator.streams.open(stream, validator.streams.mark)
    polls = len(issuer.polls)
    issuer.steps.put(reply(Event(1, "revoked", fingerprint=stream.digest), head=1))
    assert stream.told.wait(60)
    assert len(issuer.polls) == polls
    validator.streams.close(stream)
    issuer.reached(1)
    assert issuer.polls[-1].ack == 1
    assert not other.told.is_set()


def test_a_stream_that_does_not_close_delays_the_acknowledgement_a_little_only(fed: tuple[Validator, Scripted]) -> None:
    """Not a byte goes out after ``end``, so that a stream that hangs holds nobody up for long."""
    validator, issuer = fed
    stream = Open()
    validator.streams.open(stream, validator.streams.mark)
    issuer.steps.put(reply(Event(1, "revoked", fingerprint=stream.digest), head=1))
    issuer.reached(1)
    assert issuer.polls[-1].ack == 1
    assert stream.told.is_set()


def test_an_enabled_key_keeps_its_streams(fed: tuple[Validator, Scripted]) -> None:
    """Good news end nothing."""
    validator, issuer = fed
    stream = opened(validator.streams)
    issuer.steps.put(reply(Event(1, "enabled", fingerprint=stream.digest), head=1))
    issuer.reached(1)
    assert not stream.told.is_set()


@pytest.mark.parametrize("good", [True, False])
def test_a_reset_asks_about_each_stream_again(fed: tuple[Validator, Scripted], *, good: bool) -> None:
    """After a reset a stream goes on when its key is still good, and ends when it is not."""
    validator, issuer = fed
    stream = opened(validator.streams)
    issuer.verdict = issuer.verdict if good else INVALID
    asked = issuer.log.count("check")
    issuer.steps.put(reply(reset=True))
    issuer.reached(1)
    until(lambda: issuer.log.count("check") == asked + 1)
    assert stream.told.is_set() is not good


def test_a_forked_child_serves_no_streams() -> None:
    """The streams of the parent are the parent's to end."""
    validator = Validator(Scripted())
    opened(validator.streams)
    validator.forked()
    validator.streams.doubt()
    assert validator.streams.doubtful() == []
