"""An RFC 7662 issuer: how it is asked, and what is made of each member of its answer."""

import math
import time
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware import IntrospectionIssuer
from rf_middleware._flight import Answer
from rf_middleware._models import SLUG, Grant, Reason, Refusal, Workspace
from rf_middleware.exceptions import ConfigurationError
from tests.core.helpers import KEY
from tests.core.mock import TOKEN, UNUSABLE, Ask, Mock, by_task, by_thread, granted, reason, saying
from tests.core.test_wire import JSON

URL = "https://issuer.example/base/"
ACTIVE = {"active": True, "workspace": "acme", "key_id": "k1", "scope": "a:b c:d", "epoch": "e1", "head": 7}
BOTH = pytest.mark.parametrize("ask", [by_thread, by_task])
MEMBERS = [
    "active",
    "workspace",
    "workspace_name",
    "workspace_id",
    "key_id",
    "scope",
    "publishable",
    "expires_in",
    "exp",
    "epoch",
    "head",
]  # fmt: skip - a table

ALMOST = st.fixed_dictionaries({"active": st.just(value=True)}, optional=dict.fromkeys(MEMBERS[1:], JSON))
"""Active keys with members of any kind."""


def issuer_of(mock: Mock) -> IntrospectionIssuer:
    """Return an issuer that talks to the mock."""
    return IntrospectionIssuer(URL, TOKEN, transport=mock.transport)


def told(body: object) -> Answer:
    """Return what is made of a 200 with this JSON."""
    return by_thread(issuer_of(saying(body)), KEY)


@BOTH
def test_it_asks_as_the_rfc_says(ask: Ask) -> None:
    """A POST with the key in the form and the validator's own token as Bearer (RFC 7662 section 2.1)."""
    mock = Mock(httpx.Response(200, json=ACTIVE))
    ask(issuer_of(mock), "a+b&c=%2f")
    (request,) = mock.asked
    assert (request.method, str(request.url)) == ("POST", "https://issuer.example/base/introspect")
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert httpx.QueryParams(request.content.decode()) == httpx.QueryParams({"token": "a+b&c=%2f"})


@BOTH
def test_an_active_key_is_a_grant(ask: Ask) -> None:
    """An active key with a workspace is a grant, with the place in the history at which it was read."""
    answer = ask(issuer_of(Mock(httpx.Response(200, json=ACTIVE))), KEY)
    assert granted(answer) == Grant(Workspace("acme"), "k1", frozenset({"a:b", "c:d"}))
    assert (answer.epoch, answer.head) == ("e1", 7)


def test_all_that_is_told_is_taken() -> None:
    """Names, ids and the publishable mark are part of the grant."""
    extra = {"workspace_name": "Acme Inc.", "workspace_id": "w1", "publishable": True, "expires_in": 60}
    assert granted(told({**ACTIVE, **extra})) == Grant(
        Workspace("acme", "Acme Inc.", "w1"), "k1", frozenset({"a:b", "c:d"}), publishable=True, expires_in=60.0
    )


@BOTH
def test_an_inactive_key_is_a_denial_with_its_history(ask: Ask) -> None:
    """``active: false`` is "no such key", read at ``epoch`` and ``head`` as a grant would be."""
    answer = ask(issuer_of(Mock(httpx.Response(200, json={"active": False, "epoch": "e1", "head": 7}))), KEY)
    assert answer == Answer(Refusal(Reason.INVALID_KEY), "e1", 7)


@pytest.mark.parametrize("active", ["true", "True", 1, 0, "", None, [], {}, "false"])
def test_active_is_true_or_false_and_nothing_else(active: object) -> None:
    """``"active": "true"`` is never a grant, and nothing that is not ``false`` a denial."""
    assert reason(told({**ACTIVE, "active": active})) is Reason.ISSUER_UNAVAILABLE


