"""The format of secrets."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware.issuer.keys import (
    KEY_PREFIX,
    PUBLISHABLE_PREFIX,
    TOKEN_PREFIX,
    could_be_key,
    mint,
    new_id,
    publishable_workspace,
    well_formed,
)


@given(st.sampled_from([KEY_PREFIX, TOKEN_PREFIX]))
def test_what_is_minted_is_well_formed_and_safe_in_a_url(prefix: str) -> None:
    """A new secret passes its own check and has the same width always."""
    secret = mint(prefix)
    assert re.fullmatch(prefix + "[0-9A-Za-z]{33}", secret)
    assert well_formed(secret, prefix)


@given(st.integers(0, 36), st.sampled_from("0123456789abcXYZ_-"))
def test_one_wrong_character_is_seen_without_a_look_up(place: int, char: str) -> None:
    """A typo anywhere in a key fails its check."""
    key = mint(KEY_PREFIX)
    changed = key[:place] + char + key[place + 1 :]
    assert well_formed(changed, KEY_PREFIX) is (changed == key)


def test_a_validator_token_is_not_a_key() -> None:
    """The prefix is part of what is checked, so one kind of secret can't stand for the other."""
    token = mint(TOKEN_PREFIX)
    assert not well_formed(token, KEY_PREFIX)
    assert not well_formed(KEY_PREFIX + token[4:], KEY_PREFIX)


@given(st.text(max_size=60))
def test_the_check_takes_any_text(text: str) -> None:
    """No text makes the check fail with an exception, and none but a minted one passes."""
    assert not well_formed(text, KEY_PREFIX)
    assert not well_formed(KEY_PREFIX + text, KEY_PREFIX)


@pytest.mark.parametrize(
    ("presented", "could"),
    [
        ("imported-from-elsewhere", True),
        ("!", True),
        ("~", True),
        ("x" * 512, True),
        ("x" * 513, False),
        ("", False),
        ("with blank", False),
        ("umlaut-ä", False),
        ("rfk_junk", False),
        pytest.param(mint(KEY_PREFIX), True, id="minted"),
    ],
)
def test_only_what_could_be_a_key_is_looked_up(presented: str, *, could: bool) -> None:
    """Odd characters, odd lengths and failed checks cost no look-up."""
    assert could_be_key(presented) is could


def test_a_publishable_key_names_its_workspace() -> None:
    """The publishable key is no secret: it is the workspace's id."""
    assert publishable_workspace("rf_abc") == "abc"
    assert publishable_workspace("rfk_abc") is None


def test_ids_differ() -> None:
    """Ids are random in every place and fit into a path."""
    made = [new_id() for _ in range(1_000)]
    assert len(set(made)) == len(made)
    assert all(re.fullmatch("[0-9A-Za-z]{16}", each) for each in made)
    assert min(len(set(places)) for places in zip(*made, strict=True)) > 31


def test_secrets_are_known_by_their_prefix() -> None:
    """What looks for them in logs and repositories finds those of every version."""
    assert (KEY_PREFIX, TOKEN_PREFIX, PUBLISHABLE_PREFIX) == ("rfk_", "rfv_", "rf_")
