"""The table of answers: status, problem type, challenge, caching, for every adapter."""

import json
from dataclasses import dataclass

import pytest

from tests.contract.issuing import GOOD, bearer
from tests.contract.protected import Protect
from tests.contract.subjects import SUBJECTS, Subject, every
from tests.harness import Answer

BAD_KEYS = [
    "unknown",
    "revoked",
    "expired",
    "long-expired",
    "marked-publishable",
    "rf_workspace1",
    "ä",
    "a b",
    "x" * 513,
]


@dataclass(frozen=True)
class Case:
    """A row of the table: what is presented, and the answer."""

    headers: tuple[tuple[str, str], ...]
    status: int
    problem: str
    challenge: str


CASES = [
    Case((), 401, "missing-key", 'Bearer realm="api"'),
    Case((bearer(""),), 401, "missing-key", 'Bearer realm="api"'),
    Case((bearer("  \t "),), 401, "missing-key", 'Bearer realm="api"'),
    Case((bearer("unknown"),), 401, "invalid-key", 'Bearer realm="api", error="invalid_token"'),
    Case((bearer("a"), ("X-API-Key", "b")), 400, "ambiguous-key", 'Bearer realm="api", error="invalid_request"'),
    Case((bearer("forbidden"),), 403, "forbidden", 'Bearer realm="api", error="insufficient_scope"'),
    Case((bearer("unpaid"),), 402, "payment-required", ""),
    Case((bearer("paused"),), 423, "paused", ""),
    Case((bearer("broken"),), 503, "issuer-unavailable", ""),
    Case((bearer("expires-never-nonsense"),), 503, "issuer-unavailable", ""),
    Case((bearer("no-workspace"),), 503, "issuer-unavailable", ""),
    Case((bearer("odd-workspace"),), 503, "issuer-unavailable", ""),
]

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.status}-{case.problem}")


def assert_refused(answer: Answer, status: int, problem: str) -> None:
    """Check what is true of every refusal."""
    assert answer.verdict == (status, problem)
    assert answer["cache-control"] == "no-store"
    assert answer["content-length"] == str(len(answer.body))
    assert answer.json["status"] == status
    assert answer.json["title"]


@every
@each_case
def test_each_case_has_its_answer(subject: Subject, protect: Protect, case: Case) -> None:
    """Each row of the table of answers is what the client gets, with its challenge and never stored."""
    answer = protect(subject).call("/echo", *case.headers)
    assert_refused(answer, case.status, case.problem)
    assert answer["www-authenticate"] == case.challenge


@every
def test_a_good_key_is_let_in(subject: Subject, protect: Protect) -> None:
    """A good key reaches the app, which learns the workspace, the scopes and the id of the key."""
    answer = protect(subject).call("/echo?a=b", bearer())
    assert answer.status == 200
    expected = {"workspace": "acme", "scopes": ["*"], "publishable": False, "key_id": "k1", "query": "a=b"}
    assert answer.json | expected == answer.json


@every
def test_every_bad_key_gets_the_same_answer(subject: Subject, protect: Protect) -> None:
    """Unknown, revoked, expired and malformed keys can't be told apart by anything in the answer."""
    app = protect(subject)
    answers = [app.call("/echo", ("X-API-Key", key)) for key in BAD_KEYS]
    assert answers[0].verdict == (401, "invalid-key")
    assert {(each.status, tuple(each.headers), each.body) for each in answers} == {
        (401, tuple(answers[0].headers), answers[0].body)
    }


def test_all_adapters_send_the_same_bytes(protect: Protect) -> None:
    """A refusal has the same headers and the same body, byte for byte, whoever sends it."""
    for case in CASES:
        answers = {str(subject): protect(subject).call("/echo", *case.headers) for subject in SUBJECTS}
        seen = {(answer.status, answer.body, tuple(sorted(answer.headers))) for answer in answers.values()}
        assert len(seen) == 1, answers
        assert {answer.status for answer in answers.values()} == {case.status}


@every
@pytest.mark.parametrize("key", ["broken", "no-workspace"])
def test_what_the_issuer_can_not_say_is_tried_again_later(subject: Subject, protect: Protect, key: str) -> None:
    """A 503 says when to come back and is not kept: the next request asks again."""
    app = protect(subject)
    answer = app.call("/echo", bearer(key))
    assert int(answer["retry-after"]) >= 1
    app.keys.table[key] = app.keys.table[GOOD]
    assert app.call("/echo", bearer(key)).status == 200


@every
def test_too_many_unknown_keys_get_a_429_while_good_ones_go_on(subject: Subject, protect: Protect) -> None:
    """Beyond the burst unknown keys are answered 429 without asking, and a cached key is never refused for it."""
    app = protect(subject, unknown_key_burst=2, unknown_key_rate=0.001)
    app.warm()
    statuses = [app.call("/echo", bearer(f"unknown-{n}")).status for n in range(4)]
    assert statuses == [401, 401, 429, 429]
    assert app.keys.asked == ["unknown-0", "unknown-1"]
    refused = app.call("/echo", bearer("unknown-4"))
    assert_refused(refused, 429, "too-many-unknown-keys")
    assert int(refused["retry-after"]) >= 1
    assert app.call("/echo", bearer()).status == 200


@every
def test_head_is_refused_with_headers_only(subject: Subject, protect: Protect) -> None:
    """A refused HEAD has the headers of the refused GET, the length too, and no body."""
    app = protect(subject)
    get, head = app.call("/echo"), app.call("/echo", method="HEAD")
    assert (head.status, sorted(head.headers), head.body) == (401, sorted(get.headers), b"")
    assert int(head["content-length"]) == len(get.body)


@every
def test_the_text_of_a_402_is_passed_on_and_that_of_a_401_is_not(subject: Subject, protect: Protect) -> None:
    """The issuer's words reach the client where they help, and never where they would tell bad keys apart."""
    app = protect(subject)
    assert app.call("/echo", bearer("unpaid")).json["detail"] == "No credits are left."
    assert "detail" not in app.call("/echo", bearer("revoked")).json


@every
def test_no_refusal_shows_a_key(subject: Subject, protect: Protect) -> None:
    """No refusal repeats what was presented, in its headers or in its body."""
    app = protect(subject, scopes=["model:infer"])
    for key in ("unknown", "reader", "unpaid", "broken", "odd-workspace"):
        answer = app.call("/echo", bearer(key + "-canary" if key == "unknown" else key))
        assert answer.status >= 400
        shown = json.dumps([*answer.headers, answer.body.decode()])
        assert f'"{key}"' not in shown
        assert "canary" not in shown
