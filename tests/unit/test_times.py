"""How long a grant is kept, and what is promised, by what is known of the feed."""

import pytest

from rf_middleware._limits import Limits, Times
from rf_middleware._models import Staleness

LIMITS = Limits(60.0, 5.0, 10.0, 7, 5.0, 50.0, 8, 30.0)


@pytest.mark.parametrize(
    ("leased", "has_feed", "times"),
    [
        (True, True, Times(kept=60.0, fresh=60.0, spare=30.0)),
        (False, True, Times(kept=10.0, fresh=10.0, spare=30.0)),
        (False, False, Times(kept=10.0, fresh=8.0, spare=30.0)),
    ],
)
def test_a_grant_is_kept_for_ttl_under_a_lease_and_else_for_the_bound(
    *, leased: bool, has_feed: bool, times: Times
) -> None:
    """Where no feed tells of changes it is asked about again in the last fifth of its time."""
    assert LIMITS.times(leased=leased, has_feed=has_feed) == times


@pytest.mark.parametrize(
    ("left", "has_feed", "promise"),
    [
        (0.5, True, Staleness("lease", 0.0, 0.5, 30.0)),
        (0.5, False, Staleness("bounded", 10.0, 0.0, 30.0)),
        (0.0, True, Staleness("strict", 0.0, 0.0, 30.0)),
        (-1.0, False, Staleness("strict", 0.0, 0.0, 30.0)),
    ],
)
def test_what_is_promised(left: float, has_feed: bool, promise: Staleness) -> None:
    """A lease up to its last instant, a bound without a feed, and nothing where the cache can't be trusted."""
    assert LIMITS.promise(left, has_feed=has_feed) == promise
