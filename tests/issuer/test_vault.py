"""The encrypted copies of keys: what opens, what does not, and that nothing of it is ever shown."""

import pickle
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware.issuer.vault import CannotOpen, Damaged, Vault, WrongKey

KEK = bytes(range(32))
OTHER = bytes(range(32, 64))
SECRET = "rfk_0123456789abcdefghijklmnopqrstuvw"

any_text = st.text(st.characters(exclude_categories=()))


@given(st.binary(min_size=32, max_size=32), any_text, any_text)
def test_what_was_sealed_opens_for_its_own_key(kek: bytes, key_id: str, secret: str) -> None:
    """Any text at all comes back as it was."""
    kek_id, blob = Vault(kek).seal(key_id, secret)
    assert Vault(kek).open(key_id, kek_id, blob) == secret


@given(any_text, any_text)
def test_a_secret_that_is_moved_to_another_row_does_not_open(key_id: str, other: str) -> None:
    """The id of the key is part of what is sealed."""
    vault = Vault(KEK)
    kek_id, blob = vault.seal(key_id, SECRET)
    if other != key_id:
        with pytest.raises(Damaged):
            vault.open(other, kek_id, blob)


@given(st.data())
def test_a_changed_bit_is_seen(data: st.DataObject) -> None:
    """No bit of a sealed secret can be turned without it being noticed."""
    vault = Vault(KEK)
    kek_id, blob = vault.seal("key", SECRET)
    place = data.draw(st.integers(0, len(blob) * 8 - 1))
    changed = bytearray(blob)
    changed[place // 8] ^= 1 << place % 8
    with pytest.raises(Damaged):
        vault.open("key", kek_id, bytes(changed))


@given(st.binary(max_size=100))
def test_junk_is_damaged(blob: bytes) -> None:
    """Whatever stands in the row, cut or empty, it is said in one way."""
    vault = Vault(KEK)
    with pytest.raises(Damaged, match=r"^the encrypted secret is damaged$"):
        vault.open("key", vault.kek_id, blob)


def test_every_cut_is_damaged() -> None:
    """Half a sealed secret is none."""
    vault = Vault(KEK)
    kek_id, blob = vault.seal("key", SECRET)
    for length in range(len(blob)):
        with pytest.raises(Damaged):
            vault.open("key", kek_id, blob[:length])


def test_a_wrong_key_is_said_and_is_not_damage() -> None:
    """The id of the key-encryption key tells which one is wanted."""
    kek_id, blob = Vault(OTHER).seal("key", SECRET)
    with pytest.raises(WrongKey, match=f"^encrypted with key-encryption key {kek_id}, which is not here$"):
        Vault(KEK).open("key", kek_id, blob)


def test_an_older_key_opens_and_does_not_seal() -> None:
    """After a change of the key everything opens, and what is new has the new key."""
    old, new = Vault(OTHER), Vault(KEK, OTHER)
    kek_id, blob = old.seal("key", SECRET)
    assert new.open("key", kek_id, blob) == SECRET
    assert new.opens(kek_id)
    assert new.seal("key", SECRET)[0] == new.kek_id == Vault(KEK).kek_id
    assert not old.opens(new.kek_id)


def test_the_id_of_a_key_is_short_stable_and_its_own() -> None:
    """It stands in the database for years, so it may not change; and it is no part of the key."""
    assert Vault(KEK).kek_id == "5ca0609528d2"
    assert Vault(KEK).kek_id != Vault(OTHER).kek_id
    assert Vault(KEK).kek_id not in KEK.hex()


def test_a_sealed_secret_of_an_earlier_day_opens() -> None:
    """The form of what is stored does not change under those who have it."""
    blob = bytes.fromhex(
        "d552a77307e95f84d9bb261e0fbc415b00686af7925e264b1e06137ee196b85bc7789ab993d6e8eea0421e591b45d0da6a54d9ca28c1707dfb58f5f6d8c8402237"
    )
    assert Vault(KEK).open("AbCdEf0123456789", "5ca0609528d2", blob) == SECRET


def test_each_seal_is_different() -> None:
    """A nonce is never used again: two copies of one secret have nothing in common."""
    vault = Vault(KEK)
    blobs = {vault.seal("key", SECRET)[1] for _ in range(100)}
    assert len({blob[:12] for blob in blobs}) == len({blob[12:] for blob in blobs}) == 100
    assert not any(SECRET.encode() in blob for blob in blobs)


@pytest.mark.parametrize("length", [0, 16, 24, 31, 33, 64])
def test_another_length_is_no_key(length: int) -> None:
    """The weaker sizes of AES are not taken by mistake, as the first key or a further one."""
    for keks in ((KEK[:1] * length,), (KEK, KEK[:1] * length)):
        with pytest.raises(ValueError, match=r"^a key-encryption key has 32 bytes$"):
            Vault(*keks)


def fails_wrong(vault: Vault) -> object:
    """Open what another key sealed."""
    return vault.open(SECRET, *Vault(OTHER).seal(SECRET, SECRET))


def fails_damaged(vault: Vault) -> object:
    """Open what belongs to another row."""
    return vault.open(SECRET, *vault.seal("key", SECRET))


@pytest.mark.parametrize("opened", [fails_wrong, fails_damaged])
def test_a_failure_holds_no_secret(opened: Callable[[Vault], object]) -> None:
    """Neither the text nor what led to it has the secret, its id, or a key in it."""
    with pytest.raises(CannotOpen) as caught:
        opened(Vault(KEK))
    told = repr((caught.value, caught.value.args, caught.value.__cause__, caught.value.__context__, vars(caught.value)))
    assert SECRET not in told
    assert repr(KEK)[2:-1] not in told


def test_a_vault_shows_and_gives_away_nothing() -> None:
    """It has no attributes to print, and does not leave the process."""
    vault = Vault(KEK)
    assert repr(vault) == str(vault) == "Vault(...)"
    assert not hasattr(vault, "__dict__")
    with pytest.raises(TypeError, match=r"^a vault is not pickled$"):
        pickle.dumps(vault)
