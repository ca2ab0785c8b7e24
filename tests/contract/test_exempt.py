"""Which paths need no key: those that are plainly written in ``exempt``, and no others."""

import pytest

from tests.contract.issuing import GOOD, bearer
from tests.contract.protected import Protect
from tests.contract.subjects import GUARDS_ROUTES, SUBJECTS, Subject, having
from tests.harness import Request

RULES = ["/", "/healthz", "/public/*", "/static/v1/*", "/döcs"]

EXEMPT = [
    "/",
    "/?a=b",
    "/healthz",
    "/healthz?x=/../admin",
    "/healthz?x=//a%2Fb;c",
    "/public/",
    "/public/a",
    "/public/a/b.css",
    "/public/..a",
    "/public/a..b/c",
    "/public/%C3%A4",
    "/static/v1/app.js",
    "/d%C3%B6cs",
]

PROTECTED = [
    "/healthzz",
    "/healthz/",
    "/healthz/a",
    "/HEALTHZ",
    "/Healthz",
    "/api/healthz",
    "/api/admin/healthz",
    "/public",
    "/publicsecret",
    "/publi",
    "/Public/a",
    "/static/",
    "/static/v1",
    "/static/v12/a",
    "/api",
    "/api/public/a",
    "//healthz",
    "/healthz//",
    "//",
    "///public/a",
    "/public//a",
    "/public//admin",
    "/public/../admin",
    "/public/./a",
    "/public/a/..",
    "/public/.",
    "/public/%2e%2e/admin",
    "/public/%2E./admin",
    "/public/..%2fadmin",
    "/public/..%5cadmin",
    "/public/..\\admin",
    "/public%2Fa",
    "/public/%2Fadmin",
    "/public/a%2fb",
    "/public/%252e%252e/admin",
    "/public/%25",
    "/healthz%2F",
    "/healthz%00",
    "/healthz%00.css",
    "/public/%00",
    "/public/a%0d%0a",
    "/public/a%7f",
    "/healthz;a=b",
    "/healthz;/../admin",
    "/public;/a",
    "/public/;/../admin",
    "/public/a;b",
    "/public/%3Ba",
    "/public/..;/admin",
    "/healthz%20",
    "/healthz%09",
    "/healthz%3F",
    "/healthz%3Fa=b",
    "/healthz%23",
    "/admin?/healthz",
    "/admin?x=/public/a",
    "/admin%3F/../healthz",
    "/admin/../healthz",
    "/./healthz",
    "/%2e/healthz",
    "/docs",
    "/d%F6cs",
    "/d%25C3%25B6cs",
]

HEADERS = [
    [("Host", "app.example/healthz?")],
    [("Host", "x?/public/")],
    [("Host", "/healthz")],
    [("X-Forwarded-Prefix", "/public")],
    [("X-Forwarded-Uri", "/healthz")],
    [("X-Forwarded-Path", "/healthz")],
    [("X-Forwarded-Host", "x/healthz?")],
    [("X-Original-URL", "/healthz"), ("X-Original-URI", "/healthz")],
    [("X-Rewrite-URL", "/healthz")],
    [("X-Script-Name", "/admin"), ("Script-Name", "/admin")],
    [("Script_Name", "/admin"), ("SCRIPT_NAME", "/admin")],
    [("Path-Info", "/healthz"), ("X-Path-Info", "/healthz"), ("PATH_INFO", "/healthz")],
    [("Forwarded", "host=healthz;proto=http;path=/healthz")],
    [("Referer", "http://app.example/healthz")],
    [("X-HTTP-Method-Override", "OPTIONS")],
]


@having("exempt")
@pytest.mark.parametrize("target", EXEMPT)
def test_exempt_paths_need_no_key(subject: Subject, protect: Protect, target: str) -> None:
    """An exempt path, or one below an exempt prefix, reaches the app without a key and as nobody."""
    app = protect(subject, exempt=RULES)
    answer = app.call(target)
    assert (answer.status, answer.json["workspace"]) == (200, None)
    assert app.keys.asked == []


