"""Checks the password of a person: at sign-in, and again before a secret is shown.

* Unknown people, wrong passwords and disabled people take the same work and are answered alike.
* Failures are counted (``attempts.py``) and written to the audit log.
* A hash takes 64 MiB for a twentieth of a second: two at a time, in threads of their own, so that checks of keys do not
  wait behind them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from rf_middleware.issuer.attempts import Attempts
from rf_middleware.issuer.audit import By, Note
from rf_middleware.issuer.parts import Parts
from rf_middleware.issuer.people import Person

__all__ = ["Proof", "Proving"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of a password.

    Attributes:
        person: whose it is; ``None`` where it is not theirs, or was not looked at.
        wait: seconds until one is looked at again.
    """

    person: Person | None = None
    wait: int = 0

    @property
    def too_soon(self) -> str:
        """What is said to somebody who has to wait; empty for others."""
        return f"Too many failed attempts. Try again in {self.wait} seconds." if self.wait else ""


class Proving:
    """Checks and hashes passwords. Used on one event loop."""

    def __init__(self, parts: Parts) -> None:
        self._store, self._revocations, self._passwords = parts.store, parts.revocations, parts.passwords
        self._attempts, self._two = Attempts(parts.clock), CapacityLimiter(2)

    async def prove(self, email: str, password: str, by: By) -> Proof:
        """Check a password.

        Args:
            email: whose it is said to be.
            password: what was typed.
            by: who typed it, and where.
        """
        with self._attempts.begin(email, by.address) as attempt:
            if attempt.wait:
                return Proof(wait=math.ceil(attempt.wait))
            person = await self._revocations.read(self._store.person, email)
            kept = person.password if person is not None and person.active else None
            right = await self._run(self._passwords.verify, kept, password)
            if right and person is not None:
                attempt.succeeded()
                await self._renew(person, password)
                return Proof(person)
        await self._revocations.write(self._store.note, by, Note("session.fail", email))
        return Proof()

    async def hash(self, password: str) -> str:
        """Return what is kept of a password."""
        return await self._run(self._passwords.hash, password)

    async def _renew(self, person: Person, password: str) -> None:
        """Hash a good password again where hashes cost more by now."""
        if self._passwords.needs_rehash(person.password or ""):
            await self._revocations.write(self._store.rehash, person, await self.hash(password))

    async def _run(self, work: Callable[..., T], *args: object) -> T:
        return await run_sync(work, *args, limiter=self._two)
