"""``stale_if_error`` in real trouble: a grant of before stands in for its time, and for nobody whose key was ended."""

from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from rf_middleware import Grant, IntrospectionIssuer, Validator
from rf_middleware._models import Reason
from tests.core.servers import until
from tests.trouble.asking import Ahead, Way, by_tasks, by_threads, nothing_left, reason
from tests.trouble.honest import GOOD
from tests.trouble.sites import START
from tests.trouble.troubles import HANGS, TROUBLES
from tests.trouble.unwell import Trouble, Unwell, unwell

TOKEN = "validator-token"
LEASE, SPARE = 600.0, 3600.0
CACHED, REVOKED, FORGOTTEN, NEW = (f"{GOOD}{name}" for name in ("cached", "revoked", "forgotten", "new"))
WAYS = pytest.mark.parametrize("way", [by_threads, by_tasks])
SOME = [HANGS, *[each for each in TROUBLES if not each.slow][::16]]


def made(issuer: Unwell, clock: Ahead, *, spare: float = SPARE) -> Validator:
    """Make a validator that holds a lease and has all keys but the new one."""
    validator = Validator(
        IntrospectionIssuer(issuer.url, TOKEN), ttl=1e6, timeout=0.3, clock=clock, stale_if_error=spare
    )
    validator.resolve(CACHED.encode())
    until(lambda: validator.staleness.kind == "lease")
    for key in (CACHED, REVOKED, FORGOTTEN):
        until(lambda: isinstance(validator.resolve(key.encode()), Grant))  # noqa: B023 - it is called here
    return validator


@WAYS
@pytest.mark.parametrize("trouble", SOME, ids=repr)
def test_a_grant_of_before_stands_in(way: Way, trouble: Trouble) -> None:
    """When the lease has ended in any trouble, a known key is let in with its age, and no other one."""
    clock = Ahead()
    with nothing_left(), unwell(LEASE) as issuer:
        validator = made(issuer, clock)
        with way(validator) as ask:
            seq = issuer.revoke(REVOKED)
            until(lambda: list(issuer.honest.acked.values()) == [seq])
            validator.forget(FORGOTTEN)
            issuer.play(trouble)
            clock.forward(LEASE + 60)
            grants = ask([CACHED] * 10)
            assert all(isinstance(each, Grant) and each.stale_for is not None for each in grants)
            assert validator.counts.stale >= 10
            for key in (REVOKED, FORGOTTEN, NEW):
                assert {reason(each) for each in ask([key] * 3)} == {Reason.ISSUER_UNAVAILABLE}
            clock.forward(SPARE)
            assert {reason(each) for each in ask([CACHED] * 3)} == {Reason.ISSUER_UNAVAILABLE}


@WAYS
def test_a_key_that_is_revoked_while_nobody_can_be_asked_is_out(way: Way) -> None:
    """A revocation that the feed brings in the middle of the trouble counts, also for a grant that stood in before."""
    clock = Ahead()
    with nothing_left(), unwell(LEASE) as issuer:
        validator = made(issuer, clock)
        with way(validator) as ask:
            issuer.play(HANGS)
            clock.forward(LEASE + 60)
            assert isinstance(ask([REVOKED])[0], Grant)
            issuer.play(HANGS, spares_feed=True)
            seq = issuer.revoke(REVOKED)
            until(lambda: list(issuer.honest.acked.values()) == [seq])
            assert reason(ask([REVOKED])[0]) is Reason.ISSUER_UNAVAILABLE
            clock.forward(LEASE + 60)
            assert reason(ask([REVOKED])[0]) is Reason.ISSUER_UNAVAILABLE


@WAYS
def test_without_the_option_nothing_stands_in(way: Way) -> None:
    """By default a key that was let in a moment before the lease ended is answered 503."""
    clock = Ahead()
    with nothing_left(), unwell(LEASE) as issuer:
        validator = made(issuer, clock, spare=0.0)
        with way(validator) as ask:
            issuer.play(HANGS)
            clock.forward(LEASE + 60)
            assert {reason(each) for each in ask([CACHED] * 3)} == {Reason.ISSUER_UNAVAILABLE}
            assert validator.counts.stale == 0


@pytest.mark.parametrize("server", START)
def test_a_real_server_says_so_in_a_header(server: str, tmp_path: Path) -> None:
    """``RF-Stale`` stands in an answer as soon as nobody vouches for its key, and is gone when somebody does again."""
    with unwell(1.0) as issuer, START[server](issuer, tmp_path, 0.5, RF_STALE_IF_ERROR="600") as site:
        site.remembers(issuer, CACHED, REVOKED)
        seq = issuer.revoke(REVOKED)
        until(lambda: list(issuer.honest.acked.values()) == [seq])
        issuer.play(HANGS)

        def answer(key: str) -> tuple[int, bool]:
            parts = urlsplit(site.url)
            connection = HTTPConnection(parts.hostname or "", parts.port, timeout=60)
            connection.request("GET", "/", headers={"Authorization": f"Bearer {key}"})
            got = connection.getresponse()
            connection.close()
            return got.status, got.headers["RF-Stale"] is not None

        until(lambda: answer(CACHED) == (200, True), 60)
        for _ in range(5):
            assert answer(CACHED) == (200, True)
            assert answer(NEW) == (503, False)
            assert answer(REVOKED) in {(401, False), (503, False)}
        issuer.heal()
        until(lambda: answer(CACHED) == (200, False), 60)
        until(lambda: answer(REVOKED) == (401, False), 60)
