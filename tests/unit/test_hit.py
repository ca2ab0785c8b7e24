"""The short cuts of a hit: they let in whom ``enter`` lets in and leave a scope as it would, or leave it alone."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware import CallableIssuer, Grant, Validator, Workspace, _asgi, _asgi_hit, _wsgi, _wsgi_hit
from rf_middleware._guard import CONTEXT, Guard, Visit
from rf_middleware._options import Options
from tests.harness import Request, environ_of, scope_of

KEY, COMMA, OPEN = "some-key", "key,of-two", "rf_acme"
OPTIONS: list[dict[str, Any]] = [
    {},
    {"exempt": ["/healthz"]},
    {"scopes": ["a:b"]},
    {"scopes": ["c:d"]},
    {"workspaces": ["other"]},
    {"publishable": True, "strip": False},
    {"locations": ["cookie:k", "header:X-API-Key", "query:k"]},
    {"locations": ["bearer"], "optional": True},
]
Hit = Callable[[Guard, Any], Visit | None]
Kind = tuple[Hit, Callable[[Guard, Any], object], Callable[[Request], dict[str, Any]]]
KINDS: dict[str, Kind] = {
    "asgi": (_asgi_hit.hit, _asgi.enter, scope_of),
    "wsgi": (_wsgi_hit.hit, _wsgi.enter, environ_of),
}
kinds = pytest.mark.parametrize("kind", sorted(KINDS))


def issued(key: str) -> Grant:
    """Give a grant for any key, with one scope."""
    return Grant(Workspace("acme"), key_id=key, scopes=frozenset({"a:b"}))


@pytest.fixture(scope="module", name="guards")
def _guards() -> Iterator[list[Guard]]:
    """Return a guard for each kind of options; all of them know the keys."""
    with Validator(CallableIssuer(issued)) as validator:
        for key in (KEY, COMMA, OPEN):
            validator.check(key)
        yield [Guard(Options.of(each), validator) for each in OPTIONS]


def cut(kind: str, guard: Guard, request: Request) -> tuple[Visit | None, dict[str, Any]]:
    """Take the short cut; return what came of it, and the scope or environ it leaves."""
    hit, _, made = KINDS[kind]
    scope = made(request)
    return hit(guard, scope), scope


def seen(visit: object) -> object:
    """Return what a visit holds."""
    return (visit.guard, visit.grant, visit.key, visit.carrier, visit.query) if isinstance(visit, Visit) else visit


def without_streams(scope: Mapping[str, Any]) -> dict[str, Any]:
    """Return what can be compared."""
    return {name: value for name, value in scope.items() if name not in {"wsgi.input", "wsgi.errors"}}


PIECES = ("Bearer ", "bearer ", "Basic ", KEY, COMMA, OPEN, "x", " ", "\t", ",", "\xe4", "?api_key=")
values = st.lists(st.sampled_from(PIECES), max_size=3).map("".join)
written = st.sampled_from([f"Bearer {KEY}", KEY, f"k={KEY}", f"Bearer {OPEN}", f"Bearer {COMMA}", COMMA])
names = st.sampled_from(["Authorization", "X-API-Key", "Referer", "Cookie", "Accept", "Content-Type"])
fields = st.tuples(
    st.sampled_from(["api_key", "a%70i_key", "k", "a", ""]), st.sampled_from([KEY, COMMA, "x", "", "%6b"])
)
queries = st.lists(fields.map("=".join), max_size=3).map("&".join)
paths = st.sampled_from(["/infer", "/healthz", "/x/../healthz"])
requests = st.tuples(paths, queries, st.lists(st.tuples(names, values | written), max_size=3))


@kinds
@given(which=st.integers(0, len(OPTIONS) - 1), parts=requests, further_out=st.none() | queries)
def test_a_short_cut_ends_where_the_long_way_does(
    guards: list[Guard], kind: str, which: int, parts: tuple[str, str, list[tuple[str, str]]], further_out: str | None
) -> None:
    """Whoever it lets in is let in with the same visit and scope, also inside another; else the scope is as it came."""
    guard = guards[which]
    path, query, headers = parts
    request = Request(target=f"{path}?{query}" if query else path, headers=headers)
    hit, enter, made = KINDS[kind]
    came, wanted, scope = made(request), made(request), made(request)
    if further_out is not None:
        came[CONTEXT] = wanted[CONTEXT] = scope[CONTEXT] = guards[0].unguarded(further_out.encode())
    visit = hit(guard, scope)
    decided = enter(guard, wanted)
    if visit is None:
        wanted = came
    else:
        assert seen(visit) == seen(decided)
    assert without_streams(scope) == without_streams(wanted)


PLAIN: list[tuple[dict[str, Any], list[tuple[str, str]], str]] = [
    ({}, [("Authorization", f"Bearer {KEY}")], ""),
    ({}, [("X-API-Key", KEY), ("Accept", "*/*")], ""),
    ({}, [("X-API-Key", KEY)], "a=1"),
    ({}, [], f"a=1&api_key={KEY}"),
    ({"exempt": ["/healthz"]}, [("X-API-Key", KEY)], ""),
    ({"scopes": ["a:b"]}, [("X-API-Key", KEY)], ""),
]


@kinds
@pytest.mark.parametrize(("options", "headers", "query"), PLAIN)
def test_the_plainest_requests_take_the_short_cut(
    guards: list[Guard], kind: str, options: dict[str, Any], headers: Any, query: str
) -> None:
    """One header, or one field of the query, with a cached key: that is nearly every request."""
    guard = guards[OPTIONS.index(options)]
    visit, scope = cut(kind, guard, Request(target=f"/infer?{query}", headers=headers))
    assert visit is not None
    assert (visit.key, visit.query) == (KEY.encode(), query.encode())
    assert KEY not in str(scope.get("query_string", b"")) + scope.get("QUERY_STRING", "") + scope.get("RAW_URI", "")


NOT_PLAIN: list[tuple[dict[str, Any], list[tuple[str, str]], str]] = [
    ({}, [], ""),
    ({}, [("Authorization", "Bearer other")], ""),
    ({}, [("Authorization", f"bearer {KEY}")], ""),
    ({}, [("Authorization", f"Basic {KEY}")], ""),
    ({}, [("X-API-Key", COMMA)], ""),
    ({}, [("X-API-Key", "\xe4")], ""),
    ({}, [("X-API-Key", KEY), ("Authorization", f"Bearer {KEY}")], ""),
    ({}, [("X-API-Key", KEY)], f"api_key={KEY}"),
    ({}, [], f"api_key={KEY}&api_key={KEY}"),
    ({}, [("X-API-Key", KEY), ("Referer", "https://a/?api_key=b")], ""),
    ({}, [("X-API-Key", OPEN)], ""),
    ({"scopes": ["c:d"]}, [("X-API-Key", KEY)], ""),
    ({"workspaces": ["other"]}, [("X-API-Key", KEY)], ""),
    ({"locations": ["cookie:k", "header:X-API-Key", "query:k"]}, [("Cookie", f"k={KEY}")], ""),
]


@kinds
@pytest.mark.parametrize(("options", "headers", "query"), NOT_PLAIN)
def test_what_is_less_plain_is_left_alone(
    guards: list[Guard], kind: str, options: dict[str, Any], headers: Any, query: str
) -> None:
    """No key, two, one that is not cached or not good enough, one written in another way: ``enter`` finds out."""
    visit, _ = cut(kind, guards[OPTIONS.index(options)], Request(target=f"/infer?{query}", headers=headers))
    assert visit is None


@kinds
def test_an_exempt_path_is_left_alone(guards: list[Guard], kind: str) -> None:
    """It needs no key, and has no grant even with one."""
    request = Request(target="/healthz", headers=[("X-API-Key", KEY)])
    assert cut(kind, guards[1], request)[0] is None


@kinds
def test_where_a_key_was_stripped_already_the_long_way_is_taken(guards: list[Guard], kind: str) -> None:
    """What is further out may have taken the key out of the query, and tells what that was."""
    hit, _, made = KINDS[kind]
    scope = made(Request(target="/infer?a=1", headers=[("X-API-Key", KEY)]))
    scope[CONTEXT] = guards[0].unguarded(b"a=1&api_key=other")
    assert hit(guards[0], scope) is None
    scope[CONTEXT] = guards[0].unguarded(b"a=1")
    assert hit(guards[0], scope) is not None


def test_a_target_with_a_query_in_it_is_left_alone(guards: list[Guard]) -> None:
    """Few servers put the query into ``raw_path``: ``enter`` strips it there too."""
    scope = scope_of(Request(target=f"/infer?api_key={KEY}"))
    scope["raw_path"] += b"?" + scope["query_string"]
    assert _asgi_hit.hit(guards[0], scope) is None
    assert KEY.encode() in scope["raw_path"]


def test_a_scope_may_lack_what_is_optional(guards: list[Guard]) -> None:
    """Neither a query nor a raw path has to be there (ASGI, HTTP connection scope)."""
    scope = scope_of(Request(headers=[("X-API-Key", KEY)]))
    del scope["query_string"], scope["raw_path"]
    assert _asgi_hit.hit(guards[1], scope) is not None
