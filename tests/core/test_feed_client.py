"""The feed over HTTP: whether there is one, polls and their answers, giving the lease back (rule 7)."""

import json
from collections.abc import Callable

import httpx
import pytest
from hypothesis import given

from rf_middleware import IntrospectionIssuer
from rf_middleware._keyformat import KeyFormat
from rf_middleware._wire import Event, Poll, Reply
from rf_middleware.issuer.keys import KEY_FORMAT
from rf_middleware.issuers._protocol import Feed, FeedError, Offer
from tests.core.mock import TOKEN, UNUSABLE, Mock, saying
from tests.core.test_wire import JSON

METADATA = {"issuer": "https://issuer.example", "introspection_endpoint": "https://issuer.example/introspect"}
WITH_FEED = {**METADATA, "revocation_feed_endpoint": "https://issuer.example/feed"}
POLL = Poll("12345678-session", "e1", 7, 3.0)
REPLY = Reply("e1", reset=False, head=8, events=(Event(8, "revoked", fingerprint=bytes(32)),), lease=10.0)


def feed_of(mock: Mock) -> Feed:
    """Return the feed of an issuer that talks to the mock."""
    feed = IntrospectionIssuer("https://issuer.example", TOKEN, transport=mock.transport).feed
    assert feed is not None
    return feed


def answers(body: object) -> Mock:
    """Return an issuer that answers 200 with this JSON."""
    return saying(body)


@pytest.mark.parametrize(("metadata", "offered"), [(WITH_FEED, True), (METADATA, False)])
def test_metadata_says_whether_there_is_a_feed(metadata: dict[str, str], *, offered: bool) -> None:
    """The issuer's metadata (RFC 8414) is a definite answer, yes or no."""
    mock = answers(metadata)
    assert feed_of(mock).offered() == Offer(offered)
    (request,) = mock.asked
    assert (request.method, request.url.path) == ("GET", "/.well-known/oauth-authorization-server")


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"prefix": "rfk_", "length": 37, "checksum": "crc32-base62"}, KEY_FORMAT),
        ({"prefix": "rfk_", "length": 37, "checksum": "sha1"}, None),
        ("rfk_", None),
    ],
    ids=str,
)
def test_metadata_says_what_keys_look_like(said: object, found: KeyFormat | None) -> None:
    """A format that is understood is taken, and another is as if nothing was said."""
    assert feed_of(answers(WITH_FEED | {"api_key_format": said})).offered() == Offer(feed=True, key_format=found)


@pytest.mark.parametrize("name", UNUSABLE)
def test_no_metadata_is_no_answer(name: str) -> None:
    """A failure to learn it never means that there is no feed."""
    with pytest.raises(FeedError):
        feed_of(Mock(UNUSABLE[name])).offered()


NO_METADATA: list[dict[str, object]] = [
    {},
    {"revocation_feed_endpoint": "x"},
    {"detail": "not found"},
    {"issuer": None},
    {"issuer": ""},
    {"issuer": 7},
    {"issuer": ["https://issuer.example"]},
]


@pytest.mark.parametrize("body", NO_METADATA, ids=str)
def test_an_object_that_is_no_metadata_is_no_answer(body: dict[str, object]) -> None:
    """What does not name its issuer may be anything."""
    with pytest.raises(FeedError, match="metadata"):
        feed_of(answers(body)).offered()


def offered(feed: Feed) -> object:
    """Ask whether there is one."""
    return feed.offered()


def polled(feed: Feed) -> object:
    """Poll."""
    return feed.poll(POLL)


@pytest.mark.parametrize("call", [offered, polled])
def test_a_connection_that_fails_is_no_answer(call: Callable[[Feed], object]) -> None:
    """The error names the kind of failure, and neither URL nor token."""
    with pytest.raises(FeedError) as caught:
        call(feed_of(Mock(httpx.ConnectError("https://issuer.example?validator-token"))))
    assert str(caught.value) == "ConnectError"
    assert caught.value.__cause__ is None


def test_a_poll_is_sent_as_it_stands() -> None:
    """A poll is JSON, with the validator's token as Bearer."""
    mock = answers(REPLY.to_json())
    assert feed_of(mock).poll(POLL) == REPLY
    (request,) = mock.asked
    assert (request.method, request.url.path) == ("POST", "/feed")
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert json.loads(request.content) == POLL.to_json()


def test_a_poll_waits_longer_than_the_issuer_does() -> None:
    """The connection is given up only some seconds after the issuer should have answered."""
    mock = answers(REPLY.to_json())
    feed_of(mock).poll(POLL)
    assert mock.asked[0].extensions["timeout"]["read"] > POLL.wait + 1


@pytest.mark.parametrize("name", UNUSABLE)
def test_an_answer_that_is_none_is_an_error(name: str) -> None:
    """No lease is made of an answer that is not exactly one."""
    with pytest.raises(FeedError):
        feed_of(Mock(UNUSABLE[name])).poll(POLL)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_told(status: int) -> None:
    """Who has a wrong token reads the status in the log."""
    with pytest.raises(FeedError, match=str(status)):
        feed_of(Mock(httpx.Response(status, json=WITH_FEED))).poll(POLL)


@given(JSON)
def test_any_json_is_read_or_is_an_error(body: object) -> None:
    """Whatever comes, the thread that follows the feed meets one kind of error."""
    feed = feed_of(answers(body))
    for call in (feed.offered, lambda: feed.poll(POLL)):
        with pytest.raises(FeedError):
            call()


def test_a_lease_is_given_back_by_its_session() -> None:
    """``DELETE /feed/{session}`` with the validator's token."""
    mock = Mock(httpx.Response(200, json={}))
    feed_of(mock).leave("12345678-session")
    (request,) = mock.asked
    assert (request.method, request.url.path) == ("DELETE", "/feed/12345678-session")
    assert request.headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("answer", [httpx.ConnectError("gone"), *UNUSABLE.values()], ids=["gone", *UNUSABLE])
def test_a_lease_that_cannot_be_given_back_runs_out(answer: httpx.Response | Exception) -> None:
    """Giving back is done as well as can be, without raising: the issuer waits for the end of the lease then."""
    mock = Mock(answer)
    feed_of(mock).leave("12345678-session")
    assert len(mock.asked) == 1


def test_a_feed_says_where_it_is() -> None:
    """Its ``repr`` stands in the warning of an outage: the URL, and not the token."""
    assert repr(feed_of(Mock())) == "https://issuer.example"


def test_a_third_party_issuer_can_be_known_to_have_no_feed() -> None:
    """``feed=False`` spares an issuer without metadata the question."""
    assert IntrospectionIssuer("https://issuer.example", TOKEN, feed=False).feed is None
