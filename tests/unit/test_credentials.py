"""The reader of keys, as a pure function of headers, query and body."""

import itertools
import json
import string
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware._credentials import Found, Reader
from rf_middleware._locations import Carrier
from rf_middleware._models import Reason
from rf_middleware._presented import KEY, encoded, presented
from rf_middleware._query import split
from rf_middleware.exceptions import ConfigurationError, Denied

ALL = ["bearer", "header:X-API-Key", "query:api_key", "cookie:key", "json:api_key"]
VISIBLE = "".join(map(chr, range(0x21, 0x7F)))
KEYS = st.text(VISIBLE.replace(",", "").replace(";", "").replace('"', ""), min_size=1, max_size=30).map(str.encode)
COOKIE_KEYS = st.text(string.ascii_letters + string.digits + "-_.~!*", min_size=1, max_size=30).map(str.encode)


def read(reader: Reader, headers: list[tuple[bytes, bytes]], query: bytes = b"", body: bytes = b"") -> Found | Reason:
    """Read a request as an adapter does."""
    return reader.read(headers, split(query, reader.query_names)[0], body)


def test_nothing_is_missing() -> None:
    """A request without anything has no key."""
    assert read(Reader(ALL, first=False), []) is Reason.MISSING_KEY


@given(key=COOKIE_KEYS)
def test_a_key_is_found_in_each_location(key: bytes) -> None:
    """Each location gives back the key that stands there, and says what carried it."""
    body = json.dumps({"api_key": key.decode()}).encode()
    places: dict[str, tuple[list[tuple[bytes, bytes]], bytes, bytes, Carrier]] = {
        "bearer": ([(b"authorization", b"Bearer " + key)], b"", b"", Carrier((b"Authorization",))),
        "header:X-API-Key": ([(b"x-api-key", key)], b"", b"", Carrier((b"X-API-Key",))),
        "query:api_key": ([], b"a=b&api_key=" + key, b"", Carrier(private=True)),
        "cookie:key": ([(b"cookie", b"a=b; key=" + key)], b"", b"", Carrier((b"Cookie",))),
        "json:api_key": ([], b"", body, Carrier()),
    }
    for location, (headers, query, sent, carrier) in places.items():
        for reader in (Reader([location], first=False), Reader(ALL, first=False), Reader(ALL, first=True)):
            assert read(reader, headers, query, sent) == (key, carrier)


@given(one=KEYS, other=KEYS)
def test_two_locations_agree_or_are_ambiguous(one: bytes, other: bytes) -> None:
    """The same key in two places is found with both carriers; different ones are ambiguous, or the first wins."""
    headers = [(b"x-api-key", other), (b"authorization", b"bearer " + one)]
    both = Carrier((b"Authorization", b"X-API-Key"))
    expected = (one, both) if one == other else Reason.AMBIGUOUS_KEY
    assert read(Reader(ALL, first=False), headers) == expected
    found = read(Reader(ALL, first=True), headers)
    assert found == ((one, both) if one == other else (one, Carrier((b"Authorization",))))


@pytest.mark.parametrize(
    ("query", "body"), [(b"api_key=b", b""), (b"", b'{"api_key": "b"}'), (b"api_key=b", b'{"api_key": "a"}')]
)
def test_a_header_and_the_query_and_the_body_are_compared(query: bytes, body: bytes) -> None:
    """What a header holds counts beside what the query and the body hold."""
    headers = [(b"authorization", b"Bearer a")]
    assert read(Reader(ALL, first=False), headers, query, body) is Reason.AMBIGUOUS_KEY
    found = read(Reader(ALL, first=True), headers, query, body)
    assert isinstance(found, tuple)
    assert found[0] == b"a"


def test_only_blanks_and_tabs_around_a_key_are_cut_off() -> None:
    """Other white space is part of what was sent, and makes it no key, wherever it stands."""
    reader = Reader(ALL, first=False)
    assert read(reader, [], b"api_key=%09%0bk%0b%20") == (b"\x0bk\x0b", Carrier(private=True))
    assert read(reader, [(b"x-api-key", b"\t\x0bk\x0b ")]) == (b"\x0bk\x0b", Carrier((b"X-API-Key",)))


