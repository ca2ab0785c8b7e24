"""How long a request rests whose answers are thrown away one after another, and what an answer is."""

import pytest

from rf_middleware._flight import Pause
from tests.core.helpers import INVALID, UNAVAILABLE, Bench, Request, leased, limits


def thrown_away(bench: Bench, request: Request) -> float:
    """Let the answer of a request be older than a change; return for how long it rests before it asks again."""
    bench.renew(bench.revoke())
    request.send(bench.yes(head=bench.head - 1))
    if not isinstance(request.effect, Pause):
        return 0.0
    rest = request.effect.seconds
    request.go_on()
    return rest


def test_the_rests_double_up_to_half_a_second() -> None:
    """A key that changes all the time costs the issuer fewer and fewer questions, and the first is not delayed."""
    bench = leased(limits(timeout=100.0))
    request = bench.request()
    rests = [thrown_away(bench, request) for _ in range(8)]
    assert rests == pytest.approx([0.0, 0.02, 0.04, 0.08, 0.16, 0.32, 0.5, 0.5])


def test_no_rest_goes_beyond_the_time_that_is_left() -> None:
    """Whoever has no time left is told in time."""
    bench = leased(limits(timeout=5.0))
    request = bench.request()
    bench.clock.forward(4.99)
    assert [thrown_away(bench, request) for _ in range(2)] == pytest.approx([0.0, 0.01])


@pytest.mark.parametrize("nothing", [None, INVALID])
def test_what_is_no_answer_is_an_outage(nothing: None) -> None:
    """A driver that comes back without an answer of the issuer knows nothing: whoever asked or waits is told so."""
    bench = leased()
    first, second = bench.request(), bench.request()
    first.send(nothing)
    second.go_on()
    assert (first.verdict, second.verdict) == (UNAVAILABLE, UNAVAILABLE)
