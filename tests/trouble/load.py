"""Load on servers while their issuer is in trouble, and what became of each kind of key.

Kinds: ``cached`` keys are in the cache of each server from the beginning, ``revoked`` ones were there and were revoked,
``unknown`` ones nobody has issued, and each ``new`` one is good and is asked about once.
"""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rf_middleware.demo.failed import Silent
from rf_middleware.demo.line import Line
from tests.trouble.honest import GOOD
from tests.trouble.sites import Site

__all__ = ["CACHED", "REVOKED", "Figures", "loaded"]

CACHED = [f"{GOOD}cached-{number}" for number in range(5)]
REVOKED = f"{GOOD}revoked"
_UNKNOWN = [f"rfk_unknown-{number}" for number in range(5)]
_ASKING = 2
"""Clients of each server that ask about cached keys."""
_ASKING_NEW = 8
"""Clients of each server that ask about new keys: more than gunicorn has threads."""
_ALLOWED = {"cached": {200}, "revoked": {401, 503}, "unknown": {401, 503}, "new": {200, 503}}


@dataclass
class Figures:
    """What was answered.

    Attributes:
        statuses: how often, by server, kind of key and status; 0 is no answer at all.
        slowest: seconds of the slowest answer to a cached key, by server.
    """

    statuses: Counter[tuple[str, str, int]] = field(default_factory=Counter[tuple[str, str, int]])
    slowest: dict[str, float] = field(default_factory=dict[str, float])

    def note(self, site: str, kind: str, status: int, seconds: float) -> None:
        """Take in an answer."""
        self.statuses[site, kind, status] += 1
        if kind == "cached":
            self.slowest[site] = max(seconds, self.slowest.get(site, 0.0))

    def problems(self) -> list[str]:
        """Return which kinds of key were answered as they never may be."""
        return [
            f"{site}: {kind} keys were answered {status} ({number} times)"
            for (site, kind, status), number in sorted(self.statuses.items())
            if status not in _ALLOWED[kind]
        ]

    def let_in(self, kind: str) -> int:
        """Return how many requests with such keys were answered 200."""
        return sum(number for (_, each, status), number in self.statuses.items() if (each, status) == (kind, 200))

    def line(self, site: str, well: "Figures") -> str:
        """Return what there is to say about a server, beside what it did while all was well."""
        counted = {name: number for name, number in self.statuses.items() if name[0] == site}
        refused = sum(number for (_, _, status), number in counted.items() if status != 200)
        ratio = self.slowest[site] / well.slowest[site]
        return (
            f"{site}: {sum(counted.values())} requests, {counted.get((site, 'cached', 200), 0)} from the cache, "
            f"{refused} refused, slowest cached answer x {ratio:.2f}"
        )


class _Client:
    """A connection that is opened again when it was lost, and what is asked over it."""

    def __init__(self, site: Site, figures: Figures, over: threading.Event) -> None:
        self._site, self._figures, self._over = site, figures, over
        self._line: Line | None = None

    def cached(self) -> None:
        """Ask about keys that are in the cache."""
        for key in itertools.cycle(CACHED):
            if not self._ask("cached", key):
                return

    def bad(self) -> None:
        """Ask about keys that are good for nothing."""
        for kind, key in itertools.cycle([("revoked", REVOKED), *(("unknown", key) for key in _UNKNOWN)]):
            if not self._ask(kind, key):
                return
            self._over.wait(0.01)

    def new(self) -> None:
        """Ask about new keys."""
        while self._ask("new", f"{GOOD}{time.monotonic_ns()}-{threading.get_ident()}"):
            self._over.wait(0.01)

    def _ask(self, kind: str, key: str) -> bool:
        if self._over.is_set():
            if self._line is not None:
                self._line.close()
            return False
        began = time.monotonic()
        try:
            self._line = self._line or self._site.line()
            status = self._line.ask("/", key).status
        except Silent:
            status, self._line = 0, None
        self._figures.note(self._site.name, kind, status, time.monotonic() - began)
        return True


@contextmanager
def loaded(sites: list[Site]) -> Generator[Figures]:
    """Put load on the servers while the block runs."""
    figures, over = Figures(), threading.Event()
    works: list[Callable[[], None]] = []
    for site in sites:
        works += [_Client(site, figures, over).cached for _ in range(_ASKING)]
        works += [_Client(site, figures, over).bad]
        works += [_Client(site, figures, over).new for _ in range(_ASKING_NEW)]
    threads = [threading.Thread(target=work, daemon=True) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield figures
    finally:
        over.set()
        for thread in threads:
            thread.join(60)
    assert not any(thread.is_alive() for thread in threads), "a client waits for ever"
