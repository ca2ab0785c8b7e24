"""Real servers whose issuer hangs: fifty new keys are under way, and those that are cached are answered meanwhile."""

import select
from contextlib import ExitStack
from pathlib import Path

from rf_middleware.demo.line import Line
from tests.core.servers import until
from tests.trouble.honest import GOOD
from tests.trouble.sites import Site, Start, gunicorn, uvicorn
from tests.trouble.troubles import HANGS
from tests.trouble.unwell import unwell

NEW = 50
CACHED = f"{GOOD}cached"
LONG = 60.0
"""Seconds that a check may take: whoever waits for one is seen to be waiting."""


def answered(lines: list[Line]) -> list[Line]:
    """Return those on which an answer has come."""
    sockets = {line._connection.sock: line for line in lines}
    return [sockets[each] for each in select.select(list(sockets), [], [], 0)[0]]


def meanwhile(start: Start, folder: Path, under_way: int) -> list[int]:
    """Return how a cached key is answered while new keys, so many of them at the issuer, are answered by nobody."""
    with unwell(lease=600) as issuer, start(issuer, folder, LONG) as site, ExitStack() as lines:
        site.remembers(issuer, CACHED)
        known = issuer.questions
        issuer.play(HANGS)
        new = [opened(site, lines) for _ in range(NEW)]
        for number, line in enumerate(new):
            line.send("/", f"{GOOD}{number}")
        until(lambda: issuer.questions >= known + under_way, 60)
        cached = [opened(site, lines) for _ in range(4)]
        found = [line.ask("/", CACHED).status for line in cached * 5]
        done = answered(new)
        assert len(done) <= NEW - under_way, "those that wait were answered first"
        assert {str(line.answer()) for line in done} <= {"503 issuer-unavailable"}
        issuer.heal()  # cuts those that hang
        late = [line for line in new if line not in done]
        assert {str(line.answer()) for line in late} == {"503 issuer-unavailable"}
        until(lambda: opened(site, lines).ask("/", f"{GOOD}after").status == 200, 60)
        return found


def opened(site: Site, lines: ExitStack) -> Line:
    """Open a connection until all is over."""
    line = site.line()
    lines.callback(line.close)
    return line


def test_the_loop_of_uvicorn_stays_free(tmp_path: Path) -> None:
    """Fifty requests wait for an issuer that hangs, and a cached key is answered before any of them."""
    assert meanwhile(uvicorn, tmp_path, NEW) == [200] * 20


def test_a_thread_of_gunicorn_stays_free(tmp_path: Path) -> None:
    """Three of four threads wait for an issuer that hangs, the other refuses who would be the fourth, and answers."""
    assert meanwhile(gunicorn, tmp_path, 3) == [200] * 20
