"""The real core in a simulated world: delay, loss, doubling, lag, restarts, forks, long pauses, drifting clocks.

The oracle is in ``world``, the issuer in ``model``, what happens in ``story``, cores that lack a rule in ``mutants``.
"""

from collections.abc import Callable, Iterator
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rf_middleware._core import Core
from tests.core.mutants import MUTANTS
from tests.core.story import Story
from tests.core.world import CoreType, Violation

STEPS = 120
SCHEDULES = 4 * (settings.default.max_examples if settings.default else 100)
ENOUGH = 8_000
"""Schedules within which a core that lacks a rule must be found out; a few hundred do for most."""
BOUNDS = [None, 0.0, 2.0]


def seeded(seed: int) -> Callable[[int], int]:
    """Return a chooser of what happens next that always chooses the same."""
    random = Random(seed).random
    return lambda n: int(random() * n)


def taped(tape: bytes) -> Callable[[int], int]:
    """Return a chooser that reads from a tape, which can be shortened to what matters."""
    rest: Iterator[int] = iter(tape)
    return lambda n: next(rest, 0) % n


def search(make: CoreType, bound: float | None, seeds: range, promise: str = "") -> str | None:
    """Return the first violation (of a promise) that random schedules show, if any."""
    for seed in seeds:
        try:
            Story(seeded(seed), make, bound).run(STEPS)
        except Violation as violation:
            if promise in str(violation):
                return f"seed {seed}: {violation}"
    return None


@pytest.mark.parametrize("bound", BOUNDS, ids=["feed", "strict", "bounded"])
def test_every_promise_holds_whatever_happens(bound: float | None) -> None:
    """Under any order of events no request that arrives after an acknowledged revocation is let in."""
    assert search(Core, bound, range(SCHEDULES)) is None


@settings(max_examples=SCHEDULES // 2)
@given(st.binary(min_size=200, max_size=2000), st.sampled_from(BOUNDS))
@example(b"", None)
def test_every_promise_holds_in_the_schedules_of_hypothesis(tape: bytes, bound: float | None) -> None:
    """The same promises under schedules that a shrinking search picks."""
    Story(taped(tape), Core, bound).run(len(tape) // 5)


@pytest.mark.parametrize(("mutant", "promise"), [pytest.param(*each, id=each[0].__name__) for each in MUTANTS.items()])
def test_a_core_that_lacks_a_rule_is_found_out(mutant: CoreType, promise: str) -> None:
    """Each rule of the protocol is one without which the simulation finds a broken promise."""
    assert search(mutant, None, range(ENOUGH), promise) is not None