def test_what_a_reader_tells_the_adapters() -> None:
    """The names of headers, of parts of the query and of fields; and which of them are one location and no more."""
    reader = Reader(["bearer", "header:X-Key", "cookie:a", "cookie:b", "query:k", "query:j", "json:f"], first=False)
    assert reader.header_names == {b"authorization", b"x-key", b"cookie"}
    assert reader.query_names == {b"k", b"j"}
    assert reader.json_fields == {"f"}
    assert read(Reader(["cookie:Session-KEY"], first=False), [(b"cookie", b"Session-KEY=k")]) != Reason.MISSING_KEY


def test_a_reader_tells_how_keys_are_plainly_written() -> None:
    """What stands before a key in each header that is a location, and what the query carries."""
    reader = Reader(["bearer", "header:X-Key", "cookie:a", "query:k"], first=False)
    bearer, header = Carrier((b"Authorization",)), Carrier((b"X-Key",))
    assert reader.in_headers == {b"authorization": (b"Bearer ", 7, bearer), b"x-key": (b"", 0, header)}
    assert reader.in_query == {b"k": Carrier(private=True)}


@given(st.text(max_size=5))
def test_a_text_stands_in_a_request_as_utf_8(text: str) -> None:
    """A key given as text is its UTF-8, halves of characters too, so that what can't be a key is seen not to be one."""
    assert encoded(text).decode("utf-8", "surrogatepass") == text
    if text:
        assert presented(text) == encoded(text)


@pytest.mark.parametrize("nothing", [None, ""])
def test_nothing_that_is_presented_is_a_missing_key(nothing: str | None) -> None:
    """A header that is not there, looked up, is the same as no key."""
    with pytest.raises(Denied) as caught:
        presented(nothing)
    assert caught.value.refusal.reason is Reason.MISSING_KEY


def test_what_is_no_text_is_no_key() -> None:
    """The error names the kind of what was given, and does not show it."""
    with pytest.raises(TypeError, match=r"^a key is a text \(str\), not a bytes$"):
        encoded(cast("str", b"canary"))  # not all callers run a type checker


@given(
    headers=st.lists(
        st.tuples(st.sampled_from([b"authorization", b"x-api-key", b"cookie", b"x"]), st.binary(max_size=20))
    ),
    query=st.binary(max_size=30),
    body=st.binary(max_size=30),
    first=st.booleans(),
)
def test_no_request_is_an_error(headers: list[tuple[bytes, bytes]], query: bytes, body: bytes, *, first: bool) -> None:
    """Whatever stands in a request, the reader answers with a reason or with a key that is not blank."""
    found = read(Reader(ALL, first=first), headers, query, body)
    if isinstance(found, Reason):
        assert found in {Reason.MISSING_KEY, Reason.AMBIGUOUS_KEY}
    else:
        assert found[0].strip(b" \t")


@given(
    headers=st.lists(
        st.tuples(
            st.sampled_from([b"authorization", b"x-api-key"]),
            st.sampled_from([b"", b" ", b"Bearer k", b"bearer", b"Basic x", b"k", b"k,", b"Bearer k,Bearer j", b","]),
        ),
        max_size=4,
    )
)
def test_repeated_headers_read_as_a_server_joins_them(headers: list[tuple[bytes, bytes]]) -> None:
    """A header that came twice and one that a WSGI server joined are read alike."""
    joined: dict[bytes, bytes] = {}
    for name, value in headers:
        joined[name] = joined[name] + b"," + value if name in joined else value
    reader = Reader(ALL, first=False)
    assert read(reader, headers) == read(reader, list(joined.items()))


