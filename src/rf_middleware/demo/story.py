"""What is shown, step by step. Each claim is checked before it is printed; the first that is not true ends the demo."""

import os
import signal
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import cast

from rf_middleware.demo.failed import must
from rf_middleware.demo.line import Answer, Line
from rf_middleware.demo.screen import Screen
from rf_middleware.demo.stage import LEASE, Scene
from rf_middleware.demo.workers import Key, Worker, find_workers

__all__ = ["Story"]


@dataclass(frozen=True)
class Receipt:
    """What the issuer says when a revocation holds everywhere."""

    confirmed: int
    expired: int
    seconds: float

    def __str__(self) -> str:
        """Return it in words."""
        took = f"{self.seconds:.1f} s" if self.seconds >= 1 else f"{self.seconds * 1000:.0f} ms"
        ran_out = f", {self.expired} lease ran out" if self.expired else ""
        return f"after {took}: {self.confirmed} workers confirmed{ran_out}"


class Story:
    """The demo itself.

    Args:
        scene: everything runs.
        screen: where it is told.
        enough: seconds of requests to each worker.
        patience: seconds for what takes milliseconds.
    """

    def __init__(self, scene: Scene, screen: Screen, *, enough: float = 0.25, patience: float = 30.0) -> None:
        self._scene, self._screen = scene, screen
        self._enough, self._patience = enough, patience
        self._lines = ExitStack()
        self._issuer = self._lines.enter_context(closing(Line(scene.issuer_url)))

    def tell(self) -> None:
        """Show everything.

        Raises:
            Failed: something was not as told.
        """
        self._introduce()
        first = self.create("first")
        workers = self._meet(first)
        self._cached(workers, first)
        self._revoked(workers, first)
        self._frozen(workers, self.create("second"))

    def create(self, name: str) -> Key:
        """Create a key over HTTP.

        Raises:
            Failed: the issuer refused.
        """
        wanted = {"name": name, "scopes": ["model:infer"]}
        answer = self._issuer.ask("/demo/api-keys", self._scene.key, "POST", wanted)
        must(f"the issuer answered {answer} to creating a key", holds=answer.status == 200)
        return Key(str(answer.body["key"]), str(answer.body["keyId"]))

    def close(self) -> None:
        """Hang up everywhere."""
        self._lines.close()

    def _introduce(self) -> None:
        place, scene = self._screen.place, self._scene
        place("issuer", scene.issuer_url, f"knows the keys; leases of {LEASE} s")
        place("flask", scene.flask_url, "under gunicorn, 2 workers")
        place("starlette", scene.starlette_url, "under uvicorn, 1 worker")

    def _meet(self, key: Key) -> list[Worker]:
        """Find a connection to each worker, and wait until each has its lease."""
        scene = self._scene
        workers = [
            *find_workers("flask", scene.flask_url, 2, key, self._lines, patience=self._patience),
            *find_workers("starlette", scene.starlette_url, 1, key, self._lines, patience=self._patience),
        ]
        end = time.monotonic() + self._patience
        while self._revoke(self.create("probe")).confirmed != len(workers):
            must("some worker does not follow the revocations", holds=time.monotonic() < end)
        return workers

    def _cached(self, workers: list[Worker], key: Key) -> None:
        self._screen.step(
            f"1. Key {key} is created and used. Then the issuer is frozen: cached keys need no call to it."
        )
        for worker in workers:
            worker.accepts(key)
        self._scene.issuer.freeze()
        try:
            for worker in workers:
                count, seconds = worker.count(key, self._enough)
                each = f"{count} requests, {seconds / count * 1000:.1f} ms each"
                self._screen.fact(worker.app, str(worker), 200, each)
        finally:
            self._scene.issuer.wake()

    def _revoked(self, workers: list[Worker], key: Key) -> None:
        self._screen.step("2. The key is revoked. DELETE returns; the very next request to each worker:")
        receipt = self._revoke(key)
        answers = [worker.line.ask("/", key.secret) for worker in workers]  # before anything else is done
        self._acknowledged(receipt, confirmed=len(workers), expired=0)
        for worker, answer in zip(workers, answers, strict=True):
            self._refused(worker, worker.refuses(answer))

    def _frozen(self, workers: list[Worker], key: Key) -> None:
        asleep, others = workers[0], workers[1:]
        self._screen.step(
            f"3. Worker {asleep.pid} is frozen: it can't be told. DELETE of key {key} waits until its lease ends."
        )
        for worker in workers:
            worker.accepts(key)
        os.kill(asleep.pid, signal.SIGSTOP)
        try:
            self._issuer.send(f"/demo/api-keys/{key.id}", self._scene.key, "DELETE")
            for worker in others:
                self._refused(worker, worker.comes_to_refuse(key, self._patience), ", at once")
            receipt = _receipt(self._issuer.answer())
            asleep.line.send("/", key.secret)  # so that it is there when the worker wakes
        finally:
            os.kill(asleep.pid, signal.SIGCONT)
        answer = asleep.line.answer()
        self._acknowledged(receipt, confirmed=len(others), expired=1)
        self._refused(asleep, asleep.refuses(answer), ", as soon as it wakes")

    def _acknowledged(self, receipt: Receipt, *, confirmed: int, expired: int) -> None:
        wanted = f"{confirmed} confirmed, {expired} expired"
        said = f"{receipt.confirmed} confirmed, {receipt.expired} expired"
        must(f"the receipt says {said}, not {wanted}", holds=said == wanted)
        metadata = self._issuer.ask("/.well-known/oauth-authorization-server").body
        bound = cast("float", metadata["revocation_bound_ms"]) / 1000
        must(f"DELETE took {receipt.seconds:.1f} s, more than {bound:.1f} s", holds=receipt.seconds <= bound)
        self._screen.fact("issuer", "DELETE", 200, str(receipt))

    def _refused(self, worker: Worker, answer: Answer, when: str = "") -> None:
        self._screen.fact(worker.app, str(worker), answer.status, f"{answer.problem}{when}")

    def _revoke(self, key: Key) -> Receipt:
        return _receipt(self._issuer.ask(f"/demo/api-keys/{key.id}", self._scene.key, "DELETE"))


def _receipt(answer: Answer) -> Receipt:
    good = answer.status == 200 and answer.body.get("revoked") is True
    must(f"the issuer answered {answer} to revoking a key", holds=good)
    validators = cast("dict[str, int]", answer.body["validators"])
    return Receipt(validators["confirmed"], validators["expired"], cast("float", answer.body["took_ms"]) / 1000)
