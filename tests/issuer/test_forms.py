"""Forms are taken from pages of ours only."""

from pathlib import Path

import pytest

from rf_middleware.issuer.forms import csrf_of
from tests.issuer.browsing import PASSWORD, Forms, signed_in
from tests.issuer.rig import Rig, in_loop, running

ORIGIN = "http://issuer.test:8080"
KIND = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": ORIGIN}, 401),
        ({}, 401),
        ({"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}, 401),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": ORIGIN, "Sec-Fetch-Site": "same-site"}, 403),
        ({"Content-Type": "text/plain"}, 403),
    ],
)
@in_loop
async def test_what_another_site_sends_is_refused(headers: dict[str, str], status: int, tmp_path: Path) -> None:
    """Even with the right token: the browser says where a form comes from."""
    async with signed_in(tmp_path) as browser:
        browser.http.cookies.clear()
        page = await browser.http.get("/login")
        form = {**Forms(page.text).found["/login"], "email": "ann@example.com", "password": "wrong password"}
        assert (await browser.http.post("/login", data=form, headers=headers)).status_code == status


@in_loop
async def test_a_form_without_the_token_of_its_cookie_is_refused(tmp_path: Path) -> None:
    """A token is missing, made up, or that of another browser; nothing is done."""
    async with signed_in(tmp_path) as browser:
        await browser.get("/settings/api/acme")
        count = len(browser.rig.store.keys_of(browser.rig.store.list_workspaces()[0].id))
        for token in ("", "0" * 64, "é", csrf_of("another cookie")):
            form = {"name": "k", "access": "role:admin", "csrf": token}
            answer = await browser.http.post("/settings/api/acme", data=form)
            assert answer.status_code == 403
        assert len(browser.rig.store.keys_of(browser.rig.store.list_workspaces()[0].id)) == count


@running
async def test_a_form_from_a_browser_without_a_cookie_is_refused(rig: Rig) -> None:
    """Its token can't be right."""
    answer = await rig.http.post("/login", data={"csrf": "x", "email": "a@b.c", "password": PASSWORD})
    assert answer.status_code == 403


@pytest.mark.parametrize("body", [b"a=\xff", b"a=%FF", b"&".join(b"f%d=1" % n for n in range(2000)), b"a=1&a=2"])
@in_loop
async def test_what_is_no_form_is_a_plain_400(body: bytes, tmp_path: Path) -> None:
    """Neither bytes that are not text, nor far too many fields, nor one that is there twice."""
    async with signed_in(tmp_path) as browser:
        answer = await browser.http.post("/login", content=body, headers={"Content-Type": KIND})
        assert answer.status_code == 400
