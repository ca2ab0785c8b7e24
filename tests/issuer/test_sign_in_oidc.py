"""Signing in with accounts of a company, through the pages: who is let in, as whom, and who is not."""

import logging
import time
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from sqlalchemy import text

from rf_middleware._fingerprint import fingerprint
from rf_middleware.cli import group
from rf_middleware.issuer.audit import Query
from rf_middleware.issuer.database import Database
from rf_middleware.issuer.oidc_token import Claims
from rf_middleware.issuer.people import Person
from rf_middleware.issuer.rows_people import new_person
from rf_middleware.issuer.store import Store
from tests.issuer.browsing import PASSWORD, add_person, held
from tests.issuer.company import CALLBACK, Company, add_guest, company
from tests.issuer.rig import BY, Rig, in_loop, opened

EXAMPLE = frozenset({"example.com"})


def told(rig: Rig) -> list[str]:
    """Return what the audit log says since the start."""
    return [entry.action for entry in rig.store.search_audit(Query(limit=100))][::-1][3:]


def failed(rig: Rig) -> tuple[str, object]:
    """Return address and reason of the last sign-in that failed."""
    last = rig.store.search_audit(Query(action="session.fail"))[0]
    assert last.by.kind == "nobody"
    return last.target, last.detail["openid"]


def who(rig: Rig) -> Person | None:
    """Return who is signed in."""
    session = rig.store.session(held(rig))
    return None if session is None else session.person


def count(rig: Rig, table: str) -> int:
    """Return how many rows a table has."""
    with rig.store._database.reading() as connection:
        found: int = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608 - a name of ours
    return found


def change(rig: Rig, statement: str) -> None:
    """Change the database behind everybody's back."""
    with rig.store._database.writing() as connection:
        connection.execute(text(statement))


async def enter_by_password(browser: Company, email: str) -> httpx.Response:
    """Sign in with a password."""
    await browser.get("/login")
    return await browser.send("/login", email=email, password=PASSWORD)


@in_loop
async def test_a_person_without_a_password_comes_in_by_a_link(tmp_path: Path) -> None:
    """The page to sign in has the link; the provider sends them back; they are where they wanted to go."""
    async with company(tmp_path) as browser:
        ada = add_guest(browser.rig)
        sent = await browser.get("/settings/api/acme?x=1&y=2")
        await browser.get(sent.headers["location"])
        link = next(each for each in browser.links() if each.startswith("/login/oidc"))
        assert link == "/login/oidc?next=/settings/api/acme%3Fx%3D1%26y%3D2"
        entered = await browser.enter(link)
        assert (entered.status_code, entered.headers["location"]) == (303, "/settings/api/acme?x=1&y=2")
        assert (await browser.get("/settings/api/acme")).status_code == 200
        assert who(browser.rig) == ada
        assert told(browser.rig) == ["person.create", "member.add", "identity.link", "session.begin"]
        linked, begun = browser.rig.store.search_audit(Query())[1::-1]
        assert linked.by.kind == begun.by.kind == "person"
        assert linked.by.id == begun.by.id == ada.id
        assert linked.detail == {"issuer": "https://idp.example", "subject": "ada-0001"}
        assert "rf_sign_in" not in browser.http.cookies
        counted = browser.rig.revocations.metrics.text(browser.rig.revocations.counts(), 0, 0)
        assert b'rf_issuer_sign_ins_total{outcome="ok"} 1.0' in counted


@in_loop
async def test_without_a_provider_there_is_no_link_and_no_route(tmp_path: Path) -> None:
    """What is not set up can't be called."""
    async with company(tmp_path) as browser:
        assert "company account" in (await browser.get("/login")).text
    async with opened(tmp_path / "other.db") as rig:
        assert "company account" not in (await rig.http.get("/login")).text
        assert (await rig.http.get("/login/oidc")).status_code == 404


