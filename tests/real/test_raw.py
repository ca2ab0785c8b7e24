"""Raw requests, as a stranger may send them, to real servers: one table, and every server keeps to it."""

from collections.abc import Generator, Sequence

import pytest

from tests.real.raw import EXEMPT, Case
from tests.real.raw_keys import KEYS
from tests.real.raw_paths import PATHS
from tests.real.raw_stage import Answer, Target, issuing, run
from tests.real.raw_wire import WIRE

CASES = [*PATHS, *KEYS, *WIRE]

OURS = {"out": "missing-key", "invalid": "invalid-key", "ambiguous": "ambiguous-key"}
STATUS = {"out": 401, "invalid": 401, "ambiguous": 400}
BY_THE_SERVER = {0, 400, 405, 411, 413, 414, 417, 421, 426, 431, 501, 505}
BY_THE_ROUTER = {307, 308, 404, 405}
LET_IN = {200, 101}


@pytest.fixture(name="targets", scope="module")
def _targets(tmp_path_factory: pytest.TempPathFactory) -> Generator[Sequence[Target]]:
    """Every server, each with a process of its own for the whole table."""
    with issuing() as asked, run(asked, tmp_path_factory.mktemp("raw")) as targets:
        yield targets


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


@pytest.mark.parametrize("case", CASES, ids=[f"{number}-{case.name[:40]}" for number, case in enumerate(CASES)])
def test_every_server_keeps_to_the_table(targets: Sequence[Target], case: Case) -> None:
    """What these bytes come to is what the table says, with no error, no traceback and no needless question."""
    problems: list[str] = []
    for target in targets:
        answers = target.send(case.raw, answers=len(case.wanted), ends=case.ends)
        found = [wrong(target, case, wanted, answer) for wanted, answer in zip(case.wanted, answers, strict=True)]
        last = answers[-1].json
        if answers[-1].status == 200 and last:
            if case.body is not None and last["body"].encode("latin-1") != case.body:
                found.append("the app saw another body")
            if case.query is not None and last["query"] != case.query:
                found.append(f"the app saw the query {last['query']!r}")
        needless = target.newly_asked() - {*case.asks, "good-key-of-acme", "other-good-key-of-acme"}
        if needless:
            found.append(f"the issuer was asked about {needless}")
        if "Traceback" in (said := target.said()) and not (case.ends and target.hangs_up):
            found.append(said[said.index("Traceback") :])
        told = [(answer.status, answer.problem or answer.body[:200]) for answer in answers]
        problems += [f"{target.name}: {each}: {told}" for each in found if each]
    assert not problems, f"{case.raw[:300]!r}\n" + "\n".join(problems)
