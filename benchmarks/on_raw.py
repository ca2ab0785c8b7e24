"""Raw ASGI apps."""

import math

from benchmarks.by_hand import ByHandASGI
from benchmarks.floor import FloorASGI
from benchmarks.subjects import ENTRIES, World
from benchmarks.traffic import ASGIApp, BareASGI
from rf_middleware.asgi import APIKeyMiddleware

__all__ = ["bare", "by_hand", "floor", "ours"]


def bare(world: World) -> ASGIApp:
    """Nobody is asked for a key."""
    del world
    return BareASGI()


def floor(world: World) -> ASGIApp:
    """The least that a correct hit can do."""
    del world
    return FloorASGI(BareASGI(), ENTRIES, math.inf)


def by_hand(world: World) -> ASGIApp:
    """What we do, written by hand."""
    del world
    return ByHandASGI(BareASGI(), ENTRIES, math.inf)


def ours(world: World) -> ASGIApp:
    """Our middleware."""
    return APIKeyMiddleware(BareASGI(), validator=world.validator)
