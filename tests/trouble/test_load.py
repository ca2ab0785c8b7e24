"""The figures of the long run see what may never be."""

import pytest

from tests.trouble.load import Figures


@pytest.mark.parametrize(
    ("kind", "status", "bad"),
    [
        ("cached", 200, False),
        ("cached", 503, True),
        ("cached", 401, True),
        ("cached", 0, True),
        ("revoked", 401, False),
        ("revoked", 503, False),
        ("revoked", 200, True),
        ("unknown", 503, False),
        ("unknown", 200, True),
        ("unknown", 500, True),
        ("new", 200, False),
        ("new", 503, False),
        ("new", 401, True),
    ],
)
def test_a_wrong_verdict_is_a_problem(kind: str, status: int, bad: bool) -> None:
    """A cached key that is refused, a bad one that is let in, a new one that is denied: each is told of."""
    figures = Figures()
    figures.note("uvicorn", kind, status, 0.1)
    assert bool(figures.problems()) is bad


def test_a_line_says_how_much_slower_it_was() -> None:
    """Requests, hits and refusals are counted, and the slowest hit is compared with that while all was well."""
    well, ill = Figures(), Figures()
    well.note("uvicorn", "cached", 200, 0.1)
    for status in (200, 200):
        ill.note("uvicorn", "cached", status, 0.3)
    ill.note("uvicorn", "new", 503, 5.0)
    assert (ill.let_in("cached"), ill.let_in("new")) == (2, 0)
    assert ill.line("uvicorn", well) == (
        "uvicorn: 3 requests, 2 from the cache, 1 refused, slowest cached answer x 3.00"
    )
