"""Raw WSGI apps."""

import math
from typing import TYPE_CHECKING

from benchmarks.by_hand import ByHandWSGI
from benchmarks.floor import FloorWSGI
from benchmarks.subjects import ENTRIES, World
from benchmarks.traffic import BareWSGI
from rf_middleware.wsgi import APIKeyMiddleware

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["bare", "by_hand", "floor", "ours"]


def bare(world: World) -> "WSGIApplication":
    """Nobody is asked for a key."""
    del world
    return BareWSGI()


def floor(world: World) -> "WSGIApplication":
    """The least that a correct hit can do."""
    del world
    return FloorWSGI(BareWSGI(), ENTRIES, math.inf)


def by_hand(world: World) -> "WSGIApplication":
    """What we do, written by hand."""
    del world
    return ByHandWSGI(BareWSGI(), ENTRIES, math.inf)


def ours(world: World) -> "WSGIApplication":
    """Our middleware."""
    return APIKeyMiddleware(BareWSGI(), validator=world.validator)
