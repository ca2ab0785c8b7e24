"""Decorators and dependencies inside a middleware, without one, and with an issuer of their own."""

from contextlib import ExitStack
from typing import Any

import pytest
from flask import Flask

from rf_middleware import CallableIssuer, Validator
from rf_middleware.validator import validators
from tests.contract.decorated import Kind, by_kind, by_owner, get
from tests.contract.issuing import GOOD, Keys, bearer
from tests.harness import connect


@by_kind
@pytest.mark.parametrize("ttl", [60.0, 0.0])
def test_a_key_is_checked_once_inside_a_middleware(kind: Kind, ttl: float) -> None:
    """One request asks once, not twice, also when nothing is cached."""
    keys = Keys()
    with Validator(CallableIssuer(keys), ttl=ttl) as validator:
        app = kind.wrap(kind.build(scopes=["model:read"]), validator=validator)
        answer = kind.serve(app, get("/echo", bearer("reader")))
        assert (answer.status, answer.body) == (200, b"acme")
        assert keys.asked == ["reader"]
        kind.serve(app, get("/echo", bearer("unknown")))
        assert keys.asked == ["reader", "unknown"]


@by_kind
def test_a_decorator_adds_to_what_the_middleware_asks(kind: Kind) -> None:
    """The middleware's rules hold for every route, the decorator's for its own."""
    with Validator(CallableIssuer(Keys())) as validator:
        app = kind.wrap(kind.build(scopes=["model:infer"]), validator=validator, workspaces=["acme"])
        assert kind.serve(app, get("/open", bearer("reader"))).status == 200
        assert kind.serve(app, get("/echo", bearer("reader"))).verdict == (403, "forbidden")
        assert kind.serve(app, get("/echo", bearer("reader-and-inferrer"))).status == 200
        assert kind.serve(app, get("/echo", bearer("key-of-initech"))).verdict == (403, "forbidden")


@by_kind
@pytest.mark.parametrize("options", [{"exempt": ["/echo", "/open"]}, {"optional": True}])
@pytest.mark.parametrize("settings", [{}, {"scopes": ["model:read"]}])
def test_a_decorated_route_needs_a_key_where_the_middleware_does_not(
    kind: Kind, options: dict[str, Any], settings: dict[str, Any]
) -> None:
    """Inside ``exempt`` and ``optional`` a decorated route is guarded, also when its key was stripped already."""
    keys = Keys()
    with Validator(CallableIssuer(keys)) as validator:
        app = kind.wrap(kind.build(**settings), validator=validator, **options)
        assert kind.serve(app, get("/open")).body == b"open"
        assert kind.serve(app, get("/echo")).verdict == (401, "missing-key")
        assert kind.serve(app, get("/echo?api_key=unknown")).verdict == (401, "invalid-key")
        assert kind.serve(app, get("/echo?api_key=scopeless")).status == (403 if settings else 200)
        for request in (get(f"/echo?api_key={GOOD}"), get("/echo", bearer())):
            answer = kind.serve(app, request)
            assert (answer.status, answer.body) == (200, b"acme")
            assert GOOD not in answer.logged
    assert keys.asked == ["unknown", "scopeless", GOOD]


@by_kind
def test_an_optional_route_in_a_strict_middleware_needs_a_key(kind: Kind) -> None:
    """``optional`` on a route can't open what the middleware guards."""
    with Validator(CallableIssuer(Keys())) as validator:
        app = kind.wrap(kind.build(optional=True), validator=validator)
        assert kind.serve(app, get()).verdict == (401, "missing-key")


@by_kind
def test_a_decorator_reads_the_key_where_the_middleware_does(kind: Kind) -> None:
    """Inside an exempt path a decorator looks for keys in the middleware's locations, not in the default ones."""
    with Validator(CallableIssuer(Keys())) as validator:
        app = kind.wrap(kind.build(), validator=validator, exempt=["/echo"], locations=["query:token", "cookie:t"])
        assert kind.serve(app, get("/echo", bearer())).verdict == (401, "missing-key")
        for request in (get(f"/echo?token={GOOD}"), get("/echo", ("Cookie", f"t={GOOD}"))):
            assert kind.serve(app, request).body == b"acme"


@by_kind
def test_lists_from_generators_hold_inside_too(kind: Kind) -> None:
    """What a middleware was told in a generator is known to the decorators inside, for every request."""
    with Validator(CallableIssuer(Keys())) as validator:
        app = kind.wrap(
            kind.build(scopes=iter(["model:infer"])),
            validator=validator,
            locations=iter(["query:k"]),
            exempt=iter(["/echo"]),
        )
        for _ in "ab":
            assert kind.serve(app, get("/echo")).verdict == (401, "missing-key")
            assert kind.serve(app, get("/echo?k=reader")).verdict == (403, "forbidden")
            assert kind.serve(app, get("/echo?k=reader-and-inferrer")).status == 200


