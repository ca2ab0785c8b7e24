"""A key in a JSON body: found where the body is what it claims to be, and the app gets every byte in any case."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rf_middleware import CallableIssuer, Validator
from tests.contract.issuing import GOOD, Keys, bearer
from tests.contract.protected import Protect
from tests.contract.subjects import SUBJECTS, Subject, every, having
from tests.harness import Request, call_wsgi

JSON = ("Content-Type", "application/json")
WITH_KEY = json.dumps({"api_key": GOOD}).encode()
LOCATIONS = ["bearer", "json:api_key"]


def nested(depth: int) -> bytes:
    """Return a deeply nested JSON body that holds a key beside the depth."""
    return b'{"api_key": "' + GOOD.encode() + b'", "x": ' + b"[" * depth + b"]" * depth + b"}"


HOLDING = [
    WITH_KEY,
    b'{"a": {"api_key": "other"}, "api_key": "%b", "b": [{"api_key": 1}]}' % GOOD.encode(),
    b'{"a": NaN, "b": 1e999, "api_key": "%b"}' % GOOD.encode(),
    b' \n\t{"api_key"\t:\n"%b"}\r\n ' % GOOD.encode(),
    b'{"api_key": "%b", "a": "\xc3\xa4\\u0000"}' % GOOD.encode(),
    b'{"\\u0061pi_key": "\\u0067%b"}' % GOOD[1:].encode(),
    b'{"api_key": "  %b "}' % GOOD.encode(),
]

NOT_HOLDING = [
    b"",
    b"{",
    b"{}",
    b"[]",
    b"null",
    b'"api_key"',
    WITH_KEY[:-1],
    WITH_KEY + b"x",
    b"[" + WITH_KEY + b"]",
    b'{"x": ' + WITH_KEY + b"}",
    b'{"api_key": null}',
    b'{"api_key": 12345678}',
    b'{"api_key": true}',
    b'{"api_key": ["%b"]}' % GOOD.encode(),
    b'{"api_key": {"api_key": "%b"}}' % GOOD.encode(),
    b'{"api_key": ""}',
    b'{"api_key": " \\t"}',
    b'{"API_KEY": "%b"}' % GOOD.encode(),
    b'{"api_key ": "%b"}' % GOOD.encode(),
    b"{'api_key': '%b'}" % GOOD.encode(),
    b"api_key=%b" % GOOD.encode(),
    b'{"api_key": "%b\xff"}' % GOOD.encode(),
    b"\xff\xfe\x00\x01",
    b"\x00" * 100,
    b"\x1f\x8b\x08\x00gzip",
    b"[" * 100_000,
    b'{"a":' * 100_000,
    nested(200_000),
    b'{"a": ' + b"9" * 100_000 + b', "api_key": "%b"}' % GOOD.encode(),
]

NOT_KEYS = [b'{"api_key": "\\ud800"}', b'{"api_key": "\\u00e4"}', b'{"api_key": "a b"}', b'{"api_key": "\\u0000"}']
TWICE = [
    b'{"api_key": "%b", "api_key": "%b"}' % (GOOD.encode(), GOOD.encode()),
    b'{"api_key": "%b", "api_key": "other"}' % GOOD.encode(),
    b'{"api_key": null, "api_key": "%b"}' % GOOD.encode(),
    b'{"api_key": "%b", "a": 1, "\\u0061pi_key": ""}' % GOOD.encode(),
]


def halves(body: bytes) -> tuple[bytes, ...]:
    """Return a body in three chunks, one of them empty, without a length."""
    middle = len(body) // 2
    return (body[:middle], b"", body[middle:])


@every
@pytest.mark.parametrize("body", HOLDING)
@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8", "application/vnd.x+json"])
def test_a_key_in_a_json_body_is_found(subject: Subject, protect: Protect, body: bytes, kind: str) -> None:
    """A string field of the outermost object is a key, with a length or in chunks, and the app gets each byte."""
    app = protect(subject, locations=LOCATIONS)
    for sent in (body, halves(body)):
        answer = app.call("/echo", ("Content-Type", kind), method="POST", body=sent)
        assert answer.verdict == (200, "")
        assert answer.json["body"] == body.decode("latin-1")
    assert app.keys.asked == [GOOD]


@every
@pytest.mark.parametrize("body", NOT_HOLDING, ids=lambda body: repr(body[:30]))
def test_a_body_that_is_not_what_it_claims_holds_no_key(subject: Subject, protect: Protect, body: bytes) -> None:
    """Cut, nested, huge, wrongly typed and undecodable bodies hold no key; they are no error, and reach the app."""
    app = protect(subject, locations=LOCATIONS)
    for sent in (body, halves(body)):
        assert app.call("/echo", JSON, method="POST", body=sent).verdict == (401, "missing-key")
        assert app.keys.asked == []
    for sent in (body, halves(body)):
        answer = app.call("/echo", JSON, bearer(), method="POST", body=sent)
        assert answer.json["body"].encode("latin-1") == body
    assert app.keys.asked == [GOOD]


@every
@pytest.mark.parametrize("body", NOT_KEYS)
def test_a_field_that_can_not_be_a_key_is_refused_without_asking(
    subject: Subject, protect: Protect, body: bytes
) -> None:
    """A string that is not visible ASCII is an invalid key, wherever it stands."""
    app = protect(subject, locations=LOCATIONS)
    assert app.call("/echo", JSON, method="POST", body=body).verdict == (401, "invalid-key")
    assert app.keys.asked == []


@every
@pytest.mark.parametrize("body", TWICE)
@pytest.mark.parametrize("mode", ["reject", "first"])
def test_a_field_given_twice_is_refused(subject: Subject, protect: Protect, body: bytes, mode: str) -> None:
    """Parsers disagree about repeated members, so a repeated key is a 400 in both modes."""
    app = protect(subject, locations=["json:api_key"], ambiguous=mode)
    assert app.call("/echo", JSON, method="POST", body=body).verdict == (400, "ambiguous-key")
    assert app.keys.asked == []


@every
def test_a_body_and_a_header_are_two_locations(subject: Subject, protect: Protect) -> None:
    """The key of a body takes part in ambiguity and precedence like that of any other location."""
    body = json.dumps({"api_key": "key-of-body"}).encode()
    app = protect(subject, locations=LOCATIONS)
    assert app.call("/echo", JSON, bearer(), method="POST", body=body).verdict == (400, "ambiguous-key")
    assert app.call("/echo", JSON, bearer(), method="POST", body=WITH_KEY).status == 200
    for locations, wanted in ((LOCATIONS, "key-of-header"), (LOCATIONS[::-1], "key-of-body")):
        other = protect(subject, locations=locations, ambiguous="first")
        answer = other.call("/echo", JSON, bearer("key-of-header"), method="POST", body=body)
        assert answer.verdict == (401, "invalid-key")
        assert other.keys.asked == [wanted]


@every
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/jsonx", "application/x-www-form-urlencoded", "multipart/form-data", "json", ""]
)
def test_other_types_are_not_looked_into(subject: Subject, protect: Protect, kind: str) -> None:
    """Only what calls itself JSON is read."""
    app = protect(subject, locations=LOCATIONS)
    for sent in (WITH_KEY, halves(WITH_KEY)):
        answer = app.call("/echo", ("Content-Type", kind), method="POST", body=sent)
        assert answer.verdict == (401, "missing-key")


@every
def test_bodies_are_not_read_for_a_key_unless_that_is_wanted(subject: Subject, protect: Protect) -> None:
    """By default a body is the app's alone."""
    app = protect(subject)
    assert app.call("/echo", JSON, method="POST", body=WITH_KEY).verdict == (401, "missing-key")
    assert app.call("/echo", JSON, bearer(), method="POST", body=WITH_KEY).json["body"] == WITH_KEY.decode()


