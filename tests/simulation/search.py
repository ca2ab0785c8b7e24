"""Looks for broken promises: in random schedules, or in one that is read from a tape."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from random import Random

from tests.simulation.oracle import Violation
from tests.simulation.story import Story
from tests.simulation.world import Parts

STEPS = 120


def seeded(seed: int) -> Callable[[int], int]:
    """Return a chooser of what happens next that always chooses the same."""
    random = Random(seed).random
    return lambda n: int(random() * n)


def taped(tape: bytes) -> Callable[[int], int]:
    """Return a chooser that reads from a tape, which can be shortened to what matters."""
    rest: Iterator[int] = iter(tape)
    return lambda n: next(rest, 0) % n


def search(
    seeds: Iterable[int],
    parts: Parts | None = None,
    bound: float | None = None,
    only: str = "",
    favours: Sequence[str] = (),
) -> str | None:
    """Return the first violation (of one promise) that random schedules show (with much of some things), if any."""
    for seed in seeds:
        broken = violation_of(Story(seeded(seed), parts, bound, only, favours), STEPS)
        if broken is not None:
            return f"seed {seed}: {broken}"
    return None


def violation_of(story: Story, steps: int) -> Violation | None:
    """Let a story run; return which promise was broken in it, if any."""
    try:
        story.run(steps)
    except Violation as violation:
        return violation
    return None
