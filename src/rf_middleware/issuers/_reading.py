"""What an issuer's HTTP answer means. Pure.

401 is a denial; 402, 403 and 423 are what they say; anything else that is not exactly a good answer means
that the issuer can't be asked: never a grant, never a denial, never cached.
"""

import json
import math
from collections.abc import Mapping
from typing import Final, cast

from rf_middleware._flight import Answer
from rf_middleware._models import Reason, Refusal
from rf_middleware.issuers._http import Failure, Received

__all__ = ["json_object", "refused_status", "unavailable"]

_STATUSES: Final = {
    401: Reason.INVALID_KEY,
    402: Reason.PAYMENT_REQUIRED,
    403: Reason.FORBIDDEN,
    423: Reason.PAUSED,
}
_LONGEST_DETAIL: Final = 200
_LONGEST_RETRY: Final = 3600.0


def unavailable(detail: str, retry_after: float | None = None) -> Answer:
    """Return "the issuer can't be asked"."""
    return Answer(Refusal(Reason.ISSUER_UNAVAILABLE, detail, retry_after))


def json_object(received: Received) -> Mapping[str, object] | None:
    """Return the members of a JSON object, or ``None`` for anything else, also where a name stands twice."""
    try:
        whole = json.loads(received.body, object_pairs_hook=_members)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, object]", whole) if isinstance(whole, dict) else None


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        message = "a name stands twice"
        raise ValueError(message)
    return members


def refused_status(received: Received | Failure) -> Answer | None:
    """Return what an answer other than 200 means, ``None`` for a 200."""
    if isinstance(received, Failure):
        return unavailable("The issuer did not answer.")
    if received.status == 200:
        return None
    reason = _STATUSES.get(received.status)
    if reason is None:
        return unavailable("The issuer gave no usable answer.", _retry_after(received))
    return Answer(Refusal(reason, _text(received) if reason is Reason.PAYMENT_REQUIRED else ""))


def _retry_after(received: Received) -> float | None:
    """Return the seconds of a ``Retry-After``; its other form is a date, and no clocks are compared."""
    try:
        seconds = float(received.headers.get("retry-after", ""))
    except ValueError:
        return None
    return min(seconds, _LONGEST_RETRY) if math.isfinite(seconds) and seconds > 0 else None


def _text(received: Received) -> str:
    members = json_object(received) or {}
    text = members.get("error", members.get("message"))
    if not isinstance(text, str):
        return ""
    return "".join(each for each in text if each.isprintable())[:_LONGEST_DETAIL]
