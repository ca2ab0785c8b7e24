"""The thread that keeps the lease, with a feed that does what the test says: when it starts, rests, warns and ends."""

import logging
import os
import threading
from importlib.metadata import version

import pytest

from rf_middleware import Denied
from rf_middleware._feed import Follower, _version
from rf_middleware._lease import News
from rf_middleware._wire import Event
from rf_middleware.issuers._protocol import FeedError
from tests.core.helpers import DIGEST, GRANT, INVALID, KEY, dark
from tests.core.scripted import WAIT, Scripted, Step, following, reply
from tests.core.servers import until


def test_it_starts_at_the_first_check_only() -> None:
    """A validator that is not used has no thread; a key that is none does not start it either (rule 6)."""
    with following(True, reply()) as (validator, issuer):
        with pytest.raises(Denied):
            validator.check("not a key")
        validator.forget(KEY)
        assert (issuer.log, str(validator.staleness)[:6]) == ([], "strict")
        validator.check(KEY)
        issuer.reached(2)
        assert "offered" in issuer.log


def test_one_thread_however_many_checks() -> None:
    """Threads that check at once start one follower, a daemon."""
    with following(True, reply()) as (validator, issuer):
        barrier = threading.Barrier(16)

        def check(number: int) -> None:
            barrier.wait(WAIT)
            validator.check(f"rfk_{number}")

        threads = [threading.Thread(target=check, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT)
        issuer.reached(3)
        assert issuer.log.count("offered") == 1
        followers = [each for each in threading.enumerate() if each.name == "rf-middleware-feed" and each.is_alive()]
        assert validator._follower is not None
        assert validator._follower._thread in followers
        assert all(each.daemon for each in followers)


def test_a_lease_is_kept_by_polls_that_acknowledge() -> None:
    """Each poll acknowledges what the answer before it told, after it was applied."""
    event = Event(1, "revoked", fingerprint=DIGEST)
    with following(True, reply(reset=True)) as (validator, issuer):
        validator.check(KEY)
        issuer.reached(3)
        assert validator.staleness.kind == "lease"
        validator.check(KEY)
        assert validator.peek(DIGEST) == GRANT
        issuer.verdict, issuer.head = INVALID, 1
        issuer.steps.put(reply(event, head=1))
        issuer.reached(1)
        assert validator.peek(DIGEST) is None
        assert [(poll.epoch, poll.ack, poll.wait) for poll in issuer.polls] == [
            (None, 0, 3.0),
            ("e", 0, 3.0),
            ("e", 1, 3.0),
        ]
        with pytest.raises(Denied):
            validator.check(KEY)


def test_a_poll_says_who_and_which_version_it_is_from() -> None:
    """People see by name and version which validators there are; one that was not installed has no version."""
    with following(True, reply(reset=True)) as (validator, issuer):
        validator.check(KEY)
        issuer.reached(2)
        (poll, *_) = issuer.polls
    assert poll.name.endswith(f"pid {os.getpid()}")
    assert poll.version == version("rf-middleware")
    assert _version("no-such-distribution") == ""


def test_the_news_are_told_before_they_are_acknowledged() -> None:
    """Who ends streams has done so when the issuer hears that the event was applied."""
    bench, issuer = dark(), Scripted(True, reply(reset=True), reply(Event(1, "revoked", fingerprint=DIGEST), head=1))
    told: list[tuple[News, int]] = []
    follower = Follower(bench.core, issuer, lambda news: told.append((news, len(issuer.polls))))
    follower.start()
    issuer.reached(4)
    assert [(news.reset, len(news.events), polls) for news, polls in told] == [(True, 0, 1), (False, 1, 2)]
    issuer.steps.put(None)
    follower.close()


def test_an_issuer_that_begins_anew_is_asked_again_what_it_offers() -> None:
    """After a reset what the metadata said before may not hold: it is read again, and the feed is followed on."""
    with following(True, reply(reset=True)) as (validator, issuer):
        validator.check(KEY)
        issuer.reached(3)
        assert issuer.log.count("offered") == 1
        issuer.steps.put(reply(reset=True))
        issuer.steps.put(True)
        issuer.reached(2)
        assert issuer.log.count("offered") == 2
        assert validator.staleness.kind == "lease"


def test_an_issuer_without_a_feed_ends_the_thread() -> None:
    """A definite no makes the validator bounded, and nobody asks again (rule 7)."""
    with following(False) as (validator, issuer):
        validator.check(KEY)
        until(lambda: validator.staleness.kind == "bounded")
        thread = validator._follower._thread if validator._follower else None
        assert thread is not None
        thread.join(WAIT)
        validator.check(KEY)
        validator.check("rfk_other")
        assert issuer.log.count("offered") == 1
        assert validator.peek(DIGEST) == GRANT


def test_in_the_dark_each_request_is_asked_about() -> None:
    """While nobody says whether there is a feed, it is not taken for missing (rule 7)."""
    with following(FeedError("dark"), FeedError("dark")) as (validator, issuer):
        for _ in range(3):
            validator.check(KEY)
        issuer.reached(3)
        validator.check(KEY)
        assert validator.staleness.kind == "strict"
        assert issuer.log.count("check") == 4


ODD = [FeedError("gone"), OSError("rfk_some-key"), ValueError(), RecursionError(), StopIteration(), TimeoutError()]


@pytest.mark.parametrize("error", ODD, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("while_polling", [False, True])
def test_it_takes_up_again_by_itself(
    error: Exception, caplog: pytest.LogCaptureFixture, *, while_polling: bool
) -> None:
    """Whatever breaks, the thread goes on trying, and the lease comes back (rule 6)."""
    steps: list[Step] = [True, error, reply(reset=True)] if while_polling else [error, True, reply(reset=True)]
    with following(*steps) as (validator, issuer):
        validator.check(KEY)
        issuer.reached(4)
        assert validator.staleness.kind == "lease"
        assert caplog.text.count("revocation feed:") == 1
        assert KEY not in caplog.text


def test_an_outage_is_warned_of_once() -> None:
    """One warning for each outage, however many polls fail, and another for the next one."""
    warned: list[str] = []

    class Listening(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            warned.append(record.getMessage())

    listening, logger = Listening(), logging.getLogger("rf_middleware")
    logger.addHandler(listening)
    down = FeedError("down")
    try:
        with following(True, down, down, down, reply(), down, down, reply()) as (validator, issuer):
            validator.check(KEY)
            issuer.reached(9)
    finally:
        logger.removeHandler(listening)
    assert [line.startswith("revocation feed: down") and line.endswith("until it is back") for line in warned] == [
        True
    ] * 2


def test_it_rests_longer_each_time_and_not_in_step_with_others() -> None:
    """Rests grow to two seconds at most, and are drawn, so that a thousand validators do not come back at once."""
    rests: list[float] = []
    core, issuer = dark().core, Scripted(*[FeedError("down")] * 12)
    follower = Follower(core, issuer, lambda _news: None)

    class Noting(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            rests.append(timeout or 0.0)
            if len(rests) == 12:
                self.set()
            return self.is_set()

    follower._stop = Noting()
    follower.start()
    assert follower._thread is not None
    follower._thread.join(WAIT)
    ends = [min(0.05 * 2**number, 2.0) for number in range(12)]
    assert all(end / 2 <= rest <= end for rest, end in zip(rests, ends, strict=True))
    assert len(set(rests[6:])) > 1
