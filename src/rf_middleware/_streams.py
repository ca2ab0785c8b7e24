"""The open streams of a process, by key: WebSockets and streaming responses that a revocation ends.

* A stream opens long after its key was checked. So a request notes ``mark`` before its key is looked at, and
  whatever ended between that and the opening ends the stream at once.
* Once ``end`` of a stream has returned, not another byte of it goes out; ``ended`` is set when it is closed too.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable
from threading import Event, Lock
from typing import Final, Protocol

from rf_middleware._models import Reason, Refusal, Verdict

__all__ = ["REVOKED", "Name", "Stream", "Streams"]

Name = bytes | str
"""A fingerprint, or the slug of a workspace."""

REVOKED: Final = Refusal(Reason.INVALID_KEY)
_REMEMBERED: Final = 10_000


class Stream(Protocol):
    """One open stream."""

    @property
    def digest(self) -> bytes:
        """Fingerprint of its key."""
        ...

    @property
    def workspace(self) -> str:
        """Slug of its workspace."""
        ...

    @property
    def key(self) -> bytes:
        """Its key, to ask again after a reset; never shown."""
        ...

    @property
    def ended(self) -> Event:
        """Set when it is closed."""
        ...

    def judge(self, verdict: Verdict) -> Refusal | None:
        """Return why it ends, given what the issuer says of its key now; ``None`` when it goes on."""
        ...

    def end(self, why: Refusal = REVOKED) -> None:
        """End it, from any thread, without waiting."""
        ...


class Streams:
    """Knows what is open, what ended lately, and what must be asked about again.

    Attributes:
        mark: how many endings and doubts there have been.
    """

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begin with nothing: at construction and in a forked child, which serves none of its parent's streams."""
        self._lock = Lock()
        self._open: set[Stream] = set()
        self._doubtful: set[Stream] = set()
        self._abandoned: deque[Stream] = deque()
        self._lately: OrderedDict[Name, int] = OrderedDict()
        self._changed: OrderedDict[Name, int] = OrderedDict()
        self._doubted = 0
        self.mark = 0

    def open(self, stream: Stream, mark: int) -> None:
        """Add a stream whose key was looked at after ``mark``; end it when its key ended since."""
        with self._lock:
            self._drain()
            self._open.add(stream)
            ended, changed = _newest(self._lately, stream) > mark, _newest(self._changed, stream) > mark
            if changed or self._doubted > mark:
                self._doubtful.add(stream)
        if ended:
            stream.end()

    def close(self, stream: Stream) -> None:
        """Remove a stream that is closed."""
        with self._lock:
            self._open.discard(stream)
            self._doubtful.discard(stream)
        stream.ended.set()

    def abandon(self, stream: Stream) -> None:
        """Remove a stream that nobody holds any more: from a finalizer, which may run anywhere and so takes no lock."""
        self._abandoned.append(stream)

    def _drain(self) -> None:
        while self._abandoned:
            gone = self._abandoned.popleft()
            self._open.discard(gone)
            self._doubtful.discard(gone)
            gone.ended.set()

    def end(self, names: Iterable[Name]) -> list[Stream]:
        """End all streams of these keys and workspaces, and return them."""
        with self._lock:
            found = self._note(frozenset(names), self._lately)
        for each in found:
            each.end()
        return found

    def change(self, names: Iterable[Name]) -> None:
        """Note that these keys may do something else now: their streams are doubtful."""
        with self._lock:
            self._doubtful.update(self._note(frozenset(names), self._changed))

    def _note(self, names: frozenset[Name], lately: OrderedDict[Name, int]) -> list[Stream]:
        self._drain()
        self.mark += 1
        for name in names:
            lately[name] = self.mark
            lately.move_to_end(name)
        while len(lately) > _REMEMBERED:
            _, oldest = lately.popitem(last=False)
            self._doubted = max(self._doubted, oldest)
        return [each for each in self._open if each.digest in names or each.workspace in names]

    def doubt(self) -> None:
        """Note that nobody knows which keys ended: every stream on a check from before this is doubtful."""
        with self._lock:
            self._drain()
            self.mark += 1
            self._doubted = self.mark
            self._doubtful |= self._open

    def doubtful(self) -> list[Stream]:
        """Return the streams whose keys must be asked about again, once."""
        with self._lock:
            self._drain()
            found, self._doubtful = list(self._doubtful), set()
            return found


def _newest(lately: OrderedDict[Name, int], stream: Stream) -> int:
    return max(lately.get(stream.digest, 0), lately.get(stream.workspace, 0))
