"""The clients: they create, use and revoke keys, and note everything they see.

At each acknowledgement the key is tried, at once, on an idle connection of every worker; one that is stopped finds the
request waiting when it wakes.
"""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.nemesis.oracle import History, Receipt, Seen
from tests.nemesis.processes import IssuerProcess, Site, Worker
from tests.nemesis.wire import PATIENCE, Answer, Lost, Wire

__all__ = ["Crowd", "Key"]

T = TypeVar("T")

_REST = 0.05
_PAUSE = 0.06


@dataclass(frozen=True)
class Key:
    """A key; only its id is shown."""

    secret: str
    id: str

    def __repr__(self) -> str:
        return self.id


class Crowd:
    """Everybody who sends requests.

    Attributes:
        history: what they saw.
        good: keys that nobody revokes.
        used: keys that come and go; the newest last.
        hangs: requests without an answer on a connection that still stands.
        over: set when they may go home.
    """

    def __init__(self, issuer: IssuerProcess, sites: list[Site], dice: random.Random, group: asyncio.TaskGroup) -> None:
        self._issuer, self._sites, self._dice, self._group = issuer, sites, dice, group
        self.history = History()
        self.good: list[Key] = []
        self.used: list[Key] = []
        self.hangs: list[str] = []
        self.over = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        ways = [self._delete, self._delete_twice, self._hang_up_first, self._form, self._receipt]
        self._ways = [*ways, self._disable, self._roll]

    def workers(self) -> list[Worker]:
        """Return those that are there now."""
        return [worker for site in self._sites for worker in site.workers]

    # ---- requests to workers

    def try_everywhere(self, key: Key) -> list[asyncio.Task[None]]:
        """Send a request with the key to every worker, at once."""
        return [task for worker in self.workers() if (task := self._try(worker, key)) is not None]

    async def use_everywhere(self, key: Key, patience: float | None = None) -> None:
        """Do the same, and wait for the answers, for so many seconds at most."""
        tries = self.try_everywhere(key)
        if tries:
            await asyncio.wait(tries, timeout=patience)

    def _try(self, worker: Worker, key: Key) -> asyncio.Task[None] | None:
        if not worker.idle:
            self.history.untold += 1
            return None
        return self.spawn(self.use(worker, worker.idle.pop(0), key))

    async def use(self, worker: Worker, wire: Wire, key: Key) -> None:
        """Send one request and note what comes; the connection is idle again after it."""
        try:
            answer = await wire.ask("/", key.secret)
        except Lost:
            wire.close()
        except TimeoutError:
            wire.close()
            self.hangs.append(f"worker {worker.pid} did not answer for {PATIENCE} s")
        else:
            self.history.seen.append(Seen(answer.sent, answer.answered, worker.pid, key.id, answer.status))
            if worker.gone:
                wire.close()
            else:
                worker.idle.append(wire)

    async def load(self, site: Site, number: int) -> None:
        """Use good, dying and dead keys on a worker of a site, on and on."""
        while not self.over.is_set():
            worker = site.workers[number] if number < len(site.workers) else None
            if worker is not None and worker.idle and not worker.stopped:
                keys = self.good if self._dice.random() < 0.3 or not self.used else self.used[-4:]
                await self.use(worker, worker.idle.pop(), self._dice.choice(keys))
            await asyncio.sleep(self._dice.uniform(0, _PAUSE))

    # ---- requests to the issuer

    async def call(self, method: str, path: str, key: str = "", body: bytes = b"", kind: str = "json") -> Answer:
        """Send a request to the issuer on a connection of its own.

        Raises:
            Lost: it is not there, or went away.
        """
        wire = await Wire.open(self._issuer.port)
        try:
            return await wire.ask(path, key, method, body, kind)
        finally:
            wire.close()

    async def read(self) -> Answer:
        """Ask the issuer for next to nothing."""
        return await self._insist(lambda: self.call("GET", "/healthz"), {200})

    async def create(self, times: list[float] | None = None) -> Key:
        """Create a key, however often one has to ask; note how long the issuer took."""
        body = json.dumps({"name": "nemesis"}).encode()
        made = await self._insist(lambda: self.call("POST", "/demo/api-keys", self._issuer.secret, body), {200})
        if times is not None:
            times.append(made.answered - made.sent)
        return Key(made.body["key"], made.body["keyId"])

    async def is_active(self, key: Key) -> bool:
        """Ask the issuer about a key, as a validator would."""
        form = b"token=" + key.secret.encode()
        asked = await self.call("POST", "/introspect", self._issuer.token, form, "x-www-form-urlencoded")
        return bool(asked.body["active"])

    async def revoke(self, key: Key, *, plain: bool = True) -> Receipt | None:
        """Revoke a key, in one way or another, until that is acknowledged; then try it on every worker."""
        self.history.asked[key.id] = time.monotonic()
        way = self._delete if plain else self._dice.choice(self._ways)
        answer = await way(key)
        self.history.acknowledged[key.id] = time.monotonic()
        self.try_everywhere(key)
        told: dict[str, Any] = answer.body.get("validators", {})
        if not told:
            return None
        receipt = Receipt(told["confirmed"], told["expired"])
        self.history.receipts.append(receipt)
        return receipt

    async def turn_over(self) -> None:
        """Create, use everywhere and revoke one key after another."""
        while not self.over.is_set():
            key = await self.create()
            self.used.append(key)
            await self.use_everywhere(key, self._dice.uniform(0, 0.5))
            await self.revoke(key, plain=False)
            await asyncio.sleep(self._dice.uniform(0, 0.3))

    # Ways to end a key; each returns an answer that says it holds. 404 and 409: it has held for a while.

    async def _delete(self, key: Key) -> Answer:
        return await self._insist(lambda: self._deleted(key), {200, 404})

    async def _delete_twice(self, key: Key) -> Answer:
        both = [asyncio.ensure_future(self._delete(key)) for _ in range(2)]
        done, others = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for other in others:
            other.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        return done.pop().result()

    async def _hang_up_first(self, key: Key) -> Answer:
        try:
            async with asyncio.timeout(self._dice.uniform(0.001, 0.03)):
                return await self._delete(key)
        except TimeoutError:
            return await self._delete(key)

    async def _form(self, key: Key) -> Answer:
        form = b"token=" + key.secret.encode()
        return await self._insist(lambda: self.call("POST", "/revoke", body=form, kind="x-www-form-urlencoded"), {200})

    async def _receipt(self, key: Key) -> Answer:
        begun = await self._insist(lambda: self._deleted(key, "?wait=false"), {200, 202, 404})
        while begun.status == 202:
            asked = await self._insist(lambda: self.call("GET", begun.body["receipt"], self._issuer.token), {200})
            if asked.body["state"] == "done":
                return asked
            await asyncio.sleep(_REST)
        return begun

    async def _disable(self, key: Key) -> Answer:
        path, body = f"/demo/api-keys/{key.id}", json.dumps({"disabled": True}).encode()
        return await self._insist(lambda: self.call("PATCH", path, self._issuer.secret, body), {200})

    async def _roll(self, key: Key) -> Answer:
        path = f"/demo/api-keys/{key.id}/roll"
        return await self._insist(lambda: self.call("POST", path, self._issuer.secret, b"{}"), {200, 409})

    def _deleted(self, key: Key, query: str = "") -> Coroutine[Any, Any, Answer]:
        return self.call("DELETE", f"/demo/api-keys/{key.id}{query}", self._issuer.secret)

    async def _insist(self, ask: Callable[[], Awaitable[Answer]], wanted: set[int]) -> Answer:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                answer = await ask()
            except (Lost, TimeoutError):
                pass  # the issuer is away, or its answer was lost: ask again
            else:
                if answer.status in wanted:
                    return answer
                assert answer.status in {202, 503}, f"the issuer answered {answer.status} {answer.body}"
            await asyncio.sleep(_REST)
        raise AssertionError(f"the issuer gave none of {wanted} within {PATIENCE} s")

    # ---- the end

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run something beside the rest."""
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def drain(self) -> None:
        """Wait for the answers that are still to come."""
        while self._tasks:
            await asyncio.wait(self._tasks)
