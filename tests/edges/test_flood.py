"""A flood of junk keys takes nothing from anybody else."""

from tests.edges.flood import BURST, GOOD, RATE, Flood, flooded

COUNT = 20_000


def assert_nothing_was_taken(seen: Flood, count: int) -> None:
    """Check what holds of a flood of any size."""
    assert set(seen.statuses) == {401, 429}
    assert seen.statuses.total() == count
    assert seen.asked == seen.statuses[401] <= BURST + RATE * seen.seconds
    assert seen.without_retry == 0
    assert seen.good == {200: count // 10}
    assert seen.asked_again == 0


def test_a_flood_is_refused_within_the_budget() -> None:
    """Questions stay within the budget, beyond it is 429 with Retry-After, and good keys stay cached and let in."""
    seen = flooded(COUNT, 5_000.0)
    assert_nothing_was_taken(seen, COUNT)
    assert seen.remembered <= BURST + RATE * 5.0 * 2


def test_with_no_limit_to_speak_of_memory_has_one() -> None:
    """Where each junk key may be asked about, denials fill their own pool and no more, and good keys stay."""
    seen = flooded(COUNT, 5_000.0, unknown_key_rate=1e9, unknown_key_burst=10**9, maxsize=GOOD)
    assert (set(seen.statuses), seen.good, seen.asked_again) == ({401}, {200: COUNT // 10}, 0)
    assert GOOD // 2 <= seen.remembered <= GOOD
