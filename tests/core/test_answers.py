"""What is made of an issuer's answer: what is believed, what is remembered, what neither."""

import math
from typing import Any

import pytest

from rf_middleware._flight import Answer
from rf_middleware._models import Grant, Reason, Refusal, Workspace
from tests.core.helpers import GRANT, INVALID, UNAVAILABLE, Bench, dark, feedless, leased, limits, plain, reasons

DEFINITE = [Reason.INVALID_KEY, Reason.PAYMENT_REQUIRED, Reason.FORBIDDEN, Reason.PAUSED]
GOOD_SLUGS = ["a", "acme", "Acme-2", "0", "a_b-c", "-".join(["long"] * 50)]
BAD_SLUGS = ["", " ", "-acme", "_acme", "ac me", "acme\n", "\nacme", "acme/..", "äcme", "acme\x00", "٣", "a.b"]


def verdict_of(bench: Bench, answer: Answer) -> object:
    """Return the verdict of one request that gets this answer."""
    request = bench.request()
    request.send(answer)
    return request.verdict


@pytest.mark.parametrize("slug", GOOD_SLUGS)
def test_a_grant_names_a_workspace(slug: str) -> None:
    """A grant for a valid slug is a grant."""
    grant = Grant(Workspace(slug))
    assert verdict_of(feedless(), Answer(grant)) == grant


@pytest.mark.parametrize("slug", BAD_SLUGS)
def test_a_grant_without_a_valid_workspace_is_nonsense(slug: str) -> None:
    """A slug that is none makes the answer one that can't be believed, and it is not cached."""
    bench = feedless()
    verdict = verdict_of(bench, Answer(Grant(Workspace(slug))))
    assert isinstance(verdict, Refusal)
    assert verdict.reason is Reason.ISSUER_UNAVAILABLE
    assert bench.request().asks


@pytest.mark.parametrize("left", [math.nan, math.inf, -math.inf])
def test_an_end_that_is_no_number_is_nonsense(left: float) -> None:
    """``expires_in`` NaN or infinite can't be believed."""
    assert reasons([_with_end(left)]) == [Reason.ISSUER_UNAVAILABLE]


@pytest.mark.parametrize("left", [0.0, -0.0, -1.0, -1e300])
def test_a_key_that_has_ended_is_invalid(left: float) -> None:
    """``expires_in`` of nothing or less is an ended key, whatever else the answer says."""
    assert reasons([_with_end(left)]) == [Reason.INVALID_KEY]


def _with_end(left: float) -> Any:
    bench = feedless()
    request = bench.request()
    request.send(Answer(Grant(Workspace("acme"), expires_in=left)))
    assert bench.hit() is None
    return request


@pytest.mark.parametrize(
    "nonsense",
    [
        Answer("acme"),  # type: ignore[arg-type]  # what careless issuers say
        Answer(None),  # type: ignore[arg-type]  # what careless issuers say
        Answer(Grant("acme")),  # type: ignore[arg-type]  # what careless issuers say
        Answer(Grant(Workspace(None))),  # type: ignore[arg-type]  # what careless issuers say
        Answer(Grant(Workspace("acme"), expires_in="60")),  # type: ignore[arg-type]  # what careless issuers say
        Answer(Grant(Workspace("acme"), expires_in=10**400)),
        Answer(GRANT, 7, "head"),  # type: ignore[arg-type]  # what careless issuers say
    ],
    ids=["text", "none", "no workspace", "no slug", "text end", "huge end", "odd history"],
)
def test_nonsense_of_an_issuer_object_is_an_outage(nonsense: Answer) -> None:
    """An answer of the wrong types lets nobody in, raises nothing and leaves nobody waiting."""
    bench = leased(limits(timeout=1.0))
    first, second = bench.request(), bench.request()
    assert second.waits
    first.send(nonsense)
    second.go_on()
    bench.clock.forward(1.0)
    for each in (first, second):
        if each.asks:
            each.send(nonsense)
        if each.verdict is None:
            each.go_on()
    assert reasons([first, second]) == [Reason.ISSUER_UNAVAILABLE] * 2
    assert bench.hit() is None


@pytest.mark.parametrize("reason", DEFINITE)
def test_a_definite_refusal_is_remembered_for_a_while(reason: Reason) -> None:
    """A denial is cached for ``negative_ttl`` seconds, and asked about again after that."""
    bench = feedless(limits(negative_ttl=5.0))
    refusal = Refusal(reason, "text")
    assert verdict_of(bench, Answer(refusal)) == refusal
    bench.clock.forward(4.9)
    assert bench.request().verdict == refusal
    bench.clock.forward(0.2)
    assert bench.request().asks


def test_no_negative_ttl_asks_every_time() -> None:
    """``negative_ttl=0`` remembers no denial."""
    bench = feedless(limits(negative_ttl=0.0))
    bench.request().send(plain(INVALID))
    assert bench.request().asks


def test_an_outage_is_never_remembered() -> None:
    """That the issuer can't be asked is not cached: the next request asks."""
    bench = feedless()
    assert verdict_of(bench, plain(UNAVAILABLE)) == UNAVAILABLE
    assert bench.request().asks


def test_an_outage_takes_nothing_away() -> None:
    """A grant that is cached outlives an outage of the issuer: what is cached is answered all the same."""
    bench = feedless()
    bench.learn()
    bench.request("rfk_other").send(plain(UNAVAILABLE))
    assert bench.hit() == GRANT


def test_a_denial_ends_a_cached_grant() -> None:
    """A key that is denied now is not a hit later, when the lease is back."""
    bench = leased()
    bench.learn()
    bench.clock.forward(20.0)
    assert verdict_of(bench, bench.no()) == INVALID
    bench.renew()
    assert bench.hit() is None


def test_a_grant_ends_a_cached_denial() -> None:
    """Of two checks at once the one that ends last counts: a key that is good now is not denied by what came before."""
    bench = dark()
    first, second = bench.request(), bench.request()
    first.send(plain(INVALID))
    assert bench.request().verdict == INVALID
    second.send(plain())
    assert second.verdict == GRANT
    assert bench.request().asks


def test_a_refusal_without_a_history_counts() -> None:
    """A 402 or 423 of an issuer with a feed carries no epoch, and lets nobody in: it is what it says."""
    refusal = Refusal(Reason.PAYMENT_REQUIRED, "no credits")
    assert verdict_of(leased(), Answer(refusal)) == refusal


def test_a_key_that_is_not_secret_says_so() -> None:
    """A grant for a publishable key is marked so, whatever the issuer says of it."""
    bench = feedless()
    request = bench.request("rf_acme")
    request.send(plain())
    assert isinstance(request.verdict, Grant)
    assert request.verdict.publishable
    cached = bench.hit("rf_acme")
    assert cached is not None
    assert cached.publishable


def test_a_shorter_end_replaces_a_longer_one() -> None:
    """An answer too short to be kept still ends what was kept before it."""
    bench = leased(limits(ttl=60.0))
    bench.learn()
    bench.clock.forward(20.0)
    request = bench.request()
    bench.clock.forward(2.0)
    request.send(bench.yes(expires_in=1.0))
    bench.renew()
    assert bench.hit() is None
