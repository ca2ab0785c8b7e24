"""What a check in flight is made of: what it asks of a driver, what comes back, who shares it. Pure values.

What stays inside the package is a ``NamedTuple``: made at each miss, and seven times as quick to define as a dataclass.
"""

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from rf_middleware._models import SLUG, Grant, Reason, Refusal, Verdict, Workspace
from rf_middleware._secret import Secret

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["Answer", "Ask", "Effect", "Flight", "Flow", "Pause", "Question", "Share", "Start", "Wait", "joinable"]

_FOREVER: Final = 1e300
"""Seconds that no key has left; NaN, infinity and numbers too large for a float are no seconds at all."""


class Answer(NamedTuple):
    """What the issuer said about one key.

    Attributes:
        verdict: a grant, a definite refusal, or ``ISSUER_UNAVAILABLE``.
        epoch, head: the issuer's history and its newest ``seq``, read before it read the key;
            ``None`` and 0 from an issuer without a feed.
    """

    verdict: Verdict
    epoch: str | None = None
    head: int = 0

    def believed(self) -> Verdict:
        """Return the verdict when it can be believed, else that the issuer answers nonsense."""
        verdict: object = self.verdict
        if isinstance(verdict, Refusal):
            return verdict
        if not isinstance(verdict, Grant) or not _is_workspace(verdict.workspace):
            return Refusal(Reason.ISSUER_UNAVAILABLE, "The issuer named no valid workspace.")
        left = verdict.expires_in
        if left is not None and not _is_seconds(left):
            return Refusal(Reason.ISSUER_UNAVAILABLE, "The issuer named no valid end of the key.")
        if left is not None and left <= 0:
            return Refusal(Reason.INVALID_KEY)
        return verdict


def _is_workspace(value: object) -> bool:
    return isinstance(value, Workspace) and isinstance(value.slug, str) and SLUG.fullmatch(value.slug) is not None


def _is_seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -_FOREVER <= value <= _FOREVER


class Question:
    """What a request has to know, and on whose behalf.

    Attributes:
        digest: the key's fingerprint.
        client: the address that sent it; empty where questions are not counted by client.
    """

    __slots__ = ("client", "digest", "key")

    def __init__(self, key: Secret, digest: bytes, client: str = "") -> None:
        self.key = key
        self.digest = digest
        self.client = client


class Ask(NamedTuple):
    """Ask the issuer about ``key`` within ``timeout`` seconds; send back an ``Answer``."""

    key: Secret
    timeout: float


class Wait(NamedTuple):
    """Wait until somebody else's check lands, ``timeout`` seconds at most; send back its outcome or ``None``."""

    landing: "Future[Verdict | None]"
    timeout: float


class Pause(NamedTuple):
    """Do nothing for ``seconds``."""

    seconds: float


class Start(NamedTuple):
    """Run ``flow`` apart from this request, whatever becomes of it.

    Attributes:
        flow: has begun, so that closing it lands its flight also if nobody ever carries it on.
        first: what it wants first.
    """

    flow: "Flow"
    first: "Ask | Wait | Pause | Start"


Effect = Ask | Wait | Pause | Start
Flow = Generator[Effect, Answer | Verdict | None, Verdict | None]


class Flight:
    """One check in flight, which the requests for its key share."""

    __slots__ = ("applied", "began", "fence", "landing", "payer", "publishable", "sent", "until", "void")

    def __init__(self, began: int, sent: float, applied: int, *, publishable: bool, payer: str | None) -> None:
        from concurrent.futures import Future  # noqa: PLC0415 - brings logging; by now a driver has loaded it

        self.began = began
        self.publishable = publishable
        self.payer = payer  # the client whose budget it is taken from; None where the key was good before
        self.until = sent
        self.sent = sent
        self.applied = applied
        self.fence = 0
        self.void = False
        self.landing: Future[Verdict | None] = Future()


class Share(NamedTuple):
    """A request's part in a flight.

    Attributes:
        mine: this request has to see that it is led: asked, and landed.
        live: the cache could be trusted when this request joined.
        known: a grant that may still be given while this flight renews it.
    """

    flight: Flight
    mine: bool
    live: bool
    known: Grant | None = None

    def serves(self, outcome: Verdict, arrived: int, arrived_at: float) -> bool:
        """Tell whether the outcome is fresh enough for this request.

        A check that began after the request arrived always is. One that began before may have read the key
        before a revocation that was acknowledged since; only a live lease, or the staleness that was allowed,
        makes up for that.
        """
        if self.flight.began > arrived:
            return True
        return self.live and (isinstance(outcome, Refusal) or arrived_at < self.flight.until)


_AT_ONCE: Final = 2
"""Checks of one key in flight at most."""


def joinable(flights: Sequence[Flight], arrived: int, *, live: bool) -> Flight | None:
    """Return the flight that a request takes part in, or waits for; ``None`` when it begins one of its own.

    Args:
        flights: those of its key, in the order in which they began.
        arrived: the number of the newest flight when it arrived.
        live: what began earlier may serve it too.
    """
    fit = [flight for flight in flights if live or flight.began > arrived]
    if fit:
        return fit[-1]
    return flights[0] if len(flights) >= _AT_ONCE else None
