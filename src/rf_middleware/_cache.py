"""The stores: grants and, apart, denials, so that a flood of junk keys evicts no good key. Pure, bounded.

Grants live in a dict that drops the oldest: a look-up is one ``dict.get`` (0.12 us against 0.6 us of ``TTLCache[k]``,
2.0 us of ``TTLCache.get``) and needs no lock beside writers that hold one. Such a look-up may miss a grant that is
put again at this instant; whoever misses looks again under the lock. Where keys share workspaces and scopes a grant
takes about 370 bytes (430 among a thousand, and in a full store that has turned over): of its times one is its own,
the rest are what lies between them.
Denials are read on the miss path only, under the core's lock; one takes 150 bytes at most (in a ``TTLCache`` 330).
"""

import math
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final, NamedTuple

from rf_middleware._clock import Clock
from rf_middleware._interned import Interned
from rf_middleware._models import Grant, Reason, Refusal, Workspace

__all__ = ["Denials", "Entry", "Grants", "Later"]


class Later(NamedTuple):
    """For how long a grant may be given when it is not given without a thought any more, in seconds.

    Attributes:
        kept: at all.
        spare: while the issuer can't be asked.
    """

    kept: float
    spare: float


Entry = tuple[float, Grant, Later]
"""Until when it is given without a thought, on the package's clock; the grant; what comes after that."""

_NO_SUCH_KEY: Final = Refusal(Reason.INVALID_KEY)
_Kept = float | tuple[float, Refusal]

_FORGOTTEN: Final[Entry] = (-math.inf, Grant(Workspace("")), Later(0.0, 0.0))

_SHARE: Final = 1000
"""One part in so many of the grants is dropped at once, beside the oldest: a dict takes a while to find its first."""


class Grants:
    """Grants by fingerprint, at most ``maxsize``, the oldest dropped first.

    Every method but ``get`` is called under the core's lock.
    """

    __slots__ = ("_entries", "_interned", "_maxsize", "get")

    def __init__(self, maxsize: int) -> None:
        self._entries: dict[bytes, Entry] = {}
        self._maxsize = maxsize
        self._interned = Interned()
        self.get: Callable[[bytes], Entry | None] = self._entries.get  # the hit path: no frame of ours

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, digest: bytes, entry: Entry) -> None:
        """Keep a grant."""
        fresh, grant, later = entry
        if len(self._entries) > self._maxsize // 2:  # else as many new ones come before anything is dropped
            self._entries.pop(digest, None)  # so that it is the newest
        self._entries[digest] = fresh, self._interned.grant(grant), self._interned.one(later)
        if len(self._entries) > self._maxsize:
            for oldest in tuple(islice(self._entries, 1 + self._maxsize // _SHARE)):
                del self._entries[oldest]

    def drop(self, digest: bytes) -> None:
        """Forget one key."""
        self._entries.pop(digest, None)

    def of_workspace(self, slug: str) -> list[bytes]:
        """Return the keys of a workspace."""
        return [digest for digest, entry in self._entries.items() if entry[1].workspace.slug == slug]

    def distrust(self, digests: Iterable[bytes] | None = None) -> None:
        """Forget these grants, or all, but not that there were some: such keys are no junk."""
        known = self._entries if digests is None else self._entries.keys() & set(digests)
        self._entries.update(dict.fromkeys(known, _FORGOTTEN))


class Denials:
    """Definite refusals by fingerprint, each for ``ttl`` seconds, at most ``maxsize``.

    Two generations: once the younger one is half of what may be kept, or ``ttl`` old, it becomes the older one, which
    goes. So a new refusal outlives ``maxsize / 2`` others, and neither dict ever has the holes of removed entries.
    Nearly all refusals say no more than "no such key": of these only the end is kept.
    """

    __slots__ = ("_clock", "_half", "_old", "_ttl", "_turn", "_young")

    def __init__(self, maxsize: int, ttl: float, clock: Clock) -> None:
        self._half = max(1, maxsize // 2)
        self._ttl = ttl
        self._clock = clock
        self.clear()

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def clear(self) -> None:
        """Forget everything."""
        self._young: dict[bytes, _Kept] = {}
        self._old: dict[bytes, _Kept] = {}
        self._turn = math.inf

    def get(self, digest: bytes) -> Refusal | None:
        """Return why this key was refused, if that is still remembered."""
        kept = self._young.get(digest) or self._old.get(digest)
        if kept is None:
            return None
        end, refusal = kept if isinstance(kept, tuple) else (kept, _NO_SUCH_KEY)
        return refusal if self._clock() < end else None

    def put(self, digest: bytes, refusal: Refusal) -> None:
        """Remember a definite refusal."""
        self.drop(digest)
        now = self._clock()
        end = now + float(self._ttl)
        if not self._young:
            self._turn = end
        elif len(self._young) >= self._half or now >= self._turn:
            self._old, self._young, self._turn = self._young, {}, end
        self._young[digest] = end if refusal == _NO_SUCH_KEY else (end, refusal)

    def drop(self, digest: bytes) -> None:
        """Forget what is remembered of a key."""
        self._young.pop(digest, None)
        self._old.pop(digest, None)
