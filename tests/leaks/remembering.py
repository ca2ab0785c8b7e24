"""A process that serves and checks one key in every way, and tells what holds it afterwards.

    python -m tests.leaks.remembering

It prints a JSON object: for each thing that was done the holders of the key, as type and text. It is a process of its
own since a test runner keeps log records, and the frames of what failed.
"""

import asyncio
import gc
import io
import json
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, cast

import httpx

from rf_middleware import Denied, IntrospectionIssuer, IssuerUnavailable, RoboflowIssuer, Validator
from tests.core.mock import TOKEN
from tests.core.servers import ok, serving
from tests.leaks.canary import made
from tests.leaks.failing import ADAPTERS, LOCATIONS, PLACES, broken_answer, requests
from tests.leaks.issuers import ISSUERS

__all__ = ["everything"]

NAME = "in memory"
ENDS = (Denied, IssuerUnavailable, SystemExit, asyncio.CancelledError)


def texts() -> Iterator[tuple[object, object]]:
    """Yield every text and every row of bytes that something alive holds, with what holds it."""
    to_come, seen = gc.get_objects(), set[int]()
    while to_come:
        holder = to_come.pop()
        for each in gc.get_referents(holder):
            if isinstance(each, str | bytes | bytearray):
                yield holder, each
            elif isinstance(each, io.BytesIO) and not each.closed:
                yield holder, each.getvalue()
            elif type(each) in {dict, tuple} and not gc.is_tracked(each) and id(each) not in seen:
                seen.add(id(each))  # the collector does not list what holds nothing but texts
                to_come.append(each)


def holders(name: str) -> list[tuple[str, str]]:
    """Return what holds the canary of this name, in its first or its last half."""
    gc.collect()
    halves = made(name)[:16], made(name)[16:]
    coded = [each.encode() for each in halves]
    found: list[tuple[str, str]] = []
    for holder, each in texts():
        wanted: Any = halves if isinstance(each, str) else coded
        if each not in wanted and any(half in cast("Any", each) for half in wanted):  # not the search itself
            found.append((type(holder).__name__, repr(each)))
    return found


def _closed(key: str) -> Callable[[], str]:
    return lambda: key


def _begun(key: str) -> Iterator[str]:
    def parts(key: str) -> Iterator[str]:
        yield ""
        yield key

    generator = parts(key)
    next(generator)
    return generator


KEEPING: Mapping[str, Callable[[str], object]] = {
    "a text": lambda key: f"Bearer {key}",
    "bytes in a dict": lambda key: {"a": key.encode() + b"x"},
    "a tuple in a tuple": lambda key: (1, (key + "x",)),
    "a buffer": lambda key: bytearray(key.encode()) + b"x",
    "a file in memory": lambda key: io.BytesIO(key.encode() + b"x"),
    "a function": lambda key: _closed(key + "x"),
    "a generator": lambda key: _begun(key + "x"),
    "an exception": lambda key: ValueError(key + "x"),
}
"""What the search must find."""


def keep() -> Iterator[tuple[str, bool]]:
    """Yield how a key was kept, and whether it was found then and only then."""
    for how, keeping in KEEPING.items():
        kept = [keeping(made("kept"))]
        found = bool(holders("kept"))
        kept.clear()
        yield how, found and not holders("kept")


def serve(adapter: str) -> None:
    """Bring a key in each place to an app that fails in each way, whatever the issuer says; the validators live on."""
    for issuer in ISSUERS:
        validator = Validator(ISSUERS[issuer]())
        kept.append(validator)
        call, app = ADAPTERS[adapter](validator, {"locations": LOCATIONS, "on_denied": broken_answer})
        kept.append(app)
        for path in ("/fails", "/breaks") if "grants" in issuer else ("/fails",):
            for place in PLACES:
                with suppress(Exception, *ENDS):
                    call(app, requests(path, made(NAME))[place])


def check(issuer: str) -> None:
    """Check a key, and forget it."""
    validator = Validator(ISSUERS[issuer]())
    kept.append(validator)
    ways: list[Callable[[str], object]] = [validator.check, lambda key: asyncio.run(validator.acheck(key))]
    for way in [*ways, validator.forget]:
        with suppress(*ENDS):
            way(made(NAME))


kept = list[object]()


def talk() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Check keys over connections that are kept, and yield what holds them while these wait for the next question."""
    with serving(ok(b'{"workspace": "acme", "active": true}')) as server:
        for issuer in (RoboflowIssuer(server.url), IntrospectionIssuer(server.url, TOKEN, feed=False)):
            with Validator(issuer, timeout=60.0) as validator:

                async def on_a_loop(validator: Validator = validator) -> list[tuple[str, str]]:
                    await validator.acheck(made(NAME) + "2")
                    return holders(NAME)

                validator.check(made(NAME) + "1")
                yield f"{issuer!r} in a thread", holders(NAME)
                yield f"{issuer!r} on a loop", asyncio.run(on_a_loop())


def give_up() -> None:
    """Stop waiting for a check, by a time limit of one's own and by that of the validator."""

    async def hang(request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        return httpx.Response(200)

    async def main() -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await validator.acheck(made(NAME))
        with suppress(IssuerUnavailable):
            await asyncio.to_thread(lambda: validator.check(made(NAME)))

    validator = Validator(RoboflowIssuer(transport=httpx.MockTransport(hang)), timeout=0.1)
    kept.append(validator)
    asyncio.run(main())


def everything() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield what was done, and what holds the key after it."""
    for adapter in ADAPTERS:
        serve(adapter)
        yield f"served by {adapter}", holders(NAME)
    for issuer in ISSUERS:
        check(issuer)
    yield "checked by hand", holders(NAME)
    yield from talk()
    give_up()
    yield "given up", holders(NAME)


if __name__ == "__main__":
    logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    print(json.dumps({"finds": dict(keep()), "holders": dict(everything())}))  # noqa: T201 - its one answer
