"""Who guesses waits, and nobody else: limits of failures by account and address."""

import tracemalloc
from dataclasses import dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from rf_middleware.issuer.attempts import Attempt, Attempts, Limit
from tests.core.machines import explored
from tests.issuer.rig import Turned

HOME, AWAY = "192.0.2.1", "198.51.100.7"


def made(
    *, pair: int = 1000, address: int = 1000, account: int = 1000, remembered: int = 100
) -> tuple[Turned, Attempts]:
    """Return a limiter whose limits are as given, each failure forgiven after 10, 20 and 30 seconds."""
    clock = Turned()
    limits = {"pair": Limit(pair, 10.0), "address": Limit(address, 20.0), "account": Limit(account, 30.0)}
    return clock, Attempts(clock, **limits, remembered=remembered)


def wait(attempts: Attempts, account: str | None, address: str) -> float:
    """Fail, if one may try; return how long to wait before that."""
    with attempts.begin(account, address) as attempt:
        return attempt.wait


def succeed(attempts: Attempts, account: str | None, address: str) -> bool:
    """Succeed, if one may try."""
    with attempts.begin(account, address) as attempt:
        attempt.succeeded()
        return attempt.wait == 0.0


def failed(attempts: Attempts, account: str | None, address: str, most: int = 5000) -> int:
    """Fail until it is said to wait; return how often that was."""
    for number in range(most):
        if wait(attempts, account, address):
            return number
    return most


def test_some_failures_pass_and_then_one_in_a_while() -> None:
    """Nothing is counted while somebody waits, so the wait is never longer than one failure takes to be forgiven."""
    clock, attempts = made(pair=3)
    assert failed(attempts, "ada", HOME) == 3
    assert wait(attempts, "ada", HOME) == 10.0
    clock.time += 4.0
    assert wait(attempts, "ada", HOME) == 6.0
    clock.time += 6.0
    assert wait(attempts, "ada", HOME) == 0.0
    assert wait(attempts, "ada", HOME) == 10.0
    clock.time += 25.0
    assert failed(attempts, "ada", HOME) == 2
    clock.time += 1_000.0
    assert failed(attempts, "ada", HOME) == 3


def test_guesses_at_the_same_time_gain_nothing() -> None:
    """Of a hundred attempts that begin before the first one ends, as many go on as may fail."""
    clock, attempts = made(pair=3)
    begun = [attempts.begin("ada", HOME) for _ in range(100)]
    assert [attempt.wait for attempt in begun] == [0.0] * 3 + [10.0] * 97
    clock.time += 1_000.0  # while they run, nothing is forgiven
    assert wait(attempts, "ada", HOME) == 10.0
    for attempt in begun:
        with attempt:
            pass
    assert wait(attempts, "ada", HOME) == 10.0
    clock.time += 10.0
    assert failed(attempts, "ada", HOME) == 1


def test_an_attempt_that_is_broken_off_failed() -> None:
    """Who hangs up before the answer has guessed all the same."""
    _, attempts = made(pair=3)
    for _ in range(3):
        with pytest.raises(ConnectionError), attempts.begin("ada", HOME):
            raise ConnectionError
    assert wait(attempts, "ada", HOME) == 10.0


def test_who_has_to_wait_can_not_succeed() -> None:
    """An attempt that was not begun changes nothing, whatever it is told."""
    _, attempts = made(pair=3)
    assert failed(attempts, "ada", HOME) == 3
    assert not succeed(attempts, "ada", HOME)
    assert wait(attempts, "ada", HOME) == 10.0


def test_success_is_not_counted_and_clears_what_failed_before() -> None:
    """Signing in all day is no failure, and after it a person may mistype again."""
    _, attempts = made(pair=3, address=3, account=3)
    assert all(succeed(attempts, "ada", HOME) for _ in range(50))
    assert failed(attempts, "ada", HOME, 2) == 2
    assert succeed(attempts, "ada", HOME)
    assert failed(attempts, "ada", HOME) == 3


def test_one_address_does_not_guess_at_many_accounts() -> None:
    """One common password tried on everybody is slowed too; other addresses are not."""
    clock, attempts = made(address=4)
    assert [wait(attempts, f"person {number}", AWAY) for number in range(6)] == [0.0] * 4 + [20.0] * 2
    assert wait(attempts, "person 5", HOME) == 0.0
    clock.time += 20.0
    assert wait(attempts, "person 5", AWAY) == 0.0


def test_many_addresses_do_not_guess_at_one_account() -> None:
    """A network of machines has no more guesses at one account than one machine; other accounts are not slowed."""
    clock, attempts = made(account=4)
    assert [wait(attempts, "ada", f"192.0.2.{number}") for number in range(6)] == [0.0] * 4 + [30.0] * 2
    assert wait(attempts, "bob", "192.0.2.5") == 0.0
    clock.time += 30.0
    assert wait(attempts, "ada", "192.0.2.6") == 0.0


