"""The only name by which a key is cached, logged or sent over the feed: its SHA-256.

Keys are long random strings, so no salt is needed; nothing shorter than the whole digest
is ever used as a name (a cut digest lets another key in: LiteLLM CVE-2026-35030).
"""

from hashlib import sha256

__all__ = ["fingerprint", "short"]


def fingerprint(key: bytes) -> bytes:
    """Return the 32-byte SHA-256 of a key as it was presented."""
    return sha256(key).digest()


def short(digest: bytes) -> str:
    """Return the 12 hex digits by which a key may be named in a log line."""
    return digest.hex()[:12]