@in_loop
async def test_a_person_is_known_by_subject_and_not_by_address(tmp_path: Path) -> None:
    """Once linked they come in under any address, also one that is somebody else's here."""
    async with company(tmp_path) as browser:
        ada = add_guest(browser.rig)
        add_person(browser.rig, "bob@example.com")
        await browser.enter()
        browser.idp.claims["email"] = "bob@example.com"
        browser.http.cookies.clear()
        assert (await browser.enter()).status_code == 303
        assert who(browser.rig) == ada
        assert told(browser.rig).count("identity.link") == 1


@in_loop
async def test_who_had_a_password_to_the_account_before_has_none_after(tmp_path: Path) -> None:
    """Whoever used an invitation that was not theirs is out when the owner of the address comes, in every browser."""
    async with company(tmp_path) as browser:
        ada = add_person(browser.rig, "ada@example.com")
        assert (await enter_by_password(browser, "ada@example.com")).status_code == 303
        stranger = dict(browser.http.cookies)
        browser.rig.store.offer_paste(b"p", ada, [], BY)
        browser.http.cookies.clear()
        assert (await browser.enter()).status_code == 303
        owner = dict(browser.http.cookies)
        assert not browser.rig.store.paste_is_good(b"p")
        browser.http.cookies.clear()
        assert (await enter_by_password(browser, "ada@example.com")).status_code == 401
        for cookies, status in ((stranger, 303), (owner, 200)):
            browser.http.cookies.clear()
            browser.http.cookies.update(cookies)
            assert (await browser.get("/account")).status_code == status


@in_loop
async def test_an_address_that_was_given_to_another_opens_nothing(tmp_path: Path) -> None:
    """A second subject with the address of a linked account is refused until an administrator unlinks it."""
    async with company(tmp_path) as browser:
        add_guest(browser.rig)
        await browser.enter()
        browser.http.cookies.clear()
        browser.idp.claims["sub"] = "another"
        refused = await browser.enter()
        assert (refused.status_code, "belongs to another account" in refused.text) == (403, True)
        assert failed(browser.rig) == ("ada@example.com", "other_subject")
        assert count(browser.rig, "identities") == 1
        assert browser.rig.store.unlink("Ada@example.com", BY) == 1
        assert count(browser.rig, "sessions") == 0
        assert told(browser.rig)[-1] == "identity.unlink"
        assert (await browser.enter()).status_code == 303


def test_the_command_unlinks_and_says_what_came_of_it(tmp_path: Path) -> None:
    """Somebody who is not linked is no error; somebody who is not there is one."""
    database = Database(tmp_path / "issuer.db")
    store = Store(database)
    store.create_person(new_person("ada@example.com", "Ada", None, admin=False), BY)
    store.recognise(Claims("https://idp.example", "ada-0001", "ada@example.com", "Ada", None), BY, new=False)
    database.close()
    runner = CliRunner(env={"RF_DATABASE_URL": str(tmp_path / "issuer.db")})
    for arguments, code, said in (
        (["Ada@example.com", "--json"], 0, '{"email": "ada@example.com", "unlinked": 1}\n'),
        (["ada@example.com"], 0, "ada@example.com was not linked\n"),
        (["bob@example.com"], 1, "rf-middleware: there is nobody with the address 'bob@example.com'\n"),
    ):
        done = runner.invoke(group, ["identity", "unlink", *arguments])
        assert (done.exit_code, done.output) == (code, said)


@in_loop
async def test_a_stranger_is_told_whom_to_ask(tmp_path: Path) -> None:
    """Without a domain nobody is made; markup in a name or address is not obeyed."""
    async with company(tmp_path) as browser:
        add_person(browser.rig, "ann@example.com", admin=True)
        refused = await browser.enter()
        assert refused.status_code == 403
        assert "no account here for ada@example.com. Ask an administrator to add you." in refused.text
        assert browser.rig.store.person("ada@example.com") is None
        assert failed(browser.rig) == ("ada@example.com", "unknown")
        assert who(browser.rig) is None


