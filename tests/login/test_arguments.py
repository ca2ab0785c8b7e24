"""What can't be sent is bad usage, before anything is sent: no argument makes a traceback or a doubt."""

import json
from pathlib import Path

import pytest

from tests.login.issuing import Issuing, issuing
from tests.login.test_acting import run
from tests.login.worlds import KEY

NOT_UTF8 = "a\udcff"
"""The argument ``a\\xff`` as Python has it."""

TEXTS = [
    *((command, option) for command in ("login", "logout", "whoami") for option in ("--url", "--workspace")),
    *(("keys list", option) for option in ("--url", "--workspace")),
    *(
        (command, option)
        for command in ("keys create", "keys update ID")
        for option in ("--name", "--scope", "--role", "--expires", "--owner", "--metadata", "--rotation-due")
    ),
    ("keys create", "--folder"),
    *(("keys roll ID --yes", option) for option in ("--owner", "--rotation-due")),
    *((f"keys {command}", "") for command in ("get", "update", "disable", "enable", "revoke --yes", "roll --yes")),
]


@pytest.mark.parametrize(("command", "option"), TEXTS, ids=" ".join)
def test_a_text_that_is_not_utf8_is_bad_usage(command: str, option: str, tmp_path: Path) -> None:
    """Exit 2, the option is named, and the issuer hears nothing."""
    with issuing(Issuing()) as issuer:
        issuer.keys[KEY] = "acme"
        arguments = [*command.split(), *([option] if option else []), NOT_UTF8]
        done = run(tmp_path / "config.json", *arguments, RF_API_KEY=KEY, RF_ISSUER_URL=issuer.url)
    said = f"Error: Invalid value for '{option or 'KEY_ID'}': it is not UTF-8\n"
    assert (done.exit_code, done.stdout, done.stderr.endswith(said)) == (2, "", True)
    assert issuer.asked == []


@pytest.mark.parametrize("grace", ["nan", "inf", "1e400"])
def test_a_number_that_is_not_finite_is_bad_usage(grace: str, tmp_path: Path) -> None:
    """JSON has no word for it, so it could not be sent."""
    with issuing(Issuing()) as issuer:
        issuer.keys[KEY] = "acme"
        arguments = ("keys", "roll", "ID", "--yes", "--grace", grace)
        done = run(tmp_path / "config.json", *arguments, RF_API_KEY=KEY, RF_ISSUER_URL=issuer.url)
    said = "Error: Invalid value for '--grace': it is not a finite number\n"
    assert (done.exit_code, done.stdout, done.stderr.endswith(said)) == (2, "", True)
    assert issuer.asked == []


def test_a_stored_name_that_can_not_be_sent_is_a_refusal(tmp_path: Path) -> None:
    """JSON can hold what UTF-8 can't; one line shows it."""
    path = tmp_path / "config.json"
    with issuing(Issuing()) as issuer:
        entry = {"url": NOT_UTF8, "name": "", "apiKey": KEY, "issuer": issuer.url}
        path.write_text(json.dumps({"workspaces": {"x": entry}}), encoding="utf-8")
        done = run(path, "keys", "list")
    said = "rf-middleware: the workspace has a name that can't be sent: 'a\\udcff'\n"
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", said)
    assert issuer.asked == []
