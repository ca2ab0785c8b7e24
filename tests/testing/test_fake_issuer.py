"""The issuer for tests: what it says holds at once, everywhere in the process."""

import asyncio
import traceback
from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import sha256
from threading import Thread
from typing import Any

import pytest

from rf_middleware import ConfigurationError, Denied, Grant, Issuer, IssuerUnavailable, Validator, Workspace
from rf_middleware.testing import FakeIssuer

KEY = "a-key-of-acme"


class Time:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def issuer() -> FakeIssuer:
    """Return an issuer that knows one key."""
    issuer = FakeIssuer()
    issuer.add(KEY, workspace="acme")
    return issuer


@pytest.fixture
def validator(issuer: FakeIssuer) -> Iterator[Validator]:
    """Return a validator that keeps what it is told for long."""
    with Validator(issuer, ttl=3600, negative_ttl=3600) as validator:
        yield validator


def refused(validator: Validator, key: str = KEY) -> bool:
    """Tell whether a key is not valid; any other refusal is an error."""
    try:
        validator.check(key)
    except Denied as denied:
        return {401: True}[denied.status]
    return False


def test_it_is_an_issuer(issuer: FakeIssuer) -> None:
    """Wherever an issuer is wanted a fake one will do."""
    wanted: Issuer = issuer
    assert Validator(wanted).check(KEY).workspace.slug == "acme"


def test_a_key_has_what_it_was_given(issuer: FakeIssuer, validator: Validator) -> None:
    """The grant of a key carries its workspace, scopes, id and kind."""
    workspace = Workspace("initech", "Initech", "w2")
    issuer.add("k", workspace, ["a:read", "a:write"], publishable=True, key_id="k7")
    assert validator.check("k") == Grant(workspace, "k7", frozenset({"a:read", "a:write"}), publishable=True)


def test_a_key_alone_may_do_everything_in_the_test_workspace(issuer: FakeIssuer, validator: Validator) -> None:
    """Without arguments a key belongs to ``test-workspace``, has every scope and never ends."""
    issuer.add("k")
    assert validator.check("k") == Grant(Workspace("test-workspace"))


def test_no_scopes_are_not_every_scope(issuer: FakeIssuer, validator: Validator) -> None:
    """An empty list of scopes stays one."""
    issuer.add("k", scopes=[])
    assert validator.check("k").scopes == frozenset()


def test_an_unknown_key_is_refused(validator: Validator) -> None:
    """Only keys that were added are good."""
    assert refused(validator, "another-key")


def test_a_revoked_key_is_refused_at_once_by_every_validator(issuer: FakeIssuer) -> None:
    """When ``revoke`` returns, no validator of the process accepts the key from its cache."""
    with ExitStack() as open_ones:
        validators = [open_ones.enter_context(Validator(issuer, ttl=3600)) for _ in range(3)]
        assert [each.check(KEY).workspace.slug for each in validators] == ["acme"] * 3
        issuer.revoke(KEY)
        assert [refused(each) for each in validators] == [True] * 3


def test_only_its_own_validators_are_told(issuer: FakeIssuer, validator: Validator) -> None:
    """Another issuer's key of the same text stays what it is."""
    other = FakeIssuer()
    other.add(KEY)
    with Validator(other, ttl=3600) as theirs:
        theirs.check(KEY)
        issuer.revoke(KEY)
        theirs.check(KEY)
    assert len(other.asked) == 1


def test_a_check_in_flight_does_not_bring_a_revoked_key_back() -> None:
    """An answer that was read before the revocation and arrives after it is thrown away."""

    class Slow(FakeIssuer):
        """Revokes the key after it was read, before the answer arrives."""

        def check(self, key: str, timeout: float) -> Any:
            answer = super().check(key, timeout)
            if len(self.asked) == 1:
                self.revoke(KEY)
            return answer

    slow = Slow()
    slow.add(KEY)
    with Validator(slow, ttl=3600) as validator:
        assert refused(validator)
        assert len(slow.asked) == 2


def test_revoking_again_changes_nothing(issuer: FakeIssuer, validator: Validator) -> None:
    """A repeat of a revocation is no error."""
    issuer.revoke(KEY)
    issuer.revoke(KEY)
    assert refused(validator)


def test_revoking_what_was_never_added_is_an_error(issuer: FakeIssuer) -> None:
    """A typo in a test must not look like a revocation that works."""
    with pytest.raises(LookupError, match="never added") as caught:
        issuer.revoke("a-secret-typo")
    assert "a-secret-typo" not in str(caught.value)


def test_a_key_added_after_it_was_refused_is_good_at_once(issuer: FakeIssuer, validator: Validator) -> None:
    """What validators remember of a refused key is dropped."""
    assert refused(validator, "late-key")
    issuer.add("late-key")
    assert not refused(validator, "late-key")


def test_a_revoked_key_can_be_added_again(issuer: FakeIssuer, validator: Validator) -> None:
    """A test may bring a key back."""
    issuer.revoke(KEY)
    assert refused(validator)
    issuer.add(KEY)
    assert not refused(validator)


