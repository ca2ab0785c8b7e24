"""The device's part of RFC 8628, with any sequence of answers and a clock that is turned by hand."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware._login.device import Open, Poll, Wait, device_login
from rf_middleware._login.reading import Asked, Failed, Pending, Tokens, read_polled
from rf_middleware._login.values import Answer, Unanswered
from rf_middleware._secret import Secret
from tests.login.test_reading import BODY, said
from tests.login.worlds import ISSUER, TOKENS

PENDING = said({"error": "authorization_pending"}, 400)
SLOWER = said({"error": "slow_down"}, 400)
DENIED = said({"error": "access_denied"}, 400)
LOST = Unanswered("connection refused")
GOOD = said(TOKENS)

Reply = Answer | Unanswered


@dataclass
class Told:
    """What a login did: when it polled, how long it waited before, and how it ended."""

    waits: list[float] = field(default_factory=list[float])
    polled: list[float] = field(default_factory=list[float])
    opened: list[str] = field(default_factory=list[str])
    ended: Tokens | Failed | None = None
    over: float = 0.0


def asked(lasts: float = 600.0, interval: float = 5.0) -> Asked:
    """Return what an issuer says at first."""
    return Asked(Secret("the-device-code"), "BCDF-GHJK", f"{ISSUER}/device", f"{ISSUER}/device?x=1", lasts, interval)


def run(replies: Iterator[Reply], start: Asked, latency: float = 0.0) -> Told:
    """Drive a login to its end; each poll takes so long."""
    told, time = Told(), [50.0]
    steps = device_login(start, ISSUER, lambda: time[0])
    reply: Reply = Unanswered("")
    try:
        step = next(steps)
        while True:
            if isinstance(step, Open):
                told.opened.append(step.asked.direct)
            elif isinstance(step, Wait):
                told.waits.append(step.seconds)
                time[0] += step.seconds
            else:
                assert isinstance(step, Poll)
                told.polled.append(time[0] - 50.0)
                time[0] += latency
                reply = next(replies)
            step = steps.send(reply)
    except StopIteration as end:
        told.ended, told.over = end.value, time[0] - 50.0
    return told


def then_for_ever(replies: list[Reply], last: Reply) -> Iterator[Reply]:
    """Yield some answers, then one again and again."""
    yield from replies
    while True:
        yield last


def test_a_login_opens_the_page_and_polls_until_it_is_allowed() -> None:
    """Page first, then a poll after each interval, and the keys as soon as they are there."""
    told = run(iter([PENDING, PENDING, GOOD]), asked())
    assert told.opened == [f"{ISSUER}/device?x=1"]
    assert told.waits == [5.0, 5.0, 5.0]
    assert isinstance(told.ended, Tokens)


def test_each_slow_down_adds_five_seconds_for_good() -> None:
    """RFC 8628 section 3.5: the interval grows by 5 for this and all later requests."""
    told = run(iter([PENDING, SLOWER, PENDING, SLOWER, LOST, PENDING, GOOD]), asked())
    assert told.waits == [5.0, 5.0, 10.0, 10.0, 15.0, 30.0, 15.0]


def test_without_an_answer_the_pauses_double_up_to_a_minute() -> None:
    """A server that can't be reached is asked less and less often, and at the old pace once it answers."""
    told = run(iter([*[LOST] * 5, PENDING, GOOD]), asked())
    assert told.waits == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0, 5.0]
    assert isinstance(told.ended, Tokens)


@pytest.mark.parametrize("trouble", [said({}, 503), said({}, 429), said({}, 500), Answer(502, b"<html>")])
def test_a_server_in_trouble_is_waited_for(trouble: Answer) -> None:
    """Too many requests and server errors are no refusals."""
    assert isinstance(run(iter([trouble, trouble, GOOD]), asked()).ended, Tokens)


def test_a_denial_ends_it_at_once() -> None:
    """No is not asked again."""
    told = run(iter([PENDING, DENIED]), asked())
    assert told.ended == Failed("the login was denied on the page")
    assert len(told.polled) == 2


def test_nobody_waits_longer_than_the_code_lasts() -> None:
    """The last poll is about the end of the code, and the text says why it ended."""
    told = run(then_for_ever([], PENDING), asked(lasts=12.0))
    assert told.polled == [5.0, 10.0, 15.0]
    assert told.ended == Failed("nobody answered in time; log in again")
    lost = run(then_for_ever([PENDING], LOST), asked(lasts=100.0))
    assert lost.ended == Failed("no answer in time: connection refused")
    assert 100.0 <= lost.over <= 105.0


REPLY = st.one_of(
    st.sampled_from([PENDING, PENDING, SLOWER, LOST, DENIED, GOOD]),
    st.builds(Answer, st.integers(200, 599), BODY),
)


@given(
    st.lists(REPLY, max_size=30),
    st.sampled_from([PENDING, SLOWER, LOST]),
    st.floats(1, 900),
    st.floats(0.1, 90),
    st.floats(0, 30),
)
def test_whatever_the_issuer_answers_the_rules_hold(
    replies: list[Reply], last: Reply, lasts: float, interval: float, latency: float
) -> None:
    """Never a poll before its time, after a definite answer or after the end; doubled pauses only without answers."""
    told = run(then_for_ever(replies, last), asked(lasts, interval), latency)
    made = [*replies, *[last] * len(told.polled)][: len(told.polled)]
    assert len(told.waits) == len(told.polled)
    assert told.ended is not None
    now, lost = interval, 0
    for number, (wait, reply) in enumerate(zip(told.waits, made, strict=True)):
        assert wait >= now
        assert wait <= max(now * 2**lost, now)
        assert wait == now or lost
        assert wait <= max(now, 60.0)
        assert told.polled[number] - wait < lasts + 1e-6
        meaning = read_polled(reply, ISSUER)
        if isinstance(meaning, Tokens | Failed):
            assert number == len(made) - 1
            assert type(told.ended) is type(meaning)
        now += 5.0 * (isinstance(meaning, Pending) and meaning.slower)  # one by one, as sums are rounded
        lost = lost + 1 if isinstance(meaning, Unanswered) else 0
    if not made or isinstance(read_polled(made[-1], ISSUER), Pending | Unanswered):
        assert isinstance(told.ended, Failed)
        assert told.over >= lasts - 1e-6
