"""A cached key, in process: what each way to check it adds to the bare app beside it.

Two sections, each in a process of its own, since Starlette must not be loaded when raw apps are measured.
"""

import math
import sys
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.drive import asgi_block, wsgi_block
from benchmarks.issuers import Asked, bounded, leased
from benchmarks.measure import Block, Spread, added, in_turn, ratio, spread
from benchmarks.servers import issuer_process
from benchmarks.subjects import BARE, BY_HAND, FLOOR, OURS, STACKS, World, made, world
from benchmarks.traffic import KEY, PLACES, WORKSPACE, Scope

__all__ = ["FRAMEWORKS", "PROTOCOLS", "RawRow", "Row", "Rows", "frameworks", "raw"]

PROTOCOLS: Final = ("ASGI", "WSGI")
FRAMEWORKS: Final = ("Starlette", "FastAPI", "Flask")


@dataclass(frozen=True)
class RawRow:
    """One raw app: microseconds of the bare call, and what is added to it.

    Attributes:
        ratio: what we add, as a multiple of what the floor adds.
        of_by_hand: the same of what is written by hand.
    """

    protocol: str
    place: str
    mode: str
    bare: Spread
    floor: Spread
    by_hand: Spread
    ours: Spread
    ratio: Spread
    of_by_hand: Spread


@dataclass(frozen=True)
class Row:
    """One subject in front of an app of a framework.

    Attributes:
        stack: framework.
        subject: who.
        added: microseconds on top of the bare app; of the bare app its own.
        of_bare: a call with it, as a multiple of the bare call.
        of_floor: what it adds, as a multiple of what the floor adds; of medians, since one round of the floor in
            front of a slow app is all noise.
    """

    stack: str
    subject: str
    added: Spread
    of_bare: Spread
    of_floor: float


@dataclass(frozen=True)
class Rows:
    """What was measured in front of frameworks, and who could not be."""

    rows: tuple[Row, ...]
    missing: tuple[str, ...]


def raw() -> tuple[RawRow, ...]:
    """Measure each protocol with the key in each place, with a lease and without. The issuer must not be asked."""
    assert "starlette" not in sys.modules, "Starlette would change what is measured in front of a raw ASGI app"
    found: list[RawRow] = []
    for mode, make in {"lease": leased, "bounded": bounded}.items():
        with make() as asked, world() as given:
            for protocol in PROTOCOLS:
                found += [_raw(protocol, place, mode, asked, given) for place in PLACES]
    return tuple(found)


def _raw(protocol: str, place: str, mode: str, asked: Asked, given: World) -> RawRow:
    chosen = World(asked.validator, given.known, given.known_now)
    apps = {subject.name: made(protocol, subject, chosen) for subject in STACKS[protocol]}
    ways = {name: _block(protocol, app, place, ours=name == OURS) for name, app in apps.items()}
    before = asked.calls.total()
    taken = in_turn(ways)
    assert asked.calls.total() == before, f"the issuer was asked during hits: {asked.calls}"
    floor, by_hand, ours = (added(taken, way, BARE) for way in (FLOOR, BY_HAND, OURS))
    print(f"{protocol} {place} {mode}: {spread(ratio(ours, floor))} times the floor", file=sys.stderr)
    return RawRow(
        protocol,
        place,
        mode,
        spread(taken[BARE]),
        spread(floor),
        spread(by_hand),
        spread(ours),
        spread(ratio(ours, floor)),
        spread(ratio(ours, by_hand)),
    )


def frameworks() -> Rows:
    """Measure everybody in front of the smallest app of each framework."""
    rows: list[Row] = []
    missing: list[str] = []
    with issuer_process() as url, world(url) as given:
        for stack in FRAMEWORKS:
            found, lacking = _framework(stack, given)
            rows += found
            missing += lacking
    return Rows(tuple(rows), tuple(missing))


def _framework(stack: str, given: World) -> tuple[list[Row], list[str]]:
    ways: dict[str, Block] = {}
    missing: list[str] = []
    for subject in STACKS[stack]:
        try:
            app = made(stack, subject, given)
        except ImportError as error:
            missing.append(f"{stack}: {subject.name} ({error})")
            continue
        ways[subject.name] = _block(stack, app, subject.place, ours=subject.function == "ours")
    taken = in_turn(ways)
    floor = spread(added(taken, FLOOR, BARE)).median
    rows: list[Row] = []
    for name in ways:
        more = spread(taken[name] if name == BARE else added(taken, name, BARE))
        row = Row(
            stack, name, more, spread(ratio(taken[name], taken[BARE])), more.median / floor if floor > 0 else math.nan
        )
        print(f"{stack}: {name} adds {row.added}", file=sys.stderr)
        rows.append(row)
    return rows, missing


def _block(stack: str, app: Any, place: str, *, ours: bool) -> Block:  # noqa: ANN401 - ASGI or WSGI, as the stack says
    if stack in {"WSGI", "Flask"}:
        return wsgi_block(app, place, _has_environ if ours else _any)
    return asgi_block(app, place, _has_state if ours else _any)


def _any(scope: Scope) -> bool:
    return bool(scope)


def _has_state(scope: Scope) -> bool:
    return bool(scope["state"]["workspace"].slug == WORKSPACE and KEY not in scope["query_string"])


def _has_environ(environ: Scope) -> bool:
    return bool(environ["rf_middleware.workspace"].slug == WORKSPACE and KEY.decode() not in environ["QUERY_STRING"])
