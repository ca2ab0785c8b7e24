"""New keys, with and without an encrypted copy of their secret."""

from pathlib import Path

from rf_middleware._fingerprint import fingerprint
from rf_middleware.issuer.database import Database
from rf_middleware.issuer.keys import KEY_PREFIX, well_formed
from rf_middleware.issuer.minting import Minting
from rf_middleware.issuer.records import Sealed
from rf_middleware.issuer.store import Store
from rf_middleware.issuer.vault import Vault
from tests.issuer.rig import BY

VAULT = Vault(bytes(32))


def sealing(key_id: str, secret: str) -> Sealed:
    """Encrypt a secret."""
    return Sealed(*VAULT.seal(key_id, secret))


def test_a_key_is_stored_by_fingerprint_and_shown_ends() -> None:
    """Of the secret itself nothing more is in the record."""
    secret, key = Minting().new("k", frozenset({"a:b"}), expires=5.0, protected=True)
    assert well_formed(secret, KEY_PREFIX)
    assert (key.fingerprint, key.prefix, key.last_four) == (fingerprint(secret.encode()), secret[:8], secret[-4:])
    assert (key.name, key.scopes, key.expires, key.protected, key.sealed) == ("k", frozenset({"a:b"}), 5.0, True, None)
    assert secret not in repr(key)


def test_an_encrypted_copy_is_kept_where_that_is_wanted(tmp_path: Path) -> None:
    """It opens for its key; a database that is to keep none loses those that it has."""
    database = Database(tmp_path / "issuer.db")
    store = Store(database)
    secret, key = Minting(sealing).new("k", None)
    store.create_workspace("acme", "", key, BY)
    sealed = store.sealed_secret(key.id)
    assert sealed is not None
    assert VAULT.open(key.id, sealed.kek, sealed.blob) == secret
    assert store.sealed_with() == {VAULT.kek_id: 1}
    (shown,) = store.keys_of(store.list_workspaces()[0].id)
    assert (shown.sealed, store.write_once()) == (True, False)
    store.set_write_once(on=True)
    assert (store.sealed_secret(key.id), store.write_once()) == (None, True)
    store.set_write_once(on=False)
    assert (store.sealed_with(), store.write_once()) == ({}, False)
    database.close()
