"""The fields of the Roboflow routes: how keys and receipts are shown, and what is read of queries and bodies first.

What the fields of a body may hold is in ``reading.py``.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from starlette.requests import Request

from rf_middleware.issuer.answers import Problem
from rf_middleware.issuer.records import ENDED, Key, Receipt

__all__ = ["flag", "key_body", "only", "receipt_body"]

_LONGEST: Final = 200


def key_body(key: Key, *, folders: bool = True) -> dict[str, object]:
    """Return what is shown of a key, with or without its folders."""
    return {
        "keyId": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "lastFour": key.last_four,
        "default": key.is_default,
        "protected": key.protected,
        "disabled": key.status == "disabled",
        "scopes": None if key.scopes is None else sorted(key.scopes),
        "owners": list(key.owners),
        **({"folderIds": list(key.folders)} if folders else {}),
        "customMetadata": dict(key.metadata),
        "createdBy": key.made_by,
        "created_on": _shown(key.created),
        "expiresAt": _shown(key.expires),
        "rotationDueAt": _shown(key.rotation_due),
        "lastUsed": _shown(key.last_used),
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


def _shown(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
