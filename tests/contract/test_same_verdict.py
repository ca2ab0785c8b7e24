"""Every adapter says the same about the same request, and lets the app see the same of it: odd ones, generated ones."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rf_middleware import CallableIssuer, Validator
from tests.contract.issuing import GOOD, Keys, bearer
from tests.contract.subjects import SUBJECTS
from tests.core.helpers import HandClock
from tests.harness import Answer, Request

OPTIONS: dict[str, Any] = {
    "locations": ["bearer", "header:X-API-Key", "query:api_key", "cookie:key", "json:api_key"],
    "scopes": ["model:read"],
    "workspaces": ["acme", "initech"],
}
JSON = ("Content-Type", "application/json")
BODY = b'{"api_key": "' + GOOD.encode() + b'"}'
PREFLIGHT = [("Origin", "https://page.example"), ("Access-Control-Request-Method", "GET")]

ODD = [
    Request("GET", "/echo"),
    Request("GET", "/echo?"),
    Request("GET", "/echo??api_key=" + GOOD),
    Request("GET", "/echo?&&api_key=" + GOOD + "&&"),
    Request("GET", "/echo?=&=x&api_key=" + GOOD),
    Request("GET", "/echo?api_key==" + GOOD),
    Request("GET", "/echo?api_key=a=b=c"),
    Request("GET", "/echo?api_key=%"),
    Request("GET", "/echo?api_key=%zz"),
    Request("GET", "/echo?api_key=%E4"),
    Request("GET", "/echo?api_key=%00"),
    Request("GET", "/echo?api_key=%2c"),
    Request("GET", "/echo?api_key=a,b"),
    Request("GET", "/echo?api_key=%26api_key=x"),
    Request("GET", "/echo?api_key[]=" + GOOD),
    Request("GET", "/echo?api_key[0]=" + GOOD),
    Request("GET", "/echo?api_key=" + GOOD + ";api_key=x"),
    Request("GET", "/echo?api_key=" + GOOD + "&API_KEY=x"),
    Request("GET", "/echo?api_key=" + GOOD + "&%61pi_key="),
    Request("GET", "/echo?api_key=\xe4"),
    Request("GET", "/echo?\xe4pi_key=x"),
    Request("GET", "/echo?api_key=" + "x" * 512),
    Request("GET", "/echo?api_key=" + "x" * 513),
    Request("GET", "/echo?" + "&".join(f"a{n}=1" for n in range(3000)) + "&api_key=" + GOOD),
    Request("GET", "/echo?" + "api_key=&" * 3000),
    Request("GET", "/echo", [("Authorization", "")]),
    Request("GET", "/echo", [("Authorization", "Bearer")]),
    Request("GET", "/echo", [("Authorization", "bearer " + GOOD)]),
    Request("GET", "/echo", [("Authorization", "Bearer\t" + GOOD)]),
    Request("GET", "/echo", [("Authorization", "Bearer \t " + GOOD)]),
    Request("GET", "/echo", [("Authorization", "Bearer: " + GOOD)]),
    Request("GET", "/echo", [("Authorization", "Bearer=" + GOOD)]),
    Request("GET", "/echo", [("Authorization", "Token " + GOOD)]),
    Request("GET", "/echo", [("Authorization", "Bearer " + GOOD + " x")]),
    Request("GET", "/echo", [("Authorization", "Bearer " + GOOD + ",")]),
    Request("GET", "/echo", [("Authorization", ", Bearer " + GOOD)]),
    Request("GET", "/echo", [("Authorization", 'Digest a="b", c="d"')]),
    Request("GET", "/echo", [("Authorization", 'Digest a="Bearer x", c="d"')]),
    Request("GET", "/echo", [("Authorization", "Basic x"), ("Authorization", "Digest y")]),
    Request("GET", "/echo", [("Authorization", "Basic x"), bearer()]),
    Request("GET", "/echo", [("Authorization", ""), bearer()]),
    Request("GET", "/echo", [bearer(), ("authorization", "Bearer")]),
    Request("GET", "/echo", [("Authorization", "Bearer \xe4")]),
    Request("GET", "/echo", [("X-API-Key", '"' + GOOD + '"')]),
    Request("GET", "/echo", [("X-API-Key", "Bearer " + GOOD)]),
    Request("GET", "/echo", [("X-API-Key", ",")]),
    Request("GET", "/echo", [("X-API-Key", ""), ("X-API-Key", "")]),
    Request("GET", "/echo", [("X_API_Key", "x"), ("X-API-Key", GOOD)]),
    Request("GET", "/echo", [("X-API-Key", GOOD), ("Cookie", f"key={GOOD}"), bearer()]),
    Request("GET", "/echo", [("Cookie", f"key={GOOD}x"), bearer()]),
    Request("GET", "/echo", [("Cookie", "")]),
    Request("GET", "/echo", [("Cookie", ";;;=; key")]),
    Request("GET", "/echo", [("Cookie", f"KEY={GOOD}")]),
    Request("GET", "/echo", [("Cookie", f" key = {GOOD} ; a=b")]),
    Request("GET", "/echo", [("Cookie", f"a=b,key={GOOD}")]),
    Request("GET", "/echo", [("Cookie", f"key={GOOD},x")]),
    Request("GET", "/echo", [("Cookie", f"key={GOOD}, x=y")]),
    Request("GET", "/echo", [("Cookie", "a=1"), ("Cookie", f"key={GOOD}"), ("Cookie", "b=2; c=3")]),
    Request("GET", "/echo", [("Cookie", 'a="1; key=x"'), ("Cookie", f"key={GOOD}")]),
    Request("GET", "/echo", [("Cookie", "key=;" * 500 + "x=y")]),
    Request("GET", "/echo", [("Cookie", "key="), ("Cookie", "")]),
    Request("GET", "/echo", [("Cookie", f"key={GOOD}"), ("Cookie", ""), ("Cookie", " , x=1")]),
    Request("GET", "/echo", [("Cookie", f"key={GOOD}"), ("Cookie", "flag")]),
    Request("GET", "/echo", [("Cookie", "key=" + "," * 3000 + "x")]),
    Request("GET", "/echo", [bearer("reader")]),
    Request("GET", "/echo", [bearer("scopeless")]),
    Request("GET", "/echo", [bearer("key-of-initech")]),
    Request("GET", "/echo", [bearer("rf_workspace1")]),
    Request("GET", "/echo", [bearer("expired")]),
    Request("GET", "/echo", [bearer("broken")]),
    Request("OPTIONS", "/echo", [*PREFLIGHT, ("Origin", "null")]),
    Request("OPTIONS", "/echo", [("Origin", "null")]),
    Request("OPTIONS", "/echo", [("Origin", ""), *PREFLIGHT]),
    Request("OPTIONS", "/echo", [("Origin", ""), ("Origin", ""), ("Access-Control-Request-Method", "GET")]),
    Request("OPTIONS", "/echo", [*PREFLIGHT, ("Access-Control-Request-Method", "")]),
    Request("OPTIONS", "/echo", [("Origin", "x"), ("Access-Control-Request-Method", ","), ("Origin", ",")]),
    Request("POST", "/echo", [JSON], BODY),
    Request("GET", "/echo", [JSON], BODY),
    Request("DELETE", "/echo", [JSON], (BODY,)),
    Request("POST", "/echo", [JSON, bearer()], BODY),
    Request("POST", "/echo", [JSON, bearer("reader")], BODY),
    Request("POST", "/echo", [("Content-Type", "application/json"), ("Content-Length", "0")], b""),
    Request("POST", "/echo", [("Content-Type", "application/json;")], BODY),
    Request("POST", "/echo", [("Content-Type", " application/json ; x")], BODY),
    Request("POST", "/echo", [("Content-Type", "application/json, text/plain")], BODY),
    Request("POST", "/echo", [("Content-Type", "+json")], BODY),
    Request("POST", "/echo", [("Content_Type", "application/json")], BODY),
    Request("POST", "/echo", [JSON], b"\xef\xbb\xbf" + BODY),
    Request("POST", "/echo", [JSON], BODY.decode().encode("utf-16")),
    Request("POST", "/echo", [JSON], BODY.decode().encode("utf-32-be")),
    Request("POST", "/echo", [JSON, ("Content-Length", f"{len(BODY):040}")], BODY),
    Request("POST", "/echo", [JSON, ("Content-Length", str(len(BODY) + 100))], BODY),
    Request("POST", "/echo", [JSON, ("Content-Length", "5")], BODY[:5]),
    Request("POST", "/echo", [JSON, ("Content-Length", "-1")], BODY),
    Request("POST", "/echo", [JSON], tuple(bytes([each]) for each in BODY)),
    Request("POST", "/echo", [JSON], ()),
    Request("POST", "/echo", [JSON], (b"", b"", BODY, b"")),
]


CLOCK = HandClock()
"""Stands while adapters are compared, so that the rest of an issuer that broke ends before all of them or after."""


@pytest.fixture(scope="module")
def served() -> Iterator[list[tuple[Any, Any]]]:
    """Return every subject with its app, all of the same options and one validator."""
    with Validator(CallableIssuer(Keys()), unknown_key_burst=1_000_000, ttl=3600.0, clock=CLOCK) as validator:
        yield [(subject, subject.protect(validator, {**OPTIONS}, ())) for subject in SUBJECTS]


Outcome = tuple[int, str, str]
SEEN = ["workspace", "scopes", "publishable", "key_id", "method", "path", "query", "referer"]


def outcome(request: Request, answer: Answer) -> Outcome:
    """Return status, problem type, and what the app saw where it was let in and could say so."""
    if answer.status != 200 or request.method == "HEAD":
        return *answer.verdict, ""
    told = answer.json
    assert lies(request) or told["body"].encode("latin-1") == b"".join(request.chunks), "another body"
    return *answer.verdict, str([told[name] for name in SEEN])


def lies(request: Request) -> bool:
    """Tell whether a request says another length than its body has: each server and framework has its own idea then."""
    return any(name.lower() == "content-length" for name, _ in request.headers)


def verdicts(served: list[tuple[Any, Any]], request: Request) -> dict[Outcome, list[str]]:
    """Return who said what, and whose app saw what; a minute later than the last time."""
    CLOCK.forward(60)
    found: dict[Outcome, list[str]] = {}
    for subject, app in served:
        found.setdefault(outcome(request, subject.call(app, request)), []).append(str(subject))
    return found


@pytest.mark.parametrize("request_", ODD, ids=range(len(ODD)))
def test_all_adapters_agree_about_odd_requests(served: list[tuple[Any, Any]], request_: Request) -> None:
    """Status and problem type of an odd request are the same everywhere, and never a 500."""
    found = verdicts(served, request_)
    assert len(found) == 1, found
    status, *_ = next(iter(found))
    assert status != 500


PIECES = st.sampled_from([
    *("api_key", "%61pi_key", "key", "=", "=", "&", ";", ",", " ", "\t", "%20", "%", "+", "?", '"', "Bearer"),
    *("bearer ", "Basic", GOOD, GOOD, "reader", "unknown", "rf_x", "\xe4", "a", "x=y", "%C3%A4", "%00", "key=", "; "),
])  # fmt: skip
TEXTS = st.lists(PIECES, max_size=6).map("".join)
NAMES = ["Authorization", "authorization", "X-API-Key", "x-api-key", "X_API_Key", "Cookie", "Referer", "Origin"]
HEADERS = st.lists(st.tuples(st.sampled_from([*NAMES, "Access-Control-Request-Method"]), TEXTS), max_size=4)
TYPES = st.sampled_from(["application/json", "text/plain", "a/b+json", "APPLICATION/JSON;x"])
MEMBERS = st.lists(st.tuples(st.sampled_from(["api_key", "a"]), st.sampled_from([f'"{GOOD}"', '"x"', "1", '""'])))
BODIES = st.one_of(
    st.binary(max_size=20),
    MEMBERS.map(lambda members: ("{" + ",".join(f'"{k}": {v}' for k, v in members) + "}").encode()),
)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """Put a request together from the pieces."""
    query = draw(TEXTS).replace(" ", "").replace("\t", "")
    body = draw(BODIES)
    headers = [("Content-Type", draw(TYPES)), *draw(HEADERS)]
    method = draw(st.sampled_from(["GET", "POST", "OPTIONS", "HEAD", "BREW"]))
    return Request(method, "/echo?" + query, headers, (body,) if draw(st.booleans()) else body)


@given(request_=requests())
@example(request_=Request("GET", "/echo?api_key=x", [("Cookie", "key=a,key"), ("Cookie", "b")]))
def test_all_adapters_agree_about_generated_requests(served: list[tuple[Any, Any]], request_: Request) -> None:
    """Whatever is put together from the pieces that matter, there is one verdict and no error."""
    found = verdicts(served, request_)
    assert len(found) == 1, found
    assert next(iter(found))[0] in {200, 400, 401, 402, 403, 423}


RULES = ["/", "/healthz", "/public/*", "/a/b/*", "/mounted/x"]
STEPS = st.sampled_from([
    *("/", "/", "healthz", "public", "a", "b", "mounted", "x", ".", "..", "//", ";", "\\", "%", "%2f", "%2F", "%2e"),
    *("%00", "%3b", "%25", "%0a", "%20", "%c3%a4", "%ff", "%ef%bf%bd", "#", "*", ":", "~", "HEALTHZ", "?", "&", "%5c"),
])  # fmt: skip
STARTS = ["/healthz", "/public/", "/a/b/", "/mounted", "/", ""]
TARGETS = st.builds(str.__add__, st.sampled_from(STARTS), st.lists(STEPS, max_size=5).map("".join))
QUERIES = st.sampled_from(["", "?", "?x=/healthz", f"?api_key={GOOD}", "?api_key=x&a=b", "?api_key=&api_key=", "?/%2e"])
CLAIMS = st.sampled_from([
    *(("Host", "x?/healthz"), ("X-Original-URL", "/healthz"), ("X-Forwarded-Prefix", "/public"), bearer()),
    *(("X-HTTP-Method-Override", "OPTIONS"), ("SCRIPT_NAME", "/a"), ("X-Workspace", "evil"), bearer("unknown")),
    *(("X-Rewrite-URL", "/"), *PREFLIGHT),
])  # fmt: skip
METHODS = st.sampled_from(["GET", "GET", "POST", "OPTIONS", "options", "CONNECT", "TRACE", "BREW", "PRI"])


@st.composite
def anywhere(draw: st.DrawFn) -> Request:
    """Put a request to any path together, below any root, by any method."""
    target = draw(TARGETS) + draw(QUERIES)
    roots = ["", "", "/mounted", "/public"]
    roots += ["/mounted/", "/"] if target.startswith("/") else []  # else they make one word, for ASGI alone
    root = draw(st.sampled_from(roots))
    return Request(draw(METHODS), target, draw(st.lists(CLAIMS, max_size=3)), draw(BODIES), root)


@pytest.fixture(scope="module")
def exempting() -> Iterator[list[tuple[Any, Any]]]:
    """Return every subject that stands before a whole app, all with the same rules and one validator."""
    chosen = [subject for subject in SUBJECTS if not subject.lacks.keys() & {"exempt", "unrouted"}]
    with Validator(CallableIssuer(Keys()), unknown_key_burst=1_000_000, ttl=3600.0) as validator:
        yield [(subject, subject.protect(validator, {"exempt": RULES}, ())) for subject in chosen]


@given(request_=anywhere())
def test_all_middlewares_agree_about_any_path(exempting: list[tuple[Any, Any]], request_: Request) -> None:
    """Who is let in where, with a key or without one, is the same everywhere, and so is what the app sees of it."""
    answers = {str(subject): subject.call(app, request_) for subject, app in exempting}
    decisions = {name: answer.verdict if answer.problem else "let in" for name, answer in answers.items()}
    assert len(set(decisions.values())) == 1, decisions
    echoed = {name: outcome(request_, answer) for name, answer in answers.items() if answer.status == 200}
    assert len(set(echoed.values())) <= 1, echoed
    if "wsgi" in echoed and answers["wsgi"].json["workspace"] is None:
        path = answers["wsgi"].json["path"]
        plain = not {"", ".", ".."} & set(path.split("/")[1:-1]) and path.rpartition("/")[2] not in {".", ".."}
        allowed = path in RULES or (plain and path.startswith(("/public/", "/a/b/")))
        assert allowed or request_.method == "OPTIONS", f"{path!r} needs a key"


@given(request_=requests())
def test_what_is_let_in_had_a_good_key(served: list[tuple[Any, Any]], request_: Request) -> None:
    """A generated request that is let in presented one of the good keys, or is a preflight and nobody."""
    subject, app = served[0]
    answer = subject.call(app, request_)
    if answer.status == 200 and request_.method != "HEAD":
        if answer.json["workspace"] is None:
            assert request_.method == "OPTIONS"
        else:
            presented = repr((request_.target, request_.headers, request_.body))
            assert GOOD in presented or "reader" in presented
