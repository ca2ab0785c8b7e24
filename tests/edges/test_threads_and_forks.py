"""What happens when a thread can't be had, and when one of several fails to begin anew or to close."""

import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from rf_middleware import Validator
from rf_middleware._feed import Follower
from rf_middleware._registry import Registry
from tests.core.helpers import KEY, dark
from tests.core.scripted import Scripted, following, reply
from tests.core.servers import until


class Refusing(threading.Thread):
    """A thread that the system does not start."""

    def start(self) -> None:
        message = "can't start new thread"
        raise RuntimeError(message)


def test_without_a_thread_there_is_no_lease_and_the_next_check_tries_again(caplog: pytest.LogCaptureFixture) -> None:
    """A feed that can't be followed is told in the log; it is tried anew, and never breaks a check."""
    makers: list[Callable[..., threading.Thread]] = [Refusing, threading.Thread]

    def next_thread(**arguments: Any) -> threading.Thread:
        return makers.pop(0)(**arguments)

    core, feed = dark().core, Scripted(True, reply())
    follower = Follower(core, feed, lambda _news: None, next_thread)
    with caplog.at_level(logging.WARNING, logger="rf_middleware"):
        follower.start()
    assert "no thread can be started" in caplog.text
    assert (follower._thread, core.staleness().kind) == (None, "strict")
    follower.start()
    feed.reached(2)
    follower.close()
    assert makers == []


class Member:
    """Notes what it is told, and fails if it shall."""

    def __init__(self, *, fails: bool) -> None:
        self.fails = fails
        self.told: list[str] = []

    def forked(self) -> None:
        self._note("forked")

    def close(self) -> None:
        self._note("closed")

    def _note(self, what: str) -> None:
        self.told.append(what)
        if self.fails:
            message = "it fails"
            raise ValueError(message)


@pytest.mark.parametrize("what", ["forked", "closed"])
def test_one_that_fails_does_not_keep_the_others_from_it(what: str, caplog: pytest.LogCaptureFixture) -> None:
    """After a fork, and at the end of the process, every member is told, whatever becomes of another."""
    registry = Registry[Member]()
    members = [Member(fails=True), Member(fails=False), Member(fails=True)]
    for each in members:
        registry.add(each)
    if what == "forked":
        registry._lock.acquire()  # as before a fork
        registry._in_child()
    else:
        registry._at_exit()
    assert [each.told for each in members] == [[what]] * 3
    assert caplog.text.count("Traceback") == 2


def test_a_released_validator_begins_anew() -> None:
    """``release`` gives the lease back once; the next check starts a new session and gets a lease again."""
    with following(True, reply(), True, reply()) as (validator, issuer):
        validator.check(KEY)
        until(lambda: validator.staleness.kind == "lease")
        session = validator._core._lease.session
        validator.release()
        assert validator.staleness.kind == "strict"
        assert issuer.log.count(("leave", session)) == 1
        validator.check(KEY)
        assert validator._core._lease.session != session


def test_releasing_what_has_no_lease_changes_nothing() -> None:
    """A validator whose issuer has no feed keeps what it knows."""
    with Validator("https://api.roboflow.com") as validator:
        before = str(validator.staleness)
        validator.release()
        assert str(validator.staleness) == before
