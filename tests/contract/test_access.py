"""What a grant must be good for: workspaces and scopes, checked on every request."""

import pytest

from rf_middleware import Grant, Workspace
from tests.contract.issuing import Keys, bearer
from tests.contract.protected import Protect
from tests.contract.subjects import Subject, every


@every
@pytest.mark.parametrize(
    ("scopes", "key", "status"),
    [
        ([], "scopeless", 200),
        (["model:read"], "reader", 200),
        (["model:read"], "reader-and-inferrer", 200),
        (["model:infer", "model:read"], "reader-and-inferrer", 200),
        (["model:read"], "good-key-of-acme", 200),
        (["model:infer", "model:read"], "reader", 403),
        (["model:infer"], "reader", 403),
        (["model:read"], "scopeless", 403),
        (["model"], "reader", 403),
        (["model:rea"], "reader", 403),
        (["MODEL:READ"], "reader", 403),
        (["*"], "reader", 403),
        (["*"], "good-key-of-acme", 200),
    ],
)
def test_all_scopes_are_needed(subject: Subject, protect: Protect, scopes: list[str], key: str, status: int) -> None:
    """A key needs every scope that is asked for, to the letter; one without a list of scopes has them all."""
    answer = protect(subject, scopes=scopes).call("/echo", bearer(key))
    assert answer.verdict == (status, "forbidden" if status == 403 else "")
    if status == 403:
        assert answer["www-authenticate"] == 'Bearer realm="api", error="insufficient_scope"'


@every
@pytest.mark.parametrize(
    ("workspaces", "status"),
    [(["acme"], 200), (["initech", "acme"], 200), (["initech"], 403), (["ACME"], 403), (["acm"], 403), (["w1"], 403)],
)
def test_only_listed_workspaces_are_let_in(
    subject: Subject, protect: Protect, workspaces: list[str], status: int
) -> None:
    """``workspaces`` is an allow-list of slugs, compared whole."""
    answer = protect(subject, workspaces=workspaces).call("/echo", bearer())
    assert answer.verdict == (status, "forbidden" if status == 403 else "")


@every
def test_rules_are_checked_on_cached_grants_too(subject: Subject, protect: Protect) -> None:
    """The cache holds what the issuer said of a key, never that a request was let in or refused."""
    app = protect(subject, scopes=["model:infer"], workspaces=["acme"])
    verdicts = [app.call("/echo", bearer(key)).status for key in ("reader", "key-of-initech", "reader") for _ in "ab"]
    assert verdicts == [403] * 6
    assert app.keys.asked == ["reader", "key-of-initech"]


@every
def test_one_validator_serves_different_rules(subject: Subject, protect: Protect) -> None:
    """A grant that one app has cached is checked by the rules of the next one that shares the validator."""
    app = protect(subject)
    assert app.call("/echo", bearer("reader")).status == 200
    strict = subject.protect(app.validator, {"scopes": ["model:infer"]}, ())
    foreign = subject.protect(app.validator, {"workspaces": ["initech"]}, ())
    request = app.call("/echo", bearer("reader"))
    assert request.status == 200
    for other in (strict, foreign):
        assert type(app)(subject, other, app.keys, app.validator).call("/echo", bearer("reader")).status == 403
    assert app.keys.asked == ["reader"]


@every
def test_two_issuers_share_nothing(subject: Subject, protect: Protect) -> None:
    """What one issuer said of a key is never taken for the word of another in the same process."""
    one = protect(subject, keys=Keys({"shared-key-1": Grant(Workspace("one"))}))
    two = protect(subject, keys=Keys({"shared-key-1": Grant(Workspace("two"))}))
    none = protect(subject)
    for _ in range(2):
        assert one.call("/echo", bearer("shared-key-1")).json["workspace"] == "one"
        assert two.call("/echo", bearer("shared-key-1")).json["workspace"] == "two"
        assert none.call("/echo", bearer("shared-key-1")).verdict == (401, "invalid-key")


@every
def test_keys_with_a_common_beginning_are_different_keys(subject: Subject, protect: Protect) -> None:
    """A key is known by the whole of it: one that begins or ends like a cached one is unknown."""
    key = "k" * 64 + "-the-real-one"
    app = protect(subject, keys=Keys({key: Grant(Workspace("acme"))}))
    app.warm(key)
    for near in (key[:-1], key[:64], key + "x", key.upper(), key[1:], "k" * 64 + "-the-real-onf"):
        assert app.call("/echo", bearer(near)).verdict == (401, "invalid-key")


@every
def test_definite_answers_are_cached(subject: Subject, protect: Protect) -> None:
    """A grant and a definite refusal are asked for once."""
    app = protect(subject)
    for key in ("reader", "unknown", "unpaid", "paused", "forbidden"):
        assert len({app.call("/echo", bearer(key)).verdict for _ in range(3)}) == 1
    assert app.keys.asked == ["reader", "unknown", "unpaid", "paused", "forbidden"]


@every
def test_a_forgotten_key_is_asked_about_again(subject: Subject, protect: Protect) -> None:
    """After ``forget`` the very next request asks, and a key that was revoked meanwhile is refused."""
    app = protect(subject)
    app.warm("reader")
    app.keys.table["reader"] = None
    assert app.call("/echo", bearer("reader")).status == 200
    app.validator.forget("reader")
    assert app.call("/echo", bearer("reader")).verdict == (401, "invalid-key")
    assert app.keys.asked == ["reader"]


@every
def test_scopes_from_a_generator_are_all_needed(subject: Subject, protect: Protect) -> None:
    """Options that are lists may come from a generator, which can be read once only."""
    app = protect(
        subject, scopes=iter(["model:infer"]), workspaces=iter(["acme"]), locations=iter(["bearer", "query:k"])
    )
    for _ in "ab":
        assert app.call("/echo", bearer("reader")).verdict == (403, "forbidden")
        assert app.call("/echo", bearer("key-of-initech")).verdict == (403, "forbidden")
        assert app.call("/echo?k=reader-and-inferrer").status == 200
