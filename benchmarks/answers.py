"""What the benchmark's issuers say of a key: one rule for the one in this process and the one behind a socket.

A key that begins with ``rfk_`` is good unless ``bad`` stands in it; ``_ms250_`` in it makes the answer take 250 ms.
"""

import re
from collections.abc import Mapping
from typing import Final

from rf_middleware._wire import Reply

__all__ = ["BAD_KEY", "LEASE", "METADATA", "NOT_A_KEY", "WORKSPACE", "delay", "introspected", "slug_of", "woken"]

WORKSPACE: Final = "acme"
BAD_KEY: Final = "rfk_bad0000000_AAAABBBBCCCCDDDDEEEE0"
NOT_A_KEY: Final = "no_such_key"
LEASE: Final = 3600.0
"""Seconds: no lease ends while something is measured."""
METADATA: Final[Mapping[str, object]] = {"issuer": "http://issuer", "revocation_feed_endpoint": "/feed"}
_WAIT: Final = re.compile(r"_ms(\d+)_")


def slug_of(key: str) -> str | None:
    """Return the workspace of a key, nothing for one that is not good."""
    return WORKSPACE if key.startswith("rfk_") and "bad" not in key else None


def delay(key: str) -> float:
    """Return the seconds that the answer takes."""
    found = _WAIT.search(key)
    return int(found[1]) / 1000 if found else 0.0


def introspected(key: str) -> dict[str, object]:
    """Return the answer of RFC 7662."""
    slug = slug_of(key)
    if slug is None:
        return {"active": False, "epoch": "1", "head": 0}
    return {"active": True, "workspace": slug, "key_id": key[4:14], "scope": "*", "epoch": "1", "head": 0}


def woken(epoch: str | None) -> dict[str, object]:
    """Return the answer to a poll of the feed: a lease, and no news."""
    return Reply("1", epoch is None, 0, (), LEASE).to_json()