def test_an_account_of_ones_own_gains_no_guesses_at_others() -> None:
    """Who signs in between the guesses clears neither the address nor the other account."""
    _, attempts = made(address=6)
    tried = 0
    for number in range(50):
        succeed(attempts, "mallory", AWAY)
        tried += not wait(attempts, f"victim {number}", AWAY)
    assert tried == 6


def test_nobody_elsewhere_keeps_a_person_out() -> None:
    """From where a person signed in lately only the person's own failures there count."""
    _, attempts = made(pair=3, address=5, account=10)
    assert succeed(attempts, "ada", HOME)
    assert failed(attempts, "ada", AWAY) == 3
    for number in range(40):
        failed(attempts, "ada", f"203.0.113.{number}")  # until the account is limited everywhere
        failed(attempts, f"person {number}", HOME)  # until the address is limited for everybody
    assert wait(attempts, "ada", AWAY) > 0.0
    assert wait(attempts, "somebody else", HOME) > 0.0
    assert failed(attempts, "ada", HOME) == 3


@pytest.mark.parametrize(("later", "still"), [(29 * 86_400.0, True), (30 * 86_400.0, False)])
def test_a_place_is_known_for_a_month(later: float, *, still: bool) -> None:
    """After that an address is like any other, until the person signs in there again."""
    clock, attempts = made(account=2)
    clock.time += 40 * 86_400.0  # a server runs for longer than that
    for _ in range(2):
        assert succeed(attempts, "ada", HOME)
    clock.time += later
    failed(attempts, "ada", AWAY)
    assert (wait(attempts, "ada", HOME) == 0.0) is still


def test_the_last_places_of_a_person_are_known() -> None:
    """The one that was used longest ago gives way, and no other person's."""
    _, attempts = made(account=1)
    succeed(attempts, "bob", HOME)
    for number in (0, 1, 2, 3, 4, 5, 6, 7, 0, 8):
        succeed(attempts, "ada", f"192.0.2.{number}")
    for account in ("ada", "bob"):
        assert failed(attempts, account, AWAY) == 1
    waits = [wait(attempts, "ada", f"192.0.2.{number}") for number in range(9)]
    assert [each > 0.0 for each in waits] == [False, True, *[False] * 7]
    assert wait(attempts, "bob", HOME) == 0.0


def test_who_signed_in_last_is_remembered() -> None:
    """Of more accounts than fit, the one that was signed in to longest ago is like any other."""
    _, attempts = made(account=1, remembered=3)
    for account in ("ann", "bob", "cid", "dan"):
        assert succeed(attempts, account, HOME)
    known: list[bool] = []
    for account in ("ann", "bob", "cid", "dan"):
        assert failed(attempts, account, AWAY) == 1
        known.append(wait(attempts, account, HOME) == 0.0)
    assert known == [False, True, True, True]


def test_a_server_lets_pass_what_people_mistype() -> None:
    """Five at an account from one address, thirty from an address, a hundred at an account; then one in a while."""
    one, many, everywhere = (Attempts(Turned()) for _ in range(3))
    assert [wait(one, "ada", HOME) for _ in range(6)] == [0.0] * 5 + [60.0]
    tries = [wait(many, f"person {number}", HOME) for number in range(31)]
    assert tries == [0.0] * 30 + [10.0]
    tries = [wait(everywhere, "ada", f"192.0.2.{number}") for number in range(101)]
    assert tries == [0.0] * 100 + [300.0]


def test_without_an_account_the_address_counts() -> None:
    """A one-time link names nobody: guesses are limited where they come from, and success is no failure."""
    clock, attempts = made(pair=1, address=4, account=1)
    for _ in range(10):
        assert succeed(attempts, None, AWAY)
    assert failed(attempts, None, AWAY) == 4
    assert wait(attempts, None, HOME) == 0.0
    clock.time += 20.0
    assert wait(attempts, None, AWAY) == 0.0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8:0:0:ffff::", "2001:0DB8::", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("unix", "unix", True),
        ("unix", "testclient", False),
        ("", "\ud800", False),
        ("x" * 64, "x" * 1000, True),
    ],
)
def test_what_one_person_has_of_the_network_is_one_address(one: str, other: str, *, same: bool) -> None:
    """Who has 2**64 addresses has no more guesses than who has one; what is no address at all is taken as it is."""
    _, attempts = made(address=2)
    assert failed(attempts, None, one) == 2
    assert (wait(attempts, None, other) > 0.0) is same


