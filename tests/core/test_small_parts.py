"""The small parts: the wrapped key, its fingerprint, the clock."""

import copy
import pickle
import subprocess
import sys
import time
from hashlib import sha256

import pytest

from rf_middleware._clock import now
from rf_middleware._fingerprint import fingerprint, short
from rf_middleware._secret import Secret


def test_a_secret_reveals_itself_only_when_asked() -> None:
    """Neither ``repr`` nor ``str`` nor formatting shows a key."""
    secret = Secret("rfk_canary")
    assert secret.reveal() == "rfk_canary"
    assert repr(secret) == "Secret(...)"
    assert "canary" not in f"{secret} {secret!r} {[secret]} {vars(type(secret))}"


@pytest.mark.parametrize("away", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_secret_stays_where_it_is(away: object) -> None:
    """A key is not pickled or copied to another process."""
    assert callable(away)
    with pytest.raises(TypeError, match="not pickled"):
        away(Secret("rfk_canary"))


@pytest.mark.parametrize(("key", "publishable"), [("rf_acme", True), ("rfk_acme", False), ("RF_acme", False)])
def test_a_publishable_key_is_known_by_its_prefix(key: str, *, publishable: bool) -> None:
    """``rf_<workspaceId>`` is the key that is not secret."""
    assert Secret(key).publishable is publishable


def test_a_fingerprint_is_the_whole_sha_256() -> None:
    """A cut digest would let another key in; only a log line names a key by twelve digits."""
    assert fingerprint(b"key") == sha256(b"key").digest()
    assert short(fingerprint(b"key")) == sha256(b"key").hexdigest()[:12]


def test_the_clock_goes_on_through_suspend() -> None:
    """``now`` is CLOCK_BOOTTIME where the system has it, never the wall clock."""
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before <= now() <= time.clock_gettime(time.CLOCK_BOOTTIME)


def test_the_clock_is_monotonic_where_there_is_no_boot_time() -> None:
    """On a system without CLOCK_BOOTTIME the monotonic clock is taken."""
    script = """
import time
del time.CLOCK_BOOTTIME
from rf_middleware._clock import now
print(now is time.monotonic)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
