"""An RFC 7662 issuer, with the revocation feed when it offers one."""

import logging
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeVar

from rf_middleware._flight import Answer
from rf_middleware._keyformat import KeyFormat
from rf_middleware._models import Grant, Reason, Refusal, Workspace
from rf_middleware._secret import Unpicklable
from rf_middleware._wire import Poll, Reply
from rf_middleware.exceptions import ConfigurationError
from rf_middleware.issuers._http import Call, Failure, Http, Received, checked_url
from rf_middleware.issuers._protocol import Feed, FeedError, Offer
from rf_middleware.issuers._reading import json_object, refused_status, unavailable

if TYPE_CHECKING:
    import httpx

__all__ = ["IntrospectionIssuer"]

T = TypeVar("T")

_log: Final = logging.getLogger("rf_middleware")

_UNUSABLE: Final = unavailable("The issuer gave no usable answer.")
_HUGE: Final = 1 << 1000
_TOKEN: Final = re.compile(r"[\x21-\x7e]+")
_LARGEST_NEWS: Final = 1 << 25
"""Bytes: far more than all the events that an issuer keeps."""
_METADATA_TIMEOUT: Final = 5.0
_LEAVE_TIMEOUT: Final = 1.0
_POLL_MARGIN: Final = 5.0
"""Seconds that the answer to a poll may be late before the connection counts as dead."""


class IntrospectionIssuer(Unpicklable):
    """Asks ``POST /introspect`` (RFC 7662) and follows the revocation feed, when there is one.

    Whether there is one is learnt from the issuer's metadata (RFC 8414). Until that was read the
    issuer is asked about each request.

    Args:
        url: base URL of the issuer.
        token: this validator's token, sent as Bearer.
        feed: ``False`` for a third-party issuer known to have no feed, and perhaps no metadata.
        transport: replaces the network, for tests.

    Raises:
        ConfigurationError: a URL that is none, or a token that can't stand in a header.
    """

    def __init__(
        self, url: str, token: str, *, feed: bool | None = None, transport: "httpx.MockTransport | None" = None
    ) -> None:
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            message = "token: allowed is a text of visible ASCII characters (the validator token of the issuer)"
            raise ConfigurationError(message)
        self._http = Http(checked_url("issuer", url), transport)
        self._feed_http = Http(self._http.url, transport)  # connections of its own: questions that hang may take all
        self._authorization = {"Authorization": f"Bearer {token}"}
        self._refused = False
        self.feed: Feed | None = None if feed is False else _HttpFeed(self._feed_http, self._authorization)

    def __repr__(self) -> str:
        return f"IntrospectionIssuer({self._http.url!r})"

    def check(self, key: str, timeout: float) -> Answer:
        """See ``Issuer.check``."""
        call = self._call(key)
        del key  # not in the locals of a traceback
        return self._read(self._http.send(call, timeout))

    async def acheck(self, key: str, timeout: float) -> Answer:
        """See ``Issuer.acheck``."""
        call = self._call(key)
        del key  # not in the locals of a traceback
        return self._read(await self._http.asend(call, timeout))

    def _call(self, key: str) -> Call:
        return Call("POST", "/introspect", self._authorization, form={"token": key})

    def _read(self, received: Received | Failure) -> Answer:
        if isinstance(received, Failure):
            return unavailable("The issuer did not answer.")
        refused, told = received.status in {401, 403}, self._refused
        self._refused = refused
        if not refused:
            return _read(received)
        if not told:  # once per outage, and not to whoever sent the key
            _log.warning(
                "%r: status %d: the issuer does not accept this validator's token (RF_ISSUER_TOKEN)",
                self,
                received.status,
            )
        return _UNUSABLE

    def close(self) -> None:
        """Close what threads used."""
        self._feed_http.close()
        self._http.close()

    async def aclose(self) -> None:
        """Close what threads and the running event loop used."""
        await self._feed_http.aclose()
        await self._http.aclose()

    def forked(self) -> None:
        """Let go of the parent's connections."""
        self._feed_http.forked()
        self._http.forked()


def _read(received: Received) -> Answer:
    refused = refused_status(received)
    if refused is not None:
        return refused
    try:
        return _answer(json_object(received) or {})
    except ValueError:
        return _UNUSABLE


def _answer(members: Mapping[str, object]) -> Answer:
    epoch, head = _member(members, "epoch", str), _member(members, "head", int) or 0
    active = _member(members, "active", bool)
    if active is None:
        message = "introspection: active is missing"
        raise ValueError(message)
    if not active:
        return Answer(Refusal(Reason.INVALID_KEY), epoch, head)
    workspace = Workspace(
        _member(members, "workspace", str) or "",
        _member(members, "workspace_name", str) or "",
        _member(members, "workspace_id", str) or "",
    )
    scope = _member(members, "scope", str) or ""  # absent: no scope at all
    grant = Grant(
        workspace,
        _member(members, "key_id", str) or "",
        None if scope == "*" else frozenset(scope.split()),
        _member(members, "publishable", bool) or False,
        _expires_in(members),
    )
    return Answer(grant, epoch, head)


def _expires_in(members: Mapping[str, object]) -> float | None:
    """Return the seconds left; ``exp`` is a date, for issuers that know no better (RFC 7662 section 2.2)."""
    left = _member(members, "expires_in", float)
    if left is not None:
        return left
    end = _member(members, "exp", float)
    return None if end is None else end - time.time()


def _member(members: Mapping[str, object], name: str, kind: type[T]) -> T | None:
    """Return a member of exactly this type, ``None`` when it is absent or null.

    Raises:
        ValueError: it has another type; ``"true"`` is not true, and ``True`` is not 1.
    """
    value = members.get(name)
    if value is None:
        return None
    if kind is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) < _HUGE:
        value = float(value)
    if type(value) is not kind:
        message = f"introspection: {name} has another type"
        raise ValueError(message)
    return value


class _HttpFeed(Unpicklable):
    """``POST /feed`` and its neighbours, from the one thread that keeps the lease."""

    def __init__(self, http: Http, authorization: Mapping[str, str]) -> None:
        self._http = http
        self._authorization = authorization

    def __repr__(self) -> str:
        return self._http.url

    def offered(self) -> Offer:
        call = Call("GET", "/.well-known/oauth-authorization-server")
        metadata = self._ask(call, _METADATA_TIMEOUT)
        issuer = metadata.get("issuer")
        if not isinstance(issuer, str) or not issuer.startswith("http"):  # RFC 8414 section 2: a URL
            message = "the metadata can't be understood"
            raise FeedError(message)
        return Offer("revocation_feed_endpoint" in metadata, KeyFormat.parse(metadata.get("api_key_format")))

    def poll(self, poll: Poll) -> Reply:
        call = Call("POST", "/feed", self._authorization, json=poll.to_json(), largest=_LARGEST_NEWS)
        try:
            return Reply.parse(self._ask(call, poll.wait + _POLL_MARGIN))
        except ValueError as error:
            raise FeedError(str(error)) from None

    def leave(self, session: str) -> None:
        self._http.send(Call("DELETE", f"/feed/{session}", self._authorization), _LEAVE_TIMEOUT)

    def _ask(self, call: Call, timeout: float) -> Mapping[str, object]:
        received = self._http.send(call, timeout)
        if isinstance(received, Failure):
            raise FeedError(received.text)
        if received.status in {401, 403}:
            message = f"status {received.status}: the issuer does not accept this validator's token (RF_ISSUER_TOKEN)"
            raise FeedError(message)
        members = json_object(received) if received.status == 200 else None
        if members is None:
            message = f"status {received.status}"
            raise FeedError(message)
        return members
