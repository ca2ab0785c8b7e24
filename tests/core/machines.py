"""Runs state machines of Hypothesis, and says how much of them was run."""

from typing import Any

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

__all__ = ["explored"]


def explored(machine: type[RuleBasedStateMachine], how: settings | None = None) -> int:
    """Run a machine whose rules and invariants assert; return how many of its stories came to their end."""
    ended = 0

    def teardown(self: Any) -> None:
        nonlocal ended
        machine.teardown(self)
        ended += 1

    run_state_machine_as_test(type(machine.__name__, (machine,), {"teardown": teardown}), settings=how)
    return ended
