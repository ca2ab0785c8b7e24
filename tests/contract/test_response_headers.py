"""What accepted answers are marked with: ``Vary``, ``Cache-Control: private``, the workspace."""

import pytest

from tests.contract.issuing import GOOD, bearer
from tests.contract.protected import Protect
from tests.contract.subjects import Subject, every, having

QUERY = f"/echo?api_key={GOOD}"


def names(vary: str) -> set[str]:
    """Return what a ``Vary`` names."""
    return {part.strip().lower() for part in vary.split(",") if part.strip()}


@having("vary")
@pytest.mark.parametrize(
    ("target", "headers", "said"),
    [
        ("/echo", [bearer()], ({"authorization"}, "")),
        ("/echo", [("X-API-Key", GOOD)], ({"x-api-key"}, "")),
        ("/echo", [bearer(), ("X-API-Key", GOOD)], ({"authorization", "x-api-key"}, "")),
        (QUERY, [], (set[str](), "private")),
        (QUERY, [bearer()], ({"authorization"}, "private")),
    ],
)
def test_caches_are_told_what_carried_the_key(
    subject: Subject, protect: Protect, target: str, headers: list[tuple[str, str]], said: tuple[set[str], str]
) -> None:
    """``Vary`` names the header that carried the key, and an answer to a key in the query is private."""
    app = protect(subject)
    for _ in "ab":
        answer = app.call(target, *headers)
        assert answer.status == 200
        assert (names(answer["vary"]), answer["cache-control"]) == said


@having("vary")
def test_cookies_and_other_headers_are_named_too(subject: Subject, protect: Protect) -> None:
    """A key in a cookie, or in a header of one's own choice, is named by that header."""
    app = protect(subject, locations=["cookie:k", "header:X-Token"])
    assert names(app.call("/echo", ("Cookie", f"k={GOOD}"))["vary"]) == {"cookie"}
    assert names(app.call("/echo", ("X-Token", GOOD))["vary"]) == {"x-token"}


@having("vary")
@pytest.mark.parametrize(
    ("own", "vary", "caching"),
    [
        ([("Vary", "Accept")], {"accept", "x-api-key"}, "private"),
        ([("vary", "accept"), ("VARY", "Accept-Language")], {"accept", "accept-language", "x-api-key"}, "private"),
        ([("Vary", "x-api-KEY, Accept")], {"accept", "x-api-key"}, "private"),
        ([("Vary", "*")], {"*"}, "private"),
        ([("Cache-Control", "public, max-age=60")], {"x-api-key"}, "public, max-age=60"),
        ([("cache-control", "no-store")], {"x-api-key"}, "no-store"),
        ([("Vary", "")], {"x-api-key"}, "private"),
    ],
)
def test_what_the_app_says_is_kept(
    subject: Subject, protect: Protect, own: list[tuple[str, str]], vary: set[str], caching: str
) -> None:
    """The app's own ``Vary`` is completed, never doubled, and its own ``Cache-Control`` stands."""
    answer = protect(subject, headers=own).call(QUERY, ("X-API-Key", GOOD))
    assert names(answer["vary"]) == vary
    assert answer["vary"].lower().count("x-api-key") <= 1
    assert answer["cache-control"] == caching


@having("vary", "optional")
def test_anonymous_answers_are_left_alone(subject: Subject, protect: Protect) -> None:
    """Who let in nobody has nothing to add."""
    answer = protect(subject, optional=True, workspace_header="X-Workspace").call("/echo")
    assert (answer.status, answer["vary"], answer["cache-control"], answer["x-workspace"]) == (200, "", "", "")


@having("workspace_header")
def test_the_workspace_is_told_where_that_is_wanted(subject: Subject, protect: Protect) -> None:
    """``workspace_header`` carries the slug on accepted answers, instead of one that the app sets, and on no others."""
    app = protect(subject, workspace_header="X-Workspace-Id", headers=[("x-workspace-id", "evil")])
    for method in ("GET", "HEAD", "POST"):
        assert app.call("/echo", bearer(), method=method)["x-workspace-id"] == "acme"
    assert app.call("/echo", bearer("key-of-initech"))["x-workspace-id"] == "initech"
    for headers in ([], [bearer("unknown")], [bearer("paused")], [bearer("broken")]):
        assert app.call("/echo", *headers)["x-workspace-id"] == ""


@every
def test_no_workspace_is_told_by_default(subject: Subject, protect: Protect) -> None:
    """Without ``workspace_header`` no header carries the slug."""
    answer = protect(subject).call("/echo", bearer())
    assert "acme" not in str(answer.headers)


@every
def test_the_app_s_own_headers_survive(subject: Subject, protect: Protect) -> None:
    """Repeated and unusual headers of the app reach the client unchanged and in order."""
    own = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Thing", "1"), ("X-Thing", "2")]
    answer = protect(subject, headers=own).call("/echo", bearer())
    mine = [(name, value) for name, value in answer.headers if name in {"set-cookie", "x-thing"}]
    assert mine == [(name.lower(), value) for name, value in own]
