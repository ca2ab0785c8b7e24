"""The house rules that a machine can keep: how tests are written, how files look, what never stands in the tree."""

import ast
import io
import re
import shutil
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 250
"""Lines of a file of the package; beyond this it is two files."""

FORBIDDEN_CALLS = {
    "pytest.skip": "a test that does not run guards nothing",
    "pytest.xfail": "a known failure is fixed or is not a rule",
    "pytest.importorskip": "the environment is locked: everything is there",
    "pytest.mark.skip": "a test that does not run guards nothing",
    "pytest.mark.skipif": "a test that does not run guards nothing",
    "pytest.mark.xfail": "a known failure is fixed or is not a rule",
    "monkeypatch.setattr": "the real parts are tested; fakes stand at the transport and the clock",
    "time.sleep": "wait for what must happen, not for time to pass",
}
FORBIDDEN_IMPORTS = {"unittest.mock": "the real parts are tested", "mock": "the real parts are tested"}

DIRECTIVES = {
    "noqa": re.compile(r"\bnoqa\b(?P<code>:\s*[A-Z]+\d+(?:\s*,\s*[A-Z]+\d+)*)?"),
    "type: ignore": re.compile(r"\btype:\s*ignore\b(?P<code>\[[a-z, -]+\])?"),
    "pyright: ignore": re.compile(r"\bpyright:\s*ignore\b(?P<code>\[[A-Za-z, ]+\])?"),
    "pragma": re.compile(r"\bpragma\b(?P<code>:\s*no (?:cover|branch)\b)?"),
    "fmt": re.compile(r"\bfmt:\s*(?P<code>off|on|skip)\b"),
}
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX|NotImplementedError)\b")
MACHINE_PATH = re.compile(r"(?<![\w.~:/-])/(?:work|farm|root|home)/[\w.]")
REGISTRY = re.compile(r"pypi[.]org|pythonhosted[.]org|registry[.]npmjs")


