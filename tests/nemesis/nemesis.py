"""The one with a plan: stops, wakes and kills workers and the issuer, and makes the network misbehave. Seeded.

Two of them at work at a time: one for processes, one for the network. Each deals its deck of evils again and again, in
another order each time, so that even a short run has seen all of them. What was done is undone by its own evil.
"""

import asyncio
import itertools
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

from tests.nemesis.crowd import Crowd, Key
from tests.nemesis.processes import LEASE, IssuerProcess, Site
from tests.nemesis.proxy import Fault
from tests.nemesis.wire import PATIENCE, Lost

__all__ = ["Nemesis"]

Evil = Callable[[], Awaitable[None]]


class Nemesis:
    """Somebody who wants a revoked key to be accepted.

    Attributes:
        done: how often each evil was done.
    """

    def __init__(self, issuer: IssuerProcess, sites: list[Site], crowd: Crowd, dice: random.Random) -> None:
        self._issuer, self._sites, self._crowd, self._dice = issuer, sites, crowd, dice
        self.done = Counter[str]()

    async def work(self, seconds: float) -> None:
        """Do evil for so long, and everything at least once."""
        processes: list[Evil] = [
            *[self._stop_worker] * 3,
            self._stop_worker_beyond_its_lease,
            self._stop_site,
            self._kill_worker,
            self._end_worker,
            self._stop_issuer,
            self._kill_issuer,
            self._end_issuer,
            self._kill_issuer_between_commit_and_answer,
        ]
        faults = [self._network_fault(fault) for fault in Fault if fault not in {Fault.NONE, Fault.NO_FEED}]
        network = [*faults, self._revoke_while_checks_are_slow]
        end = time.monotonic() + seconds
        await asyncio.gather(self._deal(processes, end), self._deal(network, end))

    async def _deal(self, deck: list[Evil], end: float) -> None:
        for dealt in itertools.count():
            self._dice.shuffle(deck)
            for evil in deck:
                if dealt and time.monotonic() > end:
                    return
                await evil()
                self.done[getattr(evil, "__name__", "").strip("_")] += 1
                await asyncio.sleep(self._dice.uniform(0, 0.4))

    # ---- the network

    def _network_fault(self, fault: Fault) -> Evil:
        async def evil() -> None:
            proxies = [site.proxy for site in self._sites]
            chosen = self._dice.sample(proxies, self._dice.choice([1, 1, 2, len(proxies)]))
            longest = self._dice.choice([0.02, 0.4, LEASE * 0.9, LEASE * 1.5])
            for proxy in chosen:
                # Each piece on its own: the feed overtakes a check, and a check the feed.
                proxy.begin(fault, lambda: self._dice.uniform(0, longest))
            await asyncio.sleep(self._dice.choice([0.3, 1.0, LEASE * 1.2]))
            for proxy in chosen:
                proxy.heal()

        evil.__name__ = f"network {fault.name.lower().replace('_', ' ')}"
        return evil

    async def _revoke_while_checks_are_slow(self) -> None:
        """Without a lease each request is asked about: no answer from before the revocation may serve one after it."""
        for site in self._sites:
            site.proxy.begin(Fault.NO_FEED, lambda: self._dice.uniform(0.1, 0.7))
        await asyncio.sleep(LEASE * 1.1)  # no lease is held any more, so nobody is waited for
        key = await self._crowd.create()
        for _ in range(8):
            self._crowd.try_everywhere(key)
            await asyncio.sleep(0.05)
        await self._crowd.revoke(key)
        for site in self._sites:
            site.proxy.heal()

    # ---- workers

    async def _stop_worker(self) -> None:
        await self._stopped(self._dice.uniform(0.05, LEASE * 0.8))

    async def _stop_worker_beyond_its_lease(self) -> None:
        await self._stopped(LEASE * self._dice.uniform(1.1, 1.6))

    async def _stopped(self, seconds: float) -> None:
        worker = self._dice.choice(self._crowd.workers())
        worker.stop()
        await asyncio.sleep(seconds)
        worker.wake()

    async def _stop_site(self) -> None:
        """Stop all workers of a site while the network swallows what they say; wake them one after another."""
        site = self._dice.choice(self._sites)
        for worker in site.workers:
            worker.stop()
        for worker in site.workers:
            await asyncio.sleep(self._dice.uniform(0.1, LEASE * 0.7))
            worker.wake()

    async def _kill_worker(self) -> None:
        await self._replaced(signal.SIGKILL)

    async def _end_worker(self) -> None:
        await self._replaced(signal.SIGTERM)

    async def _replaced(self, number: signal.Signals) -> None:
        site = self._dice.choice(self._sites)
        await site.replace(self._dice.choice(site.workers), number)

    # ---- the issuer

    async def _stop_issuer(self) -> None:
        self._issuer.tell(signal.SIGSTOP)
        await asyncio.sleep(self._dice.uniform(0.1, LEASE * 1.3))
        self._issuer.tell(signal.SIGCONT)

    async def _kill_issuer(self) -> None:
        await self._restarted(signal.SIGKILL)

    async def _end_issuer(self) -> None:
        await self._restarted(signal.SIGTERM)

    async def _restarted(self, number: signal.Signals) -> None:
        await self._issuer.end(number)
        await asyncio.sleep(self._dice.choice([0, 0, 0.5]))
        await self._issuer.start()

    async def _kill_issuer_between_commit_and_answer(self) -> None:
        """A site that hears nothing holds up the answer; the issuer dies meanwhile, and is asked again later."""
        site = self._dice.choice(self._sites)
        crowd = self._crowd
        key = await crowd.create()
        await crowd.use_everywhere(key, 0.5)
        crowd.used.append(key)
        site.proxy.begin(Fault.BLACK_HOLE)
        revoked = crowd.spawn(crowd.revoke(key))
        await self._is_committed(key)
        self.done["killed while a DELETE waited" if not revoked.done() else "killed too late"] += 1
        await self._issuer.end(signal.SIGKILL)
        await self._issuer.start()
        await revoked
        site.proxy.heal()

    async def _is_committed(self, key: Key) -> None:
        async with asyncio.timeout(PATIENCE):
            while True:
                with suppress(Lost):
                    if not await self._crowd.is_active(key):
                        return
                await asyncio.sleep(0.01)
