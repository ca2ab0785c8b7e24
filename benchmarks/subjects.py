"""Who is measured: for each kind of app the bare one, the floor, us, and the ways in which others do it.

Each ``on_*.py`` makes the apps of one framework and is loaded when its turn comes: Starlette in the process makes our
ASGI hit also set ``scope["user"]`` and ``scope["auth"]``, and the raw apps are measured before that. A peer that is
not installed is an ``ImportError`` when its app is made.
"""

import math
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Final

from benchmarks import answers
from benchmarks.floor import Entry
from benchmarks.issuers import Asked, leased
from benchmarks.traffic import KEY
from rf_middleware import Validator
from rf_middleware._fingerprint import fingerprint

__all__ = ["BARE", "BY_HAND", "ENTRIES", "FLOOR", "OURS", "STACKS", "Maker", "Subject", "World", "made", "world"]

BARE: Final = "bare app"
FLOOR: Final = "floor"
BY_HAND: Final = "by hand"
OURS: Final = "rf_middleware"
ENTRIES: Final[dict[bytes, Entry]] = {fingerprint(KEY): (math.inf, answers.WORKSPACE)}
"""What the floor has in its cache."""


@dataclass(frozen=True)
class World:
    """What an app needs to know.

    Attributes:
        validator: ours.
        known: what a peer asks on its event loop when its cache has no answer.
        known_now: the same in a thread.
        issuer: URL of an issuer to be asked each time; empty where there is none.
        closing: closes what an app has opened, on the loop that used it.
    """

    validator: Validator
    known: Callable[[str], Awaitable[str | None]]
    known_now: Callable[[str], str | None]
    issuer: str = ""
    closing: list[Callable[[], Awaitable[None]]] = field(default_factory=list["Callable[[], Awaitable[None]]"])


Maker = Callable[[World], Any]
"""Makes an app: ASGI or WSGI, as its stack says."""


@dataclass(frozen=True)
class Subject:
    """One way to protect an app.

    Attributes:
        name: as the tables call it.
        function: of the module of its stack; makes the app.
        place: where the key is.
        remark: what a reader has to know, for the line below the table.
    """

    name: str
    function: str
    place: str = "Bearer"
    remark: str = ""


_IN_QUERY: Final = ", key in the query"
_INFERENCE: Final = Subject(
    "check of the inference server's kind",
    "inference",
    "query",
    '`@app.middleware("http")`, a dict, 3600 s: the behaviour written anew',
)
_BARE_AND_OURS: Final = (Subject(BARE, "bare"), Subject(FLOOR, "floor"), Subject(OURS, "ours"))
_QUERY: Final = (Subject(FLOOR + _IN_QUERY, "floor", "query"), Subject(OURS + _IN_QUERY, "ours", "query"))

STACKS: Final[Mapping[str, tuple[Subject, ...]]] = {
    "ASGI": (*_BARE_AND_OURS, Subject(BY_HAND, "by_hand")),
    "WSGI": (*_BARE_AND_OURS, Subject(BY_HAND, "by_hand")),
    "Starlette": (
        *_BARE_AND_OURS,
        *_QUERY,
        Subject("AuthenticationMiddleware + TTLCache", "authentication"),
        _INFERENCE,
        Subject("introspection, no cache", "introspection", remark="one pooled httpx client, an issuer on this host"),
    ),
    "FastAPI": (
        *_BARE_AND_OURS,
        Subject("rf_middleware, RequireKey alone", "require_key"),
        Subject("APIKeyHeader + TTLCache", "api_key_header", "X-API-Key"),
        Subject(
            "keyshield, its cache",
            "keyshield",
            remark="its sleep of 100 to 300 ms on every check switched off, its keys in memory",
        ),
        _INFERENCE,
    ),
    "Flask": (
        *_BARE_AND_OURS,
        Subject("rf_middleware, @require_key", "require_key"),
        Subject("Flask-HTTPAuth + TTLCache", "httpauth"),
    ),
}
_MODULES: Final = {
    "ASGI": "on_raw",
    "WSGI": "on_raw_wsgi",
    "Starlette": "on_starlette",
    "FastAPI": "on_fastapi",
    "Flask": "on_flask",
}


def made(stack: str, subject: Subject, given: World) -> Any:  # noqa: ANN401 - ASGI or WSGI, as the stack says
    """Make the app of a subject.

    Raises:
        ImportError: the package of a peer, or the framework, is not installed.
    """
    maker: Maker = getattr(import_module(f"benchmarks.{_MODULES[stack]}"), subject.function)
    return maker(given)


Mode = Callable[[], AbstractContextManager[Asked]]
"""Makes a validator that knows ``KEY``: with a lease, or bounded."""


@contextmanager
def world(issuer: str = "", mode: Mode = leased) -> Generator[World]:
    """Make a world in which the validator knows ``KEY``, and others are told in no time."""

    async def known(key: str) -> str | None:
        return answers.slug_of(key)

    with mode() as asked:
        yield World(asked.validator, known, answers.slug_of, issuer)
