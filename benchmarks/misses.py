"""Keys that are not in the cache: stampedes, many new keys at once, the cost of a miss itself."""

import asyncio
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Final

import httpx

from benchmarks import answers, traffic
from benchmarks.measure import Spread, added, spread
from benchmarks.scale import scaled
from benchmarks.servers import issuer_process
from benchmarks.subjects import STACKS, World, made
from benchmarks.traffic import ASGIApp, Message
from rf_middleware import IntrospectionIssuer, Validator

__all__ = ["CROWD", "Misses", "Stampede", "measure"]

CROWD: Final = scaled(1000, 100)
SLOW_MS: Final = scaled(3000, 300)
"""Milliseconds that the issuer takes in a stampede."""
_FOREVER_MS: Final = 50_000
_PAIRS: Final = scaled(300, 20)
_PATIENCE: Final = 10.0
_PEERS: Final = (
    ("Starlette", "AuthenticationMiddleware + TTLCache"),
    ("FastAPI", "APIKeyHeader + TTLCache"),
    ("Starlette", "check of the inference server's kind"),
)
_numbers: Final = count(1)


@dataclass(frozen=True)
class Stampede:
    """Who was asked for one new key by a crowd, and how often the issuer was asked."""

    subject: str
    calls: int
    seconds: float


@dataclass(frozen=True)
class Misses:
    """What was found.

    Attributes:
        stampedes: one new key, a crowd of requests at once.
        new_keys: calls to the issuer for as many new keys as there are requests in a crowd.
        alone: seconds until all of those were answered.
        beside: the same, while the issuer thinks about one key more.
        trip: microseconds of one bare exchange with the issuer over a pooled httpx client.
        miss: what ``acheck`` of a new key takes on top of that.
        thread_miss: what ``check`` takes on top of the same exchange by a thread's pooled client.
    """

    stampedes: tuple[Stampede, ...]
    new_keys: int
    alone: float
    beside: float
    trip: Spread
    miss: Spread
    thread_miss: Spread


def _new_key(milliseconds: int = 0) -> str:
    return f"rfk_new{next(_numbers):09d}_ms{milliseconds}_AAAABBBBCCCCDDDD"


@contextmanager
def _validator(url: str) -> Generator[Validator]:
    """Make a validator with a live lease and a long patience."""
    with Validator(IntrospectionIssuer(url, "token"), ttl=3600, timeout=60, unknown_key_burst=CROWD * 4) as validator:
        validator.check(_new_key())  # starts the feed
        give_up = time.monotonic() + _PATIENCE
        while validator.staleness.kind != "lease":
            assert time.monotonic() < give_up, f"no lease: {validator.staleness}"
            time.sleep(0.01)
        yield validator


def measure() -> Misses:
    """Measure everything against the fast issuer behind a socket."""
    with issuer_process() as url, _validator(url) as validator:
        found = asyncio.run(_measure(validator, url))
    for each in found.stampedes:
        print(f"stampede, {each.subject}: {each.calls} calls", file=sys.stderr)
    return found


async def _measure(validator: Validator, url: str) -> Misses:
    """Do all of it on one loop, and so with one client for everything of ours."""
    stampedes = (await _ours(validator, url), *[await _peer(stack, name, validator) for stack, name in _PEERS])
    new_keys, alone = await _many(validator, url)
    beside = await _beside(validator)
    trip, miss = await _miss(validator, url)
    thread_miss = await asyncio.to_thread(_thread_miss, validator, url)
    return Misses(stampedes, new_keys, alone, beside, trip, miss, thread_miss)


def _calls(url: str) -> int:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{url}/calls") as answer:
        return int(answer.read())


async def _ours(validator: Validator, url: str) -> Stampede:
    before, begun, key = _calls(url), time.monotonic(), _new_key(SLOW_MS)
    await asyncio.gather(*(validator.acheck(key) for _ in range(CROWD)))
    return Stampede("rf_middleware", _calls(url) - before, time.monotonic() - begun)


async def _peer(stack: str, name: str, validator: Validator) -> Stampede:
    """Bring the same crowd to the app of a peer, whose issuer takes as long."""
    asked: list[str] = []

    async def known(key: str) -> str | None:
        asked.append(key)
        await asyncio.sleep(SLOW_MS / 1000)
        return answers.slug_of(key)

    subject = next(each for each in STACKS[stack] if each.name == name)
    app: ASGIApp = made(stack, subject, World(validator, known, answers.slug_of))
    key, begun = _new_key().encode(), time.monotonic()
    statuses = await asyncio.gather(*(_status(app, traffic.scope(subject.place, key)) for _ in range(CROWD)))
    assert set(statuses) == {200}, set(statuses)
    return Stampede(name, len(asked), time.monotonic() - begun)


async def _status(app: ASGIApp, scope: traffic.Scope) -> int:
    statuses: list[int] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope, traffic.receive, send)
    return statuses[0]


async def _many(validator: Validator, url: str) -> tuple[int, float]:
    """Ask for a crowd of new keys at once; return the calls to the issuer, and the seconds."""
    await _crowd(validator)  # connections are opened
    before = _calls(url)
    taken = await _crowd(validator)
    return _calls(url) - before, taken


async def _crowd(validator: Validator) -> float:
    begun = time.monotonic()
    await asyncio.gather(*(validator.acheck(_new_key()) for _ in range(CROWD)))
    return time.monotonic() - begun


async def _beside(validator: Validator) -> float:
    """Do the same while the issuer thinks about one key."""
    slow = asyncio.create_task(validator.acheck(_new_key(_FOREVER_MS)))
    await asyncio.sleep(0)
    taken = await _crowd(validator)
    assert not slow.done(), "the slow key was not slow"
    slow.cancel()
    return taken


async def _miss(validator: Validator, url: str) -> tuple[Spread, Spread]:
    async with httpx.AsyncClient(base_url=url) as client:

        async def trip() -> object:
            return (await client.post("/introspect", data={"token": _new_key()})).json()

        async def miss() -> object:
            return await validator.acheck(_new_key())

        taken: dict[str, list[float]] = {"trip": [], "miss": []}
        for _ in range(_PAIRS + 5):
            taken["trip"].append(await _timed(trip))
            taken["miss"].append(await _timed(miss))
    warm = {name: times[5:] for name, times in taken.items()}
    return spread(warm["trip"]), spread(added(warm, "miss", "trip"))


async def _timed(call: Callable[[], Awaitable[object]]) -> float:
    begun = time.perf_counter()
    await call()
    return (time.perf_counter() - begun) * 1e6


def _thread_miss(validator: Validator, url: str) -> Spread:
    taken: dict[str, list[float]] = {"trip": [], "miss": []}
    with httpx.Client(base_url=url) as client:
        for _ in range(_PAIRS + 5):
            begun = time.perf_counter()
            client.post("/introspect", data={"token": _new_key()}).json()
            between = time.perf_counter()
            validator.check(_new_key())
            taken["trip"].append((between - begun) * 1e6)
            taken["miss"].append((time.perf_counter() - between) * 1e6)
    return spread(added({name: times[5:] for name, times in taken.items()}, "miss", "trip"))
