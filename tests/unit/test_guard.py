"""The decisions about one request that every adapter shares, without an adapter."""

import pickle
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

import pytest

from rf_middleware import CallableIssuer, Validator
from rf_middleware._guard import CONTEXT, REFUSED, Guard, Pending, Unread, Visit
from rf_middleware._locations import Carrier
from rf_middleware._models import Grant, Reason, Refusal, Workspace
from rf_middleware._options import Options

ACME = Grant(Workspace("acme"), key_id="k")
KEY, OPEN = b"some-key", b"rf_acme"
HEADER = ((b"authorization", b"Bearer " + KEY),)
QUERY = b"a=1&api_key=" + KEY
BY_HEADER, BY_QUERY = Carrier((b"Authorization",)), Carrier(private=True)
Make = Callable[..., Guard]


def issued(key: str) -> Grant:
    """Give a grant for any key, with one scope."""
    return Grant(Workspace("acme"), key_id=key, scopes=frozenset({"a:b"}))


@pytest.fixture
def validator() -> Iterator[Validator]:
    """Return a validator that has both keys in its cache."""
    with Validator(CallableIssuer(issued)) as one:
        for key in (KEY, OPEN):
            one.check(key.decode())
        yield one


@pytest.fixture
def make(validator: Validator) -> Make:
    """Return what makes a guard with options."""

    def made(**options: Any) -> Guard:
        return Guard(Options.of(options), validator)

    return made


def seen(visit: object, guard: Guard | None = None) -> tuple[object, ...]:
    """Return what a visit holds, and see whose it is."""
    assert isinstance(visit, Visit)
    assert guard in {None, visit.guard}
    return visit.grant, visit.key, visit.carrier, visit.query


def cached(guard: Guard, key: bytes = KEY) -> Grant | None:
    """Return the grant of a key in the cache."""
    return guard.validator.peek(sha256(key).digest())


# ---- what is decided at once, or asked


def test_without_a_key_a_request_is_refused_unless_it_is_optional(make: Make) -> None:
    """An optional route is open to those who have no key, and says so in the visit."""
    assert make().examine((), (), b"q") == Refusal(Reason.MISSING_KEY)
    assert seen(make(optional=True).examine((), (), b"q")) == (None, b"", Carrier(), b"q")


@pytest.mark.parametrize("optional", [False, True])
def test_two_keys_are_refused_on_every_route(make: Make, *, optional: bool) -> None:
    """Which one was meant nobody knows, also where none is needed."""
    named = ((b"api_key", b"another"),)
    assert make(optional=optional).examine(HEADER, named, b"api_key=another") == Refusal(Reason.AMBIGUOUS_KEY)


def test_a_cached_key_is_decided_at_once(make: Make) -> None:
    """Let in or refused by what the route asks for, without a question."""
    guard = make()
    assert seen(guard.examine(HEADER, (), b"q"), guard) == (cached(guard), KEY, BY_HEADER, b"q")
    refused = make(scopes=["c:d"]).examine(HEADER, (), b"q")
    assert isinstance(refused, Refusal)
    assert refused.reason is Reason.FORBIDDEN


def test_a_key_that_is_not_cached_has_to_be_resolved(make: Make) -> None:
    """The pending request has all that the visit needs."""
    found = make().examine(((b"authorization", b"Bearer other"),), (), b"q")
    assert found == Pending(b"other", BY_HEADER, b"q")


@pytest.mark.parametrize("key", [b"two words", b"x" * 513, b"\xc3\xa4", b"rf_other"])
def test_what_is_plainly_no_good_costs_no_question(make: Make, key: bytes) -> None:
    """What can't be a key, and a publishable one where these are not allowed, is an invalid key."""
    assert make().examine(((b"x-api-key", key),), (), b"") == Refusal(Reason.INVALID_KEY)


def test_publishable_keys_are_resolved_where_they_are_allowed(make: Make) -> None:
    """Any other route refuses them by their prefix."""
    found = make(publishable=True).examine(((b"x-api-key", b"rf_other"),), (), b"")
    assert isinstance(found, Pending)


def test_a_body_is_read_where_it_may_hold_a_key(make: Make) -> None:
    """What was looked into is passed on to the reader, and without a body there is none."""
    guard = make(locations=["json:key"])
    assert guard.examine((), (), b"", b'{"key": "other"}') == Pending(b"other", Carrier(), b"")
    assert guard.examine((), (), b"") == Refusal(Reason.MISSING_KEY)


# ---- after the question


def test_a_resolved_key_is_let_in_or_refused(make: Make) -> None:
    """What the validator refuses is refused in its words; a grant has to be good for the route, too."""
    pending = Pending(b"other", BY_HEADER, b"q")
    refusal = Refusal(Reason.PAUSED, "paused")
    assert make().settle(pending, refusal) is refusal
    guard = make()
    assert seen(guard.settle(pending, ACME), guard) == (ACME, b"other", BY_HEADER, b"q")
    found = make(workspaces=["other"]).settle(pending, ACME)
    assert isinstance(found, Refusal)
    assert found.reason is Reason.FORBIDDEN


def test_an_old_grant_says_how_old(make: Make) -> None:
    """Whoever sees the answer can tell that nobody vouches for the key."""
    stale = Grant(Workspace("acme"), stale_for=3.2)
    visit = make().settle(Pending(b"other", BY_HEADER, b"q"), stale)
    assert isinstance(visit, Visit)
    assert (b"rf-stale", b"4") in visit.carrier.asgi


# ---- streams that go on


