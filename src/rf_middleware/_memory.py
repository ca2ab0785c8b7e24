"""What a validator remembers, and the checks in flight that would add to it. Pure; used under the core's lock.

Whatever is forgotten fences the check in flight for it: its answer counts only if the issuer read the key
after the event, and not at all where no event says when that was. Of a grant that is forgotten is kept that there was
one: the next question about its key is not counted as one about junk, until the issuer denies it.
"""

import math
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from rf_middleware._cache import Denials, Grants, Later
from rf_middleware._clock import Clock
from rf_middleware._counts import Sizes
from rf_middleware._flight import Flight
from rf_middleware._limits import Times
from rf_middleware._models import Grant, Refusal

if TYPE_CHECKING:
    from rf_middleware._wire import Event

__all__ = ["Memory"]


class Memory:
    """Grants, denials and flights by fingerprint.

    Args:
        maxsize: grants kept at most; as many denials are kept apart.
        negative_ttl: seconds a denial is kept.
        clock: seconds that only go forward.
    """

    __slots__ = ("denials", "flights", "grants")

    def __init__(self, maxsize: int, negative_ttl: float, clock: Clock) -> None:
        self.grants = Grants(maxsize)
        self.denials = Denials(maxsize, negative_ttl, clock)
        self.flights: dict[bytes, tuple[Flight, ...]] = {}

    def sizes(self) -> Sizes:
        """Say how much is remembered."""
        return Sizes(len(self.grants), len(self.denials), len(self.flights))

    def begin(self, digest: bytes, flight: Flight) -> None:
        """Put a flight on the list, after those that began before it."""
        self.flights[digest] = (*self.flights.get(digest, ()), flight)

    def asked_since(self, digest: bytes, now: float) -> float:
        """Return since when a key is asked about; now, when it is not."""
        return min((flight.sent for flight in self.flights.get(digest, ())), default=now)

    def land(self, digest: bytes, flight: Flight) -> bool:
        """Take a flight off the list; false when it was not on it, as after a fork."""
        listed = self.flights.get(digest, ())
        if flight not in listed:
            return False
        others = tuple(each for each in listed if each is not flight)
        if others:
            self.flights[digest] = others
        else:
            del self.flights[digest]
        return True

    def deny(self, digest: bytes, refusal: Refusal) -> None:
        """Remember a definite refusal."""
        self.grants.drop(digest)
        self.denials.put(digest, refusal)

    def grant(self, digest: bytes, flight: Flight, grant: Grant, times: Times) -> None:
        """Remember a grant for as long as it may be kept, and not beyond its own end.

        It is put away also where that is over already: so it is known to be no junk key.
        """
        self.denials.drop(digest)
        end = math.inf if grant.expires_in is None else flight.sent + grant.expires_in
        flight.until = min(flight.sent + times.kept, end)
        fresh = min(flight.sent + times.fresh, end)
        later = Later(flight.until - fresh, min(flight.until + times.spare, end) - fresh)  # exact: they are near
        self.grants.put(digest, (fresh, grant, later))

    def spare(self, digest: bytes, now: float, vouched: float, spare: float) -> Grant | None:
        """Return what may stand in for an answer of an issuer that can't be asked.

        Args:
            digest: of the key.
            now: on the package's clock.
            vouched: until when the cache as a whole could be trusted.
            spare: seconds beyond that and beyond a grant's own time.
        """
        entry = self.grants.get(digest)
        if not spare or entry is None:
            return None
        fresh, grant, later = entry
        if now >= min(fresh + later.spare, vouched + spare):
            return None
        late = now - min(fresh + later.kept, vouched)
        return grant if late < 0 else replace(grant, stale_for=late)  # there is an answer meanwhile

    def forget(self, digest: bytes) -> None:
        """Forget a key because somebody says so; nobody knows when the issuer knew."""
        self.grants.distrust([digest])
        self.denials.drop(digest)
        for flight in self.flights.get(digest, ()):
            flight.void = True

    def drop(self, event: "Event") -> None:
        """Forget what the feed says has changed."""
        if event.fingerprint is not None:
            self.grants.distrust([event.fingerprint])
            self.denials.drop(event.fingerprint)
            fenced = self.flights.get(event.fingerprint, ())
        else:
            self.grants.distrust(self.grants.of_workspace(event.workspace or ""))
            self.denials.clear()  # nobody knows whose keys these are
            fenced = tuple(chain(*self.flights.values()))  # nobody knows their workspace yet
        for flight in fenced:
            flight.fence = max(flight.fence, event.seq)

    def clear(self) -> None:
        """Forget what is known of every key."""
        self.grants.distrust()
        self.denials.clear()
        for flight in chain(*self.flights.values()):
            flight.void = True