@every
def test_a_body_over_a_mebibyte_is_not_looked_into(subject: Subject, protect: Protect) -> None:
    """By default 1 MiB is read and not a byte more; what is larger reaches the app whole."""
    app = protect(subject, locations=LOCATIONS)
    fits = WITH_KEY + b" " * ((1 << 20) - len(WITH_KEY))
    for body, status in ((fits, 200), (fits + b" ", 401)):
        for sent in (body, halves(body)):
            assert app.call("/echo", JSON, method="POST", body=sent).status == status
            answer = app.call("/echo", JSON, bearer(), method="POST", body=sent)
            assert len(answer.json["body"]) == len(body)


@having("max_body")
def test_max_body_says_how_much_is_looked_into(subject: Subject, protect: Protect) -> None:
    """A body of exactly ``max_body`` bytes is read, one byte more is not; 0 reads none."""
    for spare, status in ((0, 200), (-1, 401), (10, 200)):
        app = protect(subject, locations=LOCATIONS, max_body=len(WITH_KEY) + spare)
        for sent in (WITH_KEY, halves(WITH_KEY), tuple(bytes([each]) for each in WITH_KEY)):
            assert app.call("/echo", JSON, method="POST", body=sent).status == status
            answer = app.call("/echo", JSON, bearer(), method="POST", body=sent)
            assert answer.json["body"] == WITH_KEY.decode()
    assert (
        protect(subject, locations=LOCATIONS, max_body=0).call("/echo", JSON, method="POST", body=WITH_KEY).status
        == 401
    )


