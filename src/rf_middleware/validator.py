"""The public face of the core: check a key, forget a key, say what is promised, close."""

import math
from dataclasses import replace
from typing import Final, Self

from rf_middleware._asking import flow
from rf_middleware._clock import Clock, now
from rf_middleware._core import Core, Limits
from rf_middleware._counts import Counts, Sizes
from rf_middleware._crowd import Crowd
from rf_middleware._endings import end_streams
from rf_middleware._feed import Follower
from rf_middleware._fingerprint import fingerprint
from rf_middleware._flight import Flow, Question
from rf_middleware._lease import News
from rf_middleware._models import Grant, Reason, Refusal, Staleness, Verdict
from rf_middleware._presented import KEY, encoded, presented
from rf_middleware._registry import Registry
from rf_middleware._secret import Secret
from rf_middleware._servers import Seats
from rf_middleware._streams import Streams
from rf_middleware.exceptions import granted
from rf_middleware.issuers import issuer_of
from rf_middleware.issuers._protocol import Closeable, Issuer, OffersFeed

__all__ = ["Validator", "validators"]

_crowd: Final = Crowd()
_NOT_A_KEY: Final = Refusal(Reason.INVALID_KEY)


class Validator:
    """Checks keys against one issuer, and remembers what it was told. Threads and asyncio share everything.

    Two validators share nothing, so what one issuer said is never taken for another's word.

    Args:
        issuer: a URL, an issuer object, or ``None`` for ``RF_ISSUER_URL``.
        ttl: seconds a grant is kept at most; without a lease also how stale it may be; 0 asks every time.
        negative_ttl: seconds a definite refusal is kept.
        max_staleness: seconds of staleness allowed where there is no lease; ``None`` for ``ttl``, 0 for strict.
        maxsize: grants kept at most; as many denials are kept apart.
        timeout: seconds a check may take in all.
        unknown_key_rate: questions per second that end in a denial.
        unknown_key_burst: such questions at once.
        stale_if_error: seconds for which a grant may be given beyond its time while the issuer can't be asked; never
            one of a key that was revoked or refused; 0 for not at all.
        max_waiting: threads that may wait for the issuer at once; beyond these one waits only while none has waited
            for a second. ``None`` for one less than gunicorn or uWSGI has, elsewhere for any number.
        clock: seconds that only go forward, for tests.

    Raises:
        ConfigurationError: a wrong option, named.
    """

    def __init__(
        self,
        issuer: Issuer | str | None = None,
        *,
        ttl: float = 60.0,
        negative_ttl: float = 5.0,
        max_staleness: float | None = None,
        maxsize: int = 100_000,
        timeout: float = 5.0,
        unknown_key_rate: float = 50.0,
        unknown_key_burst: int = 200,
        stale_if_error: float = 0.0,
        max_waiting: int | None = None,
        clock: Clock = now,
    ) -> None:
        given = {
            "ttl": ttl,
            "negative_ttl": negative_ttl,
            "max_staleness": max_staleness,
            "maxsize": maxsize,
            "timeout": timeout,
            "unknown_key_rate": unknown_key_rate,
            "unknown_key_burst": unknown_key_burst,
            "stale_if_error": stale_if_error,
        }
        limits = Limits.of(given)
        self._seats = Seats(max_waiting)
        self.issuer = issuer_of(issuer)
        self.streams = Streams()
        self._core = Core(limits, clock, _crowd)
        self.peek = self._core.peek
        """``peek(fingerprint)``: the grant of a key that needs no asking. No lock, no await, no I/O."""
        self._begin()
        _registry.add(self)

    def _begin(self) -> None:
        feed = self.issuer.feed if isinstance(self.issuer, OffersFeed) else None
        self._follower = None if feed is None else Follower(self._core, feed, self._told)
        if feed is None:
            self._core.learn(has_feed=False)

    def __repr__(self) -> str:
        return f"Validator({self.issuer!r}, {self.staleness.kind})"

    # ---- checking

    def check(self, key: str) -> Grant:
        """Check a key from a thread.

        Raises:
            Denied: the key is refused.
            IssuerUnavailable: nobody can say.
            RuntimeError: the issuer must be asked, and an event loop runs in this thread: use ``acheck``.
            TypeError: the key is no text.
        """
        given = [key]
        del key  # not in the locals of a traceback, nor of those below a log line
        return granted(self.resolve(presented(given.pop())))

    async def acheck(self, key: str) -> Grant:
        """Check a key on the running event loop.

        Raises:
            Denied: the key is refused.
            IssuerUnavailable: nobody can say.
            TypeError: the key is no text.
        """
        given = [key]
        del key  # not in the locals of a traceback, nor of those below a log line
        return granted(await self.aresolve(presented(given.pop())))

    def resolve(self, key: bytes, client: str = "") -> Verdict:
        """Do what ``check`` does, with a verdict instead of an exception; ``client`` is the address that sent it."""
        digest = fingerprint(key)
        known = self._known(key, digest)
        if known is not None:
            return known
        miss = self._miss(key, digest, client, self._seats.number)
        del key  # not in the locals of a traceback
        from rf_middleware._drivers import drive  # noqa: PLC0415 - brings asyncio: not before the first miss

        return drive(miss, self.issuer)

    async def aresolve(self, key: bytes, client: str = "") -> Verdict:
        """Do what ``acheck`` does, with a verdict instead of an exception; ``client`` is the address that sent it."""
        digest = fingerprint(key)
        known = self._known(key, digest)
        if known is not None:
            return known
        miss = self._miss(key, digest, client)
        del key  # not in the locals of a traceback
        from rf_middleware._drivers import adrive  # noqa: PLC0415 - the same

        return await adrive(miss, self.issuer)

    def _known(self, key: bytes, digest: bytes) -> Verdict | None:
        grant = self.peek(digest)
        return grant if grant is not None or (KEY.fullmatch(key) and self._core.could_be(key)) else _NOT_A_KEY

    def _miss(self, key: bytes, digest: bytes, client: str, seats: float = math.inf) -> Flow:
        if self._follower is not None:
            self._follower.start()
        return flow(self._core, Question(Secret(key.decode()), digest, client), seats)

    # ---- forgetting

    def forget(self, key: str) -> None:
        """Drop what this process knows of a key, end its streams; a check in flight for it is asked again.

        Raises:
            TypeError: the key is no text.
        """
        try:
            digest = fingerprint(encoded(key))
        finally:
            del key  # not in the locals of a traceback
        self._core.forget(digest)
        self.streams.end([digest])

    def _told(self, news: News) -> None:
        end_streams(self.streams, news, self.resolve)

    @property
    def staleness(self) -> Staleness:
        """What is promised right now about a key that was revoked."""
        return self._core.staleness()

    @property
    def counts(self) -> Counts:
        """What this process has asked and been told so far, without the hits; a copy."""
        return replace(self._core.counts)

    @property
    def sizes(self) -> Sizes:
        """How many keys this process remembers, and asks about, at this moment."""
        return self._core.sizes()

    # ---- the end

    def release(self) -> None:
        """Give the lease back; the next check begins anew. For the end of an app that may be started again."""
        if self._follower is not None:
            self._follower.close()
            self._core.renew()
            self.streams.doubt()
            self._begin()

    def close(self) -> None:
        """Give the lease back and close connections.

        Checks after this ask about each request, and trust no issuer that has begun a new history meanwhile.
        """
        if self._follower is not None:
            self._follower.close()
        if isinstance(self.issuer, Closeable):
            self.issuer.close()

    async def aclose(self) -> None:
        """Do what ``close`` does, and close the connections of the running event loop."""
        if self._follower is not None:
            await self._follower.aclose()
        if isinstance(self.issuer, Closeable):
            await self.issuer.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.aclose()

    def forked(self) -> None:
        """Begin as a new validator: only the parent hears the events of the parent's lease."""
        self._core.start()
        self._seats.forked()
        _crowd.forked()
        self.streams.start()
        if isinstance(self.issuer, Closeable):
            self.issuer.forked()
        self._begin()


_registry: Final = Registry[Validator]()


def validators() -> list[Validator]:
    """Return the validators of this process."""
    return _registry.members()
