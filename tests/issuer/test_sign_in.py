"""Signing in and out, and the first administrator."""

from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import text

from rf_middleware._fingerprint import fingerprint
from rf_middleware.issuer.passwords import Passwords
from rf_middleware.issuer.people import EmailTaken, Person
from rf_middleware.issuer.visitors import Visitor
from tests.issuer.browsing import PASSWORD, Browser, Forms, add_person, held, signed_in
from tests.issuer.rig import BY, PASSWORDS, Rig, in_loop, opened, running
from tests.issuer.test_audit import rows

FIRST = "/first/a-link"


def told(rig: Rig) -> list[str]:
    """Return what the audit log says since the start."""
    return [row["action"] for row in rows(rig.store._database)[3:]]


@running
async def test_whoever_is_not_signed_in_is_sent_to_the_form_and_back(rig: Rig) -> None:
    """The page that was wanted comes after the password."""
    add_person(rig, "ann@example.com", "admin")
    browser = Browser(rig)
    sent = await browser.get("/settings/api/acme?x=1")
    assert (sent.status_code, sent.headers["location"]) == (303, "/login?next=%2Fsettings%2Fapi%2Facme%3Fx%3D1")
    await browser.get(sent.headers["location"])
    entered = await browser.send("/login", email=" Ann@Example.com ", password=PASSWORD)
    assert (entered.status_code, entered.headers["location"]) == (303, "/settings/api/acme?x=1")
    again = await browser.get("/login")
    assert (again.status_code, again.headers["location"]) == (303, "/settings/api")
    assert told(rig) == ["person.create", "member.add", "session.begin"]


@pytest.mark.parametrize("wanted", ["//evil.example", "/\\evil.example", "https://evil.example", "", "/é", "/a\nb"])
@in_loop
async def test_nobody_is_sent_to_another_server(wanted: str, tmp_path: Path) -> None:
    """Only a path of this server is gone on to."""
    async with opened(tmp_path / "issuer.db") as rig:
        add_person(rig, "ann@example.com", "admin")
        browser = Browser(rig)
        await browser.get("/login")
        entered = await browser.send("/login", email="ann@example.com", password=PASSWORD, next=wanted)
        assert entered.headers["location"] == "/settings/api"


@running
async def test_every_failure_is_answered_alike_and_told(rig: Rig) -> None:
    """Unknown people, wrong passwords and disabled people read the same; what was typed is kept."""
    add_person(rig, "ann@example.com")
    with rig.store._database.writing() as connection:
        connection.execute(text("UPDATE people SET status = 'disabled'"))
    add_person(rig, "bob@example.com")
    browser = Browser(rig)
    pages: set[str] = set()
    for email, password in (
        ("ann@example.com", PASSWORD),
        ("bob@example.com", "wrong password"),
        ("eve@example.com", PASSWORD),
    ):
        answer = await browser.sign_in(email, password)
        assert answer.status_code == 401
        assert f'value="{email}"' in answer.text
        pages.add(answer.text.replace(email, ""))
    assert len(pages) == 1
    assert told(rig)[-3:] == ["session.fail"] * 3


@running
async def test_who_guesses_has_to_wait(rig: Rig) -> None:
    """After a few failures even the right password is not looked at, and the wait is said."""
    add_person(rig, "ann@example.com")
    browser = Browser(rig)
    codes = [(await browser.sign_in(password="wrong password")).status_code for _ in range(6)]
    assert codes == [401] * 5 + [429]
    refused = await browser.sign_in()
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert "Too many failed attempts" in refused.text


@in_loop
async def test_signing_out_ends_the_session(tmp_path: Path) -> None:
    """The cookie is taken back, and is worth nothing where it was kept."""
    async with signed_in(tmp_path) as browser:
        cookie = browser.http.cookies["rf_session"]
        await browser.get("/settings/api/acme")
        left = await browser.send("/logout")
        assert (left.status_code, left.headers["location"]) == (303, "/login")
        assert "rf_session" not in browser.http.cookies
        browser.http.cookies.set("rf_session", cookie)
        assert (await browser.get("/settings/api/acme")).status_code == 303
        await browser.get("/login")
        assert told(browser.rig)[-1] == "session.end"


@in_loop
async def test_signing_out_twice_is_no_error(tmp_path: Path) -> None:
    """Whoever left already is shown the form."""
    async with signed_in(tmp_path) as browser:
        await browser.get("/settings/api/acme")
        browser.rig.store.end_session(held(browser.rig), BY)
        left = await browser.send("/logout")
        assert (left.status_code, left.headers["location"]) == (303, "/login")
        browser.rig.store.end_session(b"unknown", BY)
        assert told(browser.rig).count("session.end") == 1


@in_loop
async def test_each_sign_in_has_a_session_of_its_own(tmp_path: Path) -> None:
    """A cookie that somebody planted before, or the session before, is worth nothing afterwards."""
    async with signed_in(tmp_path) as browser:
        before = held(browser.rig)
        browser.http.cookies.clear()
        browser.http.cookies.set("rf_session", "planted", domain="issuer.test", path="/")
        assert (await browser.sign_in()).status_code == 303
        assert browser.rig.store.session(fingerprint(b"planted")) is None
        assert held(browser.rig) != before