def test_adding_a_key_again_changes_it_at_once(issuer: FakeIssuer, validator: Validator) -> None:
    """A grant that validators have cached is replaced by the new one."""
    assert validator.check(KEY).scopes is None
    issuer.add(KEY, workspace="acme", scopes=["a:read"])
    assert validator.check(KEY).scopes == frozenset({"a:read"})


def test_down_means_that_it_cannot_be_asked_until_up(issuer: FakeIssuer, validator: Validator) -> None:
    """While it is down nobody can say; afterwards everything is as it was."""
    issuer.down()
    with pytest.raises(IssuerUnavailable):
        validator.check(KEY)
    issuer.up()
    assert not refused(validator)


def test_down_leaves_cached_keys_alone(issuer: FakeIssuer, validator: Validator) -> None:
    """A validator goes on with what it trusts."""
    validator.check(KEY)
    issuer.down()
    assert not refused(validator)


def test_a_key_ends_by_itself() -> None:
    """``expires_in`` counts from the moment the key was added, on the clock that was given."""
    time = Time()
    issuer = FakeIssuer(clock=time)
    issuer.add("k", expires_in=10)
    with Validator(issuer, clock=time) as validator:
        time.now += 4
        assert validator.check("k").expires_in == 6
        time.now += 6
        assert refused(validator, "k")


def test_a_key_may_have_ended_already(issuer: FakeIssuer, validator: Validator) -> None:
    """``expires_in=0`` is a key that is known and no longer valid."""
    issuer.add("k", expires_in=0)
    assert refused(validator, "k")


def test_asyncio_and_threads_are_told_the_same(issuer: FakeIssuer, validator: Validator) -> None:
    """``acheck`` finds what ``check`` finds."""
    assert asyncio.run(validator.acheck(KEY)) == validator.check(KEY)
    assert len(issuer.asked) == 1


def test_what_was_asked_is_kept_without_keys(issuer: FakeIssuer, validator: Validator) -> None:
    """Each question is listed by the short form of its fingerprint, unknown keys and bad times too."""
    validator.check(KEY)
    refused(validator, "another-key")
    issuer.down()
    with pytest.raises(IssuerUnavailable):
        validator.check("a-third-key")
    assert issuer.asked == [sha256(key).hexdigest()[:12] for key in (KEY.encode(), b"another-key", b"a-third-key")]


def test_no_key_can_be_read_from_it(issuer: FakeIssuer) -> None:
    """Neither the repr nor anything it holds shows a key."""
    issuer.add("revoked-key")
    issuer.revoke("revoked-key")
    assert repr(issuer) == "FakeIssuer(1 keys, 1 revoked)"
    issuer.down()
    assert repr(issuer) == "FakeIssuer(1 keys, 1 revoked, down)"
    assert "key-of-acme" not in repr(vars(issuer))
    assert "revoked-key" not in repr(vars(issuer))


@pytest.mark.parametrize("key", ["", "two words", "tab\t", "schlüssel", "\udce4", "x" * 513, b"bytes", None, 7])
def test_what_cannot_be_a_key_is_refused(issuer: FakeIssuer, key: Any) -> None:
    """A key is 1 to 512 visible ASCII characters; the error says so and does not show it."""
    for verb in (issuer.add, issuer.revoke):
        with pytest.raises(ConfigurationError, match="1 to 512 visible ASCII characters") as caught:
            verb(key)
        assert str(caught.value) == "key: it is refused; a key is a string of 1 to 512 visible ASCII characters"
        assert "two words" not in "".join(traceback.format_exception_only(caught.value))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("workspace", ""),
        ("workspace", "two words"),
        ("workspace", "-dash-first"),
        ("workspace", "acme\n"),
        ("workspace", Workspace("../etc")),
        ("workspace", Workspace(7)),  # type: ignore[arg-type] # the point of the case
        ("workspace", None),
        ("scopes", "a:read"),
        ("scopes", [7]),
        ("scopes", 7),
        ("publishable", "yes"),
        ("key_id", 7),
        ("expires_in", -1),
        ("expires_in", float("nan")),
        ("expires_in", "10"),
        ("expires_in", True),
    ],
)
def test_a_wrong_argument_is_named(issuer: FakeIssuer, validator: Validator, option: str, value: Any) -> None:
    """The error names the argument, and nothing has changed."""
    with pytest.raises(ConfigurationError, match=f"^{option}: "):
        issuer.add(KEY, **{option: value})
    assert validator.check(KEY) == Grant(Workspace("acme"))


def test_many_threads_may_use_it(issuer: FakeIssuer) -> None:
    """Keys may come and go while others are checked."""
    wrong: list[str] = []
    validator = Validator(issuer, unknown_key_burst=10_000)

    def work(name: str) -> None:
        for turn in range(50):
            key = f"{name}-{turn}"
            issuer.add(key)
            if refused(validator, key):
                wrong.append(f"{key} refused")
            issuer.revoke(key)
            if not refused(validator, key):
                wrong.append(f"{key} accepted")

    threads = [Thread(target=work, args=(f"thread-{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert repr(issuer) == "FakeIssuer(1 keys, 400 revoked)"
