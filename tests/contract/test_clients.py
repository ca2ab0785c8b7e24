"""Limits by client: whose failures count, and whom they never refuse."""

from typing import Any

import pytest

from tests.contract.issuing import bearer
from tests.contract.protected import Protect
from tests.contract.subjects import Subject, every, having

MINE, OTHER = ("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-For", "198.51.100.1")
BURST: dict[str, Any] = {"unknown_key_rate": 0.001, "unknown_key_burst": 8}
"""A client has a quarter of it: two failures."""

LIMITED = (429, "too-many-unknown-keys")
UNKNOWN = (401, "invalid-key")


def junk(number: int) -> tuple[str, str]:
    """Return the header of another unknown key."""
    return bearer(f"junk-{number}")


@having("trusted_proxies")
def test_a_client_that_fails_too_often_waits_alone(subject: Subject, protect: Protect) -> None:
    """Its unknown keys get 429 and Retry-After without a question, while another client's are asked about."""
    app = protect(subject, trusted_proxies=1, **BURST)
    app.warm()
    assert [app.call("/echo", junk(each), MINE).verdict for each in range(2)] == [UNKNOWN] * 2
    asked = len(app.keys.asked)
    refused = app.call("/echo", junk(2), MINE)
    assert refused.verdict == LIMITED
    assert int(refused["retry-after"]) >= 1
    assert len(app.keys.asked) == asked
    assert app.call("/echo", bearer(), MINE).status == 200
    assert app.call("/echo", junk(2), OTHER).verdict == UNKNOWN


@having("trusted_proxies")
@pytest.mark.parametrize("forged", ["192.0.2.9", "198.51.100.1", "junk", ""])
def test_a_client_can_not_pass_for_another(subject: Subject, protect: Protect, forged: str) -> None:
    """What it writes in front of the proxy's entry moves nothing."""
    app = protect(subject, trusted_proxies=1, **BURST)
    for number in range(2):
        app.call("/echo", junk(number), MINE)
    pretended = ("X-Forwarded-For", f"{forged}, 203.0.113.7")
    assert app.call("/echo", junk(2), pretended).verdict == LIMITED
    assert app.call("/echo", junk(2), ("X-Forwarded-For", forged), MINE).verdict == LIMITED


@having("trusted_proxies")
def test_without_proxies_it_is_the_peer(subject: Subject, protect: Protect) -> None:
    """With 0 proxies the header is a client's own words."""
    app = protect(subject, trusted_proxies=0, **BURST)
    for number in range(2):
        app.call("/echo", junk(number), ("X-Forwarded-For", f"192.0.2.{number}"))
    assert app.call("/echo", junk(2), ("X-Forwarded-For", "192.0.2.9")).verdict == LIMITED


@every
def test_untold_there_is_one_limit_for_all(subject: Subject, protect: Protect) -> None:
    """Nobody knows who is behind which proxy: only the limit of the process holds."""
    app = protect(subject, **BURST)
    assert {app.call("/echo", junk(each), MINE).verdict for each in range(8)} == {UNKNOWN}
    assert app.call("/echo", junk(8), OTHER).verdict == LIMITED
