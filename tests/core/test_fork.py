"""A forked child is a new validator (rule 5): run in a process of its own, since it forks for good."""

import subprocess
import sys

import pytest

PROLOGUE = """
import asyncio, gc, os, socket, sys, threading, time
from rf_middleware import CallableIssuer, Grant, IntrospectionIssuer, RoboflowIssuer, Validator, Workspace
from rf_middleware._fingerprint import fingerprint
from rf_middleware._flight import Answer
from rf_middleware._wire import Reply
from rf_middleware.issuers._protocol import Offer
from tests.core.servers import ok, serving, until

KEY, DIGEST = "rfk_key", fingerprint(b"rfk_key")

def in_child(work):
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        assert os.waitpid(pid, 0)[1] == 0, "the child failed"
        return
    try:
        work()
    except BaseException:
        import traceback
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
"""

FEED = """
class Fed:
    def __init__(self):
        self.sessions, self.asked = [], []
        self.feed = self
    def check(self, key, timeout):
        self.asked.append(os.getpid())
        return Answer(Grant(Workspace("acme")), "e", 0)
    async def acheck(self, key, timeout):
        return self.check(key, timeout)
    def offered(self):
        return Offer(feed=True)
    def poll(self, poll):
        self.sessions.append((os.getpid(), poll.session))
        threading.Event().wait(0.05)
        return Reply("e", poll.epoch is None, 0, (), 10.0)
    def leave(self, session):
        pass

issuer = Fed()
validator = Validator(issuer)
validator.check(KEY)
until(lambda: validator.staleness.kind == "lease")
validator.check(KEY)
assert validator.peek(DIGEST) is not None
"""

NEW_VALIDATOR = """
def child():
    assert validator.staleness.kind == "strict", "a lease was inherited"
    assert validator.peek(DIGEST) is None, "a cache was inherited"
    assert {each.name for each in threading.enumerate()} == {"MainThread"}
    assert validator.check(KEY).workspace.slug == "acme"
    until(lambda: validator.staleness.kind == "lease")
    mine = {session for pid, session in issuer.sessions if pid == os.getpid()}
    parents = {session for pid, session in issuer.sessions if pid != os.getpid()}
    assert len(mine) == 1 and not mine & parents, "the session was inherited"
    assert asyncio.run(validator.acheck("rfk_other")).workspace.slug == "acme"

in_child(child)
assert validator.staleness.kind == "lease"
assert validator.peek(DIGEST) is not None, "the parent lost its cache"
in_child(lambda: in_child(child))
"""

LOCKED = """
held, go = threading.Event(), threading.Event()
def hold():
    with validator._core._lock, validator._follower._lock:
        held.set()
        go.wait(30)
thread = threading.Thread(target=hold)
thread.start()
held.wait(30)

def child():
    assert validator.check(KEY).workspace.slug == "acme"
    validator.close()

in_child(child)
go.set()
thread.join()
"""

IN_FLIGHT = """
asked, go = threading.Event(), threading.Event()
def fn(key):
    if os.getpid() == parent:
        asked.set()
        go.wait(30)
    return Grant(Workspace("acme"))
parent = os.getpid()
validator = Validator(CallableIssuer(fn), timeout=30)
thread = threading.Thread(target=validator.check, args=(KEY,))
thread.start()
asked.wait(30)

def child():
    before = time.monotonic()
    assert validator.check(KEY).workspace.slug == "acme"
    assert asyncio.run(validator.acheck("rfk_other")).workspace.slug == "acme"
    assert time.monotonic() - before < 10, "it waited for a thread of the parent"

in_child(child)
go.set()
thread.join()
"""

CONNECTIONS = """
with serving(ok()) as server:
    validator = Validator(RoboflowIssuer(server.url), ttl=0)
    validator.check(KEY)
    used = len(server.accepted)

    def child():
        gc.collect()
        validator.check(KEY)
        asyncio.run(validator.acheck(KEY))
        validator.close()

    in_child(child)
    assert len(server.accepted) >= used + 2, "the child used a connection of its parent"
    used = len(server.accepted)
    for _ in range(3):
        validator.check(KEY)
    assert len(server.accepted) == used, "the parent lost its connection"
    validator.close()
"""


@pytest.mark.parametrize(
    "script",
    [FEED + NEW_VALIDATOR, FEED + LOCKED, IN_FLIGHT, CONNECTIONS],
    ids=["new validator", "locks held", "check in flight", "connections"],
)
def test_a_forked_child_is_a_new_validator(script: str) -> None:
    """The child has a new session, an empty cache, no lease, no lock, thread or connection of its parent, and works."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore::ResourceWarning", "-c", PROLOGUE + script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
