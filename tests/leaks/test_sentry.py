"""What Sentry's client would send of an app that fails: nothing of ours shows the key, and what else does is known."""

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from tests.core.mock import TOKEN
from tests.leaks.canary import grep
from tests.leaks.reporters import is_ours, is_theirs
from tests.leaks.reporting import KEY, _without_query
from tests.real.started import ROOT


def sent(folder: Path, how: str) -> list[dict[str, Any]]:
    """Return what is sent by a client that is set up in one of two ways."""
    file = folder / how
    done = subprocess.run(
        [sys.executable, "-m", "tests.leaks.reporting", str(file), how],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(name="usual", scope="module")
def _usual(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What the client sends as it usually is."""
    return sent(tmp_path_factory.mktemp("sentry"), "usual")


def frames(node: object) -> Iterator[dict[str, Any]]:
    """Yield the frames of every stack in an event."""
    if isinstance(node, dict):
        for name, each in cast("dict[str, object]", node).items():
            if name == "frames" and isinstance(each, list):
                inside = cast("list[object]", each)
                yield from (cast("dict[str, Any]", frame) for frame in inside if isinstance(frame, dict))
            elif name != "vars":
                yield from frames(each)
    elif isinstance(node, list):
        for each in cast("list[object]", node):
            yield from frames(each)


def shown(event: dict[str, Any]) -> str:
    """Return a part of an event as it is sent."""
    return json.dumps(event)


def test_our_frames_show_no_key(usual: list[dict[str, Any]]) -> None:
    """The local variables of our frames, in exceptions and below log lines, are sent without any key or token."""
    ours = [frame for event in usual for frame in frames(event) if is_ours(frame["abs_path"])]
    seen = {frame["function"] for frame in ours if frame["vars"]}
    assert {"__call__", "resolve", "aresolve", "check", "acheck", "raised", "returned", "let_in"} <= seen
    text = "\n".join(
        {f"{name} {value}" for each in ours for name, value in each["vars"].items() if not is_theirs(name)}
    )
    assert grep(text, [KEY, TOKEN]) == {}


def test_only_the_request_of_sentry_itself_and_the_frames_of_others_show_the_key(usual: list[dict[str, Any]]) -> None:
    """Beside local variables it is the query and the Referer alone, of WSGI apps: noted before any middleware runs."""
    leaky: set[str] = set()
    adapters: set[str] = set()
    for event in usual:
        for frame in frames(event):
            frame.pop("vars", None)
        request: dict[str, Any] = event.pop("request", {})
        headers: dict[str, Any] = request.pop("headers", {})
        found = {f"the header {name}" for name, value in headers.items() if grep(str(value), [KEY])}
        found |= {name for name, value in request.items() if grep(shown(value), [KEY])}
        leaky |= found
        adapters |= {event["tags"]["adapter"]} if found else set()
    assert leaky == {"the header Referer", "query_string"}
    assert adapters == {"wsgi", "flask"}
    assert grep("\n".join(shown(event) for event in usual), [KEY, TOKEN]) == {}


def test_a_careful_client_sends_no_key(tmp_path: Path) -> None:
    """Without local variables, and with the function of the documentation, there is no key in anything that is sent."""
    documented = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")
    code = inspect.getsource(_without_query).partition("\n")[2]
    assert code in documented
    events = sent(tmp_path, "careful")
    assert any(span["op"] == "http.client" for event in events for span in event.get("spans", ()))
    assert sum(1 for event in events for _ in frames(event)) > 1000
    assert grep("\n".join(shown(event) for event in events), [KEY, TOKEN]) == {}
