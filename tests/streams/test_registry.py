"""The registry of a process survives forks while other threads change it: tried in a process of its own."""

import os
import subprocess
import sys

SCRIPT = """
import os, threading
from rf_middleware._registry import Registry

class Member:
    def __init__(self):
        self.children = self.closed = 0
    def forked(self):
        self.children += 1
    def close(self):
        self.closed += 1

registry, kept, stop = Registry(), [Member() for _ in range(50)], threading.Event()
for each in kept:
    registry.add(each)

def change():
    while not stop.is_set():
        some = [Member() for _ in range(20)]
        for each in some:
            registry.add(each)
        del some, each

threads = [threading.Thread(target=change) for _ in range(3)]
for thread in threads:
    thread.start()
try:
    for _ in range(40):
        pid = os.fork()
        if pid == 0:
            here = registry.members()
            good = set(kept) <= set(here) and all(each.children == 1 for each in here)
            registry.add(Member())
            registry._at_exit()
            os._exit(0 if good and all(each.closed == 1 for each in kept) else 1)
        assert os.waitpid(pid, 0)[1] == 0, "the child found its registry broken"
finally:
    stop.set()
    for thread in threads:
        thread.join()
assert all(each.children == 0 for each in kept), "the parent was told that it is a child"
assert set(kept) <= set(registry.members())
"""


def test_a_fork_finds_the_registry_whole() -> None:
    """Each member is told once in a child, and none in the parent, however many come and go in that moment."""
    # Not measured: what measures takes a lock of its own, which a child may find taken.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=plain,
    )
    assert (done.returncode, done.stderr) == (0, "")
