"""Exempt paths, preflights, and what a grant must be good for."""

import itertools
import posixpath
import re
from urllib.parse import quote, unquote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rf_middleware._models import Grant, Reason, Refusal, Workspace
from rf_middleware._rules import Access, Exempt, inner_path, preflight
from rf_middleware.exceptions import ConfigurationError

PIECES = st.sampled_from([
    *("/", "/", "a", "b", "public", "healthz", ".", "..", "//", ";", "\\", "%", "%2f", "%2e", "%5c", "\x00", " ", "?"),
    *("#", "A", "ä", "..;", "*", "\n", "%00", "\x7f", "~", "-"),
])  # fmt: skip
PATHS = st.lists(PIECES, max_size=7).map("".join)
RULES = [("/healthz",), ("/public/*",), ("/a/b/*", "/a"), ("/",), ("/public/*", "/public"), ()]


def oracle(rules: tuple[str, ...], path: str) -> bool:
    """Say by other means whether a path is plainly one of the rules, or plainly below one."""
    if path in rules:
        return True
    below = any(path.startswith(rule[:-1]) for rule in rules if rule.endswith("/*"))
    segments = path.split("/")[1:]
    plain = not any(each in {".", ".."} for each in segments) and "" not in segments[:-1]
    clean = all(character not in ";\\%" and character > "\x1f" and character != "\x7f" for character in path)
    return below and plain and clean


@given(rules=st.sampled_from(RULES), path=PATHS)
def test_exempt_is_what_is_plainly_below_a_rule(rules: tuple[str, ...], path: str) -> None:
    """A path is exempt exactly when it is a rule, or below a prefix without anything that reads in two ways."""
    assert (path in Exempt(rules)) == oracle(rules, path)


@given(
    rules=st.sampled_from(RULES), path=st.builds(str.__add__, st.sampled_from(["/public/", "/a/b/", "/a/b/a/"]), PATHS)
)
def test_no_reader_finds_an_exempt_path_elsewhere(rules: tuple[str, ...], path: str) -> None:
    """Whoever normalizes an exempt path, decodes it once more or cuts at a semicolon stays at or below the rule."""
    rules = (*rules, "/public/*", "/a/b/*")
    assume(path in Exempt(rules))
    for reading in (
        posixpath.normpath(path),
        posixpath.normpath(unquote(path)),
        posixpath.normpath(path.replace("\\", "/")),
        posixpath.normpath("/".join(each.split(";")[0] for each in path.split("/"))),
    ):
        homes = [rule.removesuffix("/*") for rule in rules]
        assert any(reading == (home or "/") or reading.startswith(home + "/") for home in homes), reading


@given(path=PATHS)
def test_a_target_written_in_a_second_way_is_not_exempt(path: str) -> None:
    """A path is exempt when it was written plainly; encoded slashes, dots and backslashes are not plain."""
    exempt = Exempt(["/public/*", "/healthz"])
    for safe in ("/", "", "/\\;%."):
        raw = quote(path, safe=safe).encode()
        if exempt.allows(path, raw):
            assert path in exempt
            assert b"%2F" not in raw
            assert b"//" not in raw
    assert exempt.allows(path, b"") == (path in exempt)


@pytest.mark.parametrize("hazy", ["/", "/a", "../a", "a/..", ".", "./a", "a\\b", "a;b", "%2e", "\x00", "\x1f", "\x7f"])
def test_nothing_hazy_is_below_a_prefix(hazy: str) -> None:
    """Each thing that two readers see in two ways closes the path."""
    assert f"/public/{hazy}" not in Exempt(["/public/*"])


@pytest.mark.parametrize("plain", ["", "a", ".a", "a.", "..a", "a..b", "ä", " ", "a/"])
def test_what_is_plain_is_below_a_prefix(plain: str) -> None:
    """What only looks like one of these is exempt, and what begins like the prefix is not below it."""
    assert f"/public/{plain}" in Exempt(["/public/*"])
    assert f"/public{plain}" not in Exempt(["/public/*"])