def test_active_is_not_optional() -> None:
    """An answer without ``active`` says nothing."""
    assert reason(told({"workspace": "acme"})) is Reason.ISSUER_UNAVAILABLE
    assert reason(told({})) is Reason.ISSUER_UNAVAILABLE


NO_SCOPES = frozenset[str]()
SCOPES: list[tuple[dict[str, str | None], frozenset[str] | None]] = [
    ({}, NO_SCOPES),
    ({"scope": None}, NO_SCOPES),
    ({"scope": ""}, NO_SCOPES),
    ({"scope": "   "}, NO_SCOPES),
    ({"scope": "*"}, None),
    ({"scope": "* a"}, frozenset({"*", "a"})),
    ({"scope": "a"}, frozenset({"a"})),
    ({"scope": " a  b a "}, frozenset({"a", "b"})),
]


@pytest.mark.parametrize(("scope", "scopes"), SCOPES)
def test_scope_says_what_the_key_may_do(scope: dict[str, Any], scopes: frozenset[str] | None) -> None:
    """Without ``scope`` there is none; only ``"*"`` alone is every scope."""
    body = {key: value for key, value in ACTIVE.items() if key != "scope"} | scope
    assert granted(told(body)).scopes == scopes


@pytest.mark.parametrize("scope", [["a"], {"a": 1}, 7, True], ids=repr)
def test_a_scope_that_is_no_text_is_nonsense(scope: object) -> None:
    """A list of scopes is not what the RFC says, and is not guessed at."""
    assert reason(told({**ACTIVE, "scope": scope})) is Reason.ISSUER_UNAVAILABLE


@pytest.mark.parametrize(
    ("left", "meaning"),
    [
        (None, None),
        (60, None),
        (0.5, None),
        (1e300, None),
        (10**15, None),
        (0, Reason.INVALID_KEY),
        (-1, Reason.INVALID_KEY),
        (-0.5, Reason.INVALID_KEY),
        (-1e300, Reason.INVALID_KEY),
        (math.nan, Reason.ISSUER_UNAVAILABLE),
        (math.inf, Reason.ISSUER_UNAVAILABLE),
        (-math.inf, Reason.ISSUER_UNAVAILABLE),
        ("60", Reason.ISSUER_UNAVAILABLE),
        (True, Reason.ISSUER_UNAVAILABLE),
        ([60], Reason.ISSUER_UNAVAILABLE),
        (10**400, Reason.ISSUER_UNAVAILABLE),
    ],
)  # fmt: skip - a table
def test_expires_in_is_a_finite_number_of_seconds(left: object, meaning: Reason | None) -> None:
    """No end, an end to come, an end that was: all else is nonsense."""
    assert reason(told({**ACTIVE, "expires_in": left})) is meaning


@pytest.mark.parametrize(("offset", "meaning"), [(60, None), (-60, Reason.INVALID_KEY)])
def test_exp_is_taken_where_there_is_no_expires_in(offset: int, meaning: Reason | None) -> None:
    """An issuer that knows no better says a date; it becomes seconds at once (RFC 7662 section 2.2)."""
    answer = told({**ACTIVE, "exp": int(time.time()) + offset})
    assert reason(answer) is meaning
    assert isinstance(answer.verdict, Grant)
    assert answer.verdict.expires_in == pytest.approx(offset, abs=5)


def test_expires_in_counts_more_than_exp() -> None:
    """Where both are told the seconds count: they compare no clocks."""
    assert granted(told({**ACTIVE, "expires_in": 60, "exp": 1})).expires_in == 60.0


@pytest.mark.parametrize(
    ("member", "wrong"),
    [
        ("epoch", 7),
        ("epoch", ["e"]),
        ("head", "7"),
        ("head", 7.0),
        ("head", True),
        ("workspace", 7),
        ("key_id", 7),
        ("publishable", "true"),
        ("publishable", 1),
        ("workspace_name", 7),
        ("workspace_id", []),
        ("exp", "soon"),
    ],
)  # fmt: skip - a table
def test_a_member_of_another_type_is_nonsense(member: str, wrong: object) -> None:
    """Nothing is converted and nothing is guessed."""
    assert reason(told({**ACTIVE, member: wrong})) is Reason.ISSUER_UNAVAILABLE


