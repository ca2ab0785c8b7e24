"""The hit: what is answered from the cache, and when the cache is trusted."""

import pytest

from rf_middleware._wire import Reply
from tests.core.helpers import GRANT, LEASE, Bench, dark, feedless, leased, limits, plain


def test_a_grant_is_remembered_while_the_lease_is_live() -> None:
    """A second request of a good key asks nobody."""
    bench = leased()
    bench.learn()
    assert bench.request().verdict == GRANT


def test_the_deadline_is_compared_at_use() -> None:
    """A hit counts strictly before the end of the lease, to the last instant and not one longer."""
    bench = leased()
    bench.learn()
    end = bench.core.deadline
    bench.clock.time = end - 0.001
    assert bench.hit() == GRANT
    bench.clock.time = end
    assert bench.hit() is None


def test_the_deadline_is_read_before_the_look_up() -> None:
    """An event and a renewal that come between the comparison and the look-up let no old entry through (rule 2)."""
    bench = leased()
    bench.learn()
    bench.clock.forward(LEASE)  # the lease has ended

    def drop_and_renew() -> None:
        bench.renew(bench.revoke())

    bench.clock.on_read = drop_and_renew
    assert bench.hit() is None


def test_the_lease_counts_from_before_the_poll_was_sent_less_the_drift() -> None:
    """Time on the way, and one part in a hundred for the clocks, come off the lease (rule 1)."""
    bench = leased()
    bench.learn()
    poll, sent = bench.core.poll(3.0), bench.clock.time
    bench.clock.forward(2.0)
    assert bench.core.apply(poll, Reply(bench.epoch, reset=False, head=bench.head, events=(), lease=LEASE))
    assert bench.core.deadline == pytest.approx(sent + LEASE * 0.99)


def test_a_grant_is_kept_for_ttl_at_most() -> None:
    """After ``ttl`` seconds a key is asked about again, lease or not; they count from before it was asked."""
    bench = leased(limits(ttl=3.0))
    request = bench.request()
    bench.clock.forward(1.0)
    request.send(bench.yes())
    bench.clock.forward(1.9)
    assert bench.hit() == GRANT
    bench.clock.forward(0.1)
    assert bench.hit() is None


def test_ttl_nought_asks_every_time() -> None:
    """``ttl=0`` keeps no grant, even under a lease."""
    bench = leased(limits(ttl=0.0))
    bench.learn()
    assert bench.hit() is None
    assert bench.request().asks


def test_expires_in_counts_from_before_the_check() -> None:
    """A key that ends in two seconds is cached for two seconds from before it was asked about (rule 8)."""
    bench = leased()
    request = bench.request()
    bench.clock.forward(1.5)
    request.send(bench.yes(expires_in=2.0))
    assert request.verdict is not None
    assert bench.hit() is not None
    bench.clock.forward(0.5)
    assert bench.hit() is None


def test_without_a_feed_staleness_is_bounded() -> None:
    """Without a feed a grant is used for ``max_staleness`` seconds from before it was asked for."""
    bench = feedless(limits(ttl=60.0, bound=10.0))
    request = bench.request()
    bench.clock.forward(4.0)
    request.send(plain())
    bench.clock.forward(5.9)
    assert bench.request().verdict == GRANT
    bench.clock.forward(0.1)
    assert bench.hit() is None
    assert bench.request().verdict is None


def test_strict_asks_about_each_request() -> None:
    """``max_staleness=0`` without a feed remembers no grant."""
    bench = feedless(limits(bound=0.0))
    bench.request().send(plain())
    assert bench.hit() is None
    assert bench.request().asks


def test_in_the_dark_nothing_is_trusted() -> None:
    """Until the issuer has definitely said whether it has a feed, each request is asked about (rule 7)."""
    bench = dark()
    bench.request().send(plain())
    assert bench.hit() is None
    assert bench.request().asks


def test_learning_of_a_feed_is_no_lease() -> None:
    """An issuer that has a feed is trusted only once the feed has answered (rule 7)."""
    bench = dark()
    bench.core.learn(has_feed=True)
    bench.request().send(plain())
    assert bench.hit() is None


@pytest.mark.parametrize(
    ("bench", "kind", "seconds", "words"),
    [
        (leased(), "lease", 0.0, "lease: a revoked key is refused at once (lease good for 9.9 s more)"),
        (dark(), "strict", 0.0, "strict: the issuer is asked about each request"),
        (feedless(limits(bound=10.0)), "bounded", 10.0, "bounded: a revoked key is accepted for 10 s at most"),
        (feedless(limits(bound=0.0)), "strict", 0.0, "strict: the issuer is asked about each request"),
    ],
)
def test_staleness_says_what_is_promised(bench: Bench, kind: str, seconds: float, words: str) -> None:
    """What a validator promises right now can be read, as a value and in words."""
    staleness = bench.core.staleness()
    assert (staleness.kind, staleness.seconds, str(staleness)) == (kind, seconds, words)


def test_a_lost_lease_promises_strictness() -> None:
    """A lease that has run out turns into asking about each request, and says so."""
    bench = leased()
    bench.clock.forward(LEASE)
    assert bench.core.staleness().kind == "strict"
    assert bench.core.staleness().lease_left == 0.0
