"""Each trouble once, from threads and as tasks: 503 while it lasts, nothing learnt from it, over when it is over."""

from pathlib import Path

import pytest

from rf_middleware import Grant, IntrospectionIssuer, RoboflowIssuer, Validator
from rf_middleware._models import Reason
from tests.core.servers import until
from tests.trouble import certificates
from tests.trouble.asking import Ahead, Asker, Way, by_tasks, by_threads, nothing_left, reason, retry_after
from tests.trouble.honest import GOOD
from tests.trouble.troubles import CERTIFICATES, REDIRECTS, TROUBLES, TWICE, redirected
from tests.trouble.unwell import Trouble, Unwell, unwell

TIMEOUT = 0.3
TOKEN = "validator-token"
CACHED = f"{GOOD}cached"
KEYS = [*(f"{GOOD}{number}" for number in range(6)), "rfk_unknown"]
REST = 11.0
"""Longer than an issuer that failed is left alone."""

WAYS = pytest.mark.parametrize("way", [by_threads, by_tasks])


def checked(way: Way, issuer: IntrospectionIssuer | RoboflowIssuer, source: Unwell, trouble: Trouble) -> None:
    """See that a trouble lets nobody in and locks nobody out: six keys and an unknown one, three requests for each."""
    clock = Ahead()
    validator = Validator(issuer, ttl=1e6, timeout=TIMEOUT, clock=clock)
    with nothing_left(), way(validator) as ask:
        learn(ask, clock, CACHED)
        source.play(trouble)
        clock.hold()
        asked = len(source.honest.asked)
        verdicts = ask(KEYS * 3)
        assert {reason(each) for each in verdicts} == {Reason.ISSUER_UNAVAILABLE}
        assert all(retry_after(each) >= 1 for each in verdicts)
        assert isinstance(ask([CACHED])[0], Grant)
        before = validator.counts.asked
        assert isinstance(ask([CACHED])[0], Grant)
        (refused,) = ask([KEYS[0]])
        assert reason(refused) is Reason.ISSUER_UNAVAILABLE
        assert validator.counts.asked == before, "the breaker is open, and a cached key needs no question"
        assert len(source.honest.asked) == asked
        source.heal()
        for key in KEYS[:-1]:
            learn(ask, clock, key)
        until(lambda: denied(ask, clock, KEYS[-1]))


def learn(ask: Asker, clock: Ahead, key: str) -> None:
    """Ask about a key until it is let in; on a slow machine a good issuer too may not answer in time."""

    def let_in() -> bool:
        clock.forward(REST)
        return isinstance(ask([key])[0], Grant)

    until(let_in)


def denied(ask: Asker, clock: Ahead, key: str) -> bool:
    """Tell whether a key is refused as one that nobody knows."""
    clock.forward(REST)
    verdict = reason(ask([key])[0])
    assert verdict is not None
    return verdict is Reason.INVALID_KEY


@WAYS
@pytest.mark.parametrize("trouble", TROUBLES, ids=repr)
def test_a_trouble_lets_nobody_in_and_locks_nobody_out(way: Way, trouble: Trouble) -> None:
    """An issuer in trouble means 503 with Retry-After for keys that are not cached, and is believed when it is well."""
    with unwell() as issuer:
        checked(way, IntrospectionIssuer(issuer.url, TOKEN, feed=False), issuer, trouble)


@pytest.mark.parametrize("trouble", [each for each in TROUBLES if not (each.slow or each.only_rfc)][::2], ids=repr)
def test_the_hosted_api_in_trouble_is_no_other(trouble: Trouble) -> None:
    """What the hosted API says in the same troubles counts as little."""
    with unwell() as issuer:
        checked(by_threads, RoboflowIssuer(issuer.url), issuer, trouble)


@WAYS
@pytest.mark.parametrize("trouble", CERTIFICATES, ids=repr)
def test_an_issuer_is_known_by_its_certificate(
    way: Way, trouble: Trouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever can't show a certificate that is good for this name is asked nothing, and the true one is found again."""
    made = certificates.made(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / certificates.AUTHORITY))
    with unwell(certificates=made) as issuer:
        checked(way, IntrospectionIssuer(issuer.url, TOKEN, feed=False), issuer, trouble)


@WAYS
@pytest.mark.parametrize("status", REDIRECTS)
def test_no_redirect_carries_a_key_away(way: Way, status: str) -> None:
    """Where a redirect points to nobody ever connects, and so nobody gets the key."""
    with unwell() as issuer, unwell() as thief:
        checked(way, IntrospectionIssuer(issuer.url, TOKEN, feed=False), issuer, redirected(status, thief.url))
        assert (thief.met, thief.questions) == (0, 0)


@WAYS
@pytest.mark.parametrize(
    "host", ["issuer.invalid", "a" * 70 + ".invalid", "a..invalid"], ids=["unknown", "long", "dots"]
)
def test_a_name_that_nobody_knows_is_an_outage(way: Way, host: str) -> None:
    """An issuer whose name is not found means 503, however often it is asked for."""
    with nothing_left(), way(Validator(IntrospectionIssuer(f"http://{host}", TOKEN, feed=False))) as ask:
        verdicts = [*ask(KEYS * 3), *ask(KEYS)]
        assert {reason(each) for each in verdicts} == {Reason.ISSUER_UNAVAILABLE}
        assert all(retry_after(each) >= 1 for each in verdicts)


@pytest.mark.parametrize(
    ("trouble", "seconds"),
    [(each, 7 if each.name.endswith("Retry-After: 7") else 1) for each in TROUBLES if "Retry-After" in each.name],
    ids=repr,
)
def test_what_the_issuer_says_about_when_is_passed_on(trouble: Trouble, seconds: int) -> None:
    """The seconds of its Retry-After reach the client; a date or nonsense does not."""
    with unwell() as issuer, by_threads(Validator(IntrospectionIssuer(issuer.url, TOKEN, feed=False))) as ask:
        issuer.play(trouble)
        assert [retry_after(each) for each in ask([KEYS[0]])] == [seconds]


@WAYS
def test_an_answer_too_many_is_no_answer_to_the_next_question(way: Way) -> None:
    """Two answers to one question: the second is not taken for that to the next, which is about another key."""
    with unwell() as issuer, way(Validator(IntrospectionIssuer(issuer.url, TOKEN, feed=False))) as ask:
        issuer.play(TWICE)
        verdicts = [reason(ask([f"rfk_{number}"])[0]) for number in range(4)]
        assert Reason.INVALID_KEY in verdicts
        assert None not in verdicts