@given(
    st.lists(st.sampled_from([b"key=a", b"key=b", b"x=1", b"key=", b"y=key=a", b"key2=z", b"  key = a "]), max_size=4)
)
def test_repeated_cookie_headers_read_the_same_however_they_were_joined(crumbs: list[bytes]) -> None:
    """Cookies in headers of their own, joined by a semicolon (HTTP/2) or by a comma (WSGI) are the same cookies."""
    reader = Reader(["cookie:key"], first=False)
    apart = read(reader, [(b"cookie", crumb) for crumb in crumbs])
    if crumbs:
        assert apart == read(reader, [(b"cookie", b"; ".join(crumbs))])
        assert apart == read(reader, [(b"cookie", b",".join(crumbs))])
    count = sum(crumb.strip().startswith((b"key=", b"key =")) for crumb in crumbs)
    assert (apart is Reason.AMBIGUOUS_KEY) == (count > 1)


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":' * 200_000, b'{"api_key": ' + b"[" * 200_000, b"9" * 200_000])
def test_a_bomb_is_not_a_key(body: bytes) -> None:
    """Depth and long numbers in a body are no key and no error."""
    assert read(Reader(ALL, first=False), [], b"", body) is Reason.MISSING_KEY


def test_long_cookies_are_read_in_linear_time() -> None:
    """A cookie header made to be slow is no slower than one that is long."""
    for piece in (b",", b";key", b", a", b"key=,", b" \t", b";  ", b"a=,"):
        assert read(Reader(["cookie:key"], first=False), [(b"cookie", piece * 20_000)]) in set(Reason)


@pytest.mark.parametrize(
    ("content_type", "wanted"),
    [
        ("application/json", True),
        ("APPLICATION/JSON ; charset=x", True),
        ("application/vnd.api+json", True),
        ("application/jsonp", False),
        ("text/json", False),
        ("", False),
        ("x; application/json", False),
    ],
)
def test_only_a_json_body_is_wanted(content_type: str, *, wanted: bool) -> None:
    """A body is looked into when its type is JSON and a field is named."""
    assert Reader(ALL, first=False).wants_body([], [], content_type) is wanted
    assert not Reader(["bearer"], first=False).wants_body([], [], content_type)


def test_a_body_is_not_wanted_when_an_earlier_location_wins_anyway() -> None:
    """Where the first location wins, the body is read only if none before it holds a key."""
    headers = [(b"authorization", b"Bearer k")]
    kind = "application/json"
    assert Reader(["bearer", "json:k"], first=False).wants_body(headers, [], kind)
    assert not Reader(["bearer", "json:k"], first=True).wants_body(headers, [], kind)
    assert Reader(["json:k", "bearer"], first=True).wants_body(headers, [], kind)
    assert Reader(["bearer", "json:k"], first=True).wants_body([(b"authorization", b"Basic x")], [], kind)
    assert not Reader(["bearer", "json:k"], first=True).wants_body([(b"authorization", b"Bearer a,Bearer b")], [], kind)
    assert not Reader(["query:q", "json:k"], first=True).wants_body([], [(b"q", b"k")], kind)
    assert Reader(["query:q", "json:k"], first=True).wants_body([], [(b"q", b" ")], kind)


@given(st.binary(max_size=520))
def test_what_can_be_a_key(candidate: bytes) -> None:
    """1 to 512 visible ASCII characters, and nothing else."""
    visible = all(0x21 <= byte <= 0x7E for byte in candidate)
    assert bool(KEY.fullmatch(candidate)) == (visible and 1 <= len(candidate) <= 512)


@pytest.mark.parametrize(("length", "fine"), [(0, False), (1, True), (512, True), (513, False)])
def test_how_long_a_key_can_be(length: int, *, fine: bool) -> None:
    """The bounds are 1 and 512."""
    assert bool(KEY.fullmatch(b"k" * length)) is fine


HEADERS_WITH_A_MEANING = (
    *("Authorization", "Cookie", "Content-Type", "Content-Length", "Host", "Referer", "Origin", "Expect", "TE"),
    *("Trailer", "Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade"),
    *("Access-Control-Request-Method", "Access-Control-Request-Headers"),
)


@pytest.mark.parametrize(
    "locations",
    [
        [],
        [""],
        ["bearer", "bearer"],
        ["bearer:x"],
        ["header:a", "header:A"],
        ["header:a_b"],
        *([f"header:{name}"] for name in HEADERS_WITH_A_MEANING),
        *([f"header:{name.lower()}"] for name in HEADERS_WITH_A_MEANING),
        ["query"],
        [7],
        [b"bearer"],
        [None],
    ],
)
def test_bad_locations_are_refused(locations: list[str]) -> None:
    """A list of locations that could not work is refused, with what is allowed."""
    allowed = r" (?:are|of) 'bearer', 'header:NAME', 'query:NAME', 'cookie:NAME', 'json:FIELD'"
    with pytest.raises(ConfigurationError, match=f"^locations: .*{allowed}"):
        Reader(locations, first=False)


@pytest.mark.parametrize("order", list(itertools.permutations(ALL)))
def test_the_first_location_wins_whichever_it_is(order: list[str]) -> None:
    """Where locations hold different keys and the first shall win, it is the first of the option."""
    keys = {"bearer": b"a", "header:X-API-Key": b"b", "query:api_key": b"c", "cookie:key": b"d", "json:api_key": b"e"}
    headers = [(b"cookie", b"key=d"), (b"x-api-key", b"b"), (b"authorization", b"Bearer a")]
    found = read(Reader(order, first=True), headers, b"api_key=c", b'{"api_key": "e"}')
    assert isinstance(found, tuple)
    assert found[0] == keys[order[0]]


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        (b"authorization", b"Bearer k", b"k"),
        (b"authorization", b"BEARER \t k ", b"k"),
        (b"authorization", b"Bearer \x0bk\x0b", b"\x0bk\x0b"),
        (b"authorization", b"Bearer", Reason.MISSING_KEY),
        (b"authorization", b"Basic k", Reason.MISSING_KEY),
        (b"authorization", b"Bearers k", Reason.MISSING_KEY),
        (b"authorization", b"Bearer a,Bearer b", Reason.AMBIGUOUS_KEY),
        (b"authorization", b"Bearer a b,c", Reason.AMBIGUOUS_KEY),
        (b"authorization", b"Basic a,\tBearer b", Reason.AMBIGUOUS_KEY),
        (b"authorization", b"\x0bBearer a,b", Reason.MISSING_KEY),
        (b"authorization", b"Basic a,Digest b", Reason.MISSING_KEY),
        (b"x-api-key", b"a,b", Reason.AMBIGUOUS_KEY),
        (b"x-api-key", b",", Reason.AMBIGUOUS_KEY),
        (b"x-api-key", b"a b", b"a b"),
        (b"cookie", b'key="k"', b"k"),
        (b"cookie", b"key= k ", b"k"),
        (b"cookie", b"key=\x0bk\x0b", b"\x0bk\x0b"),
        (b"cookie", b'key=" k"', b" k"),
        (b"cookie", b"key=k, ,\t", b"k"),
        (b"cookie", b'key=" \t"', Reason.MISSING_KEY),
        (b"cookie", b'key="\x0b"', b"\x0b"),
    ],
)
def test_how_a_header_holds_a_key(name: bytes, value: bytes, found: bytes | Reason) -> None:
    """A scheme is of any case, another one holds no key, and a comma means that a server joined two headers."""
    answer = read(Reader(ALL, first=False), [(name, value)])
    assert (answer if isinstance(answer, Reason) else answer[0]) == found


def test_carriers_add_up() -> None:
    """Two carriers together are what both ask for; as response headers they say the same in bytes and in text."""
    assert (Carrier().asgi, Carrier().wsgi) == ((), ())
    with pytest.raises(TypeError):
        Carrier((), False, ())  # type: ignore[call-arg] # pyright: ignore[reportCallIssue] - they follow from the others
    both = Carrier((b"Authorization",)) + Carrier((b"X-API-Key",), private=True)
    assert both == Carrier((b"Authorization", b"X-API-Key"), private=True)
    assert both.wsgi == (("vary", "Authorization"), ("vary", "X-API-Key"), ("cache-control", "private"))
    assert both.asgi == tuple((name.encode(), value.encode()) for name, value in both.wsgi)


def test_a_carrier_says_how_old_the_grant_is() -> None:
    """An answer let in by an old grant says its age in whole seconds, rounded up, beside what it says anyway."""
    old = Carrier((b"X-API-Key",), private=True).stale(2.1)
    assert (old.vary, old.private) == ((b"X-API-Key",), True)
    assert old.wsgi == (("vary", "X-API-Key"), ("cache-control", "private"), ("rf-stale", "3"))
    assert old.asgi == tuple((name.encode(), value.encode()) for name, value in old.wsgi)
