"""Raw requests, as a stranger may send them, to real servers: one table, and every server keeps to it."""

import random
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.real.raw import EXEMPT, FOREIGN, GOOD, JUNK, OTHER, WEBSOCKET, Case, request
from tests.real.raw_keys import KEYS
from tests.real.raw_paths import PATHS
from tests.real.raw_stage import Answer, Asked, Target, issuing, run
from tests.real.raw_wire import WIRE

CASES = [*PATHS, *KEYS, *WIRE]

OURS = {"out": "missing-key", "invalid": "invalid-key", "ambiguous": "ambiguous-key"}
STATUS = {"out": 401, "invalid": 401, "ambiguous": 400}
BY_THE_SERVER = {0, 400, 405, 411, 413, 414, 417, 421, 426, 431, 501, 505}
BY_THE_ROUTER = {307, 308, 404, 405}
LET_IN = {200, 101}


@pytest.fixture(name="asked", scope="module")
def _asked() -> Generator[Asked]:
    """One issuer for all."""
    with issuing() as asked:
        yield asked


@pytest.fixture(name="targets", scope="module")
def _targets(asked: Asked, tmp_path_factory: pytest.TempPathFactory) -> Generator[Sequence[Target]]:
    """Every server, each with a process of its own for the whole table."""
    with run(asked, tmp_path_factory.mktemp("raw")) as targets:
        yield targets
    assert [complaint for target in targets if (complaint := target.complaint())] == []


@pytest.fixture(name="pool", scope="module")
def _pool() -> Generator[ThreadPoolExecutor]:
    """As many threads as there are servers."""
    with ThreadPoolExecutor(16) as pool:
        yield pool


def wrong(target: Target, case: Case, wanted: str, answer: Answer) -> str:
    """Return what is wrong with an answer; empty when nothing is."""
    status, seen = answer.status, answer.json
    if status == 0 and case.ends and target.hangs_up:
        return ""
    socket = case.raw.find(b"Upgrade: websocket") >= 0
    if status in LET_IN and seen:
        if seen["workspace"] is None and not exempt(seen) and "preflight" not in case.name:
            return f"nobody was let in at {seen['path']!r}"
        if (seen["workspace"] or "acme") != "acme":
            return f"{seen['workspace']} was let in"
    if wanted in OURS and target.exempts:
        fine = status == STATUS[wanted] and answer.problem in {OURS[wanted], ""}
        return "" if fine or (socket and status == 403) else f"{wanted} is wanted"
    refused = status in {401, 403} or answer.problem == "ambiguous-key" or status in BY_THE_SERVER
    routed = status in BY_THE_ROUTER
    nobody = seen.get("workspace") is None
    fine = {
        "in": (status in LET_IN and not (seen and nobody)) or (socket and target.subject.is_wsgi and status == 400),
        "in?": status in LET_IN or refused or routed,
        "open": (status in LET_IN and nobody) or (socket and target.subject.is_wsgi and status == 400),
        "open?": (status in LET_IN and nobody) or refused or routed,
    }.get(wanted, refused)
    if not target.exempts and wanted != "in":
        fine = fine or refused or routed
    return "" if fine else f"{wanted} is wanted"


def exempt(seen: dict[str, object]) -> bool:
    """Tell whether the app saw a path that needs no key, whatever the request line said."""
    path = str(seen["path"])
    plain = "//" not in path and not {".", ".."} & set(path.split("/"))
    return path in EXEMPT or (path.startswith("/public/") and plain)


def judged(case: Case, target: Target) -> list[str]:
    """Return what is wrong with what one server makes of a case."""
    answers = target.send(case.raw, answers=len(case.wanted), ends=case.ends)
    wanted = [*case.wanted, *["refused"] * (len(answers) - len(case.wanted))]
    found = [wrong(target, case, one, answer) for one, answer in zip(wanted, answers, strict=True)]
    last = answers[len(case.wanted) - 1].json
    if "workspace" in last:
        if case.body is not None and last["body"].encode("latin-1") != case.body:
            found.append("the app saw another body")
        if case.query is not None and last["query"] != case.query:
            found.append(f"the app saw the query {last['query']!r}")
    needless = target.newly_asked() - {*case.asks, GOOD, OTHER}
    if needless:
        found.append(f"the issuer was asked about {needless}")
    found.append(target.complaint())
    told = [(answer.status, answer.problem or answer.body[:200]) for answer in answers]
    return [f"{target.name}: {each}: {told}" for each in found if each]


@pytest.mark.parametrize("case", CASES, ids=[f"{number}-{case.name[:40]}" for number, case in enumerate(CASES)])
def test_every_server_keeps_to_the_table(targets: Sequence[Target], case: Case, pool: ThreadPoolExecutor) -> None:
    """What these bytes come to is what the table says, with no error, no traceback and no needless question."""
    problems = [each for found in pool.map(partial(judged, case), targets) for each in found]
    assert not problems, f"{case.raw[:300]!r}\n" + "\n".join(problems)