@having("exempt")
@pytest.mark.parametrize("target", PROTECTED)
@pytest.mark.parametrize("root", ["", "/mounted"])
def test_what_is_not_plainly_exempt_is_protected(subject: Subject, protect: Protect, target: str, root: str) -> None:
    """Neighbours, other cases, and paths that two readers could read in two ways need a key."""
    app = protect(subject, exempt=RULES)
    assert app.send(Request("GET", target, root_path=root)).verdict == (401, "missing-key")


@having("exempt")
@pytest.mark.parametrize("headers", HEADERS)
def test_no_header_makes_a_path_exempt(subject: Subject, protect: Protect, headers: list[tuple[str, str]]) -> None:
    """Only the path that the server routed counts, whatever the client says about hosts, prefixes and rewrites."""
    app = protect(subject, exempt=RULES)
    for target in ("/admin", "/admin/healthz", "/admin?a=b"):
        assert app.call(target, *headers).verdict == (401, "missing-key")


@having("exempt")
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "OPTIONS", "BREW"])
def test_exempt_paths_are_exempt_for_every_method(subject: Subject, protect: Protect, method: str) -> None:
    """``exempt`` speaks of paths only."""
    app = protect(subject, exempt=RULES)
    assert app.call("/healthz", method=method).status == 200
    assert app.call("/admin", method=method).status == 401


@having("exempt")
@pytest.mark.parametrize("root", ["/mounted", "/public", "/healthz", "/a/b"])
def test_rules_are_about_the_path_below_the_root(subject: Subject, protect: Protect, root: str) -> None:
    """The root path that the server set is not part of what a rule is compared with."""
    app = protect(subject, exempt=RULES)
    for target, status in (("/healthz", 200), ("/public/a", 200), ("/admin", 401), ("/public", 401), ("/", 200)):
        assert app.send(Request("GET", target, root_path=root)).status == status, target


@having("exempt")
def test_a_root_path_is_cut_off_as_a_whole_segment(subject: Subject, protect: Protect) -> None:
    """A path that merely begins with the same letters as the root is not below it."""
    app = protect(subject, exempt=["/c"])
    assert app.send(Request("GET", "/b/c", root_path="/a")).status == 401
    assert app.send(Request("GET", "b/c", root_path="/a")).status == 401


@having("exempt")
def test_nothing_is_exempt_by_default(subject: Subject, protect: Protect) -> None:
    """Without rules every path needs a key, the usual suspects too."""
    app = protect(subject)
    for target in ("/", "/healthz", "/docs", "/openapi.json", "/favicon.ico", "/static/a", "/robots.txt", ""):
        assert app.call(target).verdict == (401, "missing-key")


@having("exempt")
def test_a_key_on_an_exempt_path_is_not_looked_at(subject: Subject, protect: Protect) -> None:
    """On an exempt path nobody is asked, and nobody is identified, good key or bad."""
    app = protect(subject, exempt=RULES)
    for headers in ([bearer()], [bearer("unknown")], [bearer(), ("X-API-Key", "other")]):
        answer = app.call(f"/healthz?api_key={GOOD}", *headers)
        assert (answer.status, answer.json["workspace"]) == (200, None)
    assert app.keys.asked == []


@having("unrouted")
@pytest.mark.parametrize("target", ["/no/such/route", "/echo/", "*", "http://app.example/echo", "", "echo", "/%ff%fe"])
def test_unknown_routes_are_refused_before_they_are_looked_up(subject: Subject, protect: Protect, target: str) -> None:
    """Without a key there is a 401 and no hint whether a route exists."""
    assert protect(subject, exempt=RULES).call(target).verdict == (401, "missing-key")


def test_every_subject_says_why_it_has_no_exempt_paths() -> None:
    """Only what guards single routes is left out of these rules."""
    lacking = {str(subject): subject.lacks["exempt"] for subject in SUBJECTS if "exempt" in subject.lacks}
    assert lacking
    assert all("require-key" in name or "workspace" in name for name in lacking)
    assert set(lacking.values()) == {GUARDS_ROUTES}