@pytest.mark.parametrize(
    "code", ["%2F", "%2f", "%2E", "%2e", "%5C", "%5c", "%3B", "%3b", "%25", "%00", "%1F", "%1f", "%7F", "%7f", "//"]
)
def test_nothing_hazy_is_plainly_written(code: str) -> None:
    """Each code for what two readers see in two ways closes a path that reads plainly; others may be used."""
    exempt = Exempt(["/public/*"])
    assert not exempt.allows("/public/A", b"/public/" + code.encode())
    assert exempt.allows("/public/A", b"/public/%41?" + code.encode())


def test_only_the_path_of_the_target_counts() -> None:
    """What stands behind the question mark is not part of the path."""
    exempt = Exempt(["/healthz"])
    assert exempt.allows("/healthz", b"/healthz?u=http://a/%2F")
    assert not exempt.allows("/healthz", b"http://host/healthz")
    assert not exempt.allows("/healthz", b"//healthz")


@pytest.mark.parametrize(
    "raw",
    [
        *(
            b"x:/healthz",
            b"http:/healthz",
            b"/healthz#",
            b"/healthz#/../admin",
            b"\t/healthz",
            b"/heal\tthz",
            b"/healthz ",
        ),
        *(
            b"/healthz;a",
            b"/healthz\\",
            b"\x00/healthz",
            b"/healthz\x7f",
            b"/%2e/healthz",
            b"/healthz%00",
            b"/healthz%2f",
        ),
    ],
)
def test_what_a_server_made_of_a_target_does_not_hide_how_it_was_written(raw: bytes) -> None:
    """Where a server cut something off, or read it in its own way, another reader may not have."""
    assert not Exempt(["/healthz"]).allows("/healthz", raw)


@pytest.mark.parametrize("path", ["/public/\ufffd", "/public/\ufffd\ufffd/admin", "/public/a\ufffd"])
def test_bytes_that_are_no_utf_8_are_not_plain(path: str) -> None:
    """What could not be decoded may be dots and slashes to another reader, and no rule can be written so."""
    assert path not in Exempt(["/public/*"])
    with pytest.raises(ConfigurationError, match=r"^exempt: "):
        Exempt([path])


@given(rule=PATHS)
def test_a_rule_opens_what_it_says_or_is_refused(rule: str) -> None:
    """Any text is either refused with its name, or a rule that opens just itself, or what is below it."""
    try:
        exempt = Exempt([rule])
    except ConfigurationError:
        return
    assert rule.startswith("/")
    assert rule != "/*"
    assert ("/anything" in exempt) is (rule == "/anything")
    home = rule.removesuffix("*")
    assert (rule.removesuffix("/*") in exempt) is not rule.endswith("/*")
    assert (home + "x" in exempt) is rule.endswith("/*")


def test_no_rules_exempt_nothing() -> None:
    """An empty list is false and opens nothing."""
    assert not Exempt([])
    assert Exempt(["/a"])
    assert "/" not in Exempt([])
    assert "" not in Exempt(["/"])


@pytest.mark.parametrize(
    ("path", "root", "inner"),
    [
        ("/a/b", "", "/a/b"),
        ("/a/b", "/a", "/b"),
        ("/a/b", "/a/", "/a/b"),
        ("/a//b", "/a/", "/b"),
        ("/a", "/a", ""),
        ("/ab", "/a", "/ab"),
        ("/b", "/a", "/b"),
        ("/a/a/b", "/a", "/a/b"),
        ("/a//b", "/a", "//b"),
        ("/X/b", "/X", "/b"),
    ],
)
def test_the_root_is_cut_off_once_and_whole(path: str, root: str, inner: str) -> None:
    """The routed path less the root path, where it is below it at all."""
    assert inner_path(path, root) == inner


@pytest.mark.parametrize(
    ("method", "origin", "requested"),
    list(itertools.product(["OPTIONS", "options", "GET"], [b"", b" ", b",", b"X"], [b"", b"\t", b", ,", b"X"])),
)
def test_a_preflight_has_its_method_and_both_headers(method: str, origin: bytes, requested: bytes) -> None:
    """Only ``OPTIONS`` with an origin and a requested method, neither of them blank, is a preflight."""
    assert preflight(method, origin, requested) is (method == "OPTIONS" and origin == b"X" and requested == b"X")


