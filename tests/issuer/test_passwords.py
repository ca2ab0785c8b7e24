"""Passwords: which are taken, how they are kept, and that a check tells nothing but whether it is the one."""

import unicodedata
from typing import Literal

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.low_level import Type
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware.issuer.passwords import LONGEST, SHORTEST, Passwords, fault

PASSWORD = "correct horse battery staple"
EMAIL, NAME = "ada.lovelace@example.com", "Ada Lovelace"

any_text = st.text(st.characters(exclude_categories=()))


class Counting(PasswordHasher):
    """A hasher that costs next to nothing and knows how often it was asked to check."""

    def __init__(self, time_cost: int = 1) -> None:
        super().__init__(time_cost=time_cost, memory_cost=8, parallelism=1)
        self.asked = list[str]()

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - the name argon2 has
        """Check, and note what against."""
        self.asked.append(str(hash))
        return super().verify(hash, password)


CHEAP = Counting()
passwords = Passwords(CHEAP)


def test_what_a_hash_costs() -> None:
    """Argon2id with at least the second recommendation of RFC 9106, a salt of its own, and nothing of the password."""
    real = Passwords()
    kept = real.hash(PASSWORD)
    cost = extract_parameters(kept)
    assert cost.type is Type.ID
    assert cost.memory_cost >= 64 * 1024
    assert cost.time_cost >= 3
    assert (cost.salt_len, cost.hash_len) == (16, 32)
    assert PASSWORD not in kept
    assert len(kept) <= 200  # the width of its column
    assert real.verify(kept, PASSWORD)
    assert not real.verify(kept, PASSWORD + " ")
    assert not real.verify(None, PASSWORD)
    assert not real.needs_rehash(kept)
    assert real.hash(PASSWORD) != kept


@given(any_text, any_text)
def test_only_the_password_itself_is_right(password: str, other: str) -> None:
    """Any text that is not too long can be kept and is recognised, and no other text is."""
    password = password[:11]  # at most 18 times as long when normalised
    kept = passwords.hash(password)
    assert passwords.verify(kept, password)
    same = unicodedata.normalize("NFKC", other) == unicodedata.normalize("NFKC", password)
    assert passwords.verify(kept, other) is same


@pytest.mark.parametrize(
    ("chosen", "typed"),
    [
        ("Stra\u00dfe und Ca\u0301fe", "Stra\u00dfe und C\u00e1fe"),
        ("\uff30\uff41\uff53\uff53\uff57\uff4f\uff52\uff44\uff13\uff13", "Password33"),
        ("\ufb01sh and chips", "fish and chips"),
        ("blank\u00a0by\u00a0blank", "blank by blank"),
    ],
)
def test_two_keyboards_write_the_same_password(chosen: str, typed: str) -> None:
    """Composed and decomposed, wide and narrow characters are one."""
    assert passwords.verify(passwords.hash(chosen), typed)
    assert passwords.verify(passwords.hash(typed), chosen)


@pytest.mark.parametrize("typed", [PASSWORD.upper(), f" {PASSWORD}", f"{PASSWORD} ", PASSWORD[:-1], "", PASSWORD * 8])
def test_nothing_is_forgiven(typed: str) -> None:
    """Case, blanks at the ends and every character count."""
    assert not passwords.verify(passwords.hash(PASSWORD), typed)


def test_what_is_too_long_is_not_cut() -> None:
    """A password of the greatest length is not opened by a longer one that begins with it."""
    longest = "x" * LONGEST
    kept = passwords.hash(longest)
    assert passwords.verify(kept, longest)
    assert not passwords.verify(kept, longest + "x")


@pytest.mark.parametrize("typed", ["", "x", PASSWORD, "x" * LONGEST, "x" * 1000, "x" * 1_000_000, "\ud800", "\0"])
@pytest.mark.parametrize("there", [True, False])
def test_each_check_costs_one_hash(typed: str, *, there: bool) -> None:
    """The time of an answer does not say whether there is such a person, nor what was wrong."""
    hasher = Counting()
    subject = Passwords(hasher)
    kept = subject.hash(PASSWORD) if there else None
    assert subject.verify(kept, typed) is (there and typed == PASSWORD)
    assert len(hasher.asked) == 1
    assert extract_parameters(hasher.asked[0]) == extract_parameters(subject.hash(PASSWORD))


@pytest.mark.parametrize("kept", ["", "junk", "$argon2id$", "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$eA", "\u00e4"])
def test_a_damaged_hash_lets_nobody_in(kept: str) -> None:
    """What is no hash matches no password, and breaks nothing."""
    assert not passwords.verify(kept, PASSWORD)
    assert not passwords.verify(kept, "")


def test_a_hash_that_cost_less_is_made_anew() -> None:
    """It is right still, and is seen to be of an earlier setting."""
    kept = passwords.hash(PASSWORD)
    dearer = Passwords(Counting(time_cost=2))
    assert dearer.verify(kept, PASSWORD)
    assert dearer.needs_rehash(kept)
    assert not passwords.needs_rehash(kept)


@pytest.mark.parametrize(
    ("password", "wrong"),
    [
        ("x" * (SHORTEST - 1), "at least 10 characters"),
        ("", "at least 10 characters"),
        ("x" * SHORTEST, None),
        ("x" * LONGEST, None),
        ("x" * (LONGEST + 1), "at most 200 characters"),
        ("x" * 1_000_000, "at most 200 characters"),
        ("\ufdfa" * 12, "at most 200 characters"),  # 18 characters each when normalised
        ("e\u0301" * 9, "at least 10 characters"),
        ("\u03b1\u0313\u0300\u0345" * LONGEST, None),  # four characters that are one
        ("\U0001f511" * SHORTEST, None),
        (PASSWORD, None),
        ("no digit nor capital", None),
        (EMAIL, "other than your name or e-mail"),
        (EMAIL.upper(), "other than your name or e-mail"),
        ("ada.lovelace", "other than your name or e-mail"),
        (f" {NAME} ", "other than your name or e-mail"),
        ("ADA LOVELACE", "other than your name or e-mail"),
        (f"{NAME}1", None),
    ],
)
def test_the_rules_for_a_new_password(password: str, wrong: str | None) -> None:
    """Length counts, the obvious is refused, and there is no other rule."""
    found = fault(password, EMAIL, NAME)
    assert found is None if wrong is None else wrong in (found or "")


@given(any_text, any_text, any_text)
def test_what_has_no_fault_can_be_kept(password: str, email: str, name: str) -> None:
    """Any text is either refused with a sentence that does not repeat it, or kept and recognised."""
    wrong = fault(password, email, name)
    if wrong is None:
        assert passwords.verify(passwords.hash(password), password)
    else:
        assert wrong.endswith(".")
        assert len(password) < SHORTEST or password not in wrong


@pytest.mark.parametrize("password", ["canary" * 200, "canary \ufdfa" * 28])
def test_a_password_that_is_too_long_is_not_kept(password: str) -> None:
    """The refusal does not repeat it."""
    with pytest.raises(ValueError, match=r"^a password has at most 200 characters$") as refused:
        passwords.hash(password)
    assert "canary" not in repr((refused.value, refused.value.__cause__, refused.value.__context__))
