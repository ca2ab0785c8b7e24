"""How many threads may wait: what is told, else what the server says."""

import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType, ModuleType, SimpleNamespace

import pytest

from rf_middleware._servers import Seats


class Worker:
    """What gunicorn's workers have in common: settings, and a method that handles the signal."""

    def __init__(self, threads: object) -> None:
        self.cfg = SimpleNamespace(threads=threads)
        self.tpool = object()

    def handle_abort(self, _signal: int, _frame: FrameType | None) -> None:
        """Do nothing."""


@contextmanager
def gunicorn(threads: object) -> Generator[Worker]:
    """Let the process be a worker with so many threads."""
    worker = Worker(threads)
    before = signal.signal(signal.SIGABRT, worker.handle_abort)
    try:
        yield worker
    finally:
        signal.signal(signal.SIGABRT, before)


@contextmanager
def uwsgi(options: dict[str, object]) -> Generator[None]:
    """Let the process be one of uWSGI, which has a module of that name."""
    module = ModuleType("uwsgi")
    vars(module)["opt"] = options
    sys.modules["uwsgi"] = module
    try:
        yield
    finally:
        del sys.modules["uwsgi"]


@pytest.mark.parametrize(
    ("threads", "seats"), [(8, 7), (2, 1), (1, float("inf")), (0, float("inf")), ("many", float("inf"))]
)
def test_a_gunicorn_worker_says_how_many_threads_it_has(threads: object, seats: float) -> None:
    """One of them is left for what is cached; a worker with one thread, or with greenlets, has no such limit."""
    with gunicorn(threads):
        assert Seats(None).number == seats


def test_a_worker_that_has_no_pool_of_threads_passes_over_the_setting() -> None:
    """A worker with greenlets may be told of threads, and has none."""
    with gunicorn(8) as worker:
        del worker.tpool
        assert Seats(None).number == float("inf")


@pytest.mark.parametrize(("told", "seats"), [({"threads": b"4"}, 3), ({"threads": 4}, 3), ({}, float("inf"))])
def test_uwsgi_says_how_many_threads_it_has(told: dict[str, object], seats: float) -> None:
    """So does uWSGI, in bytes."""
    with uwsgi(told):
        assert Seats(None).number == seats


def test_elsewhere_there_is_no_limit() -> None:
    """Where nobody says how many threads there are any number may wait."""
    assert Seats(None).number == float("inf")


def test_what_is_told_wins() -> None:
    """The option says how many, whatever the server has."""
    with gunicorn(8):
        assert Seats(2).number == 2


def test_a_forked_worker_asks_again() -> None:
    """What the master of a preloaded app said does not hold in its workers."""
    seats = Seats(None)
    assert seats.number == float("inf")
    with gunicorn(4):
        assert seats.number == float("inf")
        seats.forked()
        assert seats.number == 3
