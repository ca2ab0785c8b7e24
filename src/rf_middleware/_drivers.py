"""Do what a flow asks for, in a thread or on an event loop. Two short loops, no decisions.

``flow.close()`` runs whatever ends the request (a cancelled task, a dead thread): the flow then hands its
check over to the next request that waits for it.
"""

import asyncio
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from functools import partial
from typing import Final

from rf_middleware._flight import Answer, Ask, Effect, Flow, Start, Wait
from rf_middleware._models import Verdict
from rf_middleware.issuers._background import Background, background
from rf_middleware.issuers._protocol import Issuer
from rf_middleware.issuers._results import raised, returned

__all__ = ["adrive", "drive"]

_apart: Final = set[asyncio.Task[None]]()


def drive(flow: Flow, issuer: Issuer, first: Effect | None = None) -> Verdict:
    """Run a flow in the calling thread; ``first`` is what one that has begun wants.

    Raises:
        RuntimeError: an event loop runs in this thread; the flow could wait for a check that this very loop drives.
    """
    if _on_a_loop():
        flow.close()
        message = "check() would block the running event loop: await acheck() there"
        raise RuntimeError(message)
    try:
        effect: Effect = next(flow) if first is None else first
        while True:
            effect = flow.send(_perform(effect, issuer))
    except StopIteration as stop:
        verdict: Verdict = stop.value
        return verdict
    finally:
        flow.close()


async def adrive(flow: Flow, issuer: Issuer, first: Effect | None = None) -> Verdict:
    """Run a flow on the running event loop; ``first`` is what one that has begun wants."""
    try:
        effect: Effect = next(flow) if first is None else first
        while True:
            effect = flow.send(await _aperform(effect, issuer))
    except StopIteration as stop:
        verdict: Verdict = stop.value
        return verdict
    finally:
        flow.close()


def _on_a_loop() -> bool:
    try:
        # Under gevent all greenlets share one thread, and the background's loop seems to run in each.
        return asyncio.get_running_loop() is not background.loop
    except RuntimeError:
        return False


def _perform(effect: Effect, issuer: Issuer) -> Answer | Verdict | None:
    if isinstance(effect, Ask):
        try:
            return returned(issuer, issuer.check(effect.key.reveal(), effect.timeout))
        except Exception:  # noqa: BLE001 - whatever breaks in an issuer, the request gets a 503
            return raised(issuer)
    if isinstance(effect, Wait):
        return _landed(effect.landing, effect.timeout)
    if isinstance(effect, Start):
        _start_apart(effect, issuer)
    else:
        time.sleep(effect.seconds)
    return None


def _start_apart(start: Start, issuer: Issuer, loop: Background = background) -> None:
    try:
        loop.start(partial(_run_apart, start, issuer), start.flow.close)
    except RuntimeError:  # no thread to be had: then this one does it
        drive(start.flow, issuer, start.first)


async def _run_apart(start: Start, issuer: Issuer) -> None:
    await adrive(start.flow, issuer, start.first)


def _landed(landing: "Future[Verdict | None]", timeout: float) -> Verdict | None:
    try:
        return landing.result(timeout)
    except FutureTimeoutError:
        return None


async def _aperform(effect: Effect, issuer: Issuer) -> Answer | Verdict | None:
    if isinstance(effect, Ask):
        try:
            async with asyncio.timeout(effect.timeout):
                return returned(issuer, await issuer.acheck(effect.key.reveal(), effect.timeout))
        except Exception:  # noqa: BLE001 - whatever breaks in an issuer, the request gets a 503
            return raised(issuer)
    if isinstance(effect, Wait):
        try:
            async with asyncio.timeout(effect.timeout):
                # Shielded: a cancelled request must not cancel what all the others wait for.
                return await asyncio.shield(asyncio.wrap_future(effect.landing))
        except TimeoutError:
            return None
    if isinstance(effect, Start):
        flow, task = effect.flow, asyncio.get_running_loop().create_task(_run_apart(effect, issuer))
        _apart.add(task)  # a loop holds its tasks weakly
        task.add_done_callback(_apart.discard)
        task.add_done_callback(lambda _task: flow.close())  # cancelled before it began, it would never land
    else:
        await asyncio.sleep(effect.seconds)
    return None
