"""What is kept of an acknowledgement. Pure."""

from typing import Final

from rf_middleware.issuer.decisions import Acknowledged
from rf_middleware.issuer.records import Account

__all__ = ["SHOWN", "account"]

SHOWN: Final = 8
"""Characters of a session's id that a receipt shows: enough to tell two apart, too few to end one."""


def account(done: Acknowledged) -> Account:
    """Return who confirmed an event, who was waited out, and after how long."""
    report: list[dict[str, object]] = [
        {
            "session": each.session[:SHOWN],
            "validator": each.name,
            "outcome": "confirmed" if each.confirmed else "expired",
            "after_ms": _ms(each.after),
        }
        for each in done.outcomes
    ]
    return Account(done.confirmed, done.expired, _ms(done.took), report)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
