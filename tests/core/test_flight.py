"""The values of a check in flight, by themselves: whose answer serves whom, what is said of nonsense."""

import pytest

from rf_middleware._flight import Answer, Flight, Question, Share, joinable
from rf_middleware._models import Grant, Reason, Refusal, Workspace
from rf_middleware._secret import Secret
from tests.core.helpers import GRANT, INVALID

NO_WORKSPACE = Refusal(Reason.ISSUER_UNAVAILABLE, "The issuer named no valid workspace.")
NO_END = Refusal(Reason.ISSUER_UNAVAILABLE, "The issuer named no valid end of the key.")


def flight(began: int, sent: float = 2.0) -> Flight:
    """Return a flight, the ``began``th, that asked the issuer at ``sent``."""
    return Flight(began, sent, 0, publishable=False, payer=None)


def test_an_answer_without_a_feed_has_no_history() -> None:
    """An issuer without a feed names no epoch, and its head is 0."""
    assert (Answer(GRANT).epoch, Answer(GRANT).head) == (None, 0)


def test_a_question_need_not_say_for_whom() -> None:
    """Where questions are not counted by client, the client has no name."""
    assert Question(Secret("k"), bytes(32)).client == ""


def test_what_is_wrong_with_an_answer_is_said() -> None:
    """Who reads the log sees which part of the answer can't be believed."""
    assert Answer(Grant(Workspace("-"))).believed() == NO_WORKSPACE
    assert Answer(Grant(Workspace("acme"), expires_in=float("nan"))).believed() == NO_END


@pytest.mark.parametrize("left", [1e-9, 1, 1e300])
def test_any_number_of_seconds_is_believed(left: float) -> None:
    """An end is believed from the smallest part of a second on to more of them than anybody has."""
    grant = Grant(Workspace("acme"), expires_in=left)
    assert Answer(grant).believed() == grant
    assert Answer(Grant(Workspace("acme"), expires_in=1e301)).believed() == NO_END


def test_a_check_that_began_later_serves_everybody() -> None:
    """It read the key after the request arrived, whatever it found and whenever it ended."""
    share = Share(flight(2), mine=False, live=False)
    assert share.serves(GRANT, 1, 9.0)
    assert share.serves(INVALID, 1, 9.0)


def test_an_earlier_check_serves_while_its_grant_is_good() -> None:
    """A request that arrives at the moment when the grant ends is not served by it; a denial serves always."""
    share = Share(flight(1), mine=False, live=True)
    share.flight.until = 5.0
    assert share.serves(GRANT, 1, 4.9)
    assert not share.serves(GRANT, 1, 5.0)
    assert share.serves(INVALID, 1, 5.0)


def test_an_earlier_check_serves_nobody_without_a_lease() -> None:
    """It may have read the key before a revocation that was acknowledged since."""
    share = Share(flight(1), mine=False, live=False)
    share.flight.until = 5.0
    assert not share.serves(GRANT, 1, 4.9)
    assert not share.serves(INVALID, 1, 4.9)


def test_a_grant_that_was_not_kept_serves_nobody_who_came_later() -> None:
    """Until a grant is kept it is good until it was asked for."""
    share = Share(flight(1, sent=2.0), mine=False, live=True)
    assert not share.serves(GRANT, 1, 2.0)


def test_which_flight_a_request_joins() -> None:
    """The newest that may serve it; else it begins one, or waits for the first when two are under way."""
    first, second = flight(1), flight(2)
    assert joinable([], 2, live=True) is None
    assert joinable([first, second], 2, live=True) is second
    assert joinable([first, second], 1, live=False) is second
    assert joinable([first], 2, live=False) is None
    assert joinable([first, second], 2, live=False) is first