@pytest.mark.parametrize("slug", [None, "", "-acme", "a b", "acme\n", "a/b"], ids=repr)
def test_an_active_key_without_a_workspace_is_no_grant(slug: str | None) -> None:
    """A key belongs to a workspace, or the answer is nonsense."""
    assert reason(told({**ACTIVE, "workspace": slug})) is Reason.ISSUER_UNAVAILABLE


@BOTH
@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_validator_is_an_outage(ask: Ask, status: int, caplog: pytest.LogCaptureFixture) -> None:
    """401 and 403 speak of this validator's token: the log says so once per outage, and no client hears of it."""
    mock = Mock(httpx.Response(status, json=ACTIVE))
    issuer = issuer_of(mock)
    for outage in (1, 2):
        for answer in [ask(issuer, KEY) for _ in range(3)]:
            assert reason(answer) is Reason.ISSUER_UNAVAILABLE
            assert "token" not in repr(answer)
        mock.answer = httpx.ConnectError("no way there just now")
        assert reason(ask(issuer, KEY)) is Reason.ISSUER_UNAVAILABLE
        mock.answer = httpx.Response(status)
        assert reason(ask(issuer, KEY)) is Reason.ISSUER_UNAVAILABLE
        told = [record for record in caplog.records if record.name == "rf_middleware"]
        assert [record.levelname for record in told] == ["WARNING"] * outage
        assert f"{issuer!r}: status {status}" in told[-1].getMessage()
        mock.answer = httpx.Response(200, json=ACTIVE)
        assert reason(ask(issuer, KEY)) is None
        mock.answer = httpx.Response(status)
    assert TOKEN not in caplog.text


@pytest.mark.parametrize(("status", "meaning"), [(402, Reason.PAYMENT_REQUIRED), (423, Reason.PAUSED)])
def test_402_and_423_are_what_they_say(status: int, meaning: Reason) -> None:
    """An issuer may say that a workspace has no credits left or is paused."""
    assert reason(by_thread(issuer_of(Mock(httpx.Response(status))), KEY)) is meaning


@BOTH
@pytest.mark.parametrize("name", UNUSABLE)
def test_anything_else_means_that_it_cannot_be_asked(ask: Ask, name: str) -> None:
    """No other answer is a grant or a denial."""
    assert reason(ask(issuer_of(Mock(UNUSABLE[name])), KEY)) is Reason.ISSUER_UNAVAILABLE


@given(JSON | st.dictionaries(st.sampled_from(MEMBERS), JSON) | ALMOST)
def test_no_json_is_taken_for_a_grant_that_is_none(body: Any) -> None:
    """Whatever JSON comes with a 200, it raises nothing, and grants only an active key with a valid slug."""
    answer = told(body)
    if reason(answer) is None:
        assert body["active"] is True
        assert SLUG.fullmatch(body["workspace"])
        assert granted(answer).scopes is not None or body["scope"] == "*"
    elif reason(answer) is Reason.INVALID_KEY:
        assert body["active"] is False or body.get("expires_in") is not None or body.get("exp") is not None


@pytest.mark.parametrize("token", [None, "", " ", "a b", "tök", "a\n", "a\r\nX: 1", 7, b"token"], ids=repr)
def test_a_token_that_cannot_stand_in_a_header_is_refused(token: Any) -> None:
    """A wrong token is refused at construction, named and not repeated."""
    with pytest.raises(ConfigurationError, match=r"^token: allowed is") as caught:
        IntrospectionIssuer(URL, token)
    assert "X: 1" not in str(caught.value)


def test_it_says_who_it_is() -> None:
    """Its ``repr`` names the URL, and not the token."""
    assert repr(IntrospectionIssuer(URL, TOKEN)) == "IntrospectionIssuer('https://issuer.example/base')"