@in_loop
async def test_everybody_of_a_domain_may_come_and_sees_nothing_yet(tmp_path: Path) -> None:
    """A new person is no administrator, is in no workspace, and the page says what to do about it."""
    async with company(tmp_path, EXAMPLE) as browser:
        add_person(browser.rig, "ann@example.com", admin=True)
        assert (await browser.enter()).headers["location"] == "/settings/api"
        person = browser.rig.store.person("ada@example.com")
        assert person is not None
        assert (person.name, person.admin, person.password) == ("Ada Lovelace", False, None)
        page = (await browser.get("/settings/api")).text
        assert "You are in no workspace yet" in page
        assert "signed in as ada@example.com" in page
        assert (await browser.get("/settings/api/acme")).status_code == 404
        assert told(browser.rig) == ["person.create", "person.create", "identity.link", "session.begin"]


@in_loop
async def test_an_address_of_another_domain_is_refused(tmp_path: Path) -> None:
    """Also that of somebody who is known here: the domain says who may come from there."""
    async with company(tmp_path, EXAMPLE) as browser:
        add_guest(browser.rig, "eve@evil.example")
        browser.idp.claims["email"] = "eve@evil.example"
        refused = await browser.enter()
        assert (refused.status_code, "not in a domain that may sign in" in refused.text) == (403, True)
        assert count(browser.rig, "identities") == 0


@in_loop
async def test_the_first_person_comes_by_the_printed_link_alone(tmp_path: Path) -> None:
    """Whoever signs in elsewhere before is refused, and the link stays good."""
    async with company(tmp_path, EXAMPLE) as browser:
        browser.rig.store.create_first_link(fingerprint(b"a-link"), 9e9, BY)
        refused = await browser.enter()
        assert (refused.status_code, "no administrator yet" in refused.text) == (403, True)
        assert not browser.rig.store.anybody()
        assert (await browser.get("/first/a-link")).status_code == 200


@pytest.mark.parametrize("linked", [True, False])
@in_loop
async def test_a_disabled_person_is_refused(linked: bool, tmp_path: Path) -> None:
    """Known by subject or by address, they don't come in, are not linked, and nobody new is made in their place."""
    async with company(tmp_path, EXAMPLE) as browser:
        add_guest(browser.rig)
        if linked:
            await browser.enter()
            browser.http.cookies.clear()
        change(browser.rig, "UPDATE people SET status = 'disabled'")
        refused = await browser.enter()
        assert (refused.status_code, "is disabled here" in refused.text) == (403, True)
        assert who(browser.rig) is None
        assert count(browser.rig, "identities") == int(linked)
        assert count(browser.rig, "people") == 1


@in_loop
async def test_an_unverified_address_finds_no_account(tmp_path: Path) -> None:
    """It could be anybody's."""
    async with company(tmp_path) as browser:
        add_guest(browser.rig)
        browser.idp.claims["email_verified"] = False
        refused = await browser.enter()
        assert (refused.status_code, "has not verified" in refused.text) == (403, True)
        assert failed(browser.rig) == ("", "unverified_email")


@in_loop
async def test_an_answer_counts_in_no_other_browser(tmp_path: Path) -> None:
    """Nobody is signed in as somebody else by a link: without what was begun, or with another's, it is refused."""
    async with company(tmp_path) as browser:
        add_guest(browser.rig)
        attacker = await browser.leave()
        browser.http.cookies.clear()
        without = await browser.come_back(attacker)
        assert (without.status_code, "was not begun here" in without.text) == (400, True)
        victim = await browser.leave()
        crossed = await browser.come_back(attacker)
        assert crossed.status_code == 400
        late = await browser.come_back(victim)  # the first answer ended what was begun
        assert late.status_code == 400
        assert count(browser.rig, "sessions") == 0
        assert failed(browser.rig) == ("", "not_begun")