@by_kind
def test_without_a_validator_the_error_says_what_to_add(kind: Kind) -> None:
    """No middleware, no extension and no issuer of its own is a mistake that tells how to mend it."""
    app = kind.build()
    if isinstance(app, Flask):
        app.testing = True
    with pytest.raises(RuntimeError, match=r"add|give") as caught:
        kind.serve(app, get("/echo", bearer()))
    assert "APIKeyMiddleware" in str(caught.value)
    assert GOOD not in str(caught.value)


@by_owner
@pytest.mark.parametrize("given", ["validator", "issuer"])
def test_a_decorator_with_its_own_issuer_asks_that(kind: Kind, given: str) -> None:
    """With an issuer or validator of its own, the word of the middleware's does not count."""
    outer, inner = Keys(), Keys({GOOD: None, "inner-only": Keys().table[GOOD], "reader": None})
    with ExitStack() as open_ones:
        validator = open_ones.enter_context(Validator(CallableIssuer(outer)))
        issuer = CallableIssuer(inner)
        own = {"issuer": issuer} if given == "issuer" else {"validator": open_ones.enter_context(Validator(issuer))}
        open_ones.callback(issuer.close)
        app = kind.wrap(kind.build(**own), validator=validator, exempt=["/talk"])
        assert kind.serve(app, get("/echo", bearer())).verdict == (401, "invalid-key")
        assert (outer.asked, inner.asked) == ([GOOD], [GOOD])
        assert kind.serve(app, get("/echo", bearer("inner-only"))).verdict == (401, "invalid-key")
        assert inner.asked == [GOOD]
        open_app = kind.wrap(kind.build(**own), validator=validator, exempt=["/echo"])
        assert kind.serve(open_app, get("/echo?api_key=inner-only")).body == b"acme"
        assert connect(app, get("/talk", bearer())).verdict == (401, "invalid-key")
        assert connect(app, get("/talk?api_key=inner-only")).texts == ["acme"]


@by_owner
def test_routes_with_the_same_issuer_share_one_validator(kind: Kind) -> None:
    """What one route has asked an issuer object, all routes that have it know; another object is asked itself."""
    keys, others = Keys(), Keys()
    issuer = CallableIssuer(keys)
    apps = [kind.build(issuer=issuer) for _ in range(3)]
    other = kind.build(issuer=CallableIssuer(others))
    for app in (*apps, other):
        assert kind.serve(app, get("/echo", bearer())).body == b"acme"
        assert connect(app, get("/talk", bearer())).texts == ["acme"]
    assert (keys.asked, others.asked) == ([GOOD], [GOOD])
    assert len([each for each in validators() if each.issuer is issuer]) == 1


@by_owner
def test_a_url_is_shared_by_those_who_mean_the_same(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL with the same token and settings is one validator; another token, setting or URL is another one."""
    host = f"https://{kind.name}.example"

    def made() -> int:
        return len([each for each in validators() if host in repr(each)])

    apps = [kind.build(issuer=f"{host}{end}") for end in ("", "/", "")]
    assert made() == 1
    apps.append(kind.build(issuer=f"{host}/other"))
    assert made() == 2
    for number, (name, value) in enumerate([("RF_ISSUER_TOKEN", "t"), ("RF_ISSUER_TOKEN", "u"), ("RF_TTL", "5")], 3):
        monkeypatch.setenv(name, value)
        apps.append(kind.build(issuer=host))
        apps.append(kind.build(issuer=host))
        assert made() == number


@by_owner
def test_the_environment_does_not_open_a_decorated_route(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """``RF_OPTIONAL`` and ``RF_EXEMPT`` are the middleware's word, and a decorated route needs a key all the same."""
    monkeypatch.setenv("RF_OPTIONAL", "true")
    monkeypatch.setenv("RF_EXEMPT", "/echo,/open,/talk")
    with Validator(CallableIssuer(Keys())) as validator:
        for app in (kind.build(validator=validator), kind.wrap(kind.build(), validator=validator)):
            assert kind.serve(app, get("/open")).status == 200
            assert kind.serve(app, get("/echo")).verdict == (401, "missing-key")
            assert connect(app, get("/talk")).verdict == (401, "missing-key")
            assert kind.serve(app, get("/echo", bearer())).status == 200
