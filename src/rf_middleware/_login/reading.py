"""What the answers of an issuer to a login mean. Pure.

An answer that is not plainly what it should be is a failure in words: nothing of it is kept.
"""

import json
import re
from dataclasses import dataclass
from typing import Final, cast

from rf_middleware._login.addresses import server
from rf_middleware._login.values import Answer, Login, Unanswered, plain, usable
from rf_middleware._models import SLUG
from rf_middleware._secret import Secret
from rf_middleware.exceptions import ConfigurationError

__all__ = ["Asked", "Failed", "Pending", "Tokens", "complaint", "members", "read_asked", "read_pasted", "read_polled"]

NONSENSE: Final = "the issuer's answer makes no sense"
_PENDING: Final = "authorization_pending"
_SLOW_DOWN: Final = "slow_down"
_REFUSALS: Final = {
    "access_denied": "the login was denied on the page",
    "expired_token": "the code has expired; log in again",
    "invalid_grant": "the code is not good any more (used or expired); log in again",
}
_CODE: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_DEFAULT_INTERVAL: Final = 5.0
_LONGEST: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What the issuer says to a device that wants to log in (RFC 8628 section 3.2).

    Attributes:
        device_code: what the device polls with.
        user_code: what the person compares or types.
        page: where.
        direct: the same with the code in it.
        lasts: seconds until it is over.
        interval: seconds between polls, at least.
    """

    device_code: Secret
    user_code: str
    page: str
    direct: str
    lasts: float
    interval: float = _DEFAULT_INTERVAL


@dataclass(frozen=True, slots=True)
class Pending:
    """The person has not answered yet; ``slower`` when the device asks too often."""

    slower: bool = False


@dataclass(frozen=True, slots=True)
class Tokens:
    """The keys, and the workspace the issuer put first."""

    logins: tuple[Login, ...]
    first: str


@dataclass(frozen=True, slots=True)
class Failed:
    """It did not come about; ``text`` says why."""

    text: str


def members(answer: Answer) -> dict[str, object] | None:
    """Return the members of a JSON object, ``None`` for anything else."""
    whole = _parsed(answer)
    return cast("dict[str, object]", whole) if isinstance(whole, dict) else None


def complaint(answer: Answer) -> str:
    """Return what an answer other than 200 says, for people."""
    if answer.leads_to:
        return f"the server sends one on to {answer.leads_to}, which is not followed; give that address if it is right"
    found = members(answer) or {}
    texts = [found.get(name) for name in ("error_description", "error", "detail", "message")]
    said = next((plain(text) for text in texts if isinstance(text, str) and plain(text)), "")
    return said or f"the server answers {answer.status}"


def read_asked(answer: Answer) -> Asked | Failed:
    """Read the answer to ``POST /device_authorization``."""
    if answer.status != 200:
        return Failed(complaint(answer))
    found = members(answer) or {}
    code, user_code, page = (found.get(name) for name in ("device_code", "user_code", "verification_uri"))
    direct = found.get("verification_uri_complete", page)
    lasts, interval = _seconds(found.get("expires_in")), _seconds(found.get("interval", _DEFAULT_INTERVAL))
    if not (isinstance(code, str) and usable(code) and isinstance(user_code, str) and _CODE.fullmatch(user_code)):
        return Failed(NONSENSE)
    if not (isinstance(page, str) and isinstance(direct, str) and direct.startswith(page) and _is_page(direct)):
        return Failed("the issuer names no page that can be opened safely")
    if lasts is None or interval is None:
        return Failed(NONSENSE)
    return Asked(Secret(code), user_code, page, direct, lasts, interval)


def read_polled(answer: Answer | Unanswered, issuer: str) -> Tokens | Pending | Failed | Unanswered:
    """Read the answer to ``POST /token``; trouble of the server or on the way is no answer."""
    if isinstance(answer, Unanswered):
        return answer
    found = members(answer) or {}
    if answer.status == 200:
        first, logins = found.get("workspace"), _logins(found.get("workspaces"), issuer)
        return Failed(NONSENSE) if logins is None else Tokens(logins, first if isinstance(first, str) else "")
    if answer.status == 429 or answer.status >= 500:
        return Unanswered(complaint(answer), sent=True)
    error = str(found.get("error"))
    if answer.status == 400 and error in {_PENDING, _SLOW_DOWN}:
        return Pending(slower=error == _SLOW_DOWN)
    return Failed(_REFUSALS.get(error) or complaint(answer))


def read_pasted(answer: Answer, issuer: str) -> Tokens | Failed:
    """Read the answer to ``GET /query/cliAuthToken/...``."""
    if answer.status != 200:
        return Failed(complaint(answer))
    found = _parsed(answer)
    if found is None and answer.body.strip() == b"null":
        return Failed("this token is not good: used before, too old, or not copied whole")
    logins = _logins(found, issuer)
    return Failed(NONSENSE) if logins is None else Tokens(logins, logins[0].slug)


def _logins(found: object, issuer: str) -> tuple[Login, ...] | None:
    if not isinstance(found, dict) or not found:
        return None
    read = [_login(name, entry, issuer) for name, entry in cast("dict[str, object]", found).items()]
    good = tuple(each for each in read if each is not None)
    return good if len(good) == len(read) else None


def _login(name: str, entry: object, issuer: str) -> Login | None:
    fields = cast("dict[str, object]", entry) if isinstance(entry, dict) else {}
    slug, title, key = (fields.get(each) for each in ("url", "name", "apiKey"))
    if not (isinstance(slug, str) and SLUG.fullmatch(slug) and isinstance(key, str) and usable(key)):
        return None
    return Login(name, slug, plain(title) if isinstance(title, str) else "", Secret(key), issuer)


def _parsed(answer: Answer) -> object:
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        return None


def _seconds(value: object) -> float | None:
    """Return a time span that makes sense, a very long one cut short."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        return None
    return float(min(value, _LONGEST))


def _is_page(url: str) -> bool:
    """Say whether a browser may be sent there: an address like the issuer's own, and a plain query at most."""
    base, _, query = url.partition("?")
    try:
        server(base, "")
    except ConfigurationError:
        return False
    return re.fullmatch(r"[A-Za-z0-9._~%&=+-]*", query) is not None