@in_loop
async def test_an_answer_counts_once(tmp_path: Path) -> None:
    """Not even the browser that keeps its cookie can use it again."""
    async with company(tmp_path) as browser:
        add_guest(browser.rig)
        query = await browser.leave()
        kept = browser.http.cookies["rf_sign_in"]
        assert (await browser.come_back(query)).status_code == 303
        browser.http.cookies.clear()
        browser.http.cookies.set("rf_sign_in", kept, domain="issuer.test", path="/")
        again = await browser.come_back(query)
        assert (again.status_code, count(browser.rig, "sessions")) == (400, 1)


@in_loop
async def test_a_planted_session_is_worth_nothing_afterwards(tmp_path: Path) -> None:
    """Each sign-in has a new token, in place of the one before."""
    async with company(tmp_path) as browser:
        add_guest(browser.rig)
        browser.http.cookies.set("rf_session", "planted", domain="issuer.test", path="/")
        query = await browser.leave()
        entered = await browser.come_back(query)
        assert entered.headers.get_list("set-cookie")[0].startswith("rf_session=")
        assert browser.rig.store.session(fingerprint(b"planted")) is None
        assert count(browser.rig, "sessions") == 1


@in_loop
async def test_a_sign_in_replaces_whoever_was_signed_in(tmp_path: Path) -> None:
    """What was begun before somebody else signed in here ends their session."""
    async with company(tmp_path) as browser:
        ada = add_guest(browser.rig)
        add_person(browser.rig, "ann@example.com", "admin")
        query = await browser.leave()
        assert (await browser.sign_in()).status_code == 303
        assert (await browser.come_back(query)).status_code == 303
        assert who(browser.rig) == ada
        assert count(browser.rig, "sessions") == 1


@pytest.mark.parametrize("https", [True, False])
@in_loop
async def test_what_is_begun_is_kept_from_scripts_and_other_hosts(https: bool, tmp_path: Path) -> None:
    """The cookie is HttpOnly and Lax, over https Secure and bound to this host; it says nothing in clear."""
    async with company(tmp_path) as browser:
        url = "https://issuer.test/login/oidc" if https else "/login/oidc"
        sent = await browser.http.get(url)
        cookie = sent.headers["set-cookie"]
        assert cookie.startswith("__Host-rf_sign_in=" if https else "rf_sign_in=")
        assert cookie.endswith("; HttpOnly; Max-Age=600; Path=/; SameSite=lax" + "; Secure" * https)
        assert dict(browser.idp.sign_in(sent.headers["location"]))["state"] not in cookie
        assert sent.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("cookie", ["", "nonsense", "AAAA", "A" * 100, "é", '"'])
@in_loop
async def test_a_cookie_that_is_not_ours_is_none(cookie: str, tmp_path: Path) -> None:
    """Whatever stands in it, the answer is that nothing was begun; the provider is not asked."""
    async with company(tmp_path) as browser:
        answer = await browser.http.get(
            CALLBACK, params={"code": "c", "state": "s"}, headers=[(b"cookie", f"rf_sign_in={cookie}".encode())]
        )
        assert answer.status_code == 400
        assert browser.idp.asked == []


@in_loop
async def test_after_a_restart_one_begins_again(tmp_path: Path) -> None:
    """What another process encrypted is nothing here."""
    async with company(tmp_path) as browser:
        query = await browser.leave()
        kept = browser.http.cookies["rf_sign_in"]
    async with company(tmp_path) as browser:
        browser.http.cookies.set("rf_sign_in", kept, domain="issuer.test", path="/")
        assert (await browser.come_back(query)).status_code == 400
        assert browser.idp.asked == []


@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example", "/" + "a" * 1000, ""])
@in_loop
async def test_nobody_is_sent_elsewhere_afterwards(wanted: str, tmp_path: Path) -> None:
    """Only a path of this server, of a length that a cookie can hold, is gone on to."""
    async with company(tmp_path) as browser:
        add_guest(browser.rig)
        query = await browser.leave(f"/login/oidc?next={wanted}")
        assert (await browser.come_back([*query, ("next", "/x")])).headers["location"] == "/settings/api"


