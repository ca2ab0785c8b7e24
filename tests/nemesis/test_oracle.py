"""The judge of the run, on histories that were made up."""

import pytest

from tests.nemesis.oracle import History, Seen, complaints, late, violations

ASKED, ACKNOWLEDGED = 10.0, 11.0


def history(*seen: Seen) -> History:
    """Return what was seen of ``dead``, revoked from 10 to 11, and of ``good``, which never was."""
    return History(list(seen), asked={"dead": ASKED}, acknowledged={"dead": ACKNOWLEDGED})


def dead(sent: float, status: int) -> Seen:
    """Return a request with the revoked key that took half a second."""
    return Seen(sent, sent + 0.5, 1, "dead", status)


@pytest.mark.parametrize(
    ("sent", "status", "found"),
    [
        (9.0, 200, 0),
        (10.5, 200, 0),
        (10.999, 200, 0),  # it was answered later, but it had arrived before
        (11.0, 200, 0),  # nobody can tell which was first
        (11.001, 200, 1),
        (11.001, 401, 0),
        (11.001, 503, 0),
        (99.0, 200, 1),
    ],
)
def test_accepted_counts_from_the_acknowledgement(sent: float, status: int, found: int) -> None:
    """What was sent after the acknowledgement must not be accepted, and what was sent before may be."""
    assert len(violations(history(dead(sent, status)))) == found


def test_each_violation_names_worker_and_key() -> None:
    """A report says which worker, which key, and how long after the acknowledgement."""
    first, second = violations(history(dead(11.25, 200), dead(12.0, 401), dead(13.0, 200)))
    assert first == (
        "worker 1 accepted dead 250.000 ms after it was acknowledged that nobody does"
        " (it was asked for 1250.000 ms before)"
    )
    assert second.startswith("worker 1 accepted dead 2000.000 ms after")


def test_a_revocation_without_acknowledgement_promises_nothing() -> None:
    """While nobody has been told that it holds, a key may be accepted."""
    unfinished = History([dead(99.0, 200)], asked={"dead": ASKED})
    assert (violations(unfinished), complaints(unfinished), list(late(unfinished))) == ([], [], [])


@pytest.mark.parametrize(
    ("one", "found"),
    [
        (Seen(1.0, 2.0, 1, "good", 200), 0),
        (Seen(1.0, 2.0, 1, "good", 503), 0),
        (Seen(1.0, 2.0, 1, "good", 401), 1),
        (Seen(1.0, 2.0, 1, "good", 500), 1),
        (Seen(9.0, 9.9, 1, "dead", 401), 1),  # not even asked for
        (Seen(9.0, 10.1, 1, "dead", 401), 0),
        (Seen(12.0, 12.1, 1, "dead", 429), 1),
    ],
)
def test_a_good_key_is_not_refused(one: Seen, found: int) -> None:
    """A key whose revocation nobody has asked for is accepted, or nobody can say; other answers are wrong."""
    assert len(complaints(history(one))) == found
