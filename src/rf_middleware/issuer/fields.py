"""The fields of the Roboflow routes: how keys and receipts are shown, how what is sent is read."""

import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, cast

from starlette.requests import Request

from rf_middleware.issuer.access import Actor
from rf_middleware.issuer.answers import Problem
from rf_middleware.issuer.presets import PRESETS, expanded
from rf_middleware.issuer.records import ENDED, Key, Receipt

__all__ = ["flag", "key_body", "only", "read_expiry", "read_name", "read_owners", "read_scopes", "receipt_body"]

_SCOPE: Final = re.compile(r"[a-z0-9_-]+:[a-z0-9_-]+")
_LONGEST: Final = 200
_MOST: Final = 100


def key_body(key: Key) -> dict[str, object]:
    """Return what is shown of a key."""
    return {
        "keyId": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "lastFour": key.last_four,
        "default": key.is_default,
        "protected": False,
        "disabled": key.status == "disabled",
        "scopes": None if key.scopes is None else sorted(key.scopes),
        "owners": list(key.owners),
        "created_on": _shown(key.created),
        "expiresAt": None if key.expires is None else _shown(key.expires),
        "lastUsed": None if key.last_used is None else _shown(key.last_used),
    }


def receipt_body(receipt: Receipt) -> dict[str, object]:
    """Return the receipt of an event that holds everywhere; nothing of one that does not yet."""
    done = receipt.done
    if done is None:
        return {}
    return {
        **({"revoked": True} if receipt.change in ENDED else {}),
        **({} if receipt.key_id is None else {"keyId": receipt.key_id}),
        "seq": receipt.seq,
        "validators": {"confirmed": done.confirmed, "expired": done.expired},
        "took_ms": done.took_ms,
    }


def only(body: Mapping[str, object], *known: str) -> None:
    """Refuse fields that nobody knows.

    Raises:
        Problem: 400, names the first.
    """
    for field in sorted(body.keys() - set(known)):
        raise Problem(400, f"Unknown field: {field[:_LONGEST].encode('ascii', 'backslashreplace').decode('ascii')}")


def flag(request: Request, name: str, *, default: bool) -> bool:
    """Read a boolean of the query.

    Raises:
        Problem: 400, it is neither ``true`` nor ``false``.
    """
    text = request.query_params.get(name, "true" if default else "false")
    if text not in {"true", "false"}:
        raise Problem(400, f"{name} is true or false")
    return text == "true"


def read_name(value: object) -> str:
    """Read the name of a key.

    Raises:
        Problem: 400, it is none.
    """
    if not isinstance(value, str) or len(value) > _LONGEST or not value.isprintable():
        raise Problem(400, f"name is a text of at most {_LONGEST} printable characters")
    return value


def read_owners(value: object) -> tuple[str, ...]:
    """Read who answers for a key; an empty list is everybody.

    Raises:
        Problem: 400, it is no list of names.
    """
    found = _texts(value, lambda each: bool(each) and each.isprintable())
    if found is None:
        raise Problem(400, f"owners is a list of at most {_MOST} printable texts")
    return tuple(sorted(found))


def read_scopes(value: object, actor: Actor) -> frozenset[str] | None:
    """Read scopes that the acting key may give, presets spelled out; ``null`` is every scope.

    Raises:
        Problem: 400, they are none; 403, the acting key does not have them all itself.
    """
    named = None if value is None else _texts(value, lambda each: bool(_SCOPE.fullmatch(each)))
    if named is None and value is not None:
        raise Problem(400, f"scopes is null or a list of at most {_MOST} texts like noun:verb, in a-z, 0-9, _ and -")
    try:
        wanted = None if named is None else expanded(named)
    except KeyError:
        raise Problem(400, f"scopes names a preset that is not one of {', '.join(PRESETS)}") from None
    if not actor.covers(wanted):
        raise Problem(403, "A key can't give scopes that it does not have itself")
    return wanted


def read_expiry(value: object, actor: Actor) -> float | None:
    """Read when a key ends, in seconds since 1970, no later than the acting key itself; ``null`` is never.

    Raises:
        Problem: 400, it is no time in the future; 403, the acting key ends before.
    """
    ends = None if value is None else _seconds(value)
    if actor.expires is not None and (ends is None or ends > actor.expires):
        raise Problem(403, "A key can't outlive the one that makes it")
    return ends


def _seconds(value: object) -> float:
    try:
        when = datetime.fromisoformat(value) if isinstance(value, str) else None
        ends = None if when is None or when.tzinfo is None else when.timestamp()
        datetime.fromtimestamp(ends or 0.0, UTC)  # in the year 10000 it could not be shown
    except (ValueError, OverflowError):
        ends = None
    if ends is None or ends <= time.time():
        raise Problem(400, "expiresAt is null or a time in the future with its offset, like 2030-01-31T12:00:00Z")
    return ends


def _texts(value: object, good: Callable[[str], bool]) -> frozenset[str] | None:
    """Return a list of not too many, not too long, good texts as a set; ``None`` for anything else."""
    listed = cast("list[object]", value) if isinstance(value, list) else None
    if listed is None or len(listed) > _MOST:
        return None
    found = [each for each in listed if isinstance(each, str) and len(each) <= _LONGEST and good(each)]
    return frozenset(found) if len(found) == len(listed) else None


def _shown(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
