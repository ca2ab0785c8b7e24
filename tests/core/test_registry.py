"""What lives in a process is told when it forks and closed when it ends, one failing or not."""

import subprocess
import sys

SCRIPT = """
import logging, os, signal, sys, threading
from rf_middleware._registry import Registry

class Member:
    def __init__(self, name):
        self.name = name
    def __repr__(self):
        return self.name
    def forked(self):
        print(self.name, "forked", flush=True)
        if self.name == "bad":
            raise LookupError
    def close(self):
        print(self.name, "closed", flush=True)
        if self.name == "bad":
            raise LookupError

logging.basicConfig(stream=sys.stdout, format="%(message)s")
registry = Registry()
members = [Member("bad"), Member("good")]
for each in members:
    registry.add(each)
registry.add(Member("gone"))
assert set(registry.members()) == set(members)

stop = threading.Event()
def churn():
    while not stop.wait(0.0005):
        registry.add(Member("short"))
threads = [threading.Thread(target=churn) for _ in range(4)]
for thread in threads:
    thread.start()
for _ in range(8):
    pid = os.fork()
    if not pid:
        assert set(members) <= set(registry.members())
        registry.add(Member("child's"))
        os.kill(os.getpid(), signal.SIGKILL)  # nothing that runs at an end: a tracer may hold a lock of a busy thread
    assert os.waitpid(pid, 0)[1] == signal.SIGKILL
stop.set()
for thread in threads:
    thread.join()
print("end", flush=True)
"""


WITHOUT_FORKS = """
import os
del os.fork, os.register_at_fork
from rf_middleware import CallableIssuer, Grant, Validator, Workspace
async def fn(key):
    return Grant(Workspace("acme"))
with Validator(CallableIssuer(fn)) as validator:
    print(validator.check("rfk_key").workspace.slug)
"""


def test_a_system_that_does_not_fork_is_enough() -> None:
    """Where Python has no ``os.register_at_fork``, as on Windows, the package is imported and works."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_FORKS], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "acme\n", "")


def test_members_hear_of_forks_and_of_the_end() -> None:
    """One that fails keeps the others from nothing, no lock is left held in a child, and nothing is kept alive."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line for line in done.stdout.splitlines() if not line.startswith(("short", "Traceback", " "))]
    assert lines.count("bad forked") == 8
    assert lines.count("good forked") == 8
    assert lines.count("bad did not begin anew after a fork") == 8
    ends = [line for line in lines[lines.index("end") + 1 :] if not line.startswith("LookupError")]
    assert sorted(ends) == ["bad closed", "bad could not be closed", "good closed"]
    assert not any("gone" in line for line in lines)
