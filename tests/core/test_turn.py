"""The lock of the core, and what ends while it is held."""

from contextlib import suppress
from threading import Thread

from rf_middleware._flight import Wait
from rf_middleware._turn import Turn
from tests.core.helpers import GRANT, feedless, plain


def test_what_ends_during_a_decision_waits_for_its_end() -> None:
    """A request that the garbage collector ends in the middle of a decision of its thread does not wait for itself."""
    bench = feedless()
    abandoned, waiting = bench.request(), bench.request()
    assert abandoned.asks

    def decide() -> None:
        with bench.core._lock:
            abandoned.cancel()
            assert not waiting_landing.done()
        assert waiting_landing.done()

    assert isinstance(waiting.effect, Wait)
    waiting_landing = waiting.effect.landing
    thread = Thread(target=decide, daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    assert waiting_landing.done()
    waiting.go_on()
    assert waiting.asks
    waiting.send(plain())
    assert waiting.verdict == GRANT


def test_what_is_put_off_is_done_in_order_and_once() -> None:
    """Inside a turn it waits for the end of the outermost one; outside it is done at once."""
    turn, done = Turn(), list[str]()
    turn.last(lambda: done.append("at once"))
    with turn:
        turn.last(lambda: done.append("first"))
        with turn:
            turn.last(lambda: done.append("second"))
        assert done == ["at once"]
        assert turn.locked()
    assert done == ["at once", "first", "second"]
    assert not turn.locked()


def test_what_fails_gives_the_turn_back() -> None:
    """An error in a turn, or in what is done at its end, leaves nobody waiting."""
    turn = Turn()
    with suppress(ZeroDivisionError):
        turn.last(lambda: 1 // 0)
    with suppress(KeyError), turn:
        raise KeyError
    assert not turn.locked()
