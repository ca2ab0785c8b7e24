"""Both real ends of the protocol in a simulated world, under whatever can happen to processes, network and clocks.

Loss, delay, doubles, reordering, cut networks, parked polls; validators that pause at any reading of the clock,
crash, fork, close, are suspended, have clocks that drift; an issuer that crashes, stops, starts again set up
otherwise or from a backup. What holds is in ``oracle``, what can happen in ``story`` and ``lives``.
"""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.simulation import mutants
from tests.simulation.mutants import MUTANTS
from tests.simulation.search import search, taped, violation_of
from tests.simulation.story import Story
from tests.simulation.world import Parts

SCHEDULES = 4 * (settings.default.max_examples if settings.default else 100)
ENOUGH = 12_000
"""Schedules within which what lacks a rule must be found out; a few hundred do for most."""
BOUNDS = [None, 0.0, 2.0]


@pytest.mark.parametrize("bound", BOUNDS, ids=["feed", "strict", "bounded"])
def test_every_promise_holds_whatever_happens(bound: float | None) -> None:
    """Under any order of events R, L and A hold: nobody is let in, kept waiting or refused who should not be."""
    assert search(range(SCHEDULES if bound is None else SCHEDULES // 4), bound=bound) is None


@settings(max_examples=SCHEDULES // 4)
@given(st.binary(min_size=200, max_size=2000), st.sampled_from(BOUNDS))
@example(b"", None)
def test_every_promise_holds_in_the_schedules_of_hypothesis(tape: bytes, bound: float | None) -> None:
    """The same promises under schedules that a shrinking search picks."""
    assert violation_of(Story(taped(tape), bound=bound), len(tape) // 5) is None


@pytest.mark.parametrize(("parts", "case"), [pytest.param(*each, id=name) for name, each in MUTANTS.items()])
def test_what_lacks_a_rule_is_found_out(parts: Parts, case: tuple[str, ...]) -> None:
    """Each rule of the protocol is one without which the simulation finds a broken promise."""
    promise, *favours = case
    assert search(range(ENOUGH), parts, only=promise, favours=favours) is not None


def test_the_table_of_rules_names_all_that_lacks_one() -> None:
    """Whoever reads the rules finds what guards each of them."""
    table = set(re.findall(r"\w+", mutants.__doc__ or ""))
    assert MUTANTS.keys() <= table
