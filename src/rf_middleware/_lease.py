"""The validator's end of the revocation feed: what to poll, how to read the answer. Pure.

Gray and Cheriton, "Leases: an efficient fault-tolerant mechanism for distributed file cache
consistency" (1989); delivered in the shape of RFC 8936. Rules kept here:

* The lease counts from *before* the poll was sent, less the drift of the two clocks.
* An answer to a poll that is not the newest, or that arrives after the lease was given back, is ignored.
* Another epoch than the one polled for means the same as ``reset``, whether the issuer says so or not.
"""

from typing import TYPE_CHECKING, Final, NamedTuple

from rf_middleware._models import Refusal

if TYPE_CHECKING:
    from rf_middleware._flight import Answer, Flight
    from rf_middleware._wire import Event, Poll, Reply

__all__ = ["DRIFT", "Lease", "News"]

DRIFT: Final = 0.01
"""By how much the rates of two clocks may differ at most."""


class News(NamedTuple):
    """What an answer of the feed means for the cache, and how far it may be trusted after that.

    Attributes:
        reset: drop everything, fence every check in flight.
        events: forget these, when there is no reset.
        deadline: the end of the lease on the package's clock; trusted only after the rest was applied.
    """

    reset: bool
    events: "tuple[Event, ...]"
    deadline: float


class Lease:
    """One validator's session with the feed.

    Attributes:
        session: this validator's id, a new one for each process.
        epoch: the history it follows, ``None`` before the first answer.
        applied: every event up to this ``seq`` has been applied.
    """

    __slots__ = ("_open", "_poll", "_sent", "applied", "epoch", "session")

    def __init__(self) -> None:
        from uuid import uuid4  # noqa: PLC0415 - an import of the package loads no more than a hit needs

        self.session = str(uuid4())
        self.epoch: str | None = None
        self.applied = 0
        self._open = True
        self._poll: Poll | None = None
        self._sent = 0.0

    def poll(self, now: float, wait: float, name: str = "", version: str = "") -> "Poll":
        """Write the next poll; ``now`` is read before it is sent."""
        from rf_middleware._wire import Poll  # noqa: PLC0415 - the same; by now the feed has loaded it

        self._sent = now
        self._poll = Poll(self.session, self.epoch, self.applied, wait, name, version)
        return self._poll

    def read(self, poll: "Poll", reply: "Reply") -> News | None:
        """Read the answer to ``poll``; ``None`` when it must be ignored."""
        if not self._open or poll is not self._poll:
            return None
        self._poll = None
        reset = reply.reset or reply.epoch != self.epoch or reply.head < self.applied
        self.epoch = reply.epoch
        self.applied = reply.head
        return News(reset, () if reset else reply.events, self._sent + reply.lease * (1.0 - DRIFT))

    def outdates(self, flight: "Flight", answer: "Answer") -> bool:
        """Tell whether the issuer may have read the key before something this validator was told."""
        if self.epoch is None or (answer.epoch is None and isinstance(answer.verdict, Refusal)):
            return False  # no feed to compare with; or a plain HTTP refusal, which lets nobody in
        return answer.epoch != self.epoch or answer.head < max(flight.applied, flight.fence)

    def give_back(self) -> None:
        """Trust no answer of the feed any more: the lease is about to be given back."""
        self._open = False
