"""The answer to a refusal: the only place that writes one."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware._challenge import respond
from rf_middleware._models import Reason, Refusal

TABLE = {
    "missing-key": (401, 'Bearer realm="api"'),
    "invalid-key": (401, 'Bearer realm="api", error="invalid_token"'),
    "ambiguous-key": (400, 'Bearer realm="api", error="invalid_request"'),
    "forbidden": (403, 'Bearer realm="api", error="insufficient_scope"'),
    "payment-required": (402, None),
    "paused": (423, None),
    "too-many-unknown-keys": (429, None),
    "issuer-unavailable": (503, None),
}
REASONS = st.sampled_from(list(Reason))


def test_every_reason_is_in_the_table() -> None:
    """There are as many reasons as rows, each with its status."""
    assert {reason.suffix: reason.status for reason in Reason} == {key: status for key, (status, _) in TABLE.items()}


@pytest.mark.parametrize("reason", Reason, ids=lambda reason: reason.suffix)
def test_a_reason_is_answered_by_its_row(reason: Reason) -> None:
    """Status, type, title, challenge and caching are those of the row."""
    response = respond(Refusal(reason))
    headers = dict(response.headers)
    status, challenge = TABLE[reason.suffix]
    assert response.status == status
    assert headers.get("www-authenticate") == challenge
    assert headers["cache-control"] == "no-store"
    assert headers["content-type"] == "application/problem+json"
    assert ("retry-after" in headers) == (status in {429, 503})
    assert json.loads(response.body) == {
        "type": f"urn:rf-middleware:problem:{reason.suffix}",
        "title": reason.title,
        "status": status,
    }


@given(reason=REASONS, detail=st.text(max_size=50), retry=st.none() | st.floats(-1e6, 1e6))
def test_any_refusal_has_a_well_formed_answer(reason: Reason, detail: str, retry: float | None) -> None:
    """Header names are lower-case, values are visible ASCII, the length is that of the body, and the body is JSON."""
    response = respond(Refusal(reason, detail, retry))
    headers = dict(response.headers)
    assert len(headers) == len(response.headers)
    for name, value in response.headers:
        assert name == name.lower()
        assert value.isascii()
        assert value.isprintable()
    assert int(headers["content-length"]) == len(response.body)
    told = json.loads(response.body).get("detail")
    assert told == (detail if detail and reason is not Reason.INVALID_KEY else None)


@given(retry=st.floats(0, 86_399, exclude_min=True))
def test_retry_after_is_whole_seconds_from_one_on(retry: float) -> None:
    """``Retry-After`` is rounded up and never 0, which would mean "at once"."""
    said = dict(respond(Refusal(Reason.ISSUER_UNAVAILABLE, "", retry)).headers)["retry-after"]
    assert int(said) == math.ceil(retry) >= 1


@pytest.mark.parametrize("retry", [math.inf, -math.inf, math.nan, -1.0, 0.0, 86_400.0, 86_400.5, 1e300])
def test_a_time_that_is_none_is_no_error(retry: float) -> None:
    """Whatever an issuer of somebody's own says about when to come back, a day and more too, the answer has a time."""
    response = respond(Refusal(Reason.ISSUER_UNAVAILABLE, "", retry))
    assert response.status == 503
    assert dict(response.headers)["retry-after"] == "1"
