"""``stale_if_error`` through every adapter: who is let in, and where that can be seen."""

from typing import Any

from tests.contract.issuing import GOOD, bearer
from tests.contract.protected import Protect
from tests.contract.subjects import Subject, every, having

DOWN = RuntimeError("the database is on fire")
ASKS: dict[str, Any] = {"ttl": 0.0, "stale_if_error": 3600.0}


@every
def test_a_grant_stands_in_for_an_issuer_that_is_down(subject: Subject, protect: Protect) -> None:
    """A key that was good is let in while nobody can be asked; one that nobody knows is not."""
    app = protect(subject, **ASKS)
    app.warm()
    app.keys.table |= {GOOD: DOWN, "unknown": DOWN}
    assert app.call("/echo", bearer()).status == 200
    assert app.call("/echo", bearer("unknown")).verdict == (503, "issuer-unavailable")
    assert app.validator.counts.stale == 1


@every
def test_without_the_option_it_does_not(subject: Subject, protect: Protect) -> None:
    """By default the answer is 503."""
    app = protect(subject, ttl=0.0)
    app.warm()
    app.keys.table[GOOD] = DOWN
    assert app.call("/echo", bearer()).verdict == (503, "issuer-unavailable")


@having("vary")
def test_the_answer_says_so(subject: Subject, protect: Protect) -> None:
    """``RF-Stale`` has the seconds for which nobody has vouched for the key, beside what the app and the place say."""
    app = protect(subject, headers=[("Vary", "Accept"), ("Cache-Control", "no-cache")], **ASKS)
    app.warm()
    assert "rf-stale" not in dict(app.call("/echo", bearer()).headers)
    app.keys.table[GOOD] = DOWN
    answer = app.call(f"/echo?api_key={GOOD}", bearer())
    assert 0 <= int(answer["rf-stale"]) <= 3600
    assert answer["cache-control"] == "no-cache"
    assert "authorization" in answer["vary"].lower()


@every
def test_a_key_that_was_refused_is_not_let_in_again(subject: Subject, protect: Protect) -> None:
    """Once the issuer has said no, no outage brings a key back."""
    app = protect(subject, negative_ttl=0.0, **ASKS)
    app.warm()
    app.keys.table[GOOD] = None
    assert app.call("/echo", bearer()).verdict == (401, "invalid-key")
    app.keys.table[GOOD] = DOWN
    assert app.call("/echo", bearer()).verdict == (503, "issuer-unavailable")


@every
def test_what_a_grant_must_be_good_for_is_asked_all_the_same(subject: Subject, protect: Protect) -> None:
    """An old grant passes the scopes and workspaces of the route, or it does not."""
    app = protect(subject, scopes=["model:infer"], **ASKS)
    assert app.call("/echo", bearer("reader")).verdict == (403, "forbidden")
    app.keys.table["reader"] = DOWN
    assert app.call("/echo", bearer("reader")).verdict == (403, "forbidden")