@running
async def test_the_cookie_is_kept_from_scripts_and_other_sites(rig: Rig) -> None:
    """HttpOnly, SameSite, and over https Secure with a name that binds it to this host."""
    plain = await rig.http.get("/login")
    assert "HttpOnly; Path=/; SameSite=lax" in plain.headers["set-cookie"]
    secure = await rig.http.get("https://issuer.test/login")
    assert secure.headers["set-cookie"].startswith("__Host-rf_session=")
    assert secure.headers["set-cookie"].endswith("; HttpOnly; Path=/; SameSite=lax; Secure")


def test_what_forms_carry_is_in_no_repr() -> None:
    """A visitor can stand in a log or a traceback."""
    assert "secret-token" not in repr(
        Visitor(Person("p", "ann@example.com", "Ann"), "secret-token", proved_lately=True)
    )


@in_loop
async def test_the_use_of_a_session_is_noted_and_lengthens_it(tmp_path: Path) -> None:
    """It is written down once a minute; a session that is over is cleared away by the next sign-in."""
    async with signed_in(tmp_path) as browser:
        rig = browser.rig
        with rig.store._database.writing() as connection:
            connection.execute(text("UPDATE sessions SET seen = seen - 100, ends = ends - 100, proved = proved - 100"))
        before = rig.store.session(held(rig))
        await browser.get("/settings/api/acme")
        after = rig.store.session(held(rig))
        assert before is not None
        assert after is not None
        assert (after.ends > before.ends + 50, after.seen > before.seen + 50, after.proved) == (
            True,
            True,
            before.proved,
        )
        with rig.store._database.writing() as connection:
            connection.execute(text("UPDATE sessions SET ends = 1"))
        assert (await browser.get("/settings/api/acme")).status_code == 303
        await browser.sign_in()
        with rig.store._database.reading() as connection:
            assert connection.execute(text("SELECT count(*) FROM sessions")).scalar() == 1


@in_loop
async def test_a_session_ends_a_week_after_it_began(tmp_path: Path) -> None:
    """However often it is used."""
    async with signed_in(tmp_path) as browser:
        rig, week = browser.rig, 7 * 86_400
        with rig.store._database.writing() as connection:
            connection.execute(text("UPDATE sessions SET seen = seen - 100, created = created - 6.9 * 86400"))
        assert (await browser.get("/settings/api/acme")).status_code == 200
        with rig.store._database.reading() as connection:
            assert connection.execute(text("SELECT ends - created FROM sessions")).scalar() == pytest.approx(week)


@running
async def test_the_first_administrator_comes_by_a_link_that_works_once(rig: Rig) -> None:
    """They are signed in, see every workspace, and the link is over."""
    rig.store.create_first_link(fingerprint(b"older"), 9e9, BY)
    rig.store.create_first_link(fingerprint(b"a-link"), 9e9, BY)
    browser = Browser(rig)
    assert (await browser.get("/first/older")).status_code == 410
    assert (await browser.get(FIRST)).status_code == 200
    bad = await browser.send(FIRST, email="nobody", name="\x07", password="short")
    assert bad.status_code == 422
    assert [text in bad.text for text in ("like ann@example.com", "printable", "at least 10", 'value="nobody"')] == [
        True
    ] * 4
    good = await browser.send(FIRST, email="Ann@Example.com", name="Ann", password=PASSWORD)
    assert (good.status_code, good.headers["location"]) == (303, "/settings/api")
    assert (await browser.get("/settings/api")).headers["location"] == "/settings/api/acme"
    assert (await browser.get(FIRST)).status_code == 410
    assert told(rig) == ["link.create", "link.create", "person.create", "session.begin"]
    assert rig.store.anybody()


@running
async def test_a_link_that_is_over_when_the_form_comes_makes_nobody(rig: Rig) -> None:
    """Two who have the page open do not both become the first."""
    rig.store.create_first_link(fingerprint(b"a-link"), 9e9, BY)
    browser = Browser(rig)
    await browser.get(FIRST)
    add_person(rig, "bob@example.com")
    late = await browser.send(FIRST, email="ann@example.com", name="", password=PASSWORD)
    assert late.status_code == 410
    assert rig.store.person("ann@example.com") is None
    with pytest.raises(EmailTaken):
        add_person(rig, "BOB@example.com")


@running
async def test_a_password_is_hashed_again_when_hashes_cost_more(rig: Rig) -> None:
    """It happens at a sign-in that went well, unless the password was changed meanwhile; nobody is signed out."""
    cheaper = Passwords(PasswordHasher(time_cost=1, memory_cost=16, parallelism=1)).hash(PASSWORD)
    old = add_person(rig, "ann@example.com")
    with rig.store._database.writing() as connection:
        connection.execute(text("UPDATE people SET password = :other"), {"other": cheaper})
    assert (await Browser(rig).sign_in()).status_code == 303
    renewed = rig.store.person("ann@example.com")
    assert renewed is not None
    assert renewed.password is not None
    assert renewed.password != cheaper
    assert PASSWORDS.verify(renewed.password, PASSWORD)
    assert renewed.password not in repr(renewed)
    rig.store.rehash(old, "of a password that was another")
    assert rig.store.person("ann@example.com") == renewed
    assert rig.store.session(held(rig)) is not None


@running
async def test_a_link_that_is_over_costs_no_hash(rig: Rig) -> None:
    """Whoever has no good link gets the same page whatever they send."""
    browser = Browser(rig)
    await browser.get("/login")
    answer = await browser.http.post(FIRST, data={**Forms(browser.page).found["/login"], "email": "x", "password": "x"})
    assert answer.status_code == 410
    assert "does not work any more" in answer.text