SLUGS = st.sampled_from(["a", "b", "c"])
SOME = st.frozensets(SLUGS, min_size=1)
SCOPES = st.frozensets(SLUGS)
ACCESSES = st.builds(Access, st.none() | SOME, SCOPES, publishable=st.booleans())
GRANTS = st.builds(Grant, st.builds(Workspace, SLUGS), scopes=st.none() | SCOPES, publishable=st.booleans())


@given(access=ACCESSES, grant=GRANTS)
def test_a_grant_is_good_when_nothing_speaks_against_it(access: Access, grant: Grant) -> None:
    """Publishable where that is wanted, of a listed workspace, and with every scope."""
    refusal = access.refusal(grant)
    if grant.publishable and not access.publishable:
        assert refusal is not None
        assert refusal.reason is Reason.INVALID_KEY
        return
    served = access.workspaces is None or grant.workspace.slug in access.workspaces
    able = grant.scopes is None or all(scope in grant.scopes for scope in access.scopes)
    assert (refusal is None) == (served and able)
    assert refusal is None or refusal.reason is Reason.FORBIDDEN


@given(one=ACCESSES, other=ACCESSES, grant=GRANTS)
def test_two_accesses_together_ask_for_both(one: Access, other: Access, grant: Grant) -> None:
    """What is let in by both together is let in by each, publishable keys left aside, and the other way round."""
    private = Grant(grant.workspace, scopes=grant.scopes)
    both = one.within(other).refusal(private) is None
    assert both == (one.refusal(private) is None and other.refusal(private) is None)


def test_a_refusal_says_what_is_missing() -> None:
    """The workspace that is not served is not named, nor those that are; missing scopes are, in order."""
    access = Access(frozenset({"acme"}), frozenset({"b", "a", "c"}), publishable=False)
    lacking = Refusal(Reason.FORBIDDEN, "The key lacks: a b")
    assert access.refusal(Grant(Workspace("acme"), scopes=frozenset({"c", "d"}))) == lacking
    elsewhere = Refusal(Reason.FORBIDDEN, "The key belongs to a workspace that is not served here.")
    assert access.refusal(Grant(Workspace("other"))) == elsewhere


def test_what_two_accesses_ask_for_together() -> None:
    """Workspaces of both, scopes of either, and publishable keys as the inner one says."""
    outer = Access(frozenset({"a", "b"}), frozenset({"x"}), publishable=True)
    inner = Access(frozenset({"b", "c"}), frozenset({"y"}), publishable=False)
    both = inner.within(outer)
    assert (both.workspaces, both.scopes, both.publishable) == (frozenset("b"), frozenset("xy"), False)
    assert outer.within(inner).publishable is True
    anywhere = Access(None, frozenset(), publishable=False)
    assert anywhere.within(outer).workspaces == outer.within(anywhere).workspaces == frozenset("ab")
    assert anywhere.within(anywhere).workspaces is None


REFUSED_RULES = (
    *("/*", "", "a", "*", "/a*", "/*/a", "/a*/*", "//", "/a//b", "/..", "/a/../b", "/a/.", "/a\\b", "/a;b", "/a%2f"),
    *("/a?b", "/a#b", "/a b", "/a\tb", "/a\x00", "/a\x1f", "/a\x7f"),
)


@pytest.mark.parametrize("rule", REFUSED_RULES)
def test_a_rule_that_could_open_more_is_refused(rule: str) -> None:
    """A rule that two readers see in two ways, or that opens everything, is refused with what is allowed."""
    allowed = r" is refused; allowed are exact paths such as '/healthz', or prefixes such as '/public/\*'$"
    with pytest.raises(ConfigurationError, match=f"^exempt: {re.escape(repr(rule))}{allowed}"):
        Exempt([rule])


@pytest.mark.parametrize("rule", [5, None, b"/a", ["/a"]])
def test_a_rule_is_a_text(rule: str) -> None:
    """What is no text is refused like a bad one."""
    with pytest.raises(ConfigurationError, match=r"^exempt: .* is not a path; allowed are exact paths such as"):
        Exempt([rule])
