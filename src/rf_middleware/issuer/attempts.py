"""Slows down who guesses: passwords, codes that are typed in, one-time links. Pure; the clock is passed in.

* Only failures count. While an attempt runs it counts as if it failed, and one that is broken off did fail: so many
  guesses at the same time gain nothing.
* Three limits: of an account from one address, of an address, of an account from everywhere. Each lets some failures
  pass at once and then one in a while (a leaky bucket: GCRA), so nobody waits longer than that while.
* Where an account was signed in to lately, only its own failures from there count: nobody elsewhere, and nobody who
  guesses at other accounts, can keep a person out.
* Success clears what failed for that account from that address and no more: who has an account gains no guesses at
  others by it.
* It makes no difference whether an account exists.
* Memory is bounded: what failed longest ago is forgotten first. A restart forgets everything.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Final, Self

from rf_middleware._address import network
from rf_middleware._clock import Clock
from rf_middleware._fingerprint import fingerprint

__all__ = ["Attempt", "Attempts", "Limit"]

_LATELY: Final = 30 * 86_400.0
_PLACES: Final = 8
"""Addresses that are remembered for an account."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How many failures pass at once, and after how many seconds each one is forgiven."""

    at_once: int
    every: float


class Attempts:
    """Says whether somebody may try now. Used on one event loop.

    Args:
        clock: seconds that only go forward.
        pair: the limit of an account from one address.
        address: the limit of an address.
        account: the limit of an account from everywhere.
        remembered: how many of each are remembered.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        pair: Limit = Limit(5, 60.0),
        address: Limit = Limit(30, 10.0),
        account: Limit = Limit(100, 300.0),
        remembered: int = 10_000,
    ) -> None:
        self._clock = clock
        self._pairs, self._addresses = _Buckets(pair, remembered), _Buckets(address, remembered)
        self._accounts = _Buckets(account, remembered)
        self._places = _Places(remembered)

    def begin(self, account: str | None, address: str) -> "Attempt":
        """Begin an attempt, if it may be made now: ``with attempts.begin(...) as attempt``.

        Args:
            account: whose password or code is tried, as it is looked up; ``None`` where the secret alone says that.
            address: where it comes from; an IPv6 network of 64 bits is one address.
        """
        now, place = self._clock(), network(address)
        person = None if account is None else fingerprint(account.encode("utf-8", "surrogatepass"))
        counted = self._counted(person, place, now)
        wait = max(buckets.wait(name, now) for buckets, name in counted)
        if wait:
            return Attempt(wait, _nothing)
        for buckets, name in counted:
            buckets.begin(name)
        return Attempt(0.0, partial(self._end, counted, person, place))

    def _counted(self, person: bytes | None, place: str, now: float) -> "_Counted":
        if person is None:
            return [(self._addresses, place)]
        pair = (self._pairs, (person, place))
        if self._places.known(person, place, now):
            return [pair]
        return [pair, (self._addresses, place), (self._accounts, person)]

    def _end(self, counted: "_Counted", person: bytes | None, place: str, good: bool) -> None:  # noqa: FBT001 - a callback
        now = self._clock()
        for buckets, name in counted:
            buckets.end(name)
            if not good:
                buckets.add(name, now)
        if good and person is not None:
            self._pairs.forget((person, place))
            self._places.note(person, place, now)


class Attempt:
    """One attempt; it failed unless it is told that it succeeded before its block ends.

    Attributes:
        wait: 0 to go on; else the seconds to wait, and nothing was begun.
    """

    __slots__ = ("_end", "_good", "wait")

    def __init__(self, wait: float, end: Callable[[bool], None]) -> None:
        self.wait, self._end, self._good = wait, end, False

    def succeeded(self) -> None:
        """Say that it was no failure."""
        self._good = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self._end(self._good)


class _Buckets:
    """Leaky buckets by name. Of each is kept when it will be empty, and how many attempts may yet add to it."""

    def __init__(self, limit: Limit, remembered: int) -> None:
        self._limit, self._remembered = limit, remembered
        self._empty: OrderedDict[Hashable, float] = OrderedDict()
        self._running: dict[Hashable, int] = {}

    def wait(self, name: Hashable, now: float) -> float:
        filled = max(self._empty.get(name, now) - now, 0.0)
        room = self._limit.at_once - 1 - self._running.get(name, 0)
        return max(filled - room * self._limit.every, 0.0)

    def begin(self, name: Hashable) -> None:
        self._running[name] = self._running.get(name, 0) + 1

    def end(self, name: Hashable) -> None:
        left = self._running.pop(name) - 1
        if left:
            self._running[name] = left

    def add(self, name: Hashable, now: float) -> None:
        self._empty[name] = max(self._empty.get(name, now), now) + self._limit.every
        self._empty.move_to_end(name)
        if len(self._empty) > self._remembered:
            self._empty.popitem(last=False)

    def forget(self, name: Hashable) -> None:
        self._empty.pop(name, None)


_Counted = list[tuple[_Buckets, Hashable]]


class _Places:
    """From where accounts were signed in to lately, the last few of each."""

    def __init__(self, remembered: int) -> None:
        self._remembered = remembered
        self._seen: OrderedDict[bytes, dict[str, float]] = OrderedDict()

    def known(self, person: bytes, place: str, now: float) -> bool:
        seen = self._seen.get(person, {}).get(place)
        return seen is not None and now - seen < _LATELY

    def note(self, person: bytes, place: str, now: float) -> None:
        places = self._seen.setdefault(person, {})
        self._seen.move_to_end(person)
        places.pop(place, None)
        places[place] = now  # last
        if len(places) > _PLACES:
            del places[next(iter(places))]
        if len(self._seen) > self._remembered:
            self._seen.popitem(last=False)


def _nothing(_good: bool) -> None:  # noqa: FBT001 - what an attempt that was not begun ends with
    """End nothing."""