def test_a_stream_goes_on_while_its_key_is_good_for_it(make: Make, validator: Validator) -> None:
    """By the grant that let it in, or another one that would; not without one, nor with one that would not."""
    digest = sha256(KEY).digest()
    visit = make().examine(HEADER, (), b"")
    assert isinstance(visit, Visit)
    assert visit.goes_on(digest)
    other = Visit(make(scopes=["a:b"]), ACME, KEY, BY_HEADER, b"")
    assert other.goes_on(digest)
    assert not Visit(make(scopes=["c:d"]), ACME, KEY, BY_HEADER, b"").goes_on(digest)
    assert not visit.goes_on(sha256(b"unknown").digest())
    validator.forget(KEY.decode())
    assert not visit.goes_on(digest)


def test_a_stream_that_is_asked_about_again_ends_by_a_refusal_only(make: Make) -> None:
    """A grant that still will do ends nothing; one that will not, or a denial, does."""
    visit = Visit(make(workspaces=["acme"]), ACME, KEY, BY_HEADER, b"")
    assert visit.asked_again(ACME) is None
    assert visit.asked_again(Grant(Workspace("acme"), stale_for=3.2)) is None
    assert visit.asked_again(Refusal(Reason.INVALID_KEY)) == Refusal(Reason.INVALID_KEY)
    ended = visit.asked_again(Grant(Workspace("other")))
    assert ended is not None
    assert ended.reason is Reason.FORBIDDEN


def test_an_answer_tells_the_workspace_where_one_asks_for_it(make: Make) -> None:
    """The header has the name that was given; without a key there is nothing to tell."""
    telling = make(workspace_header="X-W", optional=True)
    assert Visit(telling, ACME, KEY, BY_HEADER, b"").told() == ("X-W", "acme")
    assert telling.unguarded(b"").told() is None
    assert Visit(make(), ACME, KEY, BY_HEADER, b"").told() is None


# ---- the rest


def test_clients_are_counted_by_address_where_that_is_asked_for(make: Make) -> None:
    """Without ``trusted_proxies`` nobody has an address; with it the proxies are believed, and networks are one."""
    assert make().client("192.0.2.1", "203.0.113.7") == ""
    assert make(trusted_proxies=0).client("192.0.2.1", "203.0.113.7") == "192.0.2.1"
    assert make(trusted_proxies=1).client("192.0.2.1", "203.0.113.7") == "203.0.113.7"
    assert make(trusted_proxies=0).client("2001:db8::1", "") == "2001:db8::"


def test_queries_are_split_where_they_may_hold_a_key(make: Make) -> None:
    """Else they are left as they are, byte for byte."""
    assert make().split(QUERY) == ([(b"api_key", KEY)], b"a=1")
    assert make().split(b"") == ((), b"")
    assert make(locations=["bearer"]).split(QUERY) == ((), QUERY)


def test_keys_are_stripped_from_targets_unless_told_otherwise(make: Make) -> None:
    """What goes on to the app and to logs has no key in it."""
    assert make().stripped_target(b"/a?" + QUERY) == b"/a?a=1"
    assert make(strip=False).stripped_target(b"/a?" + QUERY) == b"/a?" + QUERY


def test_exempt_paths_need_no_key(make: Make) -> None:
    """By the path that the server routed and as it was sent."""
    guard = make(exempt=["/healthz"])
    assert guard.exempts("/healthz", b"/healthz")
    assert not guard.exempts("/other", b"/other")
    assert not guard.exempts("/healthz", b"/x/../healthz%2f")


def test_adapters_see_what_to_look_for(make: Make, validator: Validator) -> None:
    """Which headers, under which names of WSGI, and whether bodies matter."""
    plain = make()
    assert plain.watched == {b"authorization", b"x-api-key", b"referer"}
    assert plain.variables == [(b"authorization", "HTTP_AUTHORIZATION"), (b"x-api-key", "HTTP_X_API_KEY")]
    assert (plain.looks_into_bodies, plain.has_exempt, plain.tells) == (False, False, None)
    assert (plain.decorates, plain.streams) == (False, validator.streams)
    reading = make(locations=["json:key"], exempt=["/a"], workspace_header="X-W")
    assert (reading.looks_into_bodies, reading.has_exempt, reading.tells) == (True, True, "X-W")
    assert Guard(Options.of({}), validator, decorates=True).decorates is True


def test_what_is_left_in_a_scope_or_an_environ_has_our_name() -> None:
    """So that it meets nothing that a server or another middleware keeps there."""
    assert CONTEXT.startswith("rf_middleware.")
    assert REFUSED.startswith("rf_middleware.")
    assert len({CONTEXT, REFUSED}) == 2


@pytest.mark.parametrize("secret", ["visit", "pending", "unread"])
def test_no_key_is_shown_or_pickled(make: Make, secret: str) -> None:
    """Neither the key nor the query it came in stands in what a debugger or a log shows."""
    held: dict[str, object] = {
        "visit": Visit(make(), ACME, KEY, BY_HEADER, QUERY),
        "pending": Pending(KEY, BY_HEADER, QUERY),
        "unread": Unread(QUERY, ((b"api_key", KEY),)),
    }
    assert KEY.decode() not in repr(held[secret])
    with pytest.raises(TypeError):
        pickle.dumps(held[secret])


def test_a_visit_shows_its_grant(make: Make) -> None:
    """So that it can be told from another one."""
    assert repr(Visit(make(), ACME, KEY, BY_HEADER, b"")) == f"Visit({ACME!r})"
