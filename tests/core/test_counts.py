"""What a validator counts, and how much it says that it holds."""

from rf_middleware._counts import Counts, Sizes
from rf_middleware._models import Grant
from rf_middleware._wire import Event
from tests.core.helpers import UNAVAILABLE, Bench, dark, feedless, leased, limits, plain


def test_nothing_has_happened_at_first() -> None:
    """A new validator has counted nothing and holds nothing."""
    bench = dark()
    assert bench.core.counts == Counts(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    assert bench.core.sizes() == Sizes(0, 0, 0)


def test_each_question_is_counted_by_how_it_ended() -> None:
    """A grant, a denial and an outage, each of them every time; hits are not counted."""
    bench = feedless()
    for number in range(9):
        answer = [plain(), plain(), plain(), bench.no(), bench.no(), *[plain(UNAVAILABLE)] * 4][number]
        bench.request(f"rfk_{number}").send(answer)
    assert bench.request("rfk_0").verdict == bench.hit("rfk_0")
    assert bench.core.counts == Counts(asked=9, granted=3, denied=2, unavailable=4)


def test_each_answer_that_is_thrown_away_is_counted() -> None:
    """What the issuer said is counted as it said it, and once more where it is older than a change."""
    bench = leased()
    request = bench.request()
    for _ in range(3):
        bench.renew(bench.revoke())
        request.send(bench.yes(head=bench.head - 1))
        request.go_on()
    assert bench.core.counts == Counts(asked=4, granted=3, outdated=3, events=3, resets=1)


def test_each_request_that_was_not_asked_about_is_counted_by_why() -> None:
    """For a limit, since the issuer is left alone, and since too many wait: each has a count of its own."""
    bench = feedless(limits(burst=1))
    waiting = bench.request("rfk_waiting")
    for number in range(3):
        bench.request(f"rfk_limited {number}")
    waiting.send(plain(UNAVAILABLE))
    for _ in range(4):
        bench.request().send(plain(UNAVAILABLE))
    for _ in range(2):
        bench.request()
    bench.clock.forward(1.0)
    slow = bench.request(seats=1)
    bench.clock.forward(1.0)
    for number in range(4):
        bench.request(f"rfk_crowded {number}", seats=1)
    assert slow.asks
    assert bench.core.counts == Counts(asked=6, unavailable=5, limited=3, resting=2, crowded=4)


def test_each_old_grant_is_counted() -> None:
    """Every request that was let in by an old grant counts, and none that was let in by the issuer."""
    bench = feedless(limits(spare=30.0))
    bench.learn()
    bench.clock.forward(60.0)
    for _ in range(3):
        request = bench.request()
        request.send(plain(UNAVAILABLE))
        assert isinstance(request.verdict, Grant)
    assert bench.core.counts == Counts(asked=4, granted=1, unavailable=3, stale=3)


def test_what_the_feed_tells_is_counted() -> None:
    """Each change, however many come at once, and each time that everything is forgotten."""
    bench = leased()
    resets = bench.core.counts.resets
    bench.renew(Event(1, "revoked", workspace="a"), Event(2, "revoked", workspace="b"))
    bench.renew(Event(3, "revoked", workspace="c"))
    bench.renew()
    for _ in range(3):
        bench.renew(reset=True)
    assert (bench.core.counts.events, bench.core.counts.resets) == (3, resets + 3)


def test_sizes_are_how_much_is_held_now() -> None:
    """Grants and denials that are remembered, and keys that are asked about, each key once."""
    bench: Bench = feedless()
    for number in range(3):
        bench.learn(f"rfk_{number}")
    for number in range(2):
        bench.request(f"rfk_bad {number}").send(bench.no())
    waiting = [bench.request(f"rfk_{name}") for name in ("a", "a", "b", "c", "d")]
    assert bench.core.sizes() == Sizes(grants=3, denials=2, in_flight=4)
    for each in waiting:
        if each.asks:
            each.send(plain(UNAVAILABLE))
    assert bench.core.sizes() == Sizes(grants=3, denials=2, in_flight=0)