BODY = b'{"api_key": "%b"}' % GOOD.encode()
TYPE = "Content-Type: application/json"


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (request("/echo", f"X-API-Key: {GOOD}"), 200),
        (request(f"/echo?api_key={GOOD}&a=b"), 200),
        (request("/echo", TYPE, method="POST", body=BODY), 200),
        (request("/echo", TYPE, method="POST", body=BODY[:-1]), 401),
        (request("/echo", f"X-API-Key: {GOOD}", f"X-API-Key: {GOOD}"), 400),
        (request("/public/../admin"), 401),
    ],
)
def test_it_does_not_matter_in_how_many_pieces_a_request_comes(
    targets: Sequence[Target], raw: bytes, status: int
) -> None:
    """A request that comes byte by byte has the same answer."""
    assert {target.name: target.send(raw, answers=1, piece=1)[0].status for target in targets} == {
        target.name: status for target in targets
    }


WHO = {GOOD: (200, "acme"), OTHER: (200, "acme"), FOREIGN: (403, None), JUNK: (401, None), "": (401, None)}
"""Only keys of acme are wanted; the others of these are no keys at all."""


def told(target: Target, keys: Sequence[str]) -> list[tuple[int, object]]:
    """Return who was let in, for requests with these keys one after another on one connection."""
    raw = [request("/echo", *([f"X-API-Key: {key}"] if key else []), close=False) for key in keys]
    answers: list[Answer] = []
    while len(answers) < len(keys):  # a server that does not keep connections gets a new one
        found = target.send(b"".join(raw[len(answers) :]), answers=len(keys) - len(answers))
        answers += [answer for answer in found if answer.status]
    return [(answer.status, answer.json.get("workspace")) for answer in answers]


def test_requests_do_not_vouch_for_one_another(targets: Sequence[Target]) -> None:
    """In any order, on one connection and on many at once, each request is judged by its own key."""
    orders = [random.Random(seed).choices(list(WHO), k=12) for seed in range(6)]
    for target in targets:
        with ThreadPoolExecutor(len(orders)) as pool:
            for keys, found in zip(orders, pool.map(partial(told, target), orders), strict=True):
                assert found == [WHO[key] for key in keys], target.name


NOT_BELOW = {400, 404, 500}
"""What gunicorn answers by itself to a path that does not begin with ``SCRIPT_NAME``."""

MOUNTED: list[tuple[str, tuple[str, ...], set[int]]] = [
    ("/mounted/healthz", (), {200}),
    ("/mounted/", (), {200}),
    ("/mounted/public/a", (), {200}),
    ("/mounted/admin", (), {401}),
    ("/mounted", (), {401}),
    ("/mounted/mounted/healthz", (), {401}),
    ("/mounted//healthz", (), {401}),
    ("/mounted/../mounted/healthz", (), {401}),
    ("/mounted/%2e%2e/mounted/healthz", (), {401}),
    ("/mountedhealthz", (), {401}),
    ("/mounted%2fhealthz", (), {401}),
    ("/%6dounted/healthz", (), NOT_BELOW),
    ("/healthz", (), NOT_BELOW),
    ("//mounted/healthz", (), NOT_BELOW),
    ("/mounted/admin/healthz", ("SCRIPT_NAME: /mounted/admin",), {401}),
    ("/mounted/admin/healthz", ("Script-Name: /mounted/admin", "X-Script-Name: /mounted/admin"), {401}),
    ("/mounted/admin", ("PATH_INFO: /healthz", "X-Forwarded-Prefix: /mounted/admin"), {401}),
]


def test_below_a_script_name_the_rules_are_about_the_rest(asked: Asked, tmp_path: Path) -> None:
    """Under gunicorn with a ``SCRIPT_NAME`` an exempt path is one below it, and only the environment sets it."""
    servers = [("gunicorn", "worker_class = 'gthread'; threads = 2", "wsgi")]
    with run(asked, tmp_path, servers, SCRIPT_NAME="/mounted") as (target,):
        wrong = {
            (path, headers): answer
            for path, headers, allowed in MOUNTED
            for answer in target.send(request(path, *headers), answers=1)
            if answer.status not in allowed
        }
        assert wrong == {}


def test_a_websocket_that_was_let_in_talks(targets: Sequence[Target]) -> None:
    """Every ASGI server upgrades the connection of a good key and of nobody else."""
    for target in targets:
        if not target.subject.is_wsgi:
            statuses = [
                target.send(request(path, *WEBSOCKET, close=False), answers=1)[0].status
                for path in (f"/echo?api_key={GOOD}", "/echo", f"/echo?api_key={JUNK}")
            ]
            assert statuses[0] == 101, target.name
            assert set(statuses[1:]) <= {401, 403}, target.name
