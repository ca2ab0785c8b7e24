"""Very many revocations with very many validators at a real server: ``RF_SESSIONS``, ``RF_REVOCATIONS``."""

import asyncio
import os
import resource
import sys
import time

import pytest

from benchmarks.feed import Asking, Issuer, Sessions, served

SESSIONS = int(os.environ.get("RF_SESSIONS", "10000"))
REVOCATIONS = int(os.environ.get("RF_REVOCATIONS", "1000"))
AT_ONCE = 100
"""Connections that revoke, one key after the other."""

EACH_SESSION, EACH_REVOCATION, ALWAYS = 8_000, 60_000, 64_000_000
"""Bytes that a session and a revocation may cost at most, and what is on its way between them at any time.

Were it as little as a hundred bytes for each pair, it would be a gigabyte.
"""


async def _burst(issuer: Issuer) -> tuple[str, int]:
    """Return what was measured, in words, and by how many bytes the issuer grew at most."""
    token, asking = issuer.token(), [await Asking.open(issuer) for _ in range(AT_ONCE)]
    before = await issuer.memory()
    sessions = Sessions(issuer.address, token)
    await sessions.add(SESSIONS, "many")
    idle, most = await issuer.memory(), [0]
    keys = [(await asking[0].timed("POST", "/acme/api-keys"))[1]["keyId"] for _ in range(REVOCATIONS)]
    watching = asyncio.create_task(_watch(issuer, most))
    times: list[float] = []

    async def revoke(one: Asking, theirs: list[str]) -> None:
        for key_id in theirs:
            took, receipt = await one.timed("DELETE", f"/acme/api-keys/{key_id}")
            assert receipt["validators"] == {"confirmed": SESSIONS, "expired": 0}
            times.append(took)

    begun = time.monotonic()
    await asyncio.gather(*(revoke(one, keys[place::AT_ONCE]) for place, one in enumerate(asking)))
    lasted = time.monotonic() - begun
    watching.cancel()
    sessions.close()
    for one in asking:
        one.close()
    after = await issuer.memory()
    await asyncio.sleep(0)  # the connections close
    line = (
        f"{SESSIONS:,} sessions, {REVOCATIONS:,} revocations, {AT_ONCE} at a time: {lasted:.0f} s, the longest"
        f" {max(times) / 1000:.1f} s; memory of a session: idle {(idle - before) / SESSIONS:,.0f} bytes, at most"
        f" {(most[0] - before) / SESSIONS:,.0f}, afterwards {(after - before) / SESSIONS:,.0f}"
    )
    return line, max(most[0], after) - before


async def _watch(issuer: Issuer, most: list[int]) -> None:
    while True:
        most[0] = max(most[0], issuer.private())
        await asyncio.sleep(0.2)


def test_a_thousand_revocations_at_once_reach_ten_thousand_validators(capsys: pytest.CaptureFixture[str]) -> None:
    """Each is confirmed by every validator, and memory is that of sessions and revocations, not of their product."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # the issuer inherits it
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    with served() as issuer:
        line, grown = asyncio.run(_burst(issuer))
    with capsys.disabled():
        sys.stdout.write(f"\n{line}\n")
    assert grown < EACH_SESSION * SESSIONS + EACH_REVOCATION * REVOCATIONS + ALWAYS
