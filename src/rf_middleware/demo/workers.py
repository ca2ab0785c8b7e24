"""The worker processes of the two apps, each held by a connection that reaches it alone."""

import time
from collections.abc import Iterable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import Final, cast

from rf_middleware.demo.failed import must
from rf_middleware.demo.line import Answer, Line

__all__ = ["Key", "Worker", "find_workers"]

_LONGEST_PAUSE: Final = 0.1


@dataclass(frozen=True)
class Key:
    """A key and its id. Shown as prefix and last four characters."""

    secret: str = field(repr=False)
    id: str

    def __str__(self) -> str:
        """Return what may be shown of it."""
        return f"{self.secret[:4]}...{self.secret[-4:]}"


@dataclass(frozen=True)
class Worker:
    """A process of an app."""

    app: str
    pid: int
    line: Line

    def __str__(self) -> str:
        """Return how it is called."""
        return f"worker {self.pid}"

    def accepts(self, key: Key) -> None:
        """Send a request with a good key.

        Raises:
            Failed: it was refused, or somebody else was meant.
        """
        answer = self.line.ask("/", key.secret)
        must(f"{self} of the {self.app} app answered {answer} to a good key", holds=answer.status == 200)
        expected = {"workspace": "demo", "pid": self.pid}
        must(f"{self} of the {self.app} app said {answer.body}, not {expected}", holds=answer.body == expected)

    def refuses(self, answer: Answer) -> Answer:
        """Look at its answer to a revoked key.

        Raises:
            Failed: it was accepted.
        """
        must(f"{self} of the {self.app} app answered {answer} to a revoked key", holds=answer.status == 401)
        return answer

    def comes_to_refuse(self, key: Key, patience: float) -> Answer:
        """Send requests until one is refused.

        Raises:
            Failed: none was within ``patience`` seconds.
        """
        end = time.monotonic() + patience
        while True:
            answer = self.line.ask("/", key.secret)
            if answer.status != 200:
                return self.refuses(answer)
            must(f"{self} of the {self.app} app did not hear of the revocation", holds=time.monotonic() < end)

    def count(self, key: Key, seconds: float) -> tuple[int, float]:
        """Send requests for a while; return how many, and the seconds it took.

        Raises:
            Failed: one was refused.
        """
        start, count = time.monotonic(), 0
        while count == 0 or time.monotonic() < start + seconds:
            self.accepts(key)
            count += 1
        return count, time.monotonic() - start


def find_workers(
    app: str, address: str, count: int, key: Key, lines: ExitStack, *, patience: float = 30.0
) -> Iterable[Worker]:
    """Open connections until each of the workers holds one: which of them takes one is not ours to say.

    Args:
        app: for people.
        address: of its server.
        count: of its workers.
        key: a good one.
        lines: closes the connections later.
        patience: seconds until each of them has started and taken one.

    Raises:
        Failed: the app refuses a good key, or some worker takes none.
    """
    found: dict[int, Worker] = {}
    spare, end = 0, time.monotonic() + patience
    while len(found) < count:
        line = lines.enter_context(closing(Line(address)))
        answer = line.ask("/", key.secret)
        must(f"the {app} app answered {answer} to a good key", holds=answer.status == 200)
        pid = cast("int", answer.body.get("pid"))
        if pid in found:
            spare += 1
            must(f"only {len(found)} of {count} workers of the {app} app took requests", holds=time.monotonic() < end)
            time.sleep(min(0.001 * spare, _LONGEST_PAUSE))
        else:
            found[pid] = Worker(app, pid, line)
    return found.values()
