"""What every page has: headers, forms, files, an order to listen to, and colours one can read."""

import re
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from jinja2 import UndefinedError
from markupsafe import escape

from rf_middleware._fingerprint import fingerprint
from rf_middleware.issuer.app import build_app
from rf_middleware.issuer.forms import csrf_of
from rf_middleware.issuer.pages import templates
from rf_middleware.issuer.rows_people import new_person
from tests.issuer.browsing import Forms, Reader, signed_in
from tests.issuer.rig import BY, Rig, in_loop, opened, running

FOLDER = files("rf_middleware.issuer") / "pages"
TEMPLATES = sorted(each.name for each in FOLDER.iterdir() if each.name.endswith(".html"))
ENGINE = templates()
PATHS = (
    *("/", "/login", "/settings/api/acme", "/settings/api/acme/keys/{key_id}/revoke", "/settings/api/acme/members"),
    *("/settings/api/acme/members/{person_id}/remove", "/invite/a-link", "/account", "/validators", "/audit?check=1"),
)
EVIL = "<img src=x onerror=alert(1)>\"'&"


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


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_template_has_what_the_policy_forbids(name: str) -> None:
    """There is no inline style, script or handler, nothing unescaped, and a note on top says what the page needs."""
    source = (FOLDER / name).read_text(encoding="utf-8")
    assert source.startswith("{#")
    assert not re.search(r"""\sstyle=|\son[a-z]+=["']|<style|javascript:|\|\s*safe\b|autoescape""", source)
    assert re.findall(r"<script[^>]*>", source) == ["<script src=\"{{ static['app.js'] }}\" defer>"] * (
        name == "base.html"
    )


def test_what_a_page_needs_and_does_not_get_is_an_error() -> None:
    """A forgotten value is never shown as nothing."""
    with pytest.raises(UndefinedError, match="heading"):
        ENGINE.get_template("message.html").render(visitor=None, csrf="", static={}, text="")


@running
async def test_a_page_with_a_form_gives_a_new_browser_a_cookie(rig: Rig) -> None:
    """The form and the cookie go together; a browser that has one keeps it, and a page without a form needs none."""
    assert "set-cookie" not in (await rig.http.get("/first/over")).headers
    page = await rig.http.get("/login")
    assert csrf_of(rig.http.cookies["rf_session"]) in Reader(page.text).all("input", "value")
    again = await rig.http.get("/login")
    assert "set-cookie" not in again.headers
    assert Reader(again.text).all("input", "value") == Reader(page.text).all("input", "value")


@pytest.mark.parametrize(("name", "called"), [(EVIL, EVIL), ("", "ann@example.com")])
@in_loop
async def test_a_visitor_is_named_and_can_go_everywhere(name: str, called: str, tmp_path: Path) -> None:
    """The header has the pages, what the person is called, escaped, and the form to sign out."""
    async with signed_in(tmp_path, name=name, admin=True) as browser:
        page = (await browser.get("/settings/api/acme")).text
        read = Reader(page)
        assert read.all("img", "src") == []
        assert f'<span class="who">{escape(called)}</span>' in page
        assert "/logout" in read.all("form", "action")
        assert {"/settings/api", "/validators", "/audit", "/account"} <= set(read.all("a", "href"))


@pytest.mark.parametrize("path", PATHS)
@in_loop
async def test_a_page_is_in_order_for_those_who_listen_to_it(path: str, tmp_path: Path) -> None:
    """One h1, no level of headings left out, no id twice, a label for every control, a name for every navigation."""
    async with signed_in(tmp_path, admin=True) as browser:
        rig = browser.rig
        invited = new_person("bob@example.com", "Bob", None, admin=False)
        link = (fingerprint(b"a-link"), 9e9)
        rig.store.create_person(invited, BY, rig.store.list_workspaces()[0].id, "viewer", link)
        if path == "/login":
            browser.http.cookies.clear()
        path = path.format(key_id=rig.key_id, person_id=invited.id)
        answer = await browser.http.get(path, headers={"Accept": "text/html"})
        assert answer.status_code == 200
        read = Reader(answer.text)
    levels = [int(tag[1]) for tag, _ in read.elements if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [attrs["id"] for _, attrs in read.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    controls = {
        attrs["id"]
        for tag, attrs in read.elements
        if tag in {"input", "select", "textarea"} and attrs.get("type") != "hidden" and "hidden" not in attrs
    }
    assert controls == set(read.all("label", "for"))
    assert len([tag for tag, _ in read.elements if tag == "nav"]) == len(read.all("nav", "aria-label"))
    assert set(read.all("input", "aria-describedby")) <= set(ids)


@running
async def test_style_and_script_are_kept_for_a_year_under_their_version(rig: Rig) -> None:
    """A page names each file by its content, so that it need never be asked for again."""
    page = Reader((await rig.http.get("/", headers={"Accept": "text/html"})).text)
    (script,) = page.all("script", "src")
    icon, style = page.all("link", "href")
    for path, kind in ((script, "text/javascript"), (icon, "image/svg+xml"), (style, "text/css")):
        answer = await rig.http.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"


@running
async def test_another_version_of_a_file_is_not_kept(rig: Rig) -> None:
    """A server that is being replaced answers for the new one, but not for a year."""
    answer = await rig.http.get("/static/0123456789ab/style.css")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-cache"


@running
async def test_only_the_files_that_pages_need_are_served(rig: Rig) -> None:
    """No other name is there, whatever it looks like."""
    for name in ("base.html", "..%2fbase.html", "%2e%2e/base.html", "style.css/", ""):
        assert (await rig.http.get(f"/static/0123456789ab/{name}")).status_code == 404


@running
async def test_a_browser_that_guesses_the_address_of_the_icon_gets_it(rig: Rig) -> None:
    """The name is no workspace, and no key is asked for."""
    answer = await rig.http.get("/favicon.ico")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["cache-control"] == "public, max-age=86400"


def colours() -> list[dict[str, str]]:
    """Return the named colours of the light and of the dark scheme."""
    style = (FOLDER / "static" / "style.css").read_text(encoding="utf-8")
    blocks: list[str] = re.findall(r":root {(.*?)}", style, re.DOTALL)
    return [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block)) for block in blocks]


def brightness(colour: str) -> float:
    """Return the relative luminance of a colour (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(
    ("front", "backs", "least"),
    [
        ("ink", "back card sunk tint", 7.0),
        ("soft", "back card sunk tint", 4.5),
        ("mark", "back card tint", 4.5),
        ("mark-over", "back card", 4.5),
        ("on-mark", "mark mark-over", 4.5),
        ("on-bad", "bad bad-over", 4.5),
        ("bad", "card bad-tint", 4.5),
        ("good", "card good-tint", 4.5),
        ("warn", "warn-tint", 4.5),
        ("edge", "back card", 3.0),
        ("slow", "card", 3.0),
    ],
)
def test_every_colour_can_be_read_on_what_it_stands_on(front: str, backs: str, least: float) -> None:
    """Text has the contrast of WCAG level AA in the light and in the dark, what is no text 3 to 1."""
    schemes = colours()
    assert len(schemes) == 2
    for scheme in schemes:
        for back in backs.split():
            low, high = sorted((brightness(scheme[front]), brightness(scheme[back])))
            assert (high + 0.05) / (low + 0.05) >= least, (front, back, scheme[front], scheme[back])


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
            assert "ann@example.com" in answer.text  # they are signed in, and see that
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
