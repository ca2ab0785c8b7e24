"""What every page has: headers, and files of its own."""

import re
from pathlib import Path

import pytest

from tests.issuer.browsing import signed_in
from tests.issuer.rig import Rig, in_loop, running


@pytest.mark.parametrize("path", ["/login", "/settings/api/acme", "/first/x"])
@in_loop
async def test_a_page_runs_nothing_from_elsewhere_and_is_kept_nowhere(path: str, tmp_path: Path) -> None:
    """No inline script or style, no frame, no store, no referrer for others."""
    async with signed_in(tmp_path) as browser:
        if path == "/login":
            browser.http.cookies.clear()
        answer = await browser.get(path)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'; script-src 'self'")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert not re.search(r"<style| style=|<script(?! src=)| on[a-z]+=", answer.text)


@running
async def test_the_files_of_a_page_are_there_and_kept(rig: Rig) -> None:
    """Style, script and icon have the version in their address; nothing else is there."""
    page = (await rig.http.get("/login")).text
    found = re.findall(r'"(/static/[0-9a-f]{12}/[a-z.]+)"', page)
    assert len(found) == 3
    kinds: list[str] = []
    for path in found:
        answer = await rig.http.get(path)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        kinds.append(answer.headers["content-type"].partition(";")[0])
    assert sorted(kinds) == ["image/svg+xml", "text/css", "text/javascript"]
    for path in ("/static/x/base.html", "/static/x/..%2fbase.html"):
        assert (await rig.http.get(path)).status_code == 404
