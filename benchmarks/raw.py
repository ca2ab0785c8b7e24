"""The hit in front of bare raw apps: bare, with the floor, with us. This is where the bound holds."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from benchmarks.drive import asgi_block, wsgi_block
from benchmarks.floor import GRANT, Entry, FloorASGI, FloorWSGI
from benchmarks.issuers import Asked
from benchmarks.measure import Block, Spread, added, in_turn, ratio, spread
from benchmarks.traffic import KEY, PLACES, WORKSPACE, BareASGI, BareWSGI, Scope
from rf_middleware import Validator
from rf_middleware._fingerprint import fingerprint
from rf_middleware.asgi import APIKeyMiddleware as OnASGI
from rf_middleware.wsgi import APIKeyMiddleware as OnWSGI

__all__ = ["BOUND", "PROTOCOLS", "Row", "measure"]

BOUND: Final = 2.5
"""What a hit may add at most, as a multiple of what the floor adds."""

PROTOCOLS: Final = ("ASGI", "WSGI")
_ENTRIES: Final[dict[bytes, Entry]] = {fingerprint(KEY): (math.inf, WORKSPACE)}


@dataclass(frozen=True)
class Row:
    """One scenario: microseconds a bare call takes, what floor and we add to it, and the ratio of these two."""

    protocol: str
    place: str
    mode: str
    bare: Spread
    floor: Spread
    ours: Spread
    ratio: Spread

    @property
    def met(self) -> bool:
        """Whether the bound holds."""
        return self.ratio.median <= BOUND


def measure(mode: str, asked: Asked) -> Iterator[Row]:
    """Measure each protocol with the key in each place. The issuer must not be asked meanwhile."""
    for protocol in PROTOCOLS:
        for place in PLACES:
            ways = _asgi(place, asked.validator) if protocol == "ASGI" else _wsgi(place, asked.validator)
            before = asked.calls.total()
            taken = in_turn(ways)
            assert asked.calls.total() == before, f"the issuer was asked during hits: {asked.calls}"
            floor, ours = added(taken, "floor", "bare"), added(taken, "ours", "bare")
            yield Row(
                protocol, place, mode, spread(taken["bare"]), spread(floor), spread(ours), spread(ratio(ours, floor))
            )


def _asgi(place: str, validator: Validator) -> dict[str, Block]:
    app = BareASGI()
    return {
        "bare": asgi_block(app, place, _untouched),
        "floor": asgi_block(FloorASGI(app, _ENTRIES, math.inf), place, _has_floor),
        "ours": asgi_block(OnASGI(app, validator=validator), place, _has_state),
    }


def _wsgi(place: str, validator: Validator) -> dict[str, Block]:
    app = BareWSGI()
    return {
        "bare": wsgi_block(app, place, _untouched),
        "floor": wsgi_block(FloorWSGI(app, _ENTRIES, math.inf), place, _has_floor),
        "ours": wsgi_block(OnWSGI(app, validator=validator), place, _has_environ),
    }


def _untouched(scope: Scope) -> bool:
    return GRANT not in scope


def _has_floor(scope: Scope) -> bool:
    return bool(scope[GRANT] == WORKSPACE)


def _has_state(scope: Scope) -> bool:
    return bool(scope["state"]["workspace"].slug == WORKSPACE and KEY not in scope["query_string"])


def _has_environ(environ: Scope) -> bool:
    return bool(environ["rf_middleware.workspace"].slug == WORKSPACE and KEY.decode() not in environ["QUERY_STRING"])
