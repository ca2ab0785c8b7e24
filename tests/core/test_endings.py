"""How a validator with a real feed behaves in a process of its own: at its end, and when it forks."""

import subprocess
import sys

import pytest

from tests.core.servers import Issuing, serving, until

BEGIN = """
import asyncio, os, sys, threading
from rf_middleware import IntrospectionIssuer, Validator
from tests.core.servers import until
validator = Validator(IntrospectionIssuer({url!r}, "token"))
validator.check("rfk_key")
until(lambda: validator.staleness.kind == "lease")
"""

FORK = """
for _ in range(3):
    pid = os.fork()
    if not pid:
        try:
            assert validator.staleness.kind == "strict"
            validator.check("rfk_key")
            until(lambda: validator.staleness.kind == "lease")
            asyncio.run(validator.acheck("rfk_other"))
            validator.close()
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0, "the child failed"
pause, ends = threading.Event(), []
for _ in range(50):  # more than the lease
    pause.wait(0.05)
    ends.append(validator.staleness.kind)
assert set(ends) == {"lease"}, "the parent lost its lease"
"""

ENDS = {
    "at its end": "",
    "by sys.exit": "sys.exit(0)",
    "close": "validator.close()",
    "aclose": "asyncio.run(validator.aclose())",
    "context manager": "with validator: pass",
}


def run(script: str, url: str) -> None:
    """Run a script to its good end, in which nothing is complained about."""
    command = [sys.executable, "-W", "error", "-W", "ignore::ResourceWarning", "-c", BEGIN.format(url=url) + script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_lease_is_given_back(end: str, host: str) -> None:
    """However a process ends by itself, the issuer hears of it once, and no revocation has to wait for its lease."""
    issuer = Issuing()
    with serving(issuer) as server:
        run(ENDS[end], server.url.replace("127.0.0.1", host))
        until(lambda: any(each.startswith("DELETE") for each in issuer.asked))
    assert [each for each in issuer.asked if each.startswith("DELETE")] == [f"DELETE /feed/{issuer.sessions[0]}"]


def test_forks_leave_the_parents_feed_alone() -> None:
    """Children have sessions of their own on connections of their own, and the parent keeps its lease throughout."""
    issuer = Issuing()
    with serving(issuer) as server:
        run(FORK, server.url)
    assert len(issuer.sessions) == 4
    left = [each.removeprefix("DELETE /feed/") for each in issuer.asked if each.startswith("DELETE")]
    assert sorted(left) == sorted(issuer.sessions)
