"""Makes new keys: the secret, and what is stored of it."""

from collections.abc import Callable, Mapping
from typing import TypedDict, Unpack

from rf_middleware._fingerprint import fingerprint
from rf_middleware.issuer.keys import KEY_PREFIX, mint, new_id
from rf_middleware.issuer.records import Key, NewKey, Sealed
from rf_middleware.issuer.vault import Vault

__all__ = ["KeyFields", "Minting", "sealing"]


class KeyFields(TypedDict, total=False):
    """What may be said of a new key beside its name and scopes: fields of ``NewKey``."""

    expires: float | None
    owners: tuple[str, ...]
    disabled: bool
    folders: tuple[str, ...]
    metadata: Mapping[str, object]
    protected: bool
    rotation_due: float | None
    made_by: str


class Minting:
    """Mints keys.

    Args:
        seal: encrypts a secret for the key of this id; ``None`` where no encrypted secrets are kept.
    """

    def __init__(self, seal: Callable[[str, str], Sealed] | None = None) -> None:
        self._seal = seal

    def new(self, name: str, scopes: frozenset[str] | None, **more: Unpack[KeyFields]) -> tuple[str, NewKey]:
        """Return a new secret and what is stored of it."""
        secret, key_id = mint(KEY_PREFIX), new_id()
        sealed = None if self._seal is None else self._seal(key_id, secret)
        key = NewKey(key_id, fingerprint(secret.encode()), secret[:8], secret[-4:], name, scopes, sealed=sealed, **more)
        return secret, key

    def successor(self, old: Key, changed: KeyFields) -> tuple[str, NewKey]:
        """Return a new secret and what is stored of the key that replaces an old one: the same but for what is said."""
        fields: KeyFields = {
            "expires": old.expires,
            "owners": old.owners,
            "disabled": old.status == "disabled",
            "folders": old.folders,
            "metadata": old.metadata,
            "protected": old.protected,
            "rotation_due": old.rotation_due,
        }
        fields.update(changed)
        return self.new(old.name, old.scopes, **fields)


def sealing(vault: Vault | None) -> Callable[[str, str], Sealed] | None:
    """Return what encrypts a secret for the key of an id; ``None`` without a vault."""
    return None if vault is None else lambda key_id, secret: Sealed(*vault.seal(key_id, secret))
