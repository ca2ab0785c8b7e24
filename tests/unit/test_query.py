"""Reading and stripping of query strings."""

from urllib.parse import parse_qsl, quote_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware._query import split, strip_target

NAMES = frozenset({b"api_key", b"k"})
PARTS = st.lists(
    st.sampled_from([
        *(b"api_key=a", b"api_key", b"k=", b"%6b=b", b"api%5Fkey=%2526", b"API_KEY=c", b"api_key2=d", b"x=k=1"),
        *(b"", b"=", b"=k", b"a=b", b"a=%", b"%", b"%zz=1", b"+=1", b"k+=1", b"k;a=1", b"a=\xc3\xa4", b"%ff=1", b"#k"),
    ]),
    max_size=8,
)  # fmt: skip
QUERIES = st.one_of(PARTS.map(b"&".join), st.binary(max_size=40))


@pytest.mark.parametrize(
    ("query", "taken", "left"),
    [
        (b"", [], b""),
        (b"a=b", [], b"a=b"),
        (b"k=1", [(b"k", b"1")], b""),
        (b"a=b&k=1&c", [(b"k", b"1")], b"a=b&c"),
        (b"k=1&api_key=2&k=3", [(b"k", b"1"), (b"api_key", b"2"), (b"k", b"3")], b""),
        (b"%6B=%31&a=%31", [(b"k", b"1")], b"a=%31"),
        (b"k=a+b%2Bc%252B", [(b"k", b"a+b+c%2B")], b""),
        (b"k", [(b"k", b"")], b""),
        (b"k=a=b", [(b"k", b"a=b")], b""),
        (b"K=1&k2=1&xk=1", [], b"K=1&k2=1&xk=1"),
        (b"&&k=1&&", [(b"k", b"1")], b"&&&"),
        (b"%2561pi_key=1", [], b"%2561pi_key=1"),
        (b"a;k=1", [], b"a;k=1"),
    ],
)
def test_named_parts_are_taken_out(query: bytes, taken: list[tuple[bytes, bytes]], left: bytes) -> None:
    """Parts of the wanted names come out decoded once, in order and with repeats; the others stay as they are."""
    assert split(query, NAMES) == (taken, left)


@given(query=QUERIES)
def test_what_remains_keeps_its_bytes(query: bytes) -> None:
    """What is left is exactly the parts that were not taken, in their order."""
    taken, left = split(query, NAMES)
    parts = query.split(b"&")
    rest = left.split(b"&") if left or len(taken) < len(parts) else []
    assert len(taken) + len(rest) == len(parts)
    remaining = iter(parts)
    assert all(part in remaining for part in rest)


@given(query=QUERIES)
def test_stripping_twice_is_stripping_once(query: bytes) -> None:
    """After stripping there is nothing more to strip, in a query or in a whole target."""
    _, left = split(query, NAMES)
    assert split(left, NAMES) == ([], left)
    target = strip_target(b"/path?" + query, NAMES)
    assert strip_target(target, NAMES) == target


@given(query=QUERIES)
def test_after_stripping_no_reader_finds_a_key(query: bytes) -> None:
    """A reader that knows nothing of ours, and decodes in its own way, finds none of the names any more."""
    _, left = split(query, NAMES)
    text = left.decode("latin-1")
    found = {name for name, _ in parse_qsl(text, keep_blank_values=True, encoding="latin-1")}
    assert not found & {name.decode() for name in NAMES}


@given(value=st.binary(max_size=30), before=QUERIES, after=QUERIES)
def test_any_value_comes_out_as_it_went_in(value: bytes, before: bytes, after: bytes) -> None:
    """A value that was percent-encoded is found again between whatever stands around it."""
    query = b"&".join([before, b"api_key=" + quote_from_bytes(value, safe="").encode(), after])
    taken, _ = split(query, NAMES)
    assert (b"api_key", value) in taken


@pytest.mark.parametrize(
    ("target", "left"),
    [
        (b"/a?k=1", b"/a"),
        (b"/a?", b"/a?"),
        (b"/a", b"/a"),
        (b"/k=1", b"/k=1"),
        (b"/a?k=1&b", b"/a?b"),
        (b"/a?b&k=1#k=1", b"/a?b#k=1"),
        (b"/a?k=1#f", b"/a#f"),
        (b"http://h/a?%6b=1&b=%20", b"http://h/a?b=%20"),
        (b"/a?k=?&b=?", b"/a?b=?"),
        (b"?k=1", b""),
        (b"", b""),
        (b"http://a/#f,http://b/?k=1", b"http://a/#f,http://b/"),
        (b"http://a/?c#f,http://b/?d&k=1&e", b"http://a/?c#f,http://b/?d&e"),
        (b"http://a/?k=1#f,http://b/?k=2#g", b"http://a/#f,http://b/#g"),
        (b"http://a/?c=1,http://b/?k=1", b"http://a/?c=1,http://b/"),
        (b"http://a/?c=1,http://b/?%6b=1?2&d", b"http://a/?c=1,http://b/&d"),
        (b"http://a/,http://b/?k=1", b"http://a/,http://b/"),
        (b"http://a/?c,http://b/?d,http://c/?k=1", b"http://a/?c,http://b/?d,http://c/"),
        (b"http://a/?c=/?d=?", b"http://a/?c=/?d=?"),
    ],
)
def test_a_target_keeps_all_but_the_key(target: bytes, left: bytes) -> None:
    """Path, other parts and fragment of a request target or URL stay as they are."""
    assert strip_target(target, NAMES) == left


@given(target=st.binary(max_size=60))
def test_no_target_is_an_error(target: bytes) -> None:
    """Whatever stands in a ``Referer``, stripping answers with a part of it."""
    assert len(strip_target(target, NAMES)) <= len(target)
