"""Where the login of a device stands, under any order of polls, answers and times; and the codes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rf_middleware.issuer.device import INTERVAL, LASTS, Device, Polled, decide, over, poll
from rf_middleware.issuer.device_codes import (
    DEVICE_PREFIX,
    PASTE_PREFIX,
    device_code,
    paste_token,
    read_user_code,
    user_code,
)
from rf_middleware.issuer.keys import well_formed
from tests.core.machines import explored

LETTERS = "BCDFGHJKLMNPQRTVWX23479"
START = 1_000.0


def device(now: float = START) -> Device:
    """Return a login that begins now."""
    return Device("d", "a client", "ann@laptop", "192.0.2.1", "", "", now, now + LASTS)


class Logging(RuleBasedStateMachine):
    """A login that is polled, answered and left alone in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.device, self.now = device(), START
        self.answer: str | None = None
        self.handed = self.slowed = 0

    @rule(seconds=st.sampled_from([0.0, 0.5, 3.9, 4.0, 5.0, 9.0, 14.0, 60.0, 599.0, 600.0, -3.0, -700.0]))
    def let_time_pass(self, seconds: float) -> None:
        """The clock goes on, and now and then is set back."""
        self.now += seconds

    @precondition(lambda self: over(self.device, self.now) == "")
    @rule(yes=st.booleans())
    def decide(self, yes: bool) -> None:
        """A person answers: only where nobody did before."""
        assert self.answer is None
        assert self.now < START + LASTS
        self.device = decide(self.device, "ann", ("w1", "w2") if yes else ())
        self.answer = "yes" if yes else "no"

    @precondition(lambda self: over(self.device, self.now) != "")
    @rule()
    def can_not_decide(self) -> None:
        """It is over because somebody answered, or because its time is."""
        why = over(self.device, self.now)
        assert why == ("decided" if self.answer else "expired")
        assert self.answer or self.now >= START + LASTS

    @rule()
    def poll(self) -> None:
        """The device asks, and is told the truth."""
        before = self.device
        polled = poll(before, self.now)
        self.device = polled.device
        if not polled.error:
            assert self.answer == "yes"
            assert self.now < START + LASTS
            assert (before.state, polled.device.state) == ("approved", "done")
            self.handed += 1
            return
        assert (polled.error == "access_denied") == (self.answer == "no")
        assert (polled.error == "invalid_grant") == (self.handed > 0)
        if self.answer == "no" or self.handed:
            assert self.device == before
        else:
            assert (polled.error == "expired_token") == (self.now >= START + LASTS)
            if polled.error == "slow_down":
                assert before.polled is not None
                assert 0 <= self.now - before.polled < before.interval
                self.slowed += 1
            if polled.error == "authorization_pending":
                assert self.device.polled == self.now

    @invariant()
    def it_is_handed_out_once(self) -> None:
        """Whatever happened, keys were handed out once at most."""
        assert self.handed <= 1

    @invariant()
    def each_slow_down_adds_five_seconds(self) -> None:
        """The interval only grows, by 5 seconds each time, until it is longer than the login."""
        assert self.device.interval == min(INTERVAL + 5.0 * self.slowed, LASTS)


def test_a_login_goes_on_as_it_may_and_no_other_way() -> None:
    """One answer, one exchange, none after the end, and 5 seconds more for each poll that came too soon."""
    assert explored(Logging) > 0


def test_polls_that_keep_the_interval_are_never_slowed_down() -> None:
    """A device that waits as it is told, a little less even, is told that nobody has answered yet."""
    login, now = device(), START
    for _ in range(100):
        now += 4.2
        polled = poll(login, now)
        login = polled.device
        assert polled.error == "authorization_pending"
    assert login.interval == INTERVAL


def test_a_device_that_hurries_waits_longer_for_good() -> None:
    """After one poll too soon, five seconds are too soon too and ten are not."""
    login = poll(device(), START).device
    login, error = told(poll(login, START + 1))
    assert (error, login.interval) == ("slow_down", 10.0)
    login, error = told(poll(login, START + 6))
    assert (error, login.interval) == ("slow_down", 15.0)
    login, error = told(poll(login, START + 21))
    assert (error, login.interval) == ("authorization_pending", 15.0)


def told(polled: Polled) -> tuple[Device, str]:
    """Return both halves of what came of a poll."""
    return polled.device, polled.error


def test_a_flood_of_polls_is_nothing_to_write_down() -> None:
    """Once the interval is longer than any login, a poll that comes too soon changes nothing."""
    login = device()
    changes = 0
    for _ in range(1000):
        polled = poll(login, START + 1)
        changes += polled.device != login
        login = polled.device
    assert changes == 1 + (LASTS - INTERVAL) / 5
    assert poll(login, START + 2) == Polled(login, "slow_down")


def test_a_user_code_can_be_read_aloud_and_typed() -> None:
    """It is ABCD-EFGH of letters and digits that no one takes for others, and reads as itself."""
    for code in [user_code() for _ in range(100)]:
        assert re.fullmatch(f"[{LETTERS}]{{4}}-[{LETTERS}]{{4}}", code)
        assert read_user_code(code) == code


def test_user_codes_are_of_all_their_letters() -> None:
    """Each letter turns up, so that a code has its 36 bits."""
    assert set("".join(user_code() for _ in range(500))) == {*LETTERS, "-"}


@pytest.mark.parametrize(
    "typed", ["BCDF-GH23", "bcdf-gh23", " BCDFGH23\n", "b c d f g h 2 3", "BCDF–GH23", "BCDF_GH23", "bcdf.gh23"]
)
def test_a_user_code_is_typed_in_loosely(typed: str) -> None:
    """Small letters, blanks, and whatever stands for the dash."""
    assert read_user_code(typed) == "BCDF-GH23"


@pytest.mark.parametrize(
    "typed", ["", "-", "BCDF-GH2", "BCDF-GH234", "ACDF-GH23", "BCDF-GH01", "ßCDF-GH23", "BCDF-GH²3", "B" * 10_000]
)
def test_what_is_no_user_code_is_seen_at_once(typed: str) -> None:
    """Too short, too long, other letters: there is nothing to look up."""
    assert read_user_code(typed) == ""


@given(st.text(alphabet=LETTERS + LETTERS.lower() + "- \t", min_size=4, max_size=14))
def test_eight_letters_are_a_code_wherever_they_are_parted(typed: str) -> None:
    """What is read is those letters, and reads as itself again; any other number of them is no code."""
    letters = "".join(typed.upper().replace("-", "").split())
    read = read_user_code(typed)
    assert read == (f"{letters[:4]}-{letters[4:]}" if len(letters) == 8 else "")
    assert read_user_code(read) == read


def test_codes_for_machines_are_told_from_one_another_and_from_keys() -> None:
    """Each has a prefix of its own and a check, so that one never stands for the other; both may stand in a URL."""
    for made, prefix, other in (
        (device_code(), DEVICE_PREFIX, PASTE_PREFIX),
        (paste_token(), PASTE_PREFIX, DEVICE_PREFIX),
    ):
        assert re.fullmatch(prefix + "[0-9A-Za-z]{33}", made)
        assert well_formed(made, prefix)
        assert not well_formed(made, other)