@in_loop
async def test_whoever_is_signed_in_goes_on_at_once(tmp_path: Path) -> None:
    """The provider is not asked."""
    async with company(tmp_path) as browser:
        add_person(browser.rig, "ann@example.com", "admin")
        await browser.sign_in()
        sent = await browser.get("/login/oidc?next=/settings/api/acme")
        assert (sent.status_code, sent.headers["location"]) == (303, "/settings/api/acme")
        assert browser.idp.asked == []


@in_loop
async def test_a_provider_that_is_down_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The page says so and still takes a password; the log says why, without any secret."""

    async def broken(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(503, text="canary")

    async with company(tmp_path) as browser:
        browser.idp.answers["/.well-known/openid-configuration"] = broken
        refused = await browser.get("/login/oidc?next=/settings/api/acme")
        assert (refused.status_code, "can&#39;t be reached now" in refused.text) == (502, True)
        assert 'name="next" value="/settings/api/acme"' in refused.text
        del browser.idp.answers["/.well-known/openid-configuration"]
        browser.idp.clock.time += 10
        browser.idp.answers["/token"] = broken
        refused = await browser.enter("/login/oidc?next=/settings/api/acme")
        assert refused.status_code == 502
        assert 'name="next" value="/settings/api/acme"' in refused.text
        lines = [each.getMessage() for each in caplog.records if each.name == "rf_middleware.issuer"]
        assert lines == ["sign-in at the OpenID provider: UNREACHABLE idp.example answers with status 503"] * 2
        assert {each.levelno for each in caplog.records if each.name == "rf_middleware.issuer"} == {logging.WARNING}
        assert "canary" not in caplog.text
        counted = browser.rig.revocations.metrics.text(browser.rig.revocations.counts(), 0, 0)
        assert b'rf_issuer_sign_ins_total{outcome="failed"} 2.0' in counted
        add_person(browser.rig, "ann@example.com", "admin")
        entered = await browser.send("/login", email="ann@example.com", password=PASSWORD)
        assert entered.headers["location"] == "/settings/api/acme"


@in_loop
async def test_whoever_fails_too_often_has_to_wait(tmp_path: Path) -> None:
    """The provider is not asked, and nothing is logged, for them without end; passwords are counted apart."""
    async with company(tmp_path) as browser:
        for _ in range(60):
            assert (await browser.http.get(CALLBACK)).status_code == 400
        stopped = await browser.http.get(CALLBACK)
        assert stopped.status_code == 429
        assert 0 < int(stopped.headers["retry-after"]) <= 2
        assert "Too many failed attempts" in stopped.text
        assert told(browser.rig) == ["session.fail"] * 60
        add_person(browser.rig, "ann@example.com", "admin")
        assert (await browser.sign_in()).status_code == 303


@in_loop
async def test_it_counts_when_they_signed_in_there_and_not_when_they_came_back(tmp_path: Path) -> None:
    """Whoever signed in at the provider hours ago, or when nobody knows, has shown nothing lately."""
    async with company(tmp_path) as browser:
        add_guest(browser.rig)
        for said, lately in ((browser.idp.clock.time - 3600, False), (None, False), (browser.idp.clock.time, True)):
            browser.idp.claims["auth_time"] = said
            browser.http.cookies.clear()
            assert (await browser.enter()).status_code == 303
            session = browser.rig.store.session(held(browser.rig))
            assert session is not None
            assert (time.time() - session.proved < 300) == lately


@in_loop
async def test_a_clock_that_is_ahead_gains_no_time(tmp_path: Path) -> None:
    """What the provider dates in the future counts from now."""
    async with company(tmp_path) as browser:
        add_guest(browser.rig)
        browser.idp.claims["auth_time"] = browser.idp.clock.time + 50
        await browser.enter()
        session = browser.rig.store.session(held(browser.rig))
        assert session is not None
        assert session.proved <= time.time()
