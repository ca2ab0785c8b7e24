"""The parts of a hit: what each could be made of, timed side by side, and why one was taken."""

import hmac
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b, blake2s, sha256
from importlib import import_module
from typing import Any, Final
from urllib.parse import parse_qs

from cachetools import FIFOCache, TTLCache

from benchmarks.measure import Block, Spread, added, in_turn, spread
from benchmarks.tables import table
from benchmarks.traffic import KEY, query, scope
from rf_middleware import _query
from rf_middleware._clock import now

__all__ = ["Part", "lines", "measure"]

_KEYS: Final = 10_000
_SECRET: Final = bytes(32)
_LATER: Final = 1e12
_WATCHED: Final = frozenset({b"authorization", b"x-api-key", b"referer"})
_PREPARED: Final = blake2b(key=_SECRET, digest_size=32)

Way = Callable[[Any], object]
"""Works on what was made for one call."""


@dataclass(frozen=True)
class Part:
    """One way to do a part of a hit; ``cost`` in microseconds."""

    part: str
    way: str
    taken: bool
    cost: Spread


@dataclass(frozen=True)
class Choice:
    """A part, the ways to do it (the first was taken), and why.

    Attributes:
        made: makes what a call works on: new objects, as a request has them.
        missing: ways whose package is not installed.
    """

    part: str
    made: Callable[[], Any]
    ways: Mapping[str, Way]
    why: str
    missing: tuple[str, ...] = ()


def _digests() -> Choice:
    def prepared(key: bytes) -> bytes:
        digest = _PREPARED.copy()
        digest.update(key)
        return digest.digest()

    ways: dict[str, Way] = {
        "SHA-256": lambda key: sha256(key).digest(),
        "BLAKE2s": lambda key: blake2s(key).digest(),
        "BLAKE2b with a secret, prepared": prepared,
        "BLAKE2b with a secret": lambda key: blake2b(key, key=_SECRET, digest_size=32).digest(),
        "HMAC-SHA-256": lambda key: hmac.digest(_SECRET, key, "sha256"),
    }
    why = (
        "the issuer names keys by their SHA-256 in its feed, so no second digest is needed; a secret would protect"
        " nothing, since keys are long and random"
    )
    return Choice("digest of a key", lambda: bytes(bytearray(KEY)), ways, why)


def _stores() -> Choice:
    names = [sha256(str(number).encode()).digest() for number in range(_KEYS)]
    fifo: FIFOCache[bytes, tuple[float, str]] = FIFOCache(_KEYS)
    ttl: TTLCache[bytes, str] = TTLCache(_KEYS, _LATER, timer=time.monotonic)
    plain: dict[bytes, tuple[float, str]] = {}
    for name in names:
        plain[name] = fifo[name] = _LATER, "grant"
        ttl[name] = "grant"

    def found(name: bytes, look_up: Callable[[bytes], tuple[float, str] | None] = plain.get) -> str | None:
        entry = look_up(name)
        return entry[1] if entry is not None and now() < entry[0] else None

    ways: dict[str, Way] = {
        "a dict, each entry with its end": found,
        "cachetools FIFOCache[k], each entry with its end": lambda name: found(name, fifo.__getitem__),
        "cachetools TTLCache[k]": ttl.__getitem__,
        "cachetools TTLCache.get": ttl.get,
    }
    missing: tuple[str, ...] = ()
    try:
        rust: Any = import_module("cachebox").TTLCache(_KEYS, _LATER)  # for the benchmark alone
    except ImportError as error:
        missing = (f"cachebox TTLCache ({error})",)
    else:
        rust.update(dict.fromkeys(names, "grant"))
        ways["cachebox TTLCache.get, in Rust"] = rust.get
    turn = iter(names * 1000)
    why = (
        "needs no lock beside writers that hold one, no package, and the least memory; the end is checked with the"
        " clock that was read for the lease. What is dropped first, the oldest, a dict knows by itself"
    )
    return Choice(f"look-up among {_KEYS:,} keys", lambda: bytes(bytearray(next(turn))), ways, why, missing)


def _clocks() -> Choice:
    ways: dict[str, Way] = {
        "CLOCK_BOOTTIME": lambda _: now(),
        "time.monotonic": lambda _: time.monotonic(),
        "time.perf_counter": lambda _: time.perf_counter(),
        "time.time": lambda _: time.time(),
    }
    why = "goes on while a machine is suspended, as leases do; nobody sets it"
    return Choice("clock", lambda: None, ways, why)


def _queries() -> Choice:
    names = frozenset({b"api_key"})
    ways: dict[str, Way] = {
        "split by bytes, and the key cut out": lambda asked: _query.split(asked, names),
        "parse_qs": lambda asked: parse_qs(asked.decode()),
    }
    why = "what can't be the key is not decoded, and the rest stays as it came, byte for byte"
    return Choice("key in the query", lambda: query("query"), ways, why)


def _headers() -> Choice:
    from starlette.datastructures import Headers  # noqa: PLC0415 - not loaded where raw apps are measured

    ways: dict[str, Way] = {
        "one pass over the pairs, a set of names": lambda pairs: [pair for pair in pairs if pair[0] in _WATCHED],
        "a dict of them, two looked up": lambda pairs: [dict(pairs).get(name) for name in _WATCHED],
        "Starlette's Headers.getlist, two names": lambda pairs: [
            Headers(raw=pairs).getlist(name) for name in ("authorization", "x-api-key")
        ],
    }
    why = "sees a header that comes twice, which a dict does not"
    return Choice("two of eleven headers", lambda: scope("Bearer")["headers"], ways, why)


CHOICES: Final = (_headers, _queries, _digests, _clocks, _stores)


def measure() -> tuple[Part, ...]:
    """Time every way of each part."""
    return tuple(part for choice in CHOICES for part in _measured(choice()))


def _measured(choice: Choice) -> Iterator[Part]:
    blocks = {name: _block(choice.made, way) for name, way in {"": _nothing, **choice.ways}.items()}
    taken = in_turn(blocks)
    for number, name in enumerate(choice.ways):
        yield Part(choice.part, name, number == 0, spread(added(taken, name, "")))


def _nothing(given: object) -> None:
    """What a call and the loop around it cost."""


def _block(made: Callable[[], Any], way: Way) -> Block:
    def block(count: int) -> float:
        given = [made() for _ in range(count)]
        begun = time.perf_counter()
        for each in given:
            way(each)
        return (time.perf_counter() - begun) * 1e6

    return block


def lines(parts: tuple[Part, ...]) -> Iterator[str]:
    """Yield the section of the page."""
    yield "## The parts of a hit"
    yield ""
    yield "Microseconds, without the call around it, on new objects as a request has them. **What was taken** is first."
    yield ""
    cells = ((each.part, f"**{each.way}**" if each.taken else each.way, str(each.cost)) for each in parts)
    yield from table(("part", "way", "takes"), cells)
    for made in CHOICES:
        choice = made()
        yield f"* {choice.part}: {next(iter(choice.ways))}: {choice.why}."
        yield from (f"* not measured: {what}." for what in choice.missing)
    yield ""