@every
def test_a_body_that_breaks_off_holds_no_key(subject: Subject, protect: Protect) -> None:
    """Chunks that are none, or a client that leaves, are no error of ours and no key, whatever came before."""
    app = protect(subject, locations=LOCATIONS)
    for body in (halves(WITH_KEY), (WITH_KEY,), (b"",)):
        answer = app.call("/echo", JSON, method="POST", body=body, broken=True)
        assert answer.verdict == (401, "missing-key")
    assert app.keys.asked == []


@every
def test_a_body_that_is_shorter_than_its_length_holds_no_key(subject: Subject, protect: Protect) -> None:
    """What is cut off is not read as far as it came, even where that is JSON."""
    app = protect(subject, locations=LOCATIONS)
    length = ("Content-Length", str(len(WITH_KEY) + 1))
    assert app.call("/echo", JSON, length, method="POST", body=WITH_KEY).verdict == (401, "missing-key")
    assert app.keys.asked == []


@every
@pytest.mark.parametrize("length", ["", "x", "-1", "1e3", "0x10", "\u0661", "9" * 30, "+5", "5 5"])
def test_a_malformed_length_is_no_error(subject: Subject, protect: Protect, length: str) -> None:
    """A ``Content-Length`` that is none never causes a 500 and never lets anybody in."""
    app = protect(subject, locations=LOCATIONS)
    odd = length.encode().decode("latin-1")
    for body in (b"", b'{"api_key": "unknown"}'):
        answer = app.call("/echo", JSON, ("Content-Length", odd), method="POST", body=body)
        assert answer.status == 401


@having("max_body")
@given(body=st.binary(max_size=300), cuts=st.lists(st.integers(0, 300), max_size=5), limit=st.integers(0, 300))
def test_the_app_gets_the_body_byte_for_byte(subject: Subject, body: bytes, cuts: list[int], limit: int) -> None:
    """Whatever a body is, however it arrives and however much of it is looked into, the app reads just that."""
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    chunks = tuple(body[start:end] for start, end in pairwise(edges))
    with Validator(CallableIssuer(Keys())) as validator:
        app = subject.protect(validator, {"locations": LOCATIONS, "max_body": limit}, ())
        for sent in (body, chunks):
            answer = subject.call(app, Request("POST", "/echo", [JSON, bearer()], sent))
            assert answer.status == 400 or answer.json["body"].encode("latin-1") == body


def test_without_a_length_a_wsgi_body_ends_where_the_server_says(protect: Protect) -> None:
    """A stream that does not end by itself is not read without a length: nobody waits for a client for ever."""
    app = protect(SUBJECTS[0], locations=LOCATIONS)
    request = Request("POST", "/echo", [JSON], halves(WITH_KEY))
    assert call_wsgi(app.app, request, terminated=True).status == 200
    assert call_wsgi(app.app, request, terminated=False).verdict == (401, "missing-key")
