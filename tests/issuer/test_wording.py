"""How times are put into words on pages."""

import pytest

from rf_middleware.issuer.wording import ago, date, moment

NOON = 1_764_072_000.0


@pytest.mark.parametrize(
    ("at", "told"),
    [
        (None, "never"),
        (NOON, "just now"),
        (NOON - 59, "just now"),
        (NOON - 60, "1 minute ago"),
        (NOON - 7199, "1 hour ago"),
        (NOON - 7200, "2 hours ago"),
        (NOON - 86_400 * 400, "400 days ago"),
        (NOON + 30, "in less than a minute"),
        (NOON + 90, "in 1 minute"),
        (NOON + 86_400 * 20, "in 20 days"),
    ],
)
def test_a_time_is_told_in_its_largest_unit(at: float | None, told: str) -> None:
    """What is past or to come is counted in whole days, hours or minutes."""
    assert ago(at, NOON) == told


def test_a_time_is_told_exactly_in_utc() -> None:
    """Machines get RFC 3339, people a day without a leading zero."""
    assert moment(NOON + 0.9) == "2025-11-25T12:00:00Z"
    assert date(NOON) == "25 Nov 2025"
    assert date(NOON - 86_400 * 20) == "5 Nov 2025"
