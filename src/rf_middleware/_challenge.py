"""A refusal -> status, headers, body. The only place that writes an answer.

RFC 9457 problem body, RFC 6750 section 3 challenge, ``Cache-Control: no-store`` (RFC 9111).
"""

import json
import math
from dataclasses import dataclass
from typing import Final

from rf_middleware._models import Reason, Refusal
from rf_middleware.exceptions import PROBLEM

__all__ = ["Response", "respond"]

_REALM: Final = 'Bearer realm="api"'

_CHALLENGES: Final = {
    Reason.MISSING_KEY: _REALM,  # RFC 6750 section 3.1: no error code when no key was given
    Reason.INVALID_KEY: f'{_REALM}, error="invalid_token"',
    Reason.AMBIGUOUS_KEY: f'{_REALM}, error="invalid_request"',
    Reason.FORBIDDEN: f'{_REALM}, error="insufficient_scope"',
}

_DEFAULT_RETRY: Final = 1.0
_LONGEST_RETRY: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer, free of any framework.

    Attributes:
        status: HTTP status.
        headers: names in lower case, values in ASCII.
        body: ``application/problem+json``.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def respond(refusal: Refusal) -> Response:
    """Write the answer to a refused request."""
    reason = refusal.reason
    problem: dict[str, object] = {"type": PROBLEM + reason.suffix, "title": reason.title, "status": reason.status}
    if refusal.detail and reason is not Reason.INVALID_KEY:  # one text for every bad key: no oracle
        problem["detail"] = refusal.detail
    body = json.dumps(problem).encode()
    headers = [
        ("content-type", "application/problem+json"),
        ("content-length", str(len(body))),
        ("cache-control", "no-store"),
    ]
    if reason in _CHALLENGES:
        headers.append(("www-authenticate", _CHALLENGES[reason]))
    if reason.status in {429, 503}:
        wait = refusal.retry_after
        if wait is None or not 0 < wait < _LONGEST_RETRY:  # NaN is neither
            wait = _DEFAULT_RETRY
        headers.append(("retry-after", str(math.ceil(wait))))
    return Response(reason.status, tuple(headers), body)
