"""A key in the query is gone before the app, the access log or an error reporter sees it."""

import pytest

from tests.contract.issuing import GOOD, bearer
from tests.contract.protected import Protect
from tests.contract.subjects import Subject, every, having

HEX = "".join(f"%{ord(character):02x}" for character in GOOD)

TARGETS = [
    (f"/echo?api_key={GOOD}", ""),
    (f"/echo?api_key={GOOD}&a=b", "a=b"),
    (f"/echo?a=b&api_key={GOOD}", "a=b"),
    (f"/echo?a=b&api_key={GOOD}&c=%2F&&d=+;e", "a=b&c=%2F&&d=+;e"),
    (f"/echo?%61pi_key={GOOD}&a=%c3%84&b=%C3%84", "a=%c3%84&b=%C3%84"),
    (f"/echo?api%5fkey={HEX}", ""),
    (f"/echo?xapi_key=1&api_key2=2&api_key={GOOD}", "xapi_key=1&api_key2=2"),
]


@every
@pytest.mark.parametrize(("target", "left"), TARGETS)
def test_the_app_and_the_log_never_see_the_key(subject: Subject, protect: Protect, target: str, left: str) -> None:
    """What the app sees of the query has no key and is otherwise unchanged, and so is what the server logs."""
    app = protect(subject)
    for _ in "ab":
        answer = app.call(target)
        assert (answer.status, answer.json["query"]) == (200, left)
        assert app.call(target, bearer()).json["query"] == left
        assert answer.logged.split(" ")[1].removeprefix("/echo").removeprefix("?") == left
        for shown in (answer.logged, answer.body.decode()):
            assert GOOD not in shown
            assert HEX not in shown


@every
@pytest.mark.parametrize("key", ["unknown-canary", "rf_canary", "%63anary%00", "canary" * 100])
def test_refused_keys_are_stripped_too(subject: Subject, protect: Protect, key: str) -> None:
    """A refused request is logged without what it presented."""
    app = protect(subject)
    answers = [
        app.call(f"/echo?a=b&api_key={key}"),
        app.call(f"/echo?a=b&api_key={key}&api_key=canary"),
        app.call(f"/echo?a=b&api_key={key}", bearer("canary2")),
        app.call(f"/echo?a=b&api_key={key}", method="HEAD"),
    ]
    for answer in answers:
        assert answer.status in {400, 401}
        assert "canary" not in answer.logged
        assert "63anary" not in answer.logged
        assert "a=b" in answer.logged


@every
def test_preflights_are_stripped(subject: Subject, protect: Protect) -> None:
    """A preflight is passed on without the key that it carries."""
    headers = [("Origin", "https://page.example"), ("Access-Control-Request-Method", "POST")]
    answer = protect(subject).call(f"/echo?a=b&api_key={GOOD}", *headers, method="OPTIONS")
    assert GOOD not in answer.logged + answer.body.decode()
    assert "a=b" in answer.logged


@having("exempt")
def test_exempt_routes_are_stripped(subject: Subject, protect: Protect) -> None:
    """An exempt route sees no key either."""
    answer = protect(subject, exempt=["/echo"]).call(
        f"/echo?a=b&api_key={GOOD}", ("Referer", f"http://a/?api_key={GOOD}")
    )
    assert (answer.json["query"], answer.json["referer"]) == ("a=b", "http://a/")
    assert GOOD not in answer.logged + answer.body.decode()


@every
@pytest.mark.parametrize(
    ("referrer", "left"),
    [
        (f"http://app.example/echo?api_key={GOOD}", "http://app.example/echo"),
        (f"http://app.example/echo?api_key={GOOD}&a=b#frag", "http://app.example/echo?a=b#frag"),
        (f"https://other.example/?a=b&%61pi_key={HEX}", "https://other.example/?a=b"),
        ("http://app.example/echo?a=b", "http://app.example/echo?a=b"),
        ("http://app.example/echo?", "http://app.example/echo?"),
    ],
)
@pytest.mark.parametrize("headers", [[], [bearer()], [bearer("unknown")]])
def test_a_referrer_is_stripped(
    subject: Subject, protect: Protect, referrer: str, left: str, headers: list[tuple[str, str]]
) -> None:
    """A ``Referer`` loses the key in its query and keeps the rest, with or without a query of the request itself."""
    app = protect(subject)
    for target in ("/echo", "/echo?a=b", f"/echo?api_key={headers[0][1][7:] if headers else ''}"):
        answer = app.call(target, *headers, ("Referer", referrer))
        assert answer.logged.split(" ")[2] == left
        assert answer.status != 200 or answer.json["referer"] == left


@every
@pytest.mark.parametrize("first", ["http://a/", "http://a/#frag", "http://a/?a=b", "http://a/?a=b#frag", "?", "#"])
def test_a_second_referrer_is_stripped_like_the_first(subject: Subject, protect: Protect, first: str) -> None:
    """Two ``Referer`` headers, joined with a comma or apart, both lose their keys, whatever marks the first has."""
    second = f"http://b/?c=d&api_key={GOOD}"
    app = protect(subject)
    for headers in ([("Referer", first), ("Referer", second)], [("Referer", f"{first}, {second}")]):
        answer = app.call("/echo", bearer(), *headers)
        assert answer.status == 200
        assert GOOD not in answer.logged + answer.body.decode()
        assert "http://b/?c=d" in answer.logged


@having("optional")
def test_anonymous_requests_are_stripped(subject: Subject, protect: Protect) -> None:
    """A request that is let in as nobody loses a key in its ``Referer`` like any other."""
    answer = protect(subject, optional=True).call("/echo", ("Referer", f"http://a/?api_key={GOOD}"))
    assert (answer.status, answer.json["referer"]) == (200, "http://a/")


@having("strip")
def test_strip_can_be_switched_off(subject: Subject, protect: Protect) -> None:
    """With ``strip=False`` the app sees the request as it came."""
    target, referrer = f"/echo?a=b&api_key={GOOD}", f"http://a/?api_key={GOOD}"
    answer = protect(subject, strip=False).call(target, ("Referer", referrer))
    assert (answer.status, answer.json["query"], answer.json["referer"]) == (200, f"a=b&api_key={GOOD}", referrer)


@every
def test_what_is_stripped_follows_the_locations(subject: Subject, protect: Protect) -> None:
    """Only the names that a key is looked for under are taken out."""
    app = protect(subject, locations=["query:token", "query:t"])
    answer = app.call(f"/echo?t=&api_key=mine&token={GOOD}&tok=1")
    assert (answer.status, answer.json["query"]) == (200, "api_key=mine&tok=1")
    assert protect(subject, locations=["bearer"]).call("/echo?api_key=mine", bearer()).json["query"] == "api_key=mine"
