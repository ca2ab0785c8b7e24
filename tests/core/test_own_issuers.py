"""Issuers that others write: an object with ``check`` and ``acheck``, and of this package only its public names."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from rf_middleware import Denied, Grant, IssuerUnavailable, Validator, Workspace
from rf_middleware._models import Reason, Refusal
from rf_middleware.exceptions import Refused, refused
from rf_middleware.issuers import Issuer
from tests.core.helpers import KEY

ACME = Grant(Workspace("acme"))


class Table:
    """Knows some keys."""

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome
        self.asked = 0

    def __repr__(self) -> str:
        return "Table(of mine)"

    def check(self, key: str, timeout: float) -> Grant | None:
        """Look it up."""
        self.asked += 1
        if isinstance(self.outcome, Exception):
            raise self.outcome
        grant: Grant | None = self.outcome
        return grant

    async def acheck(self, key: str, timeout: float) -> Grant | None:
        """Look it up."""
        await asyncio.sleep(0)
        return self.check(key, timeout)


def by_thread(issuer: Issuer) -> Grant:
    """Check in a thread."""
    return Validator(issuer).check(KEY)


def by_task(issuer: Issuer) -> Grant:
    """Check on a loop."""
    return asyncio.run(Validator(issuer).acheck(KEY))


BOTH = pytest.mark.parametrize("check", [by_thread, by_task])
Check = Callable[[Issuer], Grant]


@BOTH
def test_a_grant_is_a_grant(check: Check) -> None:
    """What the issuer grants is granted, and nothing is logged or wrapped on the way."""
    assert check(Table(ACME)) == ACME


@BOTH
@pytest.mark.parametrize(
    ("outcome", "status", "detail"),
    [
        (None, 401, ""),
        (Denied(), 401, ""),
        (Denied(402, "no credits"), 402, "no credits"),
        (Denied(403, "not this one"), 403, "not this one"),
        (Denied(423), 423, ""),
    ],
    ids=repr,
)
def test_none_and_denied_are_definite(
    check: Check, outcome: object, status: int, detail: str, caplog: pytest.LogCaptureFixture
) -> None:
    """``None`` is no such key, ``Denied`` what it says with its text: definite, and no word in the log."""
    with pytest.raises(Denied) as caught:
        check(Table(outcome))
    assert (caught.value.status, caught.value.detail) == (status, detail)
    assert caplog.messages == []


@BOTH
@pytest.mark.parametrize("result", [True, "rfk_some-key", {"workspace": "acme"}, Refusal(Reason.FORBIDDEN)], ids=repr)
def test_any_other_result_is_an_outage_and_logged_by_its_type(
    check: Check, result: object, caplog: pytest.LogCaptureFixture
) -> None:
    """A result of another type lets nobody in and denies nobody: one error line names the issuer and the type."""
    with pytest.raises(IssuerUnavailable):
        check(Table(result))
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert record.getMessage() == f"Table(of mine) returned a {type(result).__name__}; allowed are Grant and None"


@BOTH
@pytest.mark.parametrize(
    "error", [LookupError(KEY), IssuerUnavailable(KEY), refused(Refusal(Reason.TOO_MANY_UNKNOWN_KEYS))], ids=repr
)
def test_any_other_exception_is_an_outage_and_logged_by_its_type(
    check: Check, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """Another exception is an outage: its text, which may hold the key, is told to nobody."""
    with pytest.raises(IssuerUnavailable) as caught:
        check(Table(error))
    assert caplog.messages == [f"Table(of mine) can't be asked: {type(error).__name__}"]
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(("outcome", "asked"), [(ACME, 1), (None, 1), (Denied(403), 1), ("nonsense", 3)], ids=repr)
def test_what_is_definite_is_remembered(outcome: object, asked: int) -> None:
    """A grant and a denial are asked about once, an outage each time."""
    issuer = Table(outcome)
    validator = Validator(issuer)
    for _ in range(3):
        try:
            validator.check(KEY)
        except Refused:
            assert outcome != ACME
    assert issuer.asked == asked