def tracked() -> list[Path]:
    """Return the files of the tree that git has or would take; without git, all but caches and environments."""
    if shutil.which("git") and (ROOT / ".git").exists():
        command = ["git", "ls-files", "-z", "-co", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
        found = [ROOT / name for name in listed if name]
    else:
        caches = {".git", ".venv", ".venv-bench", "__pycache__", "dist", "build", "htmlcov"}
        found = [
            path
            for path in ROOT.rglob("*")
            if not caches & set(path.relative_to(ROOT).parts)
            and not any(part.startswith(".") and part.endswith(("_cache", "hypothesis")) for part in path.parts)
            and not path.name.startswith(".coverage")
        ]
    return sorted(path for path in found if path.is_file())


def python(*folders: str) -> list[Path]:
    """Return the Python files below some folders of the tree."""
    return [path for path in tracked() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in folders]


def place(path: Path, line: int) -> str:
    """Return where something is, as an editor opens it."""
    return f"{path.relative_to(ROOT)}:{line}"


def rules(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield the test functions of a file, those in classes too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node


def is_one_sentence(docstring: str | None) -> bool:
    """Tell whether a docstring is one sentence: it ends in a full stop and has no second one inside."""
    text = " ".join((docstring or "").split())
    return text.endswith(".") and not re.search(r"[.!?] +[A-Z]", text)


def unwanted(source: str, *, waits: bool = False) -> Iterator[tuple[int, str]]:
    """Yield line and reason of each call or import that tests do without; ``waits`` allows the polling helper to."""
    aliases: dict[str, str] = {}
    for node in ast.walk(tree := ast.parse(source)):
        if isinstance(node, ast.Import):
            aliases |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            aliases |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for name, target in aliases.items():
        for forbidden, reason in FORBIDDEN_IMPORTS.items():
            if f"{target}.".startswith(f"{forbidden}."):
                yield 1, f"imports {name}: {reason}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            first, dot, rest = ast.unparse(node).partition(".")
            full = f"{aliases.get(first, first)}{dot}{rest}"
            if full in FORBIDDEN_CALLS and not (waits and full == "time.sleep"):
                yield node.lineno, f"{full}: {FORBIDDEN_CALLS[full]}"


def silenced(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and complaint of each comment that silences a tool without a code and a reason of two words."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        rest, matches = token.string, list[tuple[str, re.Match[str]]]()
        for name, pattern in DIRECTIVES.items():
            matches += [(name, match) for match in pattern.finditer(rest)]
            rest = pattern.sub("", rest)
        for name, match in matches:
            if not match["code"]:
                yield token.start[0], f"{name} without a code"
            elif len(re.findall(r"[^\W\d_]+", rest)) < 2 and name != "fmt":
                yield token.start[0], f"{name} without a reason"


def test_every_test_says_its_rule_in_one_sentence() -> None:
    """The docstring of a test is the rule it guards, in one sentence."""
    wrong = [
        f"{place(path, test.lineno)} {test.name}"
        for path in python("tests")
        for test in rules(ast.parse(path.read_text(encoding="utf-8")))
        if path.name.startswith("test_") and not is_one_sentence(ast.get_docstring(test))
    ]
    assert not wrong, "one sentence with a full stop is wanted:\n" + "\n".join(wrong)


def test_no_test_is_skipped_mocked_or_slept() -> None:
    """Tests run always, on real parts, and wait for what happens."""
    wrong = [
        f"{place(path, line)} {reason}"
        for path in python("tests")
        for line, reason in unwanted(path.read_text(encoding="utf-8"), waits="harness" in path.as_posix())
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def test_no_file_of_the_package_is_long() -> None:
    """A file that does not fit on a few screens is two files."""
    lengths = {place(path, 1): len(path.read_text(encoding="utf-8").splitlines()) for path in python("src")}
    assert lengths
    assert {where: lines for where, lines in lengths.items() if lines > LONGEST} == {}


def test_what_is_silenced_has_a_code_and_a_reason() -> None:
    """A tool is contradicted on one line, for one finding, for a reason that stands there."""
    wrong = [
        f"{place(path, line)} {complaint}"
        for path in python("src", "tests", "examples", "benchmarks", "scripts")
        for line, complaint in silenced(path.read_text(encoding="utf-8"))
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def test_nothing_in_the_package_is_unfinished() -> None:
    """What is not done is not there."""
    wrong = [
        f"{place(path, number)} {line.strip()}"
        for path in python("src")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if UNFINISHED.search(line)
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def test_the_tree_names_no_machine() -> None:
    """Paths of one machine and addresses of one registry mean nothing anywhere else."""
    wrong: list[str] = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        lines = enumerate(text.splitlines(), 1)
        wrong += [place(path, number) for number, line in lines if MACHINE_PATH.search(line) or REGISTRY.search(line)]
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.parametrize(
    ("source", "bad"),
    [
        ("import pytest\npytest.skip('later')", True),
        ("from pytest import skip as later\nlater('x')", True),
        ("import pytest\n@pytest.mark.xfail\ndef test(): pass", True),
        ("from time import sleep\nsleep(1)", True),
        ("import time as t\nt.sleep(1)", True),
        ("from unittest import mock", True),
        ("from unittest.mock import patch", True),
        ("def test(monkeypatch): monkeypatch.setattr('a', 1)", True),
        ("def test(monkeypatch): monkeypatch.setenv('A', '1')", False),
        ("import time\ntime.monotonic()", False),
        ("import unittest.mockery", False),
    ],
)
def test_unwanted_things_are_seen_under_any_name(source: str, *, bad: bool) -> None:
    """An alias or an import from does not hide a skip, a mock or a sleep."""
    assert bool(list(unwanted(source))) is bad


@pytest.mark.parametrize(
    ("comment", "good"),
    [
        ("# noqa: TRY004 - one exception for all", True),
        ("# noqa: TRY004", False),
        ("# noqa", False),
        ("# noqa - it has to be", False),
        ("# type: ignore[arg-type]  # the point of the test", True),
        ("# type: ignore[arg-type]  # noqa: E501", False),
        ("# type: ignore  # the point of the test", False),
        ("# pyright: ignore[reportPrivateUsage] - looks inside", True),
        ("# pyright: ignore[reportPrivateUsage]", False),
        ("# pragma: no cover - only on other systems", True),
        ("# pragma: no cover", False),
        ("# nothing is silenced here", True),
    ],
)
def test_a_silenced_tool_is_seen_and_judged(comment: str, *, good: bool) -> None:
    """The reader of comments knows a code and a reason when it sees them."""
    assert (list(silenced(f"x = 1  {comment}\n")) == []) is good


@pytest.mark.parametrize(
    ("docstring", "good"),
    [
        ("A key is refused.", True),
        ("A key (RFC 6750 section 2.1) is\n    refused, e.g. when blank.", True),
        ("A key is refused. It is cached.", False),
        ("A key is refused", False),
        ("", False),
        (None, False),
    ],
)
def test_one_sentence_is_known_from_two(docstring: str | None, *, good: bool) -> None:
    """Line breaks and abbreviations do not make a second sentence."""
    assert is_one_sentence(docstring) is good
