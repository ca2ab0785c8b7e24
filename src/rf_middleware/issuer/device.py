"""A login by a code on a page (RFC 8628), seen from the issuer: where it stands, and what comes next. Pure.

* It is pending, then approved or denied, once. Approved it is exchanged for keys, once: then it is done.
* After its end it is neither decided nor exchanged.
* Polls keep an interval. Each one that comes sooner gets ``slow_down`` and adds 5 seconds for good (section 3.5).
* Nothing is written for a device that polls on and on though its interval is longer than any login.
"""

from dataclasses import dataclass, replace
from typing import Final

__all__ = ["INTERVAL", "LASTS", "Device", "Polled", "decide", "over", "poll"]

LASTS: Final = 600.0
"""Seconds for which a login waits for a person, and then for the device."""

INTERVAL: Final = 5.0
"""Seconds between polls, at first."""

_SLOWER: Final = 5.0
_EARLY: Final = 1.0
"""Seconds a poll may be early: a device counts from when it got the answer, or by another clock."""

_ENDED: Final = {"denied": "access_denied", "done": "invalid_grant"}


@dataclass(frozen=True, slots=True)
class Device:
    """A login that a device asked for.

    Attributes:
        client, name, agent: what the device says it is.
        address: where it asked from.
        workspace: the slug it asked for, or empty.
        created, ends: seconds since 1970.
        interval: seconds between polls.
        polled: when it polled last; ``None`` for never.
        state: ``pending``, ``approved``, ``denied`` or ``done``.
        person_id: who decided.
        workspaces: the ids of those that were allowed, the first one first.
    """

    id: str
    client: str
    name: str
    address: str
    agent: str
    workspace: str
    created: float
    ends: float
    interval: float = INTERVAL
    polled: float | None = None
    state: str = "pending"
    person_id: str | None = None
    workspaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Polled:
    """What comes of a poll.

    Attributes:
        device: the login as it is from now on.
        error: what the device is told; empty where it is handed keys.
    """

    device: Device
    error: str = ""


def poll(device: Device, now: float) -> Polled:
    """Take in that a device asks for its keys."""
    if device.state in _ENDED:
        return Polled(device, _ENDED[device.state])
    if now >= device.ends:
        return Polled(device, "expired_token")
    if device.state == "approved":
        return Polled(replace(device, state="done"))
    # A clock that was set back makes nobody wait.
    if device.polled is None or not 0 <= now - device.polled < device.interval - _EARLY:
        return Polled(replace(device, polled=now), "authorization_pending")
    if device.interval < LASTS:
        device = replace(device, polled=now, interval=device.interval + _SLOWER)
    return Polled(device, "slow_down")


def over(device: Device, now: float) -> str:
    """Say why a login can't be decided; empty where it can."""
    if device.state != "pending":
        return "decided"
    return "expired" if now >= device.ends else ""


def decide(device: Device, person_id: str, workspaces: tuple[str, ...]) -> Device:
    """Return a login, which is not over, as a person answers it: with workspaces, or with none for a no."""
    state = "approved" if workspaces else "denied"
    return replace(device, state=state, person_id=person_id, workspaces=workspaces)
