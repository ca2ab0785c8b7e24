"""What the simulated world is made of: keys and what ended them, clocks, processes, requests, questions."""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Final

from rf_middleware._core import Core
from rf_middleware._fingerprint import fingerprint
from rf_middleware._flight import Answer, Effect, Flow
from rf_middleware._models import Verdict
from rf_middleware._wire import Poll, Reply

TIMEOUT: Final = 5.0
TTL: Final = 30.0
NEGATIVE_TTL: Final = 2.0
TOKEN: Final = "token"
LEASES: Final = (10.0, 10.0, 3.0)
"""How long the leases of one life of the issuer are; the next life may be set up otherwise."""


@dataclass(eq=False)
class End:
    """What made keys bad, and since when everybody has been promised that it holds.

    Attributes:
        epoch, seq: where it stands in the history.
        lasting: it can't be undone.
        acknowledged: the step at which it was acknowledged.
        lifted: it was undone.
    """

    keys: tuple["Key", ...]
    epoch: int
    seq: int
    lasting: bool
    acknowledged: int | None = None
    lifted: bool = False


@dataclass(eq=False)
class Key:
    """A key, and what has ended it."""

    name: str
    workspace: str
    ends: list[End] = field(default_factory=list[End])
    digest: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.digest = fingerprint(self.name.encode())

    @property
    def good(self) -> bool:
        """Whether the database says that the key is good."""
        return all(end.lifted for end in self.ends)

    @property
    def revoked(self) -> bool:
        """Whether it has ended for good."""
        return any(end.lasting for end in self.ends)


@dataclass
class Ticking:
    """A clock that goes at some rate of true time, and goes on while its machine is suspended."""

    base: float
    rate: float
    since: float = 0.0

    def read(self, time: float) -> float:
        """Return what it shows at a moment of true time."""
        return self.base + self.rate * (time - self.since)

    def turn(self, time: float, rate: float) -> None:
        """Let it go at another rate from now on."""
        self.base, self.since, self.rate = self.read(time), time, rate

    def slept(self, seconds: float) -> None:
        """Note that its machine was suspended."""


@dataclass(eq=False)
class Process:
    """A validator process: its clock, its core, what is on its way between it and the issuer.

    Attributes:
        owner: the token it has.
        sent: polls on their way to the issuer.
        replies: answers on their way back, and the polls they answer.
        closed: it has given its lease back for good.
    """

    clock: Ticking
    owner: str = TOKEN
    core: Core = field(init=False)
    sent: list[Poll] = field(default_factory=list[Poll])
    replies: list[tuple[Poll, Reply]] = field(default_factory=list[tuple[Poll, Reply]])
    closed: bool = False


@dataclass(eq=False)
class Arrived:
    """A request, from its arrival to its verdict.

    Attributes:
        apart: it is a question that a request has started, and goes on without it.
    """

    process: Process
    key: Key
    arrived: int
    arrived_at: float
    issuer_time: float
    session: str
    flow: Flow
    effect: Effect | None = None
    since: float = 0.0
    verdict: Verdict | None = None
    apart: bool = False


@dataclass(eq=False)
class Asked:
    """A question to the issuer, on its way there, being answered, or back with an answer.

    Attributes:
        sent: the step at which it was sent.
        sent_at, landed_at: when, on the clock of the process.
        reading: what the issuer is in the middle of.
        good: what the issuer read.
    """

    request: Arrived
    number: int
    sent: int
    sent_at: float
    reading: Generator[None, None, tuple[bool, int, int]] | None = None
    expires_in: float | None = None
    answer: Answer | None = None
    good: bool = False
    landed_at: float = 0.0
