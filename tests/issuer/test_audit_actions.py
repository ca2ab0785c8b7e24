"""What is written to the audit log is on one list, which a search offers."""

import ast
import re
from importlib.resources import files

from rf_middleware.issuer.audit import ACTIONS
from rf_middleware.issuer.changes import set_workspace
from rf_middleware.issuer.store_events import VERBS

FOLDER = files("rf_middleware.issuer")


def written() -> set[str]:
    """Return the actions that stand in the source: the first argument of a note, and what one is replaced by."""
    found: set[str] = set()
    for file in FOLDER.iterdir():
        if not file.name.endswith(".py"):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            named = [each.value for each in node.keywords if each.arg == "action"]
            first = node.args[:1] if isinstance(node.func, ast.Name) and node.func.id == "Note" else []
            said = [each for part in (*first, *named) for each in ast.walk(part) if isinstance(each, ast.Constant)]
            found |= {str(each.value) for each in said if re.fullmatch(r"[a-z]+\.[a-z]+", str(each.value))}
    return found


def test_every_action_that_is_written_can_be_searched_for() -> None:
    """What stands in the source as a word is listed, and so is what is put together."""
    found = written()
    assert {"key.show", "key.import", "member.add", "session.fail", "login.exchange"} <= found
    assert found <= set(ACTIONS)
    assert {f"key.{verb}" for verb in VERBS.values() if verb != "suspend"} <= set(ACTIONS)
    notes = [set_workspace("w", status).note for status in ("active", "suspended", "deleted")]
    assert {note.action for note in notes if note} <= set(ACTIONS)


def test_the_list_names_each_once() -> None:
    """A filter shows no choice twice; each is a noun and a verb."""
    assert len(set(ACTIONS)) == len(ACTIONS)
    assert {action.count(".") for action in ACTIONS} == {1}