@example("\ud800", "\udfff")
@given(st.text(st.characters(exclude_categories=())), st.text(st.characters(exclude_categories=())))
def test_any_text_is_an_account_and_an_address(account: str, address: str) -> None:
    """What comes over the network breaks nothing."""
    _, attempts = made(pair=2)
    assert failed(attempts, account, address) == 2


def test_what_failed_last_is_remembered() -> None:
    """A flood pushes out what failed before it, oldest first, and no more."""
    _, attempts = made(address=1, remembered=10)
    for number in range(10):
        wait(attempts, None, f"192.0.2.{number}")
    wait(attempts, None, AWAY)
    assert wait(attempts, None, "192.0.2.1") > 0.0
    assert wait(attempts, None, "192.0.2.0") == 0.0


def test_memory_is_flat_under_a_flood() -> None:
    """However many accounts and addresses are made up, however long their names, no more is kept than fits."""
    _, attempts = made(remembered=50)

    def flood(begin: int) -> None:
        for number in range(begin, begin + 1_000):
            account, address = f"{number}" * 2_000, f"2001:db8:{number:x}::1"
            (succeed if number % 2 else wait)(attempts, account, address)

    flood(0)
    tracemalloc.start()
    try:
        flood(1_000)
        before, _ = tracemalloc.get_traced_memory()
        flood(2_000)
        flood(3_000)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 50_000


ACCOUNTS, ADDRESSES = ("ada", "bob", "carl"), ("192.0.2.1", "192.0.2.2", "2001:db8::1")
PAIR, ADDRESS, ACCOUNT = Limit(2, 7.0), Limit(4, 5.0), Limit(5, 11.0)


@dataclass
class Tried:
    """One attempt that went on, and what the limits may hold against it."""

    account: str
    address: str
    known: bool
    attempt: Attempt
    when: float
    forgiven: bool = False


class Guessing(RuleBasedStateMachine):
    """People and guessers at the same accounts and addresses; what counts is kept beside, as plain lists."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Turned()
        self.attempts = Attempts(self.clock, pair=PAIR, address=ADDRESS, account=ACCOUNT)
        self.running: list[Tried] = []
        self.failures: list[Tried] = []
        self.known: set[tuple[str, str]] = set()

    @rule(seconds=st.integers(1, 20))
    def time_goes_on(self, seconds: int) -> None:
        """Let whole seconds pass, so that sums are exact."""
        self.clock.time += seconds

    @rule(account=st.sampled_from(ACCOUNTS), address=st.sampled_from(ADDRESSES))
    def begin(self, account: str, address: str) -> None:
        """Begin an attempt; who is told to wait may go on after that, unless others run."""
        attempt = self.attempts.begin(account, address)
        if attempt.wait and not self.running:
            assert attempt.wait <= max(PAIR.every, ADDRESS.every, ACCOUNT.every)
            self.clock.time += attempt.wait
            attempt = self.attempts.begin(account, address)
            assert not attempt.wait
        if not attempt.wait:
            known = (account, address) in self.known
            self.running.append(Tried(account, address, known, attempt, self.clock.time))

    @rule(data=st.data(), good=st.booleans())
    def end(self, data: st.DataObject, *, good: bool) -> None:
        """End one of the attempts that run."""
        if not self.running:
            return
        tried = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        with tried.attempt as attempt:
            if good:
                attempt.succeeded()
        tried.when = self.clock.time
        if not good:
            self.failures.append(tried)
            return
        self.known.add((tried.account, tried.address))
        for each in self.failures:
            each.forgiven |= (each.account, each.address) == (tried.account, tried.address)

    @invariant()
    def failures_fit(self) -> None:
        """In no stretch of time more failed, or may yet fail, than pass at once and are forgiven meanwhile."""
        tried = self.failures + self.running
        for address in ADDRESSES:
            self.fit([each for each in tried if each.address == address and not each.known], ADDRESS)
            for account in ACCOUNTS:
                pair = [each for each in tried if (each.account, each.address) == (account, address)]
                self.fit([each for each in pair if not each.forgiven], PAIR)
        for account in ACCOUNTS:
            self.fit([each for each in tried if each.account == account and not each.known], ACCOUNT)

    def fit(self, tried: list[Tried], limit: Limit) -> None:
        """Compare some attempts with their limit; those that run count as if they failed now."""
        times = sorted(self.clock.time if each in self.running else each.when for each in tried)
        for first, begin in enumerate(times):
            for last in range(first, len(times)):
                assert last - first + 1 <= limit.at_once + (times[last] - begin) // limit.every


def test_no_order_of_events_lets_more_guesses_through() -> None:
    """In any order of attempts, ends and time, failures stay within each limit, and who waits as told goes on."""
    assert explored(Guessing) > 0
