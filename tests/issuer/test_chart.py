"""The geometry of the chart of times."""

from hypothesis import given
from hypothesis import strategies as some

from rf_middleware.issuer.chart import HEIGHT, SLOTS, WIDTH, chart

TIMES = some.lists(some.floats(0, 1e7, allow_nan=False), max_size=SLOTS + 10)


@given(TIMES)
def test_every_bar_is_inside_and_seen(values: list[float]) -> None:
    """No time is too short to be seen or too long to fit, and bars don't touch."""
    drawn = chart(values)
    assert [bar.value for bar in drawn.bars] == values[-SLOTS:]
    for bar in drawn.bars:
        assert bar.height >= 3
        assert bar.y >= 0
        assert bar.y + bar.height == HEIGHT
        assert 0 <= bar.x < bar.x + bar.width <= WIDTH
    assert all(left.x + left.width < right.x for left, right in zip(drawn.bars, drawn.bars[1:], strict=False))


@given(TIMES)
def test_a_longer_time_is_a_higher_bar(values: list[float]) -> None:
    """The scale keeps the order of the times."""
    drawn = sorted(chart(values).bars, key=lambda bar: bar.value)
    assert [bar.height for bar in drawn] == sorted(bar.height for bar in drawn)


def test_the_newest_time_is_at_the_right() -> None:
    """A few times stand at the end of the chart, where the next will come in."""
    (bar,) = chart([12.0]).bars
    assert bar.x + bar.width == WIDTH - 1


def test_the_grid_has_a_line_for_each_power_of_ten() -> None:
    """The scale goes to a second at least, and further if it must."""
    assert [line.text for line in chart([]).lines] == ["10 ms", "100 ms", "1 s"]
    assert [line.text for line in chart([20_000.0]).lines][-1] == "100 s"
    lines = chart([10.0, 9_000.0])
    assert lines.bars[0].y == lines.lines[0].y
