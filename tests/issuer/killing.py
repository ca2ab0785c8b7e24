"""Kills a real issuer at random points, again and again, while keys are made and ended; looks at what is left.

What was acknowledged is noted the moment it is heard, and never forgotten: each life is held to what every earlier one
has said.
"""

import asyncio
import random
import signal
import sqlite3
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from rf_middleware.issuer.database import Database
from rf_middleware.issuer.records import ENDED
from rf_middleware.issuer.store import Store
from tests.issuer.test_serve import COMMAND, printed

__all__ = ["Figures", "killed"]

_KEYS = "/acme/api-keys"
_LEASE = 0.3
_CLIENTS = 6
_ASKED = 20
"""Keys that are asked about over HTTP in each life; the database is read about all of them."""


@dataclass
class Figures:
    """What happened.

    Attributes:
        ended: the secret of each key whose end was acknowledged, by id.
        good: of each key that was made and that nobody has tried to end.
    """

    kills: int = 0
    kills_at_the_start: int = 0
    made: int = 0
    ended: dict[str, str] = field(default_factory=dict[str, str])
    good: dict[str, str] = field(default_factory=dict[str, str])
    unanswered: int = 0
    audited: int = 0

    def line(self) -> str:
        """Return them for people."""
        return (
            f"{self.kills} kills ({self.kills_at_the_start} while it started), {self.made} keys made,"
            f" {len(self.ended)} ends acknowledged, {self.unanswered} asked for and not answered,"
            f" {self.audited} rows of the audit log"
        )


class Life:
    """What clients do while one server lives."""

    def __init__(self, http: httpx.AsyncClient, token: str, figures: Figures, dice: random.Random) -> None:
        self._http, self._token, self._figures, self._dice = http, token, figures, dice

    async def go_on(self) -> None:
        """Do one thing after the other until the server is gone."""
        ways: list[Callable[[str, str], Awaitable[bool]]] = [self._delete, self._later, self._roll, self._form]
        while True:
            good = self._figures.good
            if len(good) < 2 * _CLIENTS:
                made = (await self._http.post(_KEYS)).json()
                good[made["keyId"]] = made["key"]
                self._figures.made += 1
                continue
            key_id = self._dice.choice(list(good))
            secret = good.pop(key_id)
            self._figures.unanswered += 1
            if await self._dice.choice(ways)(key_id, secret):
                self._figures.ended[key_id] = secret
                self._figures.unanswered -= 1

    async def follow(self) -> None:
        """Hold a lease, as a validator does that acks at once."""
        poll: dict[str, object] = {"session": f"session-{self._dice.random()}", "epoch": None, "ack": 0, "wait": 3}
        while True:
            reply = (await self._http.post("/feed", json=poll, headers=self._as_validator())).json()
            poll |= {"epoch": reply["epoch"], "ack": reply["head"]}

    async def look(self) -> None:
        """See that what ended before is refused, and what did not is not.

        Raises:
            AssertionError: it is not so.
        """
        newest = [*list(self._figures.ended.values())[-_ASKED:], *list(self._figures.good.values())[-_ASKED:]]
        wanted = [False] * min(_ASKED, len(self._figures.ended)) + [True] * min(_ASKED, len(self._figures.good))
        for secret, active in zip(newest, wanted, strict=True):
            asked = await self._http.post("/introspect", data={"token": secret}, headers=self._as_validator())
            assert asked.json()["active"] is active

    async def _delete(self, key_id: str, _secret: str) -> bool:
        answer = await self._http.delete(f"{_KEYS}/{key_id}")
        return answer.status_code == 200 and answer.json()["revoked"] is True

    async def _later(self, key_id: str, _secret: str) -> bool:
        receipt = (await self._http.delete(f"{_KEYS}/{key_id}", params={"wait": "false"})).json().get("receipt")
        said: dict[str, Any] = {"state": "pending"}
        while receipt and said["state"] == "pending":
            said = (await self._http.get(receipt)).json()
        return bool(said["state"] == "done")

    async def _roll(self, key_id: str, _secret: str) -> bool:
        answer = await self._http.post(f"{_KEYS}/{key_id}/roll")
        if answer.status_code == 200:
            self._figures.good[answer.json()["keyId"]] = answer.json()["key"]
        return answer.status_code == 200 and answer.json()["rolled"] == key_id

    async def _form(self, _key_id: str, secret: str) -> bool:
        answer = await self._http.post("/revoke", data={"token": secret})
        return answer.status_code == 200 and answer.json()["revoked"] is True

    def _as_validator(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}


async def killed(folder: Path, kills: int, seed: int) -> Figures:
    """Kill an issuer so many times; look each time.

    Raises:
        AssertionError: something acknowledged was undone, or the file is not whole.
    """
    dice, figures, database = random.Random(seed), Figures(), folder / "issuer.db"
    key = printed("workspace", "create", "acme", "--database", str(database))["key"]
    token = printed("token", "create", "--database", str(database))["token"]
    for _ in range(kills):
        await _live(database, (key, token), figures, dice)
        figures.kills += 1
        _look_at(database, figures)
    return figures


async def _live(database: Path, secrets: tuple[str, str], figures: Figures, dice: random.Random) -> None:
    arguments = ["serve", "--port", "0", "--database", str(database), "--lease", str(_LEASE)]
    pipe, none = subprocess.PIPE, subprocess.DEVNULL
    process = subprocess.Popen([*COMMAND, *arguments], stdout=pipe, stderr=none, text=True)  # noqa: ASYNC220 - nothing else is under way
    try:
        assert process.stdout is not None
        if dice.random() < 0.1:
            figures.kills_at_the_start += 1
            await asyncio.sleep(dice.uniform(0.2, 2.0))
            return
        ready = await asyncio.to_thread(process.stdout.readline)
        headers = {"Authorization": f"Bearer {secrets[0]}"}
        async with httpx.AsyncClient(base_url=ready.split()[4], headers=headers, timeout=60) as http:
            life = Life(http, secrets[1], figures, dice)
            await life.look()
            async with asyncio.TaskGroup() as group:
                for work in (life.follow, *[life.go_on] * _CLIENTS):
                    group.create_task(_until_it_dies(work))
                await asyncio.sleep(dice.uniform(0.0, 4 * _LEASE))
                process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        await asyncio.to_thread(process.communicate)


async def _until_it_dies(work: Callable[[], Awaitable[None]]) -> None:
    try:
        await work()
    except httpx.TransportError:
        return


def _look_at(database: Path, figures: Figures) -> None:
    with closing(sqlite3.connect(database)) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert file.execute("PRAGMA foreign_key_check").fetchall() == []
        status: dict[str, str] = dict(file.execute("SELECT id, status FROM keys").fetchall())
        events = [seq for (seq,) in file.execute("SELECT seq FROM events ORDER BY seq")]
    undone = [key_id for key_id in figures.ended if status.get(key_id) not in ENDED]
    assert undone == [], "an end that was acknowledged is not there"
    lost = [key_id for key_id in figures.good if status.get(key_id) != "active"]
    assert lost == [], "a key that was given out is not there"
    assert events == list(range(1, len(events) + 1)), "the history has a gap"
    opened = Database(database)
    try:
        verdict = Store(opened).verify_audit()
    finally:
        opened.close()
    assert verdict.broken is None
    assert verdict.count >= figures.audited
    figures.audited = verdict.count
