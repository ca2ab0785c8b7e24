"""The open streams of a process, by key: WebSockets and streaming responses that a revocation ends.

* A stream opens long after its key was checked. So a request notes ``mark`` before its key is looked at, and
  whatever ended between that and the opening ends the stream at once.
* Once ``end`` of a stream has returned, not another byte of it goes out; ``ended`` is set when it is closed too.
"""

from collections import OrderedDict
from collections.abc import Iterable
from threading import Event, Lock
from typing import Final, Protocol

__all__ = ["Name", "Stream", "Streams"]

Name = bytes | str
"""A fingerprint, or the slug of a workspace."""

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

    def end(self) -> None:
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
        self._lately: OrderedDict[Name, int] = OrderedDict()
        self._doubted = 0
        self.mark = 0

    def open(self, stream: Stream, mark: int) -> None:
        """Add a stream whose key was looked at after ``mark``; end it when its key ended since."""
        with self._lock:
            self._open.add(stream)
            ended = max(self._lately.get(stream.digest, 0), self._lately.get(stream.workspace, 0)) > mark
            if self._doubted > mark:
                self._doubtful.add(stream)
        if ended:
            stream.end()

    def close(self, stream: Stream) -> None:
        """Remove a stream that is closed."""
        with self._lock:
            self._open.discard(stream)
            self._doubtful.discard(stream)
        stream.ended.set()

    def end(self, names: Iterable[Name]) -> list[Stream]:
        """End all streams of these keys and workspaces, and return them."""
        wanted = frozenset(names)
        with self._lock:
            self.mark += 1
            for name in wanted:
                self._lately[name] = self.mark
                self._lately.move_to_end(name)
            while len(self._lately) > _REMEMBERED:
                _, oldest = self._lately.popitem(last=False)
                self._doubted = max(self._doubted, oldest)
            found = [each for each in self._open if each.digest in wanted or each.workspace in wanted]
        for each in found:
            each.end()
        return found

    def doubt(self) -> None:
        """Note that nobody knows which keys ended: every stream on a check from before this is doubtful."""
        with self._lock:
            self.mark += 1
            self._doubted = self.mark
            self._doubtful |= self._open

    def doubtful(self) -> list[Stream]:
        """Return the streams whose keys must be asked about again, once."""
        with self._lock:
            found, self._doubtful = list(self._doubtful), set()
            return found
