"""Every exception of the package.

RFMiddlewareError
├── ConfigurationError   a wrong option; also a ValueError
├── LoginError           a login did not come about, or the login file is no good
└── Refused              a request is not let in; knows its status and its problem type
    ├── Denied           the issuer, or a rule, says no
    └── IssuerUnavailable  nobody can say: the issuer can't be asked or answers nonsense

A key never appears in any of them.
"""

from typing import Final

from rf_middleware._models import Grant, Reason, Refusal, Verdict

__all__ = [
    "PROBLEM",
    "ConfigurationError",
    "Denied",
    "IssuerUnavailable",
    "LoginError",
    "RFMiddlewareError",
    "Refused",
    "granted",
    "refused",
]

PROBLEM: Final = "urn:rf-middleware:problem:"

_BY_STATUS: Final = {
    401: Reason.INVALID_KEY,
    402: Reason.PAYMENT_REQUIRED,
    403: Reason.FORBIDDEN,
    423: Reason.PAUSED,
}


class RFMiddlewareError(Exception):
    """The root of the tree."""


class ConfigurationError(RFMiddlewareError, ValueError):
    """A wrong option. The message names it and what is allowed."""


class LoginError(RFMiddlewareError):
    """A login did not come about, or the file that keeps logins is no good. The message says what to do."""


class Refused(RFMiddlewareError):  # noqa: N818 - not a mistake of the program
    """A request, or a key, is not let in.

    Attributes:
        refusal: the same as a value.
        status: HTTP status of the answer.
        type: problem type, a URN (RFC 9457).
        detail: a text for people; may be empty.
        retry_after: seconds after which asking again makes sense, or ``None``.
    """

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"{refusal.reason.title}: {refusal.detail}" if refusal.detail else refusal.reason.title)
        self.refusal = refusal
        self.status = refusal.reason.status
        self.type = PROBLEM + refusal.reason.suffix
        self.detail = refusal.detail
        self.retry_after = refusal.retry_after

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by value, since subclasses take other arguments."""
        return refused, (self.refusal,)


class Denied(Refused):
    """The key is refused.

    Args:
        status: 401 (not valid), 402 (no credits), 403 (not allowed) or 423 (paused).
        detail: a text for people, shown in the answer, except with 401: every bad key gets one text.

    Raises:
        ValueError: another status.
    """

    def __init__(self, status: int = 401, detail: str = "") -> None:
        if status not in _BY_STATUS:
            message = f"Denied(status={status!r}): allowed are {', '.join(map(str, _BY_STATUS))}"
            raise ValueError(message)
        super().__init__(Refusal(_BY_STATUS[status], detail))


class IssuerUnavailable(Refused):
    """The issuer can't be asked, or answers nonsense. Never cached, never a reason to let a request in."""

    def __init__(self, detail: str = "", retry_after: float | None = None) -> None:
        super().__init__(Refusal(Reason.ISSUER_UNAVAILABLE, detail, retry_after))


def granted(verdict: Verdict) -> Grant:
    """Return the grant, or raise the exception that says what the refusal says."""
    if isinstance(verdict, Grant):
        return verdict
    raise refused(verdict)


def refused(refusal: Refusal) -> Refused:
    """Make the exception that says what ``refusal`` says."""
    if refusal.reason is Reason.ISSUER_UNAVAILABLE:
        return IssuerUnavailable(refusal.detail, refusal.retry_after)
    denied = Denied.__new__(Denied)
    Refused.__init__(denied, refusal)
    return denied
