"""What a validator needs of an issuer, and what an issuer may offer beyond that."""

from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from rf_middleware._flight import Answer
from rf_middleware._models import Grant

if TYPE_CHECKING:
    from rf_middleware._keyformat import KeyFormat
    from rf_middleware._wire import Poll, Reply

__all__ = ["Closeable", "Feed", "FeedError", "Issuer", "Offer", "OffersFeed"]


class Issuer(Protocol):
    """The authority that knows the keys: what to write for one of your own.

        class Table:
            def check(self, key: str, timeout: float) -> Grant | None:
                return GRANTS.get(key)

            async def acheck(self, key: str, timeout: float) -> Grant | None:
                return GRANTS.get(key)

    ``None`` means that there is no such key; ``Denied(status=401 | 402 | 403 | 423)`` raised means that; any other
    exception, or another result, means that the issuer can't be asked. (An ``Answer`` is what issuers with a feed
    return.) Its ``repr`` may be logged, so it shows no secret.
    """

    def check(self, key: str, timeout: float) -> Answer | Grant | None:
        """Ask about ``key`` from a thread, and answer within ``timeout`` seconds.

        Raises:
            Denied: the key is refused.
        """
        ...

    async def acheck(self, key: str, timeout: float) -> Answer | Grant | None:
        """Ask about ``key`` on an event loop; cancelled after ``timeout`` seconds.

        Raises:
            Denied: the key is refused.
        """
        ...


class FeedError(Exception):
    """The feed can't be reached or answers nonsense just now."""


class Offer(NamedTuple):
    """What an issuer says of itself.

    Attributes:
        feed: whether there is a revocation feed.
        key_format: what the keys that it makes look like; ``None`` where it does not say, or not in words known here.
    """

    feed: bool
    key_format: "KeyFormat | None" = None


class Feed(Protocol):
    """The I/O of the revocation feed, from a thread of its own."""

    def offered(self) -> Offer:
        """Ask the issuer's metadata what there is.

        Raises:
            FeedError: no definite answer.
        """
        ...

    def poll(self, poll: "Poll") -> "Reply":
        """Send a poll and wait for its answer.

        Raises:
            FeedError: there is none, or it can't be understood.
        """
        ...

    def leave(self, session: str) -> None:
        """Give the lease back; done as well as can be, without raising."""
        ...


@runtime_checkable
class OffersFeed(Protocol):
    """An issuer that may have a revocation feed."""

    @property
    def feed(self) -> Feed | None:
        """The feed, or ``None`` when the user said there is none."""
        ...


@runtime_checkable
class Closeable(Protocol):
    """An issuer that holds connections."""

    def close(self) -> None:
        """Close what threads used."""
        ...

    async def aclose(self) -> None:
        """Close what threads and this event loop used."""
        ...

    def forked(self) -> None:
        """Let go, in a forked child, of connections that belong to the parent; without closing them."""
        ...
