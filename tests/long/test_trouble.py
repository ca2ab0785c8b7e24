"""Every kind of trouble, for ``RF_TROUBLE_SECONDS`` each (30 when it says nothing), while load runs on real servers."""

import os
import sys
import threading
from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest

from rf_middleware.demo.failed import Silent
from tests.core.servers import until
from tests.trouble import certificates
from tests.trouble.honest import GOOD
from tests.trouble.load import CACHED, REVOKED, Figures, loaded
from tests.trouble.sites import START, Site
from tests.trouble.troubles import CERTIFICATES, TROUBLES
from tests.trouble.unwell import WELL, Unwell, unwell

SECONDS = float(os.environ.get("RF_TROUBLE_SECONDS", "30"))
TIMEOUT = 1.0
PLAYED = {
    "hangs",
    "accepts nobody",
    "refuses",
    "resets at once",
    "resets in mid-body",
    "drips its headers",
    "drips its body",
    "says 100 for ever",
    "500 Internal Server Error",
    "429 Too Many Requests",
    "429 Too Many Requests Retry-After: 7",
    "noise",
    "headers without end",
    "signed by itself",
    "no TLS",
}
SPARE = 2
"""Threads that a server may have more after a trouble than before the first: those that it starts when it wants to."""


@contextmanager
def running(issuer: Unwell, folder: Path) -> Generator[list[Site]]:
    """Run both servers; each has the cached keys, and has forgotten the revoked one."""
    more = {"SSL_CERT_FILE": str(folder / certificates.AUTHORITY), "RF_TTL": "7200"}
    with ExitStack() as stack:
        sites = [stack.enter_context(start(issuer, folder, TIMEOUT, **more)) for start in START.values()]
        for site in sites:
            site.remembers(issuer, *CACHED, REVOKED)
        seq = issuer.revoke(REVOKED)
        until(lambda: list(issuer.honest.acked.values()) == [seq] * len(sites))
        yield sites


def played(sites: list[Site]) -> Figures:
    """Return what is answered in that time."""
    with loaded(sites) as figures:
        threading.Event().wait(SECONDS)
    return figures


def recovered(sites: list[Site]) -> None:
    """Wait until each server lets a key in that it has not seen before."""

    def lets_in(site: Site) -> bool:
        with suppress(Silent), closing(site.line()) as line:
            return line.ask("/", f"{GOOD}after-{os.urandom(4).hex()}").status == 200
        return False

    for site in sites:
        until(lambda: lets_in(site), 60)  # noqa: B023 - it is called here


def test_no_trouble_lets_anybody_in_or_slows_who_is_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Through each trouble cached keys are let in, no revoked or unknown one is, and all is well afterwards."""
    made = certificates.made(tmp_path)
    troubles = [each for each in [*TROUBLES, *CERTIFICATES] if each.name in PLAYED]
    assert len(troubles) == len(PLAYED)
    with unwell(3600, made) as issuer, running(issuer, tmp_path) as sites:
        well = played(sites)
        assert well.problems() == []
        assert well.let_in("new") > 0
        threads = {site.name: site.threads() for site in sites}
        for trouble in [*troubles, WELL]:
            issuer.play(trouble)
            figures = played(sites)
            issuer.heal()
            with capsys.disabled():
                told = "\n  ".join(figures.line(site.name, well) for site in sites)
                sys.stdout.write(f"\n{trouble.name}\n  {told}")
            assert figures.problems() == [], trouble.name
            recovered(sites)
            for site in sites:
                until(lambda: site.threads() <= threads[site.name] + SPARE, 30)  # noqa: B023 - it is called here
