"""The exceptions: a tree, data on board, no key in any of them."""

import copy
import pickle

import pytest

from rf_middleware import exceptions
from rf_middleware._models import Reason, Refusal
from rf_middleware.exceptions import ConfigurationError, Denied, IssuerUnavailable, Refused, RFMiddlewareError, refused


def test_the_tree_is_as_printed() -> None:
    """Everything is caught by its root, and a wrong option also as a ``ValueError``."""
    assert issubclass(ConfigurationError, (RFMiddlewareError, ValueError))
    assert issubclass(ConfigurationError, ValueError)
    assert issubclass(Denied, Refused)
    assert issubclass(IssuerUnavailable, Refused)
    assert not issubclass(Denied, IssuerUnavailable)
    assert not issubclass(IssuerUnavailable, Denied)
    assert issubclass(Refused, RFMiddlewareError)
    for name in ("ConfigurationError", "Refused", "Denied", "IssuerUnavailable"):
        assert name in (exceptions.__doc__ or "")


@pytest.mark.parametrize(
    ("status", "suffix"), [(401, "invalid-key"), (402, "payment-required"), (403, "forbidden"), (423, "paused")]
)
def test_denied_knows_its_status_and_its_type(status: int, suffix: str) -> None:
    """A function of one's own raises ``Denied(status=...)`` and means that row."""
    denied = Denied(status, "because")
    assert (denied.status, denied.type) == (status, f"urn:rf-middleware:problem:{suffix}")
    assert (denied.detail, denied.retry_after) == ("because", None)
    assert "because" in str(denied)
    assert Denied().status == 401


@pytest.mark.parametrize("status", [200, 400, 404, 429, 500, 503, 0, "401", None])
def test_denied_refuses_other_statuses(status: object) -> None:
    """Only what the table has for a key can be said."""
    with pytest.raises(ValueError, match="401, 402, 403, 423"):
        Denied(status)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - what must not work


def test_issuer_unavailable_says_when_to_come_back() -> None:
    """Nobody can say: a 503, with a time if one is known."""
    error = IssuerUnavailable("down", 2.5)
    assert (error.status, error.type) == (503, "urn:rf-middleware:problem:issuer-unavailable")
    assert (error.detail, error.retry_after) == ("down", 2.5)


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.suffix)
def test_a_refusal_and_its_exception_say_the_same(reason: Reason) -> None:
    """Every refusal can be raised, pickled and copied without loss; only an unavailable issuer is no denial."""
    refusal = Refusal(reason, "text", 3.0)
    error = refused(refusal)
    assert isinstance(error, IssuerUnavailable) is (reason is Reason.ISSUER_UNAVAILABLE)
    assert isinstance(error, Denied) is (reason is not Reason.ISSUER_UNAVAILABLE)
    for each in (error, copy.copy(error), pickle.loads(pickle.dumps(error))):  # noqa: S301 - our own bytes
        assert type(each) is type(error)
        assert each.refusal == refusal
        assert (each.status, each.detail, each.retry_after) == (reason.status, "text", 3.0)
        assert str(each) == f"{reason.title}: text"
