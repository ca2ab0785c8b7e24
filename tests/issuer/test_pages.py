"""What every page has: headers, and files of its own."""

import re
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from rf_middleware.issuer.app import build_app
from tests.issuer.browsing import Forms, signed_in
from tests.issuer.rig import Rig, in_loop, opened, running


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


@in_loop
async def test_what_is_refused_on_a_page_is_said_on_a_page(tmp_path: Path) -> None:
    """People read no JSON: a page that is not there, and a form from elsewhere."""
    async with signed_in(tmp_path) as browser:
        for answer, status, said in (
            (await browser.get("/settings/api/nobody"), 404, "There is no such page, or it is not yours."),
            (
                await browser.http.post("/login", data={}, headers={"Origin": "https://evil.example"}),
                403,
                "was not sent",
            ),
        ):
            assert answer.status_code == status
            assert answer.headers["content-type"].startswith("text/html")
            assert "content-security-policy" in answer.headers
            assert said in answer.text


@in_loop
async def test_a_public_address_counts_wherever_the_server_was_reached(tmp_path: Path) -> None:
    """Metadata names it, forms are taken from it, and over https the cookie is bound to it."""
    async with opened(tmp_path / "issuer.db") as rig:
        app = build_app(replace(rig.parts, public_url="https://keys.example.com"))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://10.0.0.1:8080") as http:
            described = (await http.get("/.well-known/oauth-authorization-server")).json()
            assert described["issuer"] == "https://keys.example.com"
            page = await http.get("/login")
            cookie, _, attributes = page.headers["set-cookie"].partition(";")
            assert cookie.startswith("__Host-rf_session=")
            assert "Secure" in attributes
            form = {**Forms(page.text).found["/login"], "email": "ann@example.com", "password": "wrong password"}
            for origin, status in (("https://keys.example.com", 401), ("http://10.0.0.1:8080", 403)):
                headers = {"Cookie": cookie, "Origin": origin}
                assert (await http.post("/login", data=form, headers=headers)).status_code == status
