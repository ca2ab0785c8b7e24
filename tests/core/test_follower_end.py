"""How following a feed ends and begins anew: closing, releasing, threads that can not be had, answers too late."""

import threading
from typing import Any

import pytest

from rf_middleware import Validator
from rf_middleware._feed import Follower
from rf_middleware._lease import News
from rf_middleware._wire import Event
from rf_middleware.issuers._protocol import FeedError, Offer
from tests.core.helpers import DIGEST, GRANT, KEY, dark
from tests.core.scripted import WAIT, Scripted, following, reply


def test_closing_ends_the_trust_before_the_lease_is_given_back() -> None:
    """When the issuer hears that the lease is given back, no grant is trusted any more."""
    trusted: list[object] = []
    with following(True, reply(reset=True)) as (validator, issuer):
        validator.check(KEY)
        issuer.reached(3)
        validator.check(KEY)
        assert validator.peek(DIGEST) == GRANT
        issuer.on_leave = lambda: trusted.append(validator.peek(DIGEST))
        validator.close()
        assert issuer.log[-1] == ("leave", issuer.polls[0].session)
    assert trusted == [None]


def test_closing_during_a_poll_is_no_outage(caplog: pytest.LogCaptureFixture) -> None:
    """A poll that breaks because the validator closes is not warned of, and its answer changes nothing."""
    for last in (FeedError("closed"), reply()):
        with following(True, reply(reset=True)) as (validator, issuer):
            validator.check(KEY)
            issuer.reached(3)
            validator.close()
            issuer.steps.put(last)
            thread = validator._follower._thread if validator._follower else None
            assert thread is not None
            thread.join(WAIT)
            assert validator.staleness.kind == "strict"
    assert "revocation feed" not in caplog.text


def test_a_validator_that_was_closed_starts_no_thread() -> None:
    """After the end nothing begins again."""
    with following() as (validator, issuer):
        validator.close()
        validator.check(KEY)
        assert issuer.log == ["check"]


class Unstartable(threading.Thread):
    """A thread that the system does not have just now."""

    def start(self) -> None:
        """Fail as the real one does."""
        message = "can't start new thread"
        raise RuntimeError(message)


def test_a_thread_that_cannot_be_started_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """While the system has no thread to give nothing is trusted and nothing raised; a later check starts it."""
    core, issuer, kinds = dark().core, Scripted(True), [Unstartable, Unstartable, threading.Thread]

    def new_thread(**told: Any) -> threading.Thread:
        made: threading.Thread = kinds.pop(0)(**told)
        return made

    follower = Follower(core, issuer, lambda _news: None, new_thread)
    for _ in range(2):
        follower.start()
    assert caplog.text.count("no thread can be started") == 2
    assert issuer.log == []
    follower.start()
    issuer.reached(2)
    issuer.steps.put(None)
    follower.close()


def test_release_gives_back_and_begins_anew() -> None:
    """After ``release`` nothing is trusted, and the next check follows the feed as a new validator."""
    with following(True, reply(reset=True)) as (validator, issuer):
        validator.check(KEY)
        issuer.reached(3)
        validator.check(KEY)
        first, thread = issuer.polls[0].session, validator._follower._thread if validator._follower else None
        validator.release()
        assert issuer.log[-1] == ("leave", first)
        assert (validator.peek(DIGEST), validator.staleness.kind) == (None, "strict")
        issuer.steps.put(reply())  # the last poll of the old session, which is ignored
        assert thread is not None
        thread.join(WAIT)
        assert validator.staleness.kind == "strict"
        issuer.steps.put(True)
        issuer.steps.put(reply(reset=True))
        validator.check(KEY)
        issuer.reached(3)
        assert issuer.polls[-1].session != first
        assert validator.staleness.kind == "lease"


def test_a_stale_answer_is_told_to_nobody() -> None:
    """News that were ignored end no streams."""
    bench, issuer = dark(), Scripted(True)
    told: list[News] = []
    follower = Follower(bench.core, issuer, told.append)
    follower.start()
    issuer.reached(2)
    bench.core.poll(3.0)  # a newer poll, so that the answer to come is stale
    issuer.steps.put(reply(reset=True))
    issuer.reached(1)
    assert told == []
    issuer.steps.put(None)
    follower.close()


def test_a_workspace_event_reaches_the_cache() -> None:
    """A suspended workspace is forgotten whole, as the feed says it."""
    with following(True, reply(reset=True)) as (validator, issuer):
        validator.check(KEY)
        issuer.reached(3)
        validator.check(KEY)
        issuer.steps.put(reply(Event(1, "suspended", workspace="acme"), head=1))
        issuer.reached(1)
        assert validator.peek(DIGEST) is None


class ClosedMeanwhile(Scripted):
    """An issuer whose validator is closed while it is asked whether there is a feed."""

    def offered(self) -> Offer:
        """Have it closed, and answer."""
        self.validator.close()
        return super().offered()

    validator: Validator


def test_a_feed_that_is_left_is_not_polled_any_more() -> None:
    """A poll that would be sent after the lease was given back is not sent: it would be granted another."""
    issuer = ClosedMeanwhile(True)
    issuer.validator = Validator(issuer)
    issuer.validator.check(KEY)
    follower = issuer.validator._follower
    assert follower is not None
    assert follower._thread is not None
    follower._thread.join(10)
    assert not follower._thread.is_alive()
    assert issuer.polls == []
